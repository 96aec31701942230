"""Real runs of ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ansible.release import __version__
from appliance import NEXT, PACK, Appliance

HERE = Path(__file__).resolve().parent

__all__ = ["AS_MODULES", "CORE", "HERE", "NEXT", "PACK", "PlaybookCase", "Run", "Task"]

CORE = tuple(map(int, __version__.split(".")[:2]))
"""The version of ansible-core, such as (2, 19)."""

AS_MODULES = "LXCA_AS_MODULES" in os.environ
"""Whether the collection has no action plugins, so that every task runs as a module."""

RECORD = os.environ.get("LXCA_RECORD")
"""The folder that gets the results of every run, for `compare.py`; without it they are not kept."""


@dataclass(frozen=True)
class Task:
    """How a task ended, and what it returned."""

    name: str
    outcome: str
    result: dict[str, Any]

    @property
    def kind(self) -> str:
        """The kind of a failure; empty when it is none of lxca's."""
        kind: str = self.result.get("error", {}).get("kind", "")
        return kind


@dataclass(frozen=True)
class Run:
    """A run of ansible-playbook."""

    status: int
    output: str
    tasks: list[Task]

    def __getitem__(self, name: str) -> Task:
        """The one task of this name."""
        found = [task for task in self.tasks if task.name == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} tasks are {name!r} in:\n{self.output[-5000:]}")
        return found[0]

    def outcomes(self) -> dict[str, str]:
        """How the tasks ended."""
        return {task.name: task.outcome for task in self.tasks}


class PlaybookCase(unittest.TestCase):
    """A test with a simulated appliance, a folder of its own, and runs of ansible-playbook."""

    settings: ClassVar[dict[str, Any]] = {}
    """The settings of the appliance."""

    def setUp(self) -> None:
        """Starts the appliance and makes the folder."""
        self.appliance = Appliance(self.settings)
        self.addCleanup(self.appliance.stop)
        about = self.appliance.about
        self.password: str = about["password"]
        self.secrets = [self.password, b64encode(f"{about['username']}:{self.password}".encode()).decode()]
        self.variables = {
            f"lxca_{name}": about[name] for name in ("host", "port", "username", "password", "ca_path")
        } | {"lxca_binary": os.environ["LXCA_BINARY"]}
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def environment(self) -> dict[str, str]:
        """The environment without settings of lxca's: a test adds what it is about."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LXCA_", "ANSIBLE_", "PYTHONPATH"))
        }
        return kept | {
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            # Ansible takes a home from the list of users, whatever HOME is.
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_REMOTE_TMP": str(self.folder / "tmp"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / "async"),
            "LXCA_RESULTS": str(self.folder / "results"),
        }

    def play(self, playbook: str | Path, *arguments: str, inventory: bool = True, **environment: str) -> Run:
        """Runs one of `playbooks/`, or a file by its path, at -vvv."""
        process = self.begin(playbook, *arguments, inventory=inventory, **environment)
        output, _ = process.communicate(timeout=300)
        lines = [json.loads(line) for line in (self.folder / "results").read_text().splitlines()]
        if RECORD:
            self.record(lines)
        tasks = [Task(line["task"], line["outcome"], line["result"]) for line in lines]
        return Run(process.returncode, output, tasks)

    def record(self, lines: list[dict[str, Any]]) -> None:
        """Keeps the results, without what is another in every run."""
        assert RECORD
        text = json.dumps(lines, indent=1, sort_keys=True)
        about = self.appliance.about
        names = {str(self.folder): "FOLDER", str(about["port"]): "44300"}
        names |= {str(Path(about["ca_path"]).parent): "APPLIANCE", about["certificate_fingerprint"]: "FINGERPRINT"}
        for value, name in names.items():
            text = text.replace(value, name)
        count = len(list(Path(RECORD).glob(f"{self.id()}.*")))
        Path(RECORD, f"{self.id()}.{count}").write_text(text)

    def begin(
        self, playbook: str | Path, *arguments: str, inventory: bool = True, **environment: str
    ) -> subprocess.Popen[str]:
        """Starts a run, in a process group of its own, as a shell does."""
        near = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        # An address of the documentation's: nobody can log in there.
        far = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1"}
        hosts = {
            "lxca": {"hosts": {"lxca1": self.variables | near}},
            "far": {"hosts": {"lxca2": self.variables | far}},
        }
        (self.folder / "inventory.json").write_text(json.dumps(hosts))
        (self.folder / "results").write_text("")
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", str(HERE / "playbooks" / playbook)]
        command += ["-i", str(self.folder / "inventory.json")] if inventory else []
        process = subprocess.Popen(
            [*command, *arguments],
            env=self.environment() | environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process: subprocess.Popen[str]) -> None:
        """Ends a run that has not ended by itself."""
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()

    def succeeds(self, playbook: str | Path, *arguments: str, inventory: bool = True, **environment: str) -> Run:
        """Runs a playbook that has to end well; no secret is shown, and nothing is told as changed."""
        run = self.play(playbook, *arguments, inventory=inventory, **environment)
        self.assertEqual(run.status, 0, run.output[-5000:])
        self.assert_silent(run)
        self.assertNotIn("changed: [", run.output)
        return run

    def assert_silent(self, run: Run) -> None:
        """No secret is in what Ansible printed or was returned."""
        shown = run.output + json.dumps([task.result for task in run.tasks])
        for secret in self.secrets:
            self.assertNotIn(secret, shown)
