"""What is special about running the program from the controller."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import unittest
from pathlib import Path
from typing import Any, ClassVar

from playbook import AS_MODULES, HERE, PlaybookCase
from test_roles import LIST, answers

WAITS = """\
- hosts: lxca
  gather_facts: false
  tasks:
    - name: Wait
      xclarity.lxca.firmware_export_info:
        host: "{{ lxca_host }}"
        port: "{{ lxca_port }}"
        username: "{{ lxca_username }}"
        password: "{{ lxca_password }}"
        ca_path: "{{ lxca_ca_path }}"
        binary_path: "{{ lxca_binary }}"
        auth_method: session
        task_id: 14
        wait: true
        poll_interval: 60
      timeout: SECONDS
"""
"""A task that waits for an export that runs on."""

LOOKS_LIKE_A_TEMPLATE = "{{ 7*7 }} {% raw %}"


class Same(PlaybookCase):
    """Tasks whose results could differ from the module's."""

    settings: ClassVar[dict[str, Any]] = {
        "faults": [answers(LIST.partition("?")[0], {"updates": [{"name": LOOKS_LIKE_A_TEMPLATE}]})]
    }

    def test_paths_text_and_environment(self) -> None:
        """Relative paths belong to the playbook's folder, in roles too; text of the appliance stays text."""
        playbook = Path(shutil.copy(HERE / "playbooks/action.yml", self.folder))
        shutil.copy(self.variables["lxca_ca_path"], self.folder / "ca.pem")
        tasks = self.folder / "roles/relative/tasks"
        tasks.mkdir(parents=True)
        (tasks / "main.yml").write_text(
            "- name: A relative path\n  xclarity.lxca.appliance_info:\n    ca_path: ca.pem\n"
        )
        run = self.succeeds(playbook)
        failed = {task.name: task.kind for task in run.tasks if task.outcome == "failed"}
        self.assertEqual(failed, {"A short password": "authentication_failed", "A relative program": "invalid_input"})
        self.assertEqual(run["Show it"].result["msg"], LOOKS_LIKE_A_TEMPLATE)
        self.assertEqual(run["Nothing in the environment stays"].result["msg"], "")
        # Masked within words too, as Ansible does.
        self.assertEqual(run["A short password"].result["invocation"]["module_args"]["username"], "someone********")

    def test_other_connections(self) -> None:
        """The module runs where the connection leads."""
        plugins = str(HERE / "connections")
        elsewhere = ("-v", "-e", "ansible_connection=elsewhere")
        run = self.succeeds("failures.yml", *elsewhere, ANSIBLE_CONNECTION_PLUGINS=plugins)
        self.assertNotIn("", {task.kind for task in run.tasks if task.outcome == "failed"})
        if not AS_MODULES:
            self.assertIn("appliance_info: runs as a module because of the connection elsewhere", run.output)


@unittest.skipIf(AS_MODULES, "only the action plugin does this")
class Controller(PlaybookCase):
    """What the module does not do."""

    def write(self, seconds: int) -> Path:
        """The playbook that waits."""
        playbook = self.folder / "waits.yml"
        playbook.write_text(WAITS.replace("SECONDS", str(seconds)))
        return playbook

    def test_timeout(self) -> None:
        """A task's timeout ends the program and its session."""
        run = self.play(self.write(2))
        self.assertEqual(run["Wait"].outcome, "failed")
        self.assertRegex(run.output, r"imed out after 2 second|expected time frame \(2\)")
        self.left()

    def test_interrupted(self) -> None:
        """Ctrl-C at the terminal does, too, however often Ansible passes it on."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signum):
                ansible = self.begin(self.write(0))
                first = self.appliance.requests(2)
                self.assertRegex(first[0], "^POST /sessions 20")
                os.killpg(ansible.pid, signum)
                ansible.wait(timeout=60)
                self.assertRegex(self.appliance.requests(1)[0], "^DELETE /sessions 20")

    def left(self) -> None:
        """The session is opened, used and left."""
        methods = [request.split()[0] for request in self.appliance.requests(3)]
        self.assertEqual(methods, ["POST", "GET", "DELETE"])

    def test_environment_that_is_not_activated(self) -> None:
        """The program beside ansible-playbook is found, whichever Python the inventory's modules would run with."""
        beside = Path(sys.executable).with_name("lxca")
        beside.symlink_to(os.environ["LXCA_BINARY"])
        self.addCleanup(beside.unlink)
        playbook = self.folder / "beside.yml"
        playbook.write_text(
            "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - xclarity.lxca.appliance_info:\n"
        )
        inventory = self.folder / "local.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}))
        variables = {name.upper(): str(value) for name, value in self.variables.items() if name != "lxca_binary"}
        run = self.play(playbook, "-i", str(inventory), inventory=False, PATH="/usr/bin:/bin", **variables)
        self.assertEqual(run.status, 0, run.output[-3000:])
        self.assertNotIn("AnsiballZ", run.output)

    def test_log(self) -> None:
        """At -vvv the exchanges are shown as they come, without a secret; not under no_log."""
        run = self.succeeds("questions.yml", "-e", '{"asynchronous": false, "root": false}')
        lines = [line for line in run.output.splitlines() if line.startswith("<lxca1> ") and "GET /aicc" in line]
        self.assertEqual(len(lines), 1, lines)
