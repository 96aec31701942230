# SPDX-License-Identifier: MIT OR Apache-2.0
"""The execution module, called by salt-call."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from appliance import NEXT, PACK, until
from minion import ROOT, SCRIPTS, WRONG_PASSWORD, MinionCase, stand_in

SCHEMAS = [json.loads(file.read_text()) for file in (ROOT / "schemas").glob("?*_*.input.schema.json")]


PILLAR = """#!py
import datetime


def run():
    good = {good!r}
    return {{
        "lxca": {elsewhere!r},
        "lxca_pillar": good,
        "master": {{"lxca_pillar": {elsewhere!r}, "lxca_master": good}},
        "lxca_bytes": {{name: value.encode() if isinstance(value, str) else value for name, value in good.items()}},
        "lxca_latin1": {{**good, "username": b"J\\xfcrgen"}},
        "lxca_date": {{**good, "password": datetime.date(2026, 12, 24)}},
        "lxca_infinite": {{**good, "timeout": float("inf")}},
        "lxca_set": {{**good, "host": {{"lxca.example.com"}}}},
        "lxca_key": {{**good, b"port": 443}},
    }}
"""
"""A pillar with values that YAML cannot write, as decryption and renderers in Python give them."""


class Module(MinionCase):
    """The profiles: of the minion's configuration, of its pillar, and some that cannot work."""

    @classmethod
    def configured(cls, good: dict[str, Any]) -> dict[str, Any]:
        """All of them."""
        nobody = {name: value for name, value in good.items() if name != "binary"}
        elsewhere = {**good, "port": 1, "retries": 0}
        configuration = {
            "lxca": good,
            "lxca_sdb": {**good, "password": "sdb://minion_environment/APPLIANCE_PASSWORD"},
            "lxca_wrong": {**good, "password": WRONG_PASSWORD},
            "lxca_text": "lxca.example.com",
            "lxca_searched": nobody,
            "lxca_number": {**good, "binary": 12},
            "lxca_false": {**good, "binary": False},
            "lxca_bare": {**good, "binary": "lxca"},
            "lxca_relative": {**good, "binary": "./lxca"},
            "minion_environment": {"driver": "env"},
        }
        grains = {name: elsewhere for name in ("lxca", "lxca_pillar", "lxca_master", "lxca_grains")}
        pillar = PILLAR.format(good=good, elsewhere=elsewhere)
        return {"configuration": configuration, "pillar": pillar, "grains": grains}

    def test_appliance_info(self) -> None:
        """The answer is returned whole, but for the key that is there for other callers."""
        called = self.minion.call("lxca.appliance_info")
        self.assertEqual(called.status, 0, called)
        self.assertEqual(
            sorted(called.returned), ["api_version", "changed", "data", "failed", "msg", "operation"], called
        )
        self.assertEqual(called.returned["data"]["version"], "4.0.0")
        self.assertIs(called.returned["changed"], False)

    def test_firmware_export_info(self) -> None:
        """The task's ID is what it is asked with; the profile is the pillar's."""
        called = self.minion.call("lxca.firmware_export_info", "12", "profile=lxca_pillar")
        self.assertEqual(called.returned["data"]["phase"], "complete", called)

    def test_of_the_order(self) -> None:
        """The minion's configuration, its pillar, what the pillar holds of the master's configuration; never grains."""
        for name in ("lxca", "lxca_pillar", "lxca_master"):
            called = self.minion.call("lxca.appliance_info", f"profile={name}")
            self.assertEqual(called.returned["data"]["version"], "4.0.0", called)
        called = self.minion.call("lxca.appliance_info", "profile=lxca_grains")
        self.assertIn("its pillar has the connection profile lxca_grains", called.stderr)

    def test_management_server_update_info(self) -> None:
        """A list comes as Salt's command line writes it; a warning stays in the answer and is logged."""
        arguments = [f"fix_ids=[{PACK}, no_such_update]", "key=update"]
        called = self.minion.call("lxca.management_server_update_info", *arguments)
        self.assertEqual([update["fixid"] for update in called.returned["data"]["updates"]], [PACK], called)
        self.assertEqual(called.returned["data"]["missing_fix_ids"], ["no_such_update"])
        (warning,) = called.returned["warnings"]
        self.assertIn("no_such_update", warning)
        self.assertIn(f"management_server_update_info: {warning}", called.stderr)

    def test_call(self) -> None:
        """Any operation; sdb gives the password."""
        password = self.appliance.about["password"]
        arguments = ["management_server_update_info", f"fix_ids={NEXT},{PACK}", "filetype=readme", "profile=lxca_sdb"]
        called = self.minion.call("lxca.call", *arguments, APPLIANCE_PASSWORD=password)
        self.assertEqual([file["fixid"] for file in called.returned["data"]["files"]], [NEXT, PACK], called)

    def test_documentation(self) -> None:
        """Every operation of the binary has a function, which documents every option of it and an example."""
        documentation = self.minion.call("sys.doc", "lxca").returned
        properties = {schema["properties"]["operation"]["const"]: set(schema["properties"]) for schema in SCHEMAS}
        common = set.intersection(*properties.values())
        self.assertLess({"operation", "host", "password"}, common)
        self.assertEqual(set(documentation), {"lxca.call", *(f"lxca.{operation}" for operation in properties)})
        for function, text in documentation.items():
            self.assertIn("CLI Example:", text, function)
            self.assertRegex(text, rf"(?m)^ +salt '\*' {function}\b", function)
        for operation, options in properties.items():
            documented = re.findall(
                r"(?m)^(\w+)(?: : .*)?$", documentation[f"lxca.{operation}"].replace("\n    ", "\n")
            )
            self.assertEqual(set(documented), options - common, operation)

    def test_wrong_password(self) -> None:
        """The appliance's own words are in the failure, and what a caller can branch on."""
        called = self.minion.call("lxca.appliance_info", "profile=lxca_wrong")
        self.assertEqual(called.status, 1, called)
        self.assertIn("FQXHMSE0291J", called.stderr)
        self.assertRegex(called.stderr, r"kind:\s+authentication_failed")

    def test_of_unusable_profiles(self) -> None:
        """One that is not there is not taken for an empty one, and a text is none."""
        for name, text in {
            "lxca_nowhere": "its pillar has the connection profile lxca_nowhere",
            "lxca_text": "The connection profile lxca_text must be a mapping",
            "lxca_number": "`binary` must be the path of the program, as a text.",
            "lxca_false": "`binary` must be the path of the program, as a text.",
            "lxca_bare": "must be an absolute path, such as /opt/lxca/lxca, not lxca.",
            "lxca_relative": "must be an absolute path, such as /opt/lxca/lxca, not ./lxca.",
            "lxca_latin1": "`username` has a value that JSON cannot hold",
            "lxca_date": "`password` has a value that JSON cannot hold",
            "lxca_infinite": "`timeout` has a value that JSON cannot hold",
            "lxca_set": "`host` has a value that JSON cannot hold",
            "lxca_key": "The name of an option must be a text, not b'port'.",
        }.items():
            called = self.minion.call("lxca.appliance_info", f"profile={name}")
            self.assertEqual(called.status, 1, called)
            self.assertIn(text, called.stderr)
            self.assertRegex(called.stderr, r"kind:\s+invalid_input")
            self.assertNotIn("Traceback", called.stderr)

    def test_bytes(self) -> None:
        """A decrypted pillar may hold bytes; they are text."""
        called = self.minion.call("lxca.appliance_info", "profile=lxca_bytes")
        self.assertEqual(called.returned["data"]["version"], "4.0.0", called)

    def test_of_a_binary_that_is_searched(self) -> None:
        """LXCA_BINARY comes before Salt's own scripts, those before PATH; without any the failure says where it was."""
        answers = """cat >/dev/null; printf '{"changed":false,"failed":false,"msg":"%s","data":{}}' "$0" """
        folder = self.minion.folder / "bin"
        folder.mkdir()
        named = stand_in(self.minion.folder / "named", answers)
        on_path = stand_in(folder / "lxca", answers)
        path = f"{folder}:{os.environ['PATH']}"

        def used(**variables: str) -> str:
            called = self.minion.call("lxca.appliance_info", "profile=lxca_searched", **variables)
            return str(called.returned["msg"])

        self.assertEqual(used(PATH=path), on_path)
        beside = stand_in(SCRIPTS / "lxca", answers)
        self.addCleanup(os.unlink, beside)
        self.assertEqual(used(PATH=path), beside)
        self.assertEqual(used(PATH=path, LXCA_BINARY=named), named)

    def test_in_check_mode(self) -> None:
        """`test` is Salt's word for the program's check mode, and no option of the operation."""
        answer = '{"changed": false, "failed": false, "msg": "Noted.", "data": {}}'
        binary = stand_in(self.minion.folder / "noting", f"cat >\"$0.question\"; echo '{answer}'")

        def question(*arguments: str) -> dict[str, Any]:
            called = self.minion.call("lxca.firmware_export_info", "12", f"binary={binary}", *arguments)
            self.assertEqual(called.status, 0, called)
            recorded: dict[str, Any] = json.loads(Path(f"{binary}.question").read_text())
            return recorded

        plain = question()
        self.assertNotIn("_noop", plain)
        self.assertEqual(question("test=True"), {**plain, "_noop": True})
        self.assertEqual(question("test=False"), plain)
        self.assertEqual(self.minion.call("lxca.firmware_export_info", "12", "test=True").status, 0)

    def test_of_an_answer_to_an_unread_question(self) -> None:
        """It counts: the question is too long for the pipe, so that writing it fails."""
        answer = '{"changed": false, "failed": false, "msg": "Known before.", "data": {}}'
        binary = stand_in(self.minion.folder / "hasty", f"echo '{answer}'")
        called = self.minion.call("lxca.appliance_info", f"binary={binary}", f"server_name={'x' * 100_000}")
        self.assertEqual(called.returned["msg"], "Known before.", called)

    def test_of_no_binary(self) -> None:
        """It says where it was looked for."""
        called = self.minion.call("lxca.appliance_info", "profile=lxca_searched", PATH="/usr/bin:/bin")
        self.assertEqual(called.status, 1, called)
        self.assertIn(
            f"not on this minion. It was looked for beside Salt's Python, in {SCRIPTS}, and on PATH.", called.stderr
        )

    def test_of_a_planted_binary(self) -> None:
        """A relative folder on PATH does not count: whoever can write to Salt's working folder would get the password."""
        planted = stand_in(self.minion.folder / "lxca", ': >"$0.called"')
        for path in (".", "", "./"):
            called = self.minion.call("lxca.appliance_info", "profile=lxca_searched", PATH=f"{path}:/usr/bin:/bin")
            self.assertIn("not on this minion", called.stderr)
        self.assertFalse(Path(f"{planted}.called").exists())

    def test_interrupted(self) -> None:
        """Whoever stops a salt-call that waits leaves no session behind, even if nobody stops the binary."""
        self.appliance.forget()
        question = ["14", "wait=true", "wait_timeout=120", "poll_interval=60", "auth_method=session"]
        salt = self.begin("lxca.firmware_export_info", *question)
        self.assertRegex(self.appliance.requests(2)[0], "^POST /sessions 20")
        salt.send_signal(signal.SIGINT)
        salt.wait(timeout=30)
        (request,) = self.appliance.requests(1)
        self.assertRegex(request, "^DELETE /sessions 20")

    def test_interrupted_with_the_binary(self) -> None:
        """Ctrl-C at the terminal stops both. A binary that takes its time for the logout, and tells a lot, is not disturbed."""
        script = """trap 'sleep 1; head -c 100000 /dev/zero; : >"$0.out"; exit 1' INT; cat >/dev/null; : >"$0.in"; sleep 60"""
        binary = Path(stand_in(self.minion.folder / "slow", script))
        salt = self.begin("lxca.appliance_info", f"binary={binary}")
        until("a question", binary.with_suffix(".in").exists)
        os.killpg(salt.pid, signal.SIGINT)
        salt.wait(timeout=30)
        self.assertTrue(binary.with_suffix(".out").exists())

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A salt-call in a process group of its own, as a shell starts it."""
        nothing = subprocess.DEVNULL
        # What a shell starts in the background without job control, such as these tests, ignores SIGINT.
        command = ["env", "--default-signal=INT", *self.minion.command(*arguments)]
        environment = self.minion.environment()
        salt = subprocess.Popen(command, env=environment, stdout=nothing, stderr=nothing, start_new_session=True)
        self.addCleanup(salt.wait, timeout=30)
        self.addCleanup(salt.kill)
        return salt
