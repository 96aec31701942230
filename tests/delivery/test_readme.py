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

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "strangers"))

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

    def follow(self, commands: str) -> str:
        """What the commands print, each of which must end well."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LXCA_", "ANSIBLE_"))}
        environment |= {"HOME": str(self.folder / "home"), "ANSIBLE_NOCOLOR": "1", "no_proxy": "*"}
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
        self.assertNotIn(self.options["password"], ended.stdout)
        return ended.stdout

    def test_ansible(self) -> None:
        """The playbook asks all three questions."""
        inventory = {"lxca": {"hosts": {"rack1": {f"lxca_{name}": value for name, value in self.options.items()}}}}
        (self.folder / "inventory.yml").write_text(json.dumps(inventory))
        printed = self.follow(block("Ansible"))
        self.assertRegex(printed, r"rack1 +: ok=4 +changed=0 +unreachable=0 +failed=0 ")
        self.assertIn("Export task 12 on 127.0.0.1 is complete.", printed)
        self.assertEqual(len(self.appliance.requests(3)), 3)

    def test_salt(self) -> None:
        """The function and the state are answered."""
        commands, count = re.subn(
            r"^lxca: \{host: .*\}$", f"lxca: {json.dumps(self.options)}", block("Salt"), flags=re.MULTILINE
        )
        self.assertEqual(count, 1)
        printed = self.follow(commands)
        self.assertIn("127.0.0.1 answers as XClarity Administrator 4.0.0", printed)
        self.assertRegex(printed, r"Succeeded: 1\b")
        self.assertEqual(len(self.appliance.requests(2)), 2)
