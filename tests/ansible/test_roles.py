"""The roles of the collection, and the playbooks that people start from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

from playbook import NEXT, PACK, PlaybookCase, Run

PLAYBOOKS = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections" / "xclarity" / "lxca" / "playbooks"
LIST = "/managementServer/updates?key=updates"


def answers(path: str, document: dict[str, Any]) -> dict[str, Any]:
    """A fault: another answer than the appliance's own."""
    return {
        "path": path,
        "fault": {"body": {"status": 200, "content_type": "application/json", "raw": json.dumps(document)}},
    }


class RoleCase(PlaybookCase):
    """A run of one of the collection's playbooks."""

    def start(self, name: str, *arguments: str, password: str = "") -> Run:
        """Runs it, with a password in the environment or none."""
        playbook = PLAYBOOKS / f"{name}.yml"
        run = self.play(playbook, *arguments, LXCA_BINARY=os.environ["LXCA_BINARY"], LXCA_PASSWORD=password)
        self.assert_silent(run)
        return run

    def changes(self, name: str, *arguments: str) -> set[str]:
        """Runs it; it must end well. The tasks that told a change."""
        run = self.start(name, *arguments)
        self.assertEqual(run.status, 0, run.output[-5000:])
        return {task.name.rpartition(" : ")[2] for task in run.tasks if task.result.get("changed")}

    def collect(self, *arguments: str) -> set[str]:
        """Runs the playbook that collects readmes."""
        folder = f"management_server_update_readmes_directory={self.folder / 'files'}"
        return self.changes("management_server_update_readmes", "-e", folder, *arguments)

    def collected(self) -> dict[str, str]:
        """The files there are, wherever below the test's folder a readme could have got to."""
        return {str(path.relative_to(self.folder)): path.read_text() for path in self.folder.rglob("*.txt")}


class Roles(RoleCase):
    """An appliance that is as it should be."""

    def test_status(self) -> None:
        """Two questions, and a third when there is a task."""
        self.assertEqual(self.changes("status"), set())
        self.assertEqual(self.changes("status", "-e", "lxca_task_id=12"), set())
        self.assertEqual(len(self.appliance.requests(5)), 5)

    def test_readmes(self) -> None:
        """A dry run writes nothing and tells what a run changes; a second run changes nothing."""
        written = {"Make the folder", "Write the files"}
        self.assertEqual(self.collect("--check"), written)
        self.assertEqual(self.collected(), {})
        self.assertEqual(self.collect(), written)
        files = self.collected()
        self.assertEqual(len(files), 4)
        self.assertIn("1.1.0", files[f"files/lxca1/{PACK}.readme.txt"])
        self.assertEqual(self.collect(), set())

        options = {"fix_ids": [PACK, NEXT], "filetype": "changeHistory"}
        named = {f"management_server_update_readmes_{name}": value for name, value in options.items()}
        self.collect("-e", json.dumps(named))
        self.assertEqual(
            set(self.collected()) - set(files), {f"files/lxca1/{fix_id}.changeHistory.txt" for fix_id in (PACK, NEXT)}
        )

    def test_wait(self) -> None:
        """It waits for the end, which it tells; a dry run asks once."""
        run = self.start("firmware_export_wait", "-e", "firmware_export_wait_task_id=12")
        self.assertEqual(run.status, 0, run.output[-5000:])
        self.assertRegex(run.output, r"Export task 12 on 127\.0\.0\.1 is complete\. File: repository\w+\.zip")
        self.appliance.requests(1)
        dry = self.start("firmware_export_wait", "-e", "firmware_export_wait_task_id=14", "--check")
        self.assertEqual(dry.status, 0, dry.output[-5000:])
        self.appliance.requests(1)

    def test_an_undefined_vault_variable(self) -> None:
        """Another password that happens to be in the environment is not sent in its place."""
        self.variables["lxca_password"] = "{{ vault_that_nobody_opened }}"
        run = self.start("status", password="another one")
        self.assertNotEqual(run.status, 0)
        self.assertIn("vault_that_nobody_opened", run.output)
        self.assertEqual(self.appliance.requests(0), [])


class OddAnswers(RoleCase):
    """An appliance that leaves out what it does not know, or says what it must not."""

    settings: ClassVar[dict[str, Any]] = {
        "faults": [
            answers(
                LIST,
                {
                    "updates": [
                        {"fixid": "../../outside", "readme": "true"},
                        {"fixid": "without-the-attribute"},
                        {"readme": "true"},
                        {"fixid": NEXT, "readme": "true"},
                        {"fixid": PACK, "readme": "true"},
                    ]
                },
            ),
            answers(f"/managementServer/updates/{NEXT}", {"fixid": NEXT, "field": "readme"}),
        ]
    }

    def test_readmes(self) -> None:
        """What can be read is read, and stays in its folder."""
        self.collect()
        self.assertEqual(set(self.collected()), {f"files/lxca1/{PACK}.readme.txt"})
