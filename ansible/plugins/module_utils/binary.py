# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# BSD 2-Clause License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Finds the program lxca, runs it, and ends the module with its answer.

The program does the work. A module adds Ansible's checking of options, its masking and its documentation.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ansible.module_utils.ansible_release import __version__
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xclarity.lxca.plugins.module_utils.connection import CONNECTION, environment

MINIMUM_VERSION = "0.1.0"
"""The oldest program that understands what this collection sends."""

BINARY_PATH = {"type": "path", "fallback": (environment, ["LXCA_BINARY"])}

Run = Callable[..., "tuple[int, str, str]"]
"""Runs a command, as `AnsibleModule.run_command` does: exit status, stdout, stderr."""


class Unusable(Exception):
    """The program could not be run, or gave no answer. Its text is for a person; `kind` is the failure's `error.kind`."""

    def __init__(self, kind: str, msg: str) -> None:
        """Keeps both."""
        super().__init__(msg)
        self.kind = kind


def failure(kind: str, msg: str) -> dict[str, Any]:
    """An answer that the program did not give."""
    return {"changed": False, "failed": True, "msg": msg, "error": {"kind": kind, "retryable": False}}


class Module(AnsibleModule):
    """A module whose failures all say what kind they are, also those of Ansible's own checks."""

    def fail_json(self, msg: str, **answer: Any) -> NoReturn:
        """Fails; without `error` Ansible has refused the options."""
        super().fail_json(msg, **{"error": {"kind": "invalid_input", "retryable": False}, **answer})


def full_spec(argument_spec: Mapping[str, object]) -> dict[str, Any]:
    """All options of a module."""
    return dict(CONNECTION, binary_path=BINARY_PATH, **argument_spec)


def ask(operation: str, argument_spec: Mapping[str, object], rules: Mapping[str, Any]) -> None:
    """Runs a module as a whole: reads its options, runs the program, ends with its answer."""
    module = Module(argument_spec=full_spec(argument_spec), supports_check_mode=True, **rules)
    answer = answer_to(operation, module.params, module.check_mode, module._diff, module.run_command)
    for warning in answer.pop("warnings", []):
        module.warn(warning)
    if answer["failed"]:
        module.fail_json(**answer)
    module.exit_json(**answer)


def answer_to(operation: str, params: Mapping[str, Any], check_mode: bool, diff: bool, run: Run) -> dict[str, Any]:
    """The program's answer to checked options, or the failure to get one."""
    # What is not set is not sent: the program knows its defaults.
    request = {name: value for name, value in params.items() if value is not None}
    path = request.pop("binary_path", None)
    request.update(
        operation=operation, _ansible_check_mode=check_mode, _ansible_diff=diff, _ansible_version=__version__
    )
    try:
        return parsed(run, find(path), request)
    except Unusable as why:
        return failure(why.kind, str(why))


def find(named: str | None) -> str:
    """The program that is named, or else the one beside the Python that runs this, where pip puts it, or on PATH.

    It is given the password, so a folder that depends on where Ansible was started does not count.
    """
    if named is not None and not os.path.isabs(named):
        raise Unusable(
            "invalid_input",
            f"binary_path (or LXCA_BINARY) must be an absolute path, such as /opt/lxca/lxca, not {named}.",
        )
    if named is not None:
        return named
    folders = list(dict.fromkeys([os.path.dirname(sys.executable), sysconfig.get_path("scripts")]))
    searched = [*folders, *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    found = shutil.which("lxca", path=os.pathsep.join(filter(os.path.isabs, searched)))
    if found is None:
        raise Unusable(
            "local_file",
            f"The program lxca is not on this host. It was looked for beside the Python that ran this, {sys.executable}, "
            f"in {' and '.join(folders)}, and on PATH. Install its wheel into that Python, set ansible_python_interpreter "
            "to the Python that has it, or name the file with binary_path or LXCA_BINARY.",
        )
    return found


def parsed(run: Run, path: str, request: Mapping[str, object]) -> dict[str, Any]:
    """The program's answer, failed or not."""
    status, output, errors = attempt(run, [path, "-"], json.dumps(request))
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    understood = (
        isinstance(answer, dict)
        and isinstance(answer.get("failed"), bool)
        and isinstance(answer.get("msg"), str)
        and isinstance(answer.get("error", {}), dict)
    )
    if not understood or answer.get("error", {}).get("kind") == "invalid_input":
        # A program that is too old does not know an option or an operation, or it is another program.
        check_version(run, path)
    if understood:
        return answer
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    # What it printed is not shown: it may hold anything.
    said = f" and wrote to stderr: {errors.strip()[-500:]}" if errors.strip() else ""
    raise Unusable("internal", f"{path} {ended} without an answer in JSON{said}.")


def check_version(run: Run, path: str) -> None:
    """Fails when the program is too old, or is not lxca."""
    status, output, _errors = attempt(run, [path, "--version"])
    version = re.match(r"lxca (\d+)\.(\d+)\.(\d+)", output)
    if status != 0 or version is None:
        raise Unusable("local_file", f"{path} is not lxca: it does not answer --version as lxca does.")
    if tuple(map(int, version.groups())) < tuple(map(int, MINIMUM_VERSION.split("."))):
        wanted = f"{path} is {version.group()}, and this collection needs {MINIMUM_VERSION} or later."
        raise Unusable("local_file", wanted)


def attempt(run: Run, command: list[str], data: str | None = None) -> tuple[int, str, str]:
    """Runs the program, secrets on its standard input alone."""
    try:
        return run(command, data=data, handle_exceptions=False)
    except OSError as error:
        reasons = {
            errno.ENOENT: "there is no such file",
            errno.EACCES: "it is not executable, or its file system is mounted noexec",
            errno.ENOEXEC: "wrong CPU architecture, or not an executable",
            errno.EPIPE: "it ended before it had read its input",
        }
        reason = reasons.get(error.errno or 0, str(error))
        raise Unusable("local_file", f"The program {command[0]} cannot be run: {reason}.") from error
