# SPDX-License-Identifier: MIT OR Apache-2.0
"""The states, applied by salt-call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from minion import MinionCase, profile, stand_in, told

ASKED = {"id": "FQXHMUP2500I", "text": "Repository operation completed successfully."}
"""Said of the question, not of the task."""

FAILED = {
    "id": "FQXHMUP2504J",
    "text": "The repository could not be exported.",
    "explanation": "There is not enough disk space.",
    "recovery": {"text": "Delete files that are not needed.", "URL": ""},
}

ELF_FOR_MIPS = b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + (8).to_bytes(2, "little") + bytes(44)


class States(MinionCase):
    """Of the appliance's exports, 12 is complete and 14 runs on; the others are told."""

    faults: ClassVar[list[dict[str, Any]]] = [
        told(77, state="error", progress=40, current="", messages=[ASKED, FAILED]),
        told(78, state="canceled", progress=40, current=""),
        told(79, state="complete", progress=100, current=""),
    ]

    @classmethod
    def configured(cls, good: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Two profiles in the pillar."""
        pillar = {
            "lxca": {**good, "_ansible_version": "2.19"},
            "lxca_waits": {**good, "wait": True, "wait_timeout": 3, "poll_interval": 1},
        }
        return {"configuration": {}, "pillar": pillar}

    def state(self, name: str, result: bool | None, comment: str, **more: Any) -> dict[str, Any]:
        """What a state returns."""
        return {"name": name, "changes": {}, "result": result, "comment": comment, **more}

    def test_good(self) -> None:
        """What is so already is no change."""
        sls = """
            who: {lxca.reachable: []}
            export: {lxca.export_complete: [{task_id: 12}, {wait_timeout: 60}, {require: [{lxca: who}]}]}
        """
        called = self.minion.apply(sls)
        self.assertEqual(called.status, 0, called)
        states = called.states
        who = "127.0.0.1 answers as XClarity Administrator 4.0.0, build 264."
        self.assertEqual(states["who"], self.state("who", True, who))
        comment = states["export"]["comment"]
        self.assertRegex(comment, r"^Export task 12 on 127\.0\.0\.1 is complete\. File: repository\d{14}\.zip\.$")
        self.assertEqual(states["export"], self.state("export", True, comment))

    def test_in_test_mode(self) -> None:
        """It is asked once: what would be waited for is None, what will never be is False."""
        sls = """
            complete: {lxca.export_complete: [{task_id: 12}]}
            running: {lxca.export_complete: [{task_id: 14}]}
            failed: {lxca.export_complete: [{task_id: 77}]}
            nameless: {lxca.export_complete: [{task_id: 79}]}
            who: {lxca.reachable: []}
        """
        self.appliance.forget()
        called = self.minion.apply(sls, "test=True")
        self.assertEqual(called.status, 2, called)
        states = called.states
        results = {name: state["result"] for name, state in states.items()}
        self.assertEqual(
            results, {"complete": True, "running": None, "failed": False, "nameless": True, "who": True}, called
        )
        comment = "Export task 14 on 127.0.0.1 is created but not started. It would be waited for."
        self.assertEqual(states["running"], self.state("running", None, comment))
        self.assertIn("FQXHMUP2504J: The repository could not be exported. There is", states["failed"]["comment"])
        (warning,) = states["nameless"]["warnings"]
        self.assertIn("names no file", warning)
        self.assertEqual(len(self.appliance.requests(5)), 5)

    def test_of_what_a_state_decides_itself(self) -> None:
        """An SLS that says it is told so, and nothing is asked. A profile that waits does not wait in a test."""
        refused = {
            "wait": {"lxca.export_complete": [{"task_id": 14}, {"wait": True}]},
            "operation": {"lxca.export_complete": [{"task_id": 14}, {"operation": "appliance_info"}]},
            "test": {"lxca.export_complete": [{"task_id": 14}, {"test": False}]},
            "operation and test": {"lxca.reachable": [{"test": False}, {"operation": "appliance_info"}]},
        }
        waits = {"waits": {"lxca.export_complete": [{"task_id": 14}, {"profile": "lxca_waits"}]}}
        for arguments in ([], ["test=True"]):
            self.appliance.forget()
            states = self.minion.apply(json.dumps({**refused, **(waits if arguments else {})}), *arguments).states
            for name in refused:
                comment = f"The state itself sets {name}. Remove it from the SLS."
                self.assertEqual(states[name], self.state(name, False, comment))
            if arguments:
                self.assertIs(states["waits"]["result"], None, states)
                self.assertEqual(len(self.appliance.requests(1)), 1)

    def test_failing(self) -> None:
        """A failure is the appliance's, with its words, or the connection's."""
        sls = """
            failed: {lxca.export_complete: [{task_id: 77}]}
            canceled: {lxca.export_complete: [{task_id: 78}]}
            running: {lxca.export_complete: [{task_id: 14}, {wait_timeout: 1}, {poll_interval: 1}]}
            unknown: {lxca.export_complete: [{task_id: 99}]}
            gone: {lxca.reachable: [{port: 1}, {retries: 0}]}
            misspelt: {lxca.reachable: [{validate_cert: false}]}
            after: {lxca.reachable: [{require: [{lxca: failed}]}]}
        """
        called = self.minion.apply(sls)
        self.assertEqual(called.status, 2, called)
        states = called.states
        failed = (
            "Export task 77 on 127.0.0.1 is in error. See `messages` and the appliance's job log.\n"
            "FQXHMUP2504J: The repository could not be exported. There is not enough disk space. "
            "Delete files that are not needed."
        )
        self.assertEqual(states["failed"], self.state("failed", False, failed))
        canceled = "Export task 78 on 127.0.0.1 is canceled."
        self.assertEqual(states["canceled"], self.state("canceled", False, canceled))
        for name, text in {
            "running": "had not ended after 1 s",
            "unknown": "The specified resource was not found",
            "gone": "No connection to 127.0.0.1:1 ",
            "misspelt": "perhaps `validate_certs` is meant",
            "after": "One or more requisite failed",
        }.items():
            self.assertIs(states[name]["result"], False, states[name])
            # Once, although the appliance's message says it and the sentence as well.
            self.assertEqual(states[name]["comment"].count(text), 1, states[name])

    def test_of_binaries_that_cannot_work(self) -> None:
        """Each failure says what is wrong with the file; what it printed, such as the password, is not shown."""
        folder = self.minion.folder
        (folder / "plain").write_text("lxca")
        (folder / "foreign").write_bytes(ELF_FOR_MIPS)
        (folder / "foreign").chmod(0o755)
        refuses = 'cat >/dev/null; echo \'{"failed": true, "msg": "?", "error": {"kind": "invalid_input"}}\'; exit 1'
        nothing = 'cat >/dev/null; echo \'{"failed": true, "msg": "?", "error": null}\''
        binaries = {
            "missing": (str(folder / "nowhere"), "cannot be run: there is no such file."),
            "plain": (str(folder / "plain"), "cannot be run: it is not executable"),
            "foreign": (str(folder / "foreign"), "cannot be run: wrong CPU architecture"),
            "old": (stand_in(folder / "old", refuses, "lxca 0.0.9"), "is lxca 0.0.9, and this module needs 0.1.0 or"),
            "echo": ("/bin/cat", "/bin/cat is not lxca"),
            "null": (stand_in(folder / "null", nothing), "ended with status 0 without an answer"),
            "chatty": (stand_in(folder / "chatty", "cat; cat >&2; exit 3"), "ended with status 3 without an answer"),
            "killed": (stand_in(folder / "killed", "kill -KILL $$"), "was killed by signal 9 without an answer"),
        }
        sls = {name: {"lxca.reachable": [{"binary": binary}]} for name, (binary, _text) in binaries.items()}
        called = self.minion.apply(json.dumps(sls))
        self.assertEqual(called.status, 2, called)
        for name, (_binary, text) in binaries.items():
            self.assertIs(called.states[name]["result"], False)
            self.assertIn(text, called.states[name]["comment"])

    def test_what_the_binary_gets(self) -> None:
        """The question comes on standard input alone, and says whether it is a test."""
        folder = self.minion.folder
        record = 'cat >"$0.question"; { env; echo "$#" "$@"; } >"$0.rest"; echo LXCA_LOG speaks >&2'
        answer = '{"changed": false, "failed": false, "msg": "Noted.", "data": {}}'
        binary = stand_in(folder / "recorder", f"{record}; echo '{answer}'")
        sls = json.dumps({"who": {"lxca.reachable": [{"binary": binary}, {"port": 8443}, {"_task": "lxca"}]}})

        def question(*arguments: str) -> dict[str, Any]:
            self.assertEqual(self.minion.apply(sls, *arguments).states["who"]["comment"], "Noted.")
            self.assertTrue(Path(f"{binary}.rest").read_text().endswith("\n1 -\n"))
            self.assertNotIn(self.appliance.about["password"], Path(f"{binary}.rest").read_text())
            recorded: dict[str, Any] = json.loads(Path(f"{binary}.question").read_text())
            return recorded

        expected = {**profile(self.appliance), "operation": "appliance_info", "port": 8443}
        del expected["binary"]
        self.assertEqual(question(), expected)
        self.assertEqual(question("test=True"), {**expected, "_noop": True})
        self.assertIn(f"{binary}: LXCA_LOG speaks", self.minion.log())
