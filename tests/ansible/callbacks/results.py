"""A callback of Ansible that writes down what tasks return, a line of JSON each, to the file that LXCA_RESULTS names."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: notification
short_description: Results in a file
description: Writes the results of tasks to a file, a line of JSON each.
"""


class CallbackModule(CallbackBase):
    """Writes name, outcome and result of every task that ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, outcome: str, result: Any) -> None:
        """Adds a line."""
        task = result._task
        line = {"task": task.get_name(), "action": task.action, "outcome": outcome, "result": result._result}
        with open(os.environ["LXCA_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that is ok or changed."""
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task that failed."""
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A task whose host cannot be reached."""
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task that was left out."""
        self._write("skipped", result)
