"""Playbooks with the modules of the collection."""

from __future__ import annotations

import os
import textwrap
from typing import Any, ClassVar

from ansible.parsing.vault import VaultLib, VaultSecret
from playbook import CORE, PACK, PlaybookCase, Run

BASIC = "GET /aicc 200"
"""What the appliance logs of the question who it is."""

SESSION = ["POST /sessions 200", BASIC, "DELETE /sessions 200"]
"""The same with a login."""

STATUS = "GET /updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=12"
THINKSYSTEM = "lnvgy_sw_lxca_thinksystemrepo4-4.0.0_anyos_noarch"
"""A management-server update."""

README = "GET /managementServer/updates/{}?filetype=readme 200"


class Questions(PlaybookCase):
    """Whatever the keyword of the task, the answer is the same."""

    settings: ClassVar[dict[str, Any]] = {"quirks": {"empty_current": {"polls": 4}}}

    def asked(self, *arguments: str, asynchronous: bool = True) -> Run:
        """Runs the playbook, and looks at all that both a run and a dry run tell."""
        root = os.geteuid() == 0
        variables = f'{{"asynchronous": {str(asynchronous).lower()}, "root": {str(root).lower()}}}'
        run = self.succeeds("questions.yml", "-e", variables, *arguments, ANSIBLE_BECOME_ALLOW_SAME_USER="true")
        about = run["Once"].result
        self.assertEqual(about["data"]["version"], "4.0.0")
        for how in ("async", "become", "delegate_to"):
            task = run[f"With {how}"]
            if {"async": asynchronous, "become": root}.get(how, True):
                self.assertEqual(task.result["data"]["uuid"], about["data"]["uuid"], how)
            else:
                self.assertEqual(task.outcome, "skipped")
        if asynchronous:
            self.assertEqual(run["The answer"].result["data"]["uuid"], about["data"]["uuid"])
        files = [item["data"]["files"][0]["fixid"] for item in run["With a loop"].result["results"]]
        self.assertEqual(files, [PACK, THINKSYSTEM])
        self.assertIn("censored", run["With no_log"].result)
        self.assertNotIn("data", run["With no_log"].result)
        if root:
            self.assertRegex(run.output, r"su .*-c .*BECOME-SUCCESS")
        return run

    def requests(self, asks: int) -> list[str]:
        """The requests of a run; `asks` of them are who it is."""
        return sorted([*[BASIC] * asks, README.format(PACK), README.format(THINKSYSTEM)])

    def test_run_and_dry_run(self) -> None:
        """Each task is answered, with and without check mode, and a dry run asks as well."""
        run = self.asked()
        self.assertGreater(run["With until"].result["attempts"], 1)
        root = os.geteuid() == 0
        self.log(3 + 2 + root, run["With until"].result["attempts"])

        asynchronous = CORE >= (2, 19)
        dry = self.asked("--check", "--diff", asynchronous=asynchronous)
        self.assertEqual(dry["With until"].result["data"], run["With until"].result["data"])
        self.assertNotIn("--- before", dry.output)
        self.log(3 + 2 * asynchronous + root, dry["With until"].result["attempts"])

    def log(self, asks: int, attempts: int) -> None:
        """What the appliance was asked: who it is, two readmes, an export twice a look because its file has no name yet."""
        lines = self.appliance.requests(asks + 2 + attempts)
        self.assertEqual(sorted(line for line in lines if not line.startswith(STATUS)), self.requests(asks))

    def test_vaulted_values(self) -> None:
        """A variable that is vaulted, and a value that is vaulted where it stands."""
        secret = VaultSecret(b"of the vault")
        vaulted = VaultLib([("default", secret)]).encrypt(self.password).decode()
        (self.folder / "secret").write_bytes(secret.bytes)
        playbook = self.folder / "vault.yml"
        playbook.write_text(
            textwrap.dedent("""\
                - hosts: lxca
                  gather_facts: false
                  vars:
                    vaulted_password: !vault |
                VARIABLE
                  module_defaults:
                    group/xclarity.lxca.lxca:
                      host: "{{ lxca_host }}"
                      port: "{{ lxca_port }}"
                      username: "{{ lxca_username }}"
                      ca_path: "{{ lxca_ca_path }}"
                      binary_path: "{{ lxca_binary }}"
                  tasks:
                    - name: Variable
                      xclarity.lxca.appliance_info:
                        password: "{{ vaulted_password }}"
                    - name: Inline
                      xclarity.lxca.appliance_info:
                        password: !vault |
                INLINE
                """)
            .replace("VARIABLE\n", textwrap.indent(vaulted, " " * 6))
            .replace("INLINE\n", textwrap.indent(vaulted, " " * 12))
        )
        self.variables.pop("lxca_password")
        run = self.succeeds(playbook, "--vault-password-file", str(self.folder / "secret"))
        self.assertEqual(run.outcomes(), {"Variable": "ok", "Inline": "ok"})
        self.assertEqual(self.appliance.requests(2), [BASIC] * 2)


class Failures(PlaybookCase):
    """Rescue branches on what a failure says."""

    settings: ClassVar[dict[str, Any]] = {
        "faults": [{"path": "/aicc", "skip": 1, "fault": {"status": {"code": 503, "body": "envelope"}}}]
    }

    def test_rescue(self) -> None:
        """Each failure goes its way, and says enough for that."""
        run = self.succeeds("failures.yml")
        kinds = {task.name.removeprefix("Ask: "): task.kind for task in run.tasks if task.name.startswith("Ask: ")}
        self.assertEqual(
            kinds,
            {
                "wrong password": "authentication_failed",
                "503": "unavailable",
                "another certificate": "tls",
                "refused by the program": "invalid_input",
                "refused by Ansible": "invalid_input",
                "unknown option": "invalid_input",
                "no program": "local_file",
            },
        )
        ways = {task.name for task in run.tasks if task.outcome == "ok" and ": " in task.name}
        self.assertEqual(
            ways,
            {
                "Credentials: wrong password",
                "Message: wrong password",
                "Later: 503",
                "Message: 503",
                "Certificate: another certificate",
            },
        )
        self.assertEqual(
            run["Ask: 503"].result["error"], {"kind": "unavailable", "http_status": 503, "retryable": True}
        )
        self.assertIn("hots", run["Ask: unknown option"].result["msg"])
        self.assertIn("`port`", run["Ask: refused by the program"].result["msg"])
        # Refusals, and a certificate that is not the right one, send nothing.
        self.assertEqual(self.appliance.requests(2), ["GET /aicc 401", "GET /aicc 503"])


def echo(path: str, status: int, shape: str) -> dict[str, Any]:
    """A fault: the appliance repeats the request and the credentials in it."""
    return {"path": path, "fault": {"echo": {"status": status, "shape": shape, "encoding": "plain"}}}


class Echo(PlaybookCase):
    """The appliance repeats the password."""

    settings: ClassVar[dict[str, Any]] = {
        "faults": [echo("/updateRepositories", 500, "envelope"), echo("/managementServer", 200, "json")]
    }

    def test_secrets_are_not_shown(self) -> None:
        """Not at -vvv, not in results, not in a failure under no_log, which Ansible 2.19 prints nevertheless."""
        run = self.succeeds("echo.yml")
        self.assertEqual(len(self.appliance.requests(4)), 4)
        failure = run["A failure that repeats them"]
        self.assertEqual(failure.kind, "server_error")
        self.assertIn("********", failure.result["messages"][0]["text"])
        self.assertIn("Authorization", failure.result["messages"][0]["text"].title())
        for hidden in ("A failure that repeats them, under no_log", "Data that repeat them, under no_log"):
            self.assertIn("censored", run[hidden].result)
            self.assertNotIn("messages", run[hidden].result)


class Environment(PlaybookCase):
    """`hosts: localhost`, and everything else from the environment of the controller."""

    def variables_of_the_controller(self) -> dict[str, str]:
        """What its shell has exported."""
        about = self.appliance.about
        return {
            "LXCA_HOST": about["host"],
            "LXCA_PORT": str(about["port"]),
            "LXCA_USERNAME": about["username"],
            "LXCA_PASSWORD": self.password,
            "LXCA_CA_PATH": about["ca_path"],
            "LXCA_BINARY": os.environ["LXCA_BINARY"],
            "RIGHT_FINGERPRINT": about["certificate_fingerprint"],
        }

    def run_with_variables(self, *arguments: str) -> Run:
        """Runs the playbook."""
        return self.succeeds("environment.yml", *arguments, inventory=False, **self.variables_of_the_controller())

    def test_variables(self) -> None:
        """They stand in for options that are not given, empty ones for none, and an option beats them."""
        run = self.run_with_variables()
        answered = ["No options", "Empty variables", "Variables that options beat", "A session", "Unverified", "Pinned"]
        refused = {
            "Verified, for the option beats the variable": "tls",
            "Another port": "connection_failed",
            "An unknown way to log in": "invalid_input",
            "No user": "invalid_input",
            "A program that does not exist": "local_file",
        }
        self.assertEqual([task.name for task in run.tasks if task.outcome == "ok"], answered)
        self.assertEqual({task.name: task.kind for task in run.tasks if task.outcome == "failed"}, refused)
        self.assertIn("missing required arguments: username", run["No user"].result["msg"])
        self.assertIn("auth_method must be one of", run["An unknown way to log in"].result["msg"])
        self.assertIn("/nonexistent/lxca", run["A program that does not exist"].result["msg"])
        self.assertEqual(self.appliance.requests(8), [BASIC] * 3 + SESSION + [BASIC] * 2)

    def test_check_mode_on_localhost(self) -> None:
        """A dry run asks, and fails, as a run does."""
        run = self.run_with_variables("--check", "--tags", "dry")
        self.assertEqual(run.outcomes(), {"No options": "ok", "A session": "ok", "Another port": "failed"})
        self.assertEqual(run["No options"].result["data"]["version"], "4.0.0")
        self.assertEqual(run["Another port"].kind, "connection_failed")
        self.assertEqual(self.appliance.requests(4), [BASIC, *SESSION])
