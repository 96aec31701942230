# SPDX-License-Identifier: MIT OR Apache-2.0
"""A Salt minion without a master, a connection profile for it, and programs that take the place of lxca."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from appliance import Appliance

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

SOURCES = ROOT / "salt"
"""What is tested."""

SCRIPTS = Path(sys.executable).parent
"""Where Salt's own programs are, and where pip would put lxca."""

WRONG_PASSWORD = "not-the-password"
"""No appliance's password; it must not be shown either."""

VERSION = "lxca 99.0.0"
"""What a stand-in answers to --version unless its age matters."""


def told(task_id: int, **status: Any) -> dict[str, Any]:
    """A fault for the settings of the appliance: the status call for this task gets this answer."""
    body = {"status": 200, "content_type": "application/json", "raw": json.dumps({"result": "success", **status})}
    path = f"/updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid={task_id}"
    return {"path": path, "fault": {"body": body}}


def profile(appliance: Appliance, **others: Any) -> dict[str, Any]:
    """A connection profile for this appliance and the binary under test."""
    about = {name: appliance.about[name] for name in ("host", "port", "username", "password", "ca_path")}
    return {**about, "binary": os.environ["LXCA_BINARY"], **others}


def stand_in(path: Path, script: str, version: str = VERSION) -> str:
    """A program that takes the place of lxca: it answers --version, and everything else by this shell script."""
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\n{script}\n')
    path.chmod(0o755)
    return str(path)


@dataclass
class Called:
    """How a salt-call ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def returned(self) -> Any:
        """What the function returned."""
        try:
            return json.loads(self.stdout)["local"]
        except (ValueError, KeyError) as error:
            raise AssertionError(f"no result: {self}") from error

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """What the states returned, by their IDs, without what Salt adds to every state."""
        added = {"__id__", "__sls__", "__run_num__", "start_time", "duration"}
        assert isinstance(self.returned, dict), self
        return {
            state["__id__"]: {key: value for key, value in state.items() if key not in added}
            for state in self.returned.values()
        }


class Minion:
    """A minion in a folder of its own. After each call it is made sure that no secret came out of it."""

    def __init__(
        self,
        *secrets: str,
        configuration: dict[str, Any],
        pillar: dict[str, Any] | str | None = None,
        grains: dict[str, Any] | None = None,
    ) -> None:
        """Writes its configuration, its pillar (data, or the text of an SLS) and its grains."""
        self.secrets = secrets
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        own = {
            "id": "minion",
            "file_client": "local",
            "root_dir": str(self.folder),
            "cachedir": "/cache",
            "pki_dir": "/pki",
            "log_file": "/log",
            "log_level_logfile": "debug",
            "file_roots": {"base": [str(self.folder / "states")]},
            "pillar_roots": {"base": [str(self.folder / "pillar")]},
        }
        for folder in ("states", "pillar"):
            (self.folder / folder).mkdir()
        # YAML holds JSON.
        (self.folder / "minion").write_text(json.dumps({**own, **configuration}))
        (self.folder / "grains").write_text(json.dumps(grains or {}))
        (self.folder / "pillar/top.sls").write_text("base: {'*': [secrets]}")
        text = pillar if isinstance(pillar, str) else json.dumps(pillar or {})
        (self.folder / "pillar/secrets.sls").write_text(text)

    def stop(self) -> None:
        """Removes its folder."""
        self._folder.cleanup()

    def sync(self) -> None:
        """Gets the modules by way of the file server, as every minion does."""
        for folder in ("_modules", "_states"):
            (self.folder / "states" / folder).symlink_to(SOURCES / folder)
        synced = self.call("saltutil.sync_all").returned
        assert (synced["modules"], synced["states"]) == (["modules.lxca"], ["states.lxca"]), synced

    def command(self, *arguments: str) -> list[str]:
        """The command line of a salt-call."""
        return [str(SCRIPTS / "salt-call"), "--local", "--out=json", f"--config-dir={self.folder}", *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        """The environment of a salt-call: no setting of the tests' own comes through to the binary."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LXCA_") and not name.lower().endswith("_proxy")
        }
        return {**kept, **variables}

    def call(self, *arguments: str, **variables: str) -> Called:
        """Runs a salt-call, in the minion's folder."""
        ended = subprocess.run(
            self.command(*arguments),
            check=False,
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        called = Called(ended.returncode, ended.stdout, ended.stderr)
        for secret in self.secrets:
            assert secret not in called.stdout + called.stderr, f"{arguments} shows the password"
            assert secret not in self.log(), f"{arguments} writes the password into Salt's log"
        return called

    def apply(self, sls: str, *arguments: str, **variables: str) -> Called:
        """Applies these states."""
        (self.folder / "states/wanted.sls").write_text(sls)
        return self.call("state.apply", "wanted", "--retcode-passthrough", *arguments, **variables)

    def log(self) -> str:
        """Salt's log, with all that it says for debugging."""
        return (self.folder / "log").read_text()


class MinionCase(unittest.TestCase):
    """One minion asks one appliance. Both run for all tests of a class."""

    faults: ClassVar[list[dict[str, Any]]] = []
    """What the appliance answers otherwise."""

    synced: ClassVar[bool] = True
    """Whether the minion gets the modules from its file server."""

    appliance: ClassVar[Appliance]
    minion: ClassVar[Minion]

    @classmethod
    def setUpClass(cls) -> None:
        """Starts the appliance, and configures the minion for it."""
        cls.appliance = Appliance({"faults": cls.faults})
        cls.addClassCleanup(cls.appliance.stop)
        good = profile(cls.appliance)
        cls.minion = Minion(good["password"], WRONG_PASSWORD, **cls.configured(good))
        cls.addClassCleanup(cls.minion.stop)
        if cls.synced:
            cls.minion.sync()

    @classmethod
    def configured(cls, good: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The minion's configuration, pillar and grains, given a profile for the appliance."""
        return {"configuration": {"lxca": good}}
