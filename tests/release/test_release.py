"""The files of a release, as somebody finds them who downloads them."""

from __future__ import annotations

import email.message
import email.parser
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import types
import unittest
import venv
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
DIST = Path(os.environ["LXCA_RELEASE"])
TARGET = os.environ["LXCA_TARGET"]
CPU = TARGET.split("-")[0]


def printed(*command: str | Path, cwd: Path = ROOT) -> str:
    """What a command prints; fails when the command does."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def metadata() -> dict[str, Any]:
    """What cargo knows of the package."""
    packages = json.loads(printed("cargo", "metadata", "--locked", "--no-deps", "--format-version=1"))["packages"]
    found: dict[str, Any] = next(package for package in packages if package["name"] == "lxca")
    return found


VERSION: str = metadata()["version"]
NAME = f"lxca-{VERSION}-{TARGET}"
WHEEL = f"lxca-{VERSION}-py3-none-manylinux2014_{CPU}.manylinux_2_17_{CPU}.whl"
SBOM = f"{NAME}.cdx.json"
NOTICES = ("LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-NOTICES-RUST.html", "THIRD-PARTY-NOTICES.txt")


def linked() -> set[tuple[str, str]]:
    """Names and versions of the crates that are linked into the binary, and of those that wrote code for it."""
    lines = printed("cargo", "tree", "--locked", "-p", "lxca", "-e", "normal", "--prefix", "none", "--target", TARGET)
    crates = {(line.split()[0], line.split()[1].lstrip("v")) for line in lines.splitlines()}
    return crates - {("lxca", VERSION)}


def in_archive(name: str) -> bytes:
    """A file of the binary's archive."""
    with tarfile.open(DIST / f"{NAME}.tar.gz") as archive:
        file = archive.extractfile(f"{NAME}/{name}")
        assert file is not None
        return file.read()


def script() -> types.ModuleType:
    """The script that builds releases, as a module."""
    loader = importlib.machinery.SourceFileLoader("release", str(ROOT / ".ci" / "release"))
    spec = importlib.util.spec_from_loader("release", loader)
    assert spec is not None
    sys.dont_write_bytecode = True
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Files(unittest.TestCase):
    """All of them."""

    def test_all_are_there_and_nothing_else(self) -> None:
        """For one target."""
        expected = [re.escape(name) for name in (f"{NAME}.tar.gz", SBOM, WHEEL, "SHA256SUMS")]
        expected += [r"xclarity-lxca-\d+\.\d+\.\d+\.tar\.gz", r"saltext_lxca-\d+\.\d+\.\d+-py3-none-any\.whl"]
        names = sorted(file.name for file in DIST.iterdir())
        self.assertEqual(len(names), len(expected), names)
        for pattern in expected:
            self.assertTrue(any(re.fullmatch(pattern, name) for name in names), (pattern, names))

    def test_checksums(self) -> None:
        """They are of every file, and sha256sum agrees."""
        told = printed("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=DIST)
        names = sorted(file.name for file in DIST.iterdir() if file.name != "SHA256SUMS")
        self.assertEqual(sorted(told.splitlines()), [f"{name}: OK" for name in names])

    def test_none_names_a_folder_of_this_machine(self) -> None:
        """Neither in the archives nor beside them."""
        release = script()
        for file in DIST.iterdir():
            contents = {file.name: file.read_bytes()}
            if file.suffix == ".whl":
                with zipfile.ZipFile(file) as wheel:
                    contents.update({name: wheel.read(name) for name in wheel.namelist()})
            elif file.suffix == ".gz":
                with tarfile.open(file) as archive:
                    contents.update(
                        {one.name: opened.read() for one in archive if (opened := archive.extractfile(one))}
                    )
            for name, content in contents.items():
                self.assertEqual(release.own_folders_in(content), [], f"{file.name}: {name}")

    def test_another_day_makes_the_same(self) -> None:
        """Built again, the files are the same, byte for byte."""
        with tempfile.TemporaryDirectory() as folder:
            again = printed(sys.executable, ".ci/release", "--into", folder, TARGET)
            self.assertIn(WHEEL, again)
            self.assertEqual(Path(folder, "SHA256SUMS").read_text(), (DIST / "SHA256SUMS").read_text())


class Binary(unittest.TestCase):
    """The archive with the binary."""

    def test_content(self) -> None:
        """One folder; nobody's name, nobody's date."""
        with tarfile.open(DIST / f"{NAME}.tar.gz") as archive:
            members = archive.getmembers()
        modes = {member.name: member.mode for member in members}
        papers = [*NOTICES, "README.md"]
        self.assertEqual(modes, {f"{NAME}/lxca": 0o755, **{f"{NAME}/{paper}": 0o644 for paper in papers}})
        self.assertEqual({(member.uid, member.gid, member.uname, member.gname) for member in members}, {(0, 0, "", "")})
        self.assertEqual(len({member.mtime for member in members}), 1)
        for name in ("LICENSE-MIT", "LICENSE-APACHE", "README.md"):
            self.assertTrue(in_archive(name) == (ROOT / name).read_bytes(), name)

    def test_notices_name_every_crate(self) -> None:
        """With their versions, and nothing that is not in the binary; texts below."""
        text = in_archive("THIRD-PARTY-NOTICES.txt").decode()
        crates = linked()
        self.assertGreater(len(crates), 30)
        self.assertEqual(set(re.findall(r"(?m)^    (\S+) (\d[^\s,]*)(?:,|$)", text)), crates)
        for words in ("Permission is hereby granted", "Apache License", "Copyright © 2005-2020 Rich Felker"):
            self.assertTrue(words in text, words)
        title = "Copyright notices for The Rust Standard Library"
        self.assertTrue(title in in_archive("THIRD-PARTY-NOTICES-RUST.html").decode(), title)

    def test_accepted_licences_are_those_of_deny_toml(self) -> None:
        """Two tools, one list."""
        lists = []
        for file, name in ((".ci/about.toml", "accepted"), ("deny.toml", "allow")):
            found = re.search(rf"(?m)^{name} = (\[.*\])$", (ROOT / file).read_text())
            assert found is not None
            lists.append(json.loads(found[1]))
        self.assertEqual(lists[0], lists[1])

    def test_an_ordinary_build_is_not_fit(self) -> None:
        """It names the folders of the machine it was built on."""
        with self.assertRaises(SystemExit) as caught:
            script().check(Path(os.environ["LXCA_ORDINARY"]), TARGET, VERSION)
        self.assertRegex(str(caught.exception), r"it names /.*/\.?cargo")

    def test_a_dynamic_program_is_not_fit(self) -> None:
        """Nor is one of another name."""
        with self.assertRaises(SystemExit) as caught:
            script().check(Path("/bin/true"), TARGET, VERSION)
        for words in ("it needs an interpreter", "it needs a library", "it says that it is"):
            self.assertIn(words, str(caught.exception))


class Sbom(unittest.TestCase):
    """What is linked into the binary."""

    def test_it_lists_what_is_linked(self) -> None:
        """And nothing that only tests or builds need."""
        document = json.loads((DIST / SBOM).read_text())
        self.assertEqual((document["bomFormat"], document["specVersion"]), ("CycloneDX", "1.5"))
        self.assertEqual(document["metadata"]["component"]["name"], "lxca")
        self.assertEqual(document["metadata"]["component"]["version"], VERSION)
        crates = {(one["name"], one["version"]) for one in document["components"]}
        self.assertEqual(crates, linked())
        names = {name for name, _ in crates}
        self.assertLessEqual({"rustls", "ureq", "ring"}, names)
        others = {one["name"] for one in metadata()["dependencies"] if one["kind"] == "dev"}
        self.assertIn("lxca-appliance", others)
        self.assertEqual(names & others - {name for name, _ in linked()}, set())
        for one in document["components"]:
            self.assertTrue(one["licenses"] and one["purl"].startswith("pkg:cargo/") and one["hashes"], one["name"])

    def test_its_graph_is_whole(self) -> None:
        """Every dependency it speaks of is described in it."""
        document = json.loads((DIST / SBOM).read_text())
        known = {one["bom-ref"] for one in [document["metadata"]["component"], *document["components"]]}
        self.assertEqual({one["ref"] for one in document["dependencies"]}, known)
        self.assertEqual({other for one in document["dependencies"] for other in one["dependsOn"]} - known, set())


class Wheel(unittest.TestCase):
    """The binary for pip."""

    def content(self) -> dict[str, bytes]:
        """Its files."""
        with zipfile.ZipFile(DIST / WHEEL) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}

    def metadata(self) -> email.message.Message:
        """What pip and an index read."""
        return email.parser.Parser().parsestr(self.content()[f"lxca-{VERSION}.dist-info/METADATA"].decode())

    def test_content(self) -> None:
        """The binary, the licences and what a wheel has to have."""
        info = f"lxca-{VERSION}.dist-info"
        expected = [
            f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", *(f"licenses/{one}" for one in NOTICES))
        ]
        content = self.content()
        self.assertEqual(sorted(content), sorted([f"lxca-{VERSION}.data/scripts/lxca", *expected]))
        for name in NOTICES:
            self.assertTrue(content[f"{info}/licenses/{name}"] == in_archive(name), name)

    def test_metadata(self) -> None:
        """As cargo knows it, with licences as PEP 639 wants them."""
        found = self.metadata()
        self.assertEqual((found["Name"], found["Version"]), ("lxca", VERSION))
        self.assertEqual(found["Summary"], metadata()["description"])
        self.assertEqual(found["License-Expression"], metadata()["license"])
        self.assertEqual(sorted(found.get_all("License-File", [])), list(NOTICES))
        self.assertRegex(found["Requires-Python"], r"^>=3\.\d+$")

    def test_pip_puts_the_binary_beside_python(self) -> None:
        """The same bytes as in the archive."""
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            programs = Path(folder, "bin")
            printed(programs / "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", DIST / WHEEL)
            self.assertEqual(printed(programs / "lxca", "--version"), f"lxca {VERSION}\n")
            self.assertTrue((programs / "lxca").read_bytes() == in_archive("lxca"), "another binary than the archive's")
            self.assertFalse((programs / "lxca-appliance").exists())


class Collection(unittest.TestCase):
    """The Ansible collection."""

    def test_it_can_be_installed(self) -> None:
        """And is then what its manifest says."""
        (collection,) = DIST.glob("xclarity-lxca-*.tar.gz")
        galaxy = script().tools() / "ansible-galaxy"
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": folder, "ANSIBLE_NOCOLOR": "1"}
            for words in (["install", collection, "-p", folder], ["verify", "xclarity.lxca"]):
                command = [galaxy, "collection", *words, "--offline"]
                subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE)
            modules = Path(folder, "ansible_collections", "xclarity", "lxca", "plugins", "modules")
            self.assertIn("appliance_info.py", [file.name for file in modules.iterdir()])


class Refusals(unittest.TestCase):
    """What the script says when it cannot."""

    def refused(self, *arguments: str | Path) -> str:
        """What it says, and that it fails."""
        command = [sys.executable, ".ci/release", *arguments]
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        return ended.stderr

    def test_a_standard_library_is_missing(self) -> None:
        """It says how to get it."""
        with tempfile.TemporaryDirectory() as folder:
            told = self.refused("--into", folder, "riscv64gc-unknown-linux-musl")
            self.assertIn("rustup target add riscv64gc-unknown-linux-musl", told)

    def test_the_folder_is_full(self) -> None:
        """Nothing in it is touched."""
        self.assertIn(f"{DIST} is not empty", self.refused("--into", DIST, TARGET))
        self.assertTrue((DIST / WHEEL).is_file())


if __name__ == "__main__":
    unittest.main()
