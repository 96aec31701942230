# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# BSD 2-Clause License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Finds the program lxca, asks it, and ends the module with its answer.

The program does the work: what a module adds is Ansible's checking of options, its masking and its documentation.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import sysconfig
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.ansible_release import __version__
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xclarity.lxca.plugins.module_utils.connection import CONNECTION, environment

MINIMUM_VERSION = "0.1.0"
"""The oldest program that knows what this collection asks."""

BINARY_PATH = {"type": "path", "fallback": (environment, ["LXCA_BINARY"])}


class Unusable(Exception):
    """The program could not be asked. Its text is for a person; `kind` is the failure's `error.kind`."""

    def __init__(self, kind: str, msg: str) -> None:
        """Keeps both."""
        super().__init__(msg)
        self.kind = kind


def ask(operation: str, argument_spec: Mapping[str, object]) -> None:
    """Runs a module whole: reads its options, asks the program, ends with its answer."""
    spec = dict(CONNECTION, binary_path=BINARY_PATH, **argument_spec)
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    # What is not set is not sent: the program knows its defaults.
    request = {name: module.params[name] for name in spec if module.params[name] is not None}
    path = request.pop("binary_path", None)
    request.update(
        operation=operation,
        _ansible_check_mode=module.check_mode,
        _ansible_diff=module._diff,
        _ansible_version=__version__,
    )
    try:
        answer = answer_of(module, path or find(module), request)
    except Unusable as failure:
        answer = {"failed": True, "msg": str(failure), "error": {"kind": failure.kind, "retryable": False}}
    if answer["failed"]:
        module.fail_json(**answer)
    module.exit_json(**answer)


def find(module: AnsibleModule) -> str:
    """The program beside the Python that runs this, as pip installs it, or else on PATH."""
    folders = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    path = module.get_bin_path("lxca", opt_dirs=folders)
    if path is None:
        raise Unusable(
            "local_file",
            f"The program lxca is not on this host: it is not in {' and '.join(dict.fromkeys(folders))} and not on PATH. "
            "Install its wheel into this Python, or name the file by binary_path or LXCA_BINARY.",
        )
    return path


def answer_of(module: AnsibleModule, path: str, request: Mapping[str, object]) -> dict[str, Any]:
    """What the program answers."""
    status, output, errors = run(module, [path, "-"], json.dumps(request))
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
        # A program that is too old does not know an option or an operation, or is something else altogether.
        complain_of_version(module, path)
    if understood:
        return answer
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    # What it printed is not shown: whatever it was, it was not meant for people.
    said = f" and said on stderr: {errors.strip()[-500:]}" if errors.strip() else ""
    raise Unusable("internal", f"{path} {ended} without an answer in JSON{said}.")


def complain_of_version(module: AnsibleModule, path: str) -> None:
    """Fails when the program is too old, or is not lxca."""
    status, output, _errors = run(module, [path, "--version"])
    version = re.match(r"lxca (\d+)\.(\d+)\.(\d+)", output)
    if status != 0 or version is None:
        raise Unusable("local_file", f"{path} is not lxca: it does not answer --version as lxca does.")
    if tuple(map(int, version.groups())) < tuple(map(int, MINIMUM_VERSION.split("."))):
        wanted = f"{path} is {version.group()}, and this collection needs {MINIMUM_VERSION} or later."
        raise Unusable("local_file", wanted)


def run(module: AnsibleModule, command: list[str], data: str | None = None) -> tuple[int, str, str]:
    """Runs the program, secrets on its standard input alone."""
    try:
        return module.run_command(command, data=data, handle_exceptions=False)
    except OSError as error:
        reasons = {
            errno.ENOENT: "there is no such file; its whole path is wanted",
            errno.EACCES: "it is not executable, or its file system is mounted noexec",
            errno.ENOEXEC: "it is for another processor, or no program at all",
            errno.EPIPE: "it ended before it had read the question",
        }
        reason = reasons.get(error.errno or 0, str(error))
        raise Unusable("local_file", f"The program {command[0]} cannot be run: {reason}.") from error
