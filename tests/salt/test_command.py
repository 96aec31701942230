# SPDX-License-Identifier: MIT OR Apache-2.0
"""The bare binary in Salt's cmd.run, without any Python of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from minion import MinionCase

BOTH = [{"test_name": "lxca -"}]
"""What `stateful` says when `test=True` is to ask too."""


def asks(question: dict[str, Any], stateful: Any) -> list[dict[str, Any]]:
    """What such a state says beside the command."""
    return [{"stdin": json.dumps(question)}, {"stateful": stateful}]


class Command(MinionCase):
    """The binary takes the connection from the minion's environment."""

    synced = False

    @classmethod
    def configured(cls, good: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Nothing."""
        return {"configuration": {}}

    def apply(self, states: dict[str, dict[str, Any]], *arguments: str) -> dict[str, dict[str, Any]]:
        """Applies these states."""
        binary = Path(os.environ["LXCA_BINARY"])
        self.assertEqual(binary.name, "lxca")
        called = self.minion.apply(
            json.dumps(states),
            *arguments,
            PATH=f"{binary.parent}:{os.environ['PATH']}",
            LXCA_HOST=self.appliance.about["host"],
            LXCA_PORT=str(self.appliance.about["port"]),
            LXCA_USERNAME=self.appliance.about["username"],
            LXCA_PASSWORD=self.appliance.about["password"],
            LXCA_CA_PATH=self.appliance.about["ca_path"],
        )
        return called.states

    def test_run(self) -> None:
        """The comment is what is left of an answer without a change; an exit status of 1 is a failure."""
        (self.minion.folder / "states/lxca").symlink_to(os.environ["LXCA_BINARY"])
        export = {"operation": "firmware_export_info", "wait": True}
        sent = [{"source": "salt://lxca"}, {"args": "-"}, *asks({**export, "task_id": 12}, True)]
        states = self.apply(
            {
                "good": {"cmd.run": [{"name": "lxca -"}, *asks({**export, "task_id": 12}, BOTH)]},
                "sent": {"cmd.script": sent},
                "bad": {"cmd.run": [{"name": "lxca -"}, *asks({**export, "task_id": 99}, True)]},
            }
        )
        good = states["good"]
        self.assertEqual((good["result"], good["changes"]), (True, {}), good)
        self.assertRegex(
            good["comment"], r"^Export task 12 on 127\.0\.0\.1 is complete\. File: repository\d{14}\.zip, "
        )
        self.assertEqual(states["sent"]["comment"], good["comment"])
        self.assertIs(states["bad"]["result"], False)
        self.assertIn("The specified resource was not found (FQXHMUP9404J)", states["bad"]["comment"])

    def test_in_test_mode(self) -> None:
        """Without `test_name` nothing is asked, and nothing said."""
        question = {"operation": "appliance_info"}
        self.appliance.forget()
        states = self.apply(
            {
                "mute": {"cmd.run": [{"name": "lxca -"}, *asks(question, True)]},
                "asked": {"cmd.run": [{"name": "lxca -"}, *asks(question, BOTH)]},
            },
            "test=True",
        )
        self.assertEqual((states["mute"]["result"], states["mute"]["comment"]), (None, ""))
        self.assertIn("127.0.0.1 answers as XClarity Administrator", states["asked"]["comment"])
        self.assertEqual(self.appliance.requests(1), ["GET /aicc 200"])
