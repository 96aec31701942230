"""The export flow by hand: curl asks, Python's zipfile looks at what was downloaded. And what curl says to certificates."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unittest
import zipfile
import zlib
from pathlib import Path
from typing import Any

from appliance import UEFI, Appliance, until

FIRMWARE = "/updateRepositories/firmware"


class Export(unittest.TestCase):
    """Exports of the firmware repository."""

    def start(self, settings: dict[str, Any] | None = None) -> Appliance:
        """An appliance for one test."""
        appliance = Appliance(settings)
        self.addCleanup(appliance.stop)
        return appliance

    def test_started_awaited_and_downloaded(self) -> None:
        """Both documented ways to download give the same sound ZIP file."""
        appliance = self.start()
        body = f'{{"fixids": ["{UEFI}"]}}'
        started = appliance.asks(f"{FIRMWARE}?action=export&filetypes=payloads", "-X", "PUT", "-d", body)
        self.assertEqual(started["result"], "success")
        self.assertNotEqual(started["taskid"], started["jobid"])
        status: dict[str, Any] = {}

        def complete() -> bool:
            path = f"{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid={started['taskid']}"
            status.update(appliance.asks(path))
            return bool(status["state"] == "complete")

        until("a complete export", complete)
        self.assertEqual(status["progress"], 100)
        self.assertRegex(status["current"], r"^repository\d{14}\.zip$")
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for parameter in ("key", "action"):
                file = Path(folder, f"{parameter}.zip")
                target = f"{FIRMWARE}?{parameter}=export&exportRepoFilename={status['current']}"
                subprocess.run(appliance.curl(target, "--fail", "--max-time", "30", "-o", str(file)), check=True)
                files.append(file.read_bytes())
            self.assertEqual(files[0], files[1])
            self.assertEqual(len(files[0]), status["totalsize"])
            with zipfile.ZipFile(file) as archive:
                self.assertIsNone(archive.testzip())
                self.assertEqual(archive.namelist(), [f"{UEFI}.zip", f"{UEFI}.xml"])

    def test_by_one_parameter_only(self) -> None:
        """The table of the documents and their prose contradict each other; an appliance may follow one of them."""
        for quirk, working, refused in (("key", "key", "action"), ("action", "action", "key")):
            appliance = self.start({"quirks": {"export_parameter": quirk, "unknown_file_status": 404}})
            status = appliance.asks(f"{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=12")
            codes = []
            for parameter, name in ((working, status["current"]), (refused, status["current"]), (working, "none.zip")):
                target = f"{FIRMWARE}?{parameter}=export&exportRepoFilename={name}"
                command = appliance.curl(target, "--max-time", "30", "-o", "/dev/null", "-w", "%{http_code}")
                codes.append(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            self.assertEqual(codes, ["200", "400", "404"])

    def test_resumed_after_a_cut(self) -> None:
        """curl goes on where the connection broke, and gets the same file; beyond its end there is nothing."""
        cut = {"method": "GET", "path": f"{FIRMWARE}?key=export", "times": 1, "fault": {"cut": {"after": 100_000}}}
        appliance = self.start({"faults": [cut], "export_bytes": 3_000_000})
        status = appliance.asks(f"{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=12")
        target = f"{FIRMWARE}?key=export&exportRepoFilename={status['current']}"

        def fetch(file: Path, *options: str) -> tuple[int, str]:
            """Exit status, HTTP status and Content-Range of a download."""
            shown = "%{http_code} %header{content-range}"
            command = appliance.curl(target, "--fail", "--max-time", "30", "-w", shown, "-o", str(file), *options)
            ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            return ended.returncode, ended.stdout.strip()

        with tempfile.TemporaryDirectory() as folder:
            broken, whole, part = (Path(folder, name) for name in ("broken", "whole", "part"))
            self.assertNotEqual(fetch(broken)[0], 0)
            have, size = broken.stat().st_size, status["totalsize"]
            self.assertTrue(0 < have < size)
            self.assertEqual(fetch(broken, "-C", "-"), (0, f"206 bytes {have}-{size - 1}/{size}"))
            self.assertEqual(fetch(whole), (0, "200"))
            self.assertEqual(broken.read_bytes(), whole.read_bytes())
            with zipfile.ZipFile(broken) as archive:
                self.assertIsNone(archive.testzip())
            self.assertEqual(fetch(part, "--range", "-22"), (0, f"206 bytes {size - 22}-{size - 1}/{size}"))
            self.assertEqual(part.read_bytes(), whole.read_bytes()[-22:])
            self.assertEqual(fetch(part, "--range", f"{size}-"), (22, f"416 bytes */{size}"))

    def test_of_five_gigabytes(self) -> None:
        """It needs ZIP64 records, and little memory of the appliance."""
        appliance = self.start({"export_bytes": 5 * 10**9})
        status = appliance.asks(f"{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=12")
        target = f"{FIRMWARE}?key=export&exportRepoFilename={status['current']}"
        command = appliance.curl(target, "--fail", "--max-time", "300")
        # What is kept of the file: its begin and its end, around a hole that takes no space.
        with tempfile.TemporaryFile() as file, subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
            assert curl.stdout is not None
            tail = curl.stdout.read(1 << 20)
            file.write(tail)
            data = 30 + int.from_bytes(tail[26:28], "little") + int.from_bytes(tail[28:30], "little")
            size = 5 * 10**9 - 200_000  # the second entry has the rest
            position, checksum = 0, 0
            piece = tail
            while piece:
                checksum = zlib.crc32(piece[max(data - position, 0) : max(data + size - position, 0)], checksum)
                position += len(piece)
                tail = (tail + piece)[-(1 << 20) :]
                piece = curl.stdout.read(1 << 20)
            self.assertEqual(curl.wait(), 0)
            self.assertEqual(position, status["totalsize"])
            file.seek(position - len(tail))
            file.write(tail)
            with zipfile.ZipFile(file) as archive:
                first, second = archive.infolist()
                self.assertGreater(first.file_size, 1 << 32)
                self.assertEqual((first.file_size, first.CRC), (size, checksum))
                self.assertGreater(second.header_offset, 1 << 32)
                self.assertEqual(len(archive.read(second)), second.file_size)
        peak = Path(f"/proc/{appliance.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
        self.assertLess(int(peak), 100_000, "KiB")


class Upload(unittest.TestCase):
    """An import by hand."""

    def test_of_many_megabytes(self) -> None:
        """The appliance reads an upload without keeping it."""
        appliance = Appliance()
        self.addCleanup(appliance.stop)
        name, size = "lnvgy_sw_lxca_big-1.0.0_anyos_noarch.tgz", 300_000_000
        body = f'{{"files": [{{"index": 0, "name": "{name}", "size": {size}, "type": "application/x-compressed"}}]}}'
        job = appliance.asks("/managementServer/updates?action=import", "-X", "POST", "-d", body)["jobid"]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, name)
            file.touch()
            os.truncate(file, size)
            target = f"/files/managementServer/updates?action=import&jobid={job}"
            answer = appliance.asks(target, "-F", f"uploadedfile=@{file}", "--max-time", "300")
            self.assertEqual(answer["result"], "success")
        peak = Path(f"/proc/{appliance.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
        self.assertLess(int(peak), 100_000, "KiB")


class Discovery(unittest.TestCase):
    """What a client sees before it has credentials."""

    def test_the_login_page_or_a_refusal(self) -> None:
        """The vendor's Ruby client takes 200 and 302 for an appliance; wrong credentials are refused."""
        appliance = Appliance()
        self.addCleanup(appliance.stop)
        for user, expected in (([], "302"), (["-u", "USERID:wrong"], "401")):
            command = ["curl", "-sS", "--cacert", appliance.about["ca_path"], "-o", "/dev/null", "-w", "%{http_code}"]
            ended = subprocess.run([*command, *user, f"{appliance.url}/aicc"], check=True, stdout=subprocess.PIPE)
            self.assertEqual(ended.stdout.decode(), expected)


class Certificates(unittest.TestCase):
    """What curl and OpenSSL say to certificates and TLS of every kind."""

    def ends(self, settings: dict[str, Any], *options: str) -> tuple[int, str]:
        """How curl ends that asks an appliance with these settings by the name localhost: exit status and words."""
        appliance = Appliance(settings)
        try:
            resolve = f"localhost:{appliance.about['port']}:{appliance.about['host']}"
            command = appliance.curl("/sessions", "--fail", "--max-time", "30", "--resolve", resolve, *options)
            command[-1] = command[-1].replace(appliance.about["host"], "localhost")
            ended = subprocess.run(command, check=False, capture_output=True, text=True)
            return ended.returncode, ended.stderr
        finally:
            appliance.stop()

    def test_sound_ones_are_accepted(self) -> None:
        """Also old ones, by an OpenSSL that is told to be lenient: chain and signatures are right."""
        for kind in ("internal_ca", "localhost_only", "rsa", "self_signed", "self_signed_leaf"):
            with self.subTest(kind):
                self.assertEqual(self.ends({"certificate": kind}), (0, ""))
        for kind in ("rsa1024", "sha1", "x509_v1"):
            for tls in ("tls12_only", "tls12_and_tls13"):
                with self.subTest(kind, tls=tls):
                    settings = {"certificate": kind, "tls": tls}
                    self.assertEqual(self.ends(settings, "--ciphers", "DEFAULT@SECLEVEL=0"), (0, ""))

    def test_others_are_refused(self) -> None:
        """For the reason that the setting names."""
        refused = {
            "expired": "expired",
            "not_yet_valid": "not yet valid",
            "client_auth_only": "purpose",
            "unknown_ca": "local issuer",
            "rsa1024": "key too",
            "sha1": "digest algorithm too weak",
        }
        for kind, words in refused.items():
            with self.subTest(kind):
                status, said = self.ends({"certificate": kind}, "--ciphers", "DEFAULT@SECLEVEL=2")
                self.assertEqual(status, 60, said)
                self.assertRegex(said, words)

    def test_there_is_no_tls_in_common(self) -> None:
        """What such a server says is what curl takes it for."""
        for tls, words in (
            ("tls11_only", "unsupported protocol"),
            ("tls11_only_by_alert", "protocol version"),
            ("old_ciphers_only", "handshake failure"),
        ):
            with self.subTest(tls):
                status, said = self.ends({"tls": tls}, "--tlsv1.2")
                self.assertEqual(status, 35, said)
                self.assertRegex(said, words)

    def test_a_client_certificate_is_demanded(self) -> None:
        """With TLS 1.3 the refusal comes after the handshake, while the answer is read."""
        for tls in ("tls12_only", "tls12_and_tls13"):
            with self.subTest(tls):
                status, said = self.ends({"tls": tls, "client_certificate_required": True})
                self.assertIn(status, (35, 56, 98), said)
                self.assertRegex(said, "certificate required|handshake failure|alert")


if __name__ == "__main__":
    unittest.main()
