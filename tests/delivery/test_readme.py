"""From nothing to a green playbook and a green state, with the words of README.md and the files of a release."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "third_party"))

from appliance import Appliance

OPTIONS = ("host", "port", "username", "password", "ca_path")


def block(section: str) -> str:
    """The first shell block of a section of README.md."""
    found = re.search(
        rf"^## {section}\n.*?^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise AssertionError(f"there is no shell block in the section {section}")
    return found[1]


class Readme(unittest.TestCase):
    """A person with a release, pip and the appliance."""

    def setUp(self) -> None:
        """An appliance, and a folder with what was downloaded."""
        self.appliance = Appliance()
        self.addCleanup(self.appliance.stop)
        self.options = {name: self.appliance.about[name] for name in OPTIONS}
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        for file in Path(os.environ["LXCA_RELEASE"]).iterdir():
            shutil.copy(file, self.folder)
            if file.name.startswith("lxca-") and file.suffix == ".whl":
                # A release has one for each CPU; this stands for the other.
                self.folder.joinpath(file.name.replace("x86_64", "aarch64")).write_bytes(b"")

    def follow(self, commands: str, **variables: str) -> str:
        """What the commands print, each of which must end well."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LXCA_", "ANSIBLE_"))}
        environment |= {"HOME": str(self.folder / "home"), "ANSIBLE_NOCOLOR": "1", "no_proxy": "*"} | variables
        ended = subprocess.run(
            ["sh", "-eu"],
            input=commands,
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout)
        self.assertNotIn(self.appliance.about["password"], ended.stdout)
        return ended.stdout

    def with_options(self, commands: str, pattern: str, options: dict[str, Any]) -> str:
        """The commands with the appliance's options in place of the examples."""
        commands, count = re.subn(pattern, lambda match: match[1] + json.dumps(options), commands, flags=re.MULTILINE)
        self.assertEqual(count, 1, commands)
        return commands

    def test_ansible(self) -> None:
        """The playbook asks, and once more how far an export is."""
        password = self.options.pop("password")
        variables = {f"lxca_{name}": value for name, value in self.options.items()}
        commands = self.with_options(block("Ansible"), r"^(    rack1: )\{lxca_host: .*\}$", variables)
        commands += "ansible-playbook -i inventory.yml xclarity.lxca.status -e lxca_task_id=12\n"
        printed = self.follow(commands, LXCA_PASSWORD=password)
        self.assertRegex(printed, r"rack1 +: ok=3 +changed=0 +unreachable=0 +failed=0 ")
        self.assertRegex(printed, r"rack1 +: ok=4 +changed=0 +unreachable=0 +failed=0 ")
        self.assertIn("Export task 12 on 127.0.0.1 is complete.", printed)
        self.assertEqual(len(self.appliance.requests(5)), 5)

    def test_salt(self) -> None:
        """The function and the state are answered."""
        printed = self.follow(self.with_options(block("Salt"), r"^(lxca: )\{host: .*\}$", self.options))
        self.assertEqual(printed.count("127.0.0.1 answers as XClarity Administrator 4.0.0"), 2)
        self.assertRegex(printed, r"Succeeded: 1\b")
        self.assertEqual(len(self.appliance.requests(2)), 2)
