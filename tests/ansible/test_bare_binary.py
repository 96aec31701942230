"""The program itself as a module in `library/`, by Ansible's protocol for binary modules."""

from __future__ import annotations

import os
import shutil
import unittest
from pathlib import Path
from typing import Any, ClassVar

from playbook import AS_MODULES, CORE, HERE, PACK, PlaybookCase, Run
from test_modules import BASIC, THINKSYSTEM, echo

UPDATES = f"GET /managementServer/updates/{PACK},{THINKSYSTEM}"


@unittest.skipIf(AS_MODULES, "it needs no collection")
class BareBinary(PlaybookCase):
    """A copy, and links to it that are named for operations."""

    settings: ClassVar[dict[str, Any]] = {
        "faults": [
            {"path": "/managementServer/updates/", "times": 1, "fault": {"status": {"code": 503, "body": "envelope"}}},
            echo("/updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=14", 500, "envelope"),
        ]
    }

    def setUp(self) -> None:
        """Lays the playbook and its `library/` out."""
        super().setUp()
        library = self.folder / "library"
        library.mkdir()
        shutil.copy(os.environ["LXCA_BINARY"], library / "lxca")
        for operation in ("lxca_appliance_info", "firmware_export_info"):
            (library / operation).symlink_to("lxca")
        self.playbook = Path(shutil.copy(HERE / "playbooks/bare.yml", self.folder))

    def check(self, *arguments: str, asynchronous: bool = True) -> Run:
        """Runs the playbook and looks at what it tells."""
        run = self.succeeds(self.playbook, "-e", f'{{"asynchronous": {str(asynchronous).lower()}}}', *arguments)
        self.assertEqual(run["By its name"].result["data"]["version"], "4.0.0")
        self.assertIn("details", run["By a link"].result["data"])
        self.assertEqual(run["By a link, on one line"].result["data"]["phase"], "complete")
        self.assertEqual(run["With until"].result["attempts"], 2)
        self.assertEqual(len(run["With until"].result["data"]["updates"]), 2)
        self.assertEqual(len(run["With a loop"].result["results"]), 2)
        self.assertEqual(run["With async"].outcome, "ok" if asynchronous else "skipped")
        self.assertEqual(run["A wrong password"].kind, "authentication_failed")
        self.assertRegex(run["Credentials"].result["msg"], "^FQXHM")
        self.assertEqual(run["An unknown option"].kind, "invalid_input")
        self.assertEqual(run["A port that is none"].kind, "invalid_input")
        repeated = run["A failure that repeats the credentials"]
        self.assertEqual(repeated.kind, "server_error")
        self.assertIn("********", repeated.result["messages"][0]["text"])
        self.assertIn("censored", run["A failure that repeats the credentials, under no_log"].result)
        # What other callers want is not there.
        self.assertNotIn("comment", run["By its name"].result)
        # The refusals in between send nothing.
        status = "GET /updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid="
        self.assertEqual(
            self.appliance.requests(10 + asynchronous),
            [
                BASIC,
                BASIC,
                f"{status}12 200",
                f"{UPDATES} 503",
                f"{UPDATES} 200",
                BASIC,
                "GET /managementServer/updates 200",
                *[BASIC] * asynchronous,
                "GET /aicc 401",
                *[f"{status}14 500"] * 2,
            ],
        )
        return run

    def test_run(self) -> None:
        """A run."""
        self.check()

    def test_check_mode(self) -> None:
        """A dry run asks as well, for questions change nothing."""
        run = self.check("--check", "--diff", asynchronous=CORE >= (2, 19))
        self.assertNotIn("--- before", run.output)
