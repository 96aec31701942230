# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the program straight from the controller where the module would run there anyway; else runs the module.

A module costs an unpacking and a Python of its own, a hundred times what the program needs. The result is the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display
from ansible_collections.xclarity.lxca.plugins.module_utils.binary import answer_to, failure, full_spec
from ansible_collections.xclarity.lxca.plugins.plugin_utils.program import Program

from ansible.plugins.action import ActionBase

display = Display()


class AskAction(NormalAction):
    """The action of every module of the collection."""

    operation: ClassVar[str]
    argument_spec: ClassVar[Mapping[str, object]]
    rules: ClassVar[Mapping[str, Any]]
    """The same that the module gives to `ask`."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result."""
        reason = self._needs_module()
        if reason:
            display.vvvv(f"xclarity.lxca.{self.operation}: runs as a module because of {reason}")
            return NormalAction.run(self, tmp, task_vars)
        ActionBase.run(self, tmp, task_vars)
        with self._task_environment():
            params, secrets, refused = self._validated()
            if refused:
                answer = failure("invalid_input", refused)
            else:
                program = Program(self._loader.get_basedir(), lambda line, level: self._show(line, level, secrets))
                answer = answer_to(self.operation, params, self._task.check_mode, self._task.diff, program.run)
        answer["invocation"] = {"module_args": params}
        # As AnsibleModule has it: true, false and null are no secrets, and masking would replace them.
        kept = {name: value for name, value in answer.items() if value is None or isinstance(value, bool)}
        return {**remove_values(answer, secrets), **kept}

    def _needs_module(self) -> str | None:
        """Why the module has to run, if so."""
        if self._connection.transport not in ("local", "ansible.builtin.local"):
            return f"the connection {self._connection.transport}"
        if self._connection.become:
            return "become"
        if self._task.async_val:
            return "async"
        return None

    @contextlib.contextmanager
    def _task_environment(self) -> Iterator[None]:
        """The task's `environment:`, in which options fall back and paths expand as in a module's process."""
        wanted: dict[str, Any] = {}
        self._compute_environment_string(wanted)
        before = dict(os.environ)
        os.environ.update({name: str(value) for name, value in wanted.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _validated(self) -> tuple[dict[str, Any], set[str], str | None]:
        """The options as the module would have them, what to mask, and why they are refused, if so."""
        spec = full_spec(self.argument_spec)
        checked = ArgumentSpecValidator(spec, **self.rules).validate(plain(self._task.args))
        params: dict[str, Any] = checked.validated_parameters
        secrets = {str(params[name]) for name, facts in spec.items() if facts.get("no_log") and params.get(name)}
        if not checked.error_messages:
            return params, secrets, None
        refused: str = checked.errors.msg
        if isinstance(checked.errors[0], UnsupportedError):
            refused = f"Unsupported parameters for ({self._task.action}) module: {refused}"
        return params, secrets, refused

    def _show(self, line: str, level: int, secrets: set[str]) -> None:
        """Shows what the program tells while it runs."""
        host = self._task.delegate_to or self._play_context.remote_addr
        if not self._task.no_log and display.verbosity >= level:
            display.display(f"<{host}> {remove_values(line, secrets)}")


def plain(value: Any) -> Any:
    """Options as a module gets them. Before ansible-core 2.19 what is vaulted where it stands is an object, not yet a text."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return str(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else value
