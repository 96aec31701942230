# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Call Lenovo XClarity Administrator (LXCA) through the program ``lxca``.

The appliance and the credentials come from a connection profile: the configuration key ``lxca``, taken from the first of the
minion's configuration, the pillar, and the master's configuration where the pillar holds it (``pillar_opts``). Grains do not
count, because they are facts about the machine. A function's argument ``profile`` names another key, for a second appliance.

.. code-block:: yaml

    lxca:
      host: lxca.example.com
      username: USERID
      password: secret
      ca_path: /etc/ssl/lxca-ca.pem
      binary: /opt/lxca/lxca  # when it is neither beside Salt's Python nor on PATH

The profile can hold every option that ``lxca schema`` lists. A function's argument wins over it. Do not pass the password as an
argument: Salt keeps arguments, and what a function returns, in its job cache.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "lxca"
__opts__: dict[str, Any]
__salt__: dict[str, Any]

log = logging.getLogger(__name__)

MINIMUM_VERSION = (0, 1, 0)
"""The oldest program that understands what these functions send."""

EXIT_TIMEOUT = 6
"""Seconds that an interrupted program gets to end by itself. Its logout from the appliance takes at most 5."""


def __virtual__() -> str:
    """Always loads. A call looks for the program."""
    return __virtualname__


def call(operation: str, profile: str = "lxca", test: bool | None = None, **options: Any) -> dict[str, Any]:
    """
    Run any operation of the program and return its answer: ``changed``, ``failed``, ``msg``, ``data`` and, when there are
    any, the appliance's ``messages`` and ``warnings``.

    A failure raises ``CommandExecutionError``, whose ``info`` holds the answer's ``error`` and ``messages``.

    operation
        The operation's name; ``lxca operations`` lists them.

    profile : lxca
        The configuration key that holds the connection profile.

    test
        Whether to change nothing and say what would change. Every function here takes it. The default is the ``test`` of the
        calling state, or that of the minion's configuration.

    options
        The operation's options, and those that replace the profile's. ``binary`` is the absolute path of the program.

    CLI Example:

    .. code-block:: bash

        salt '*' lxca.call appliance_info all=true profile=lxca_rack2
    """
    # An option without a value leaves the profile's.
    wanted = {**_profile(profile), **{name: value for name, value in options.items() if value is not None}}
    # Names that start with an underscore are Salt's, or would tell the program that somebody else calls.
    question = {name: _plain(name, value) for name, value in wanted.items() if not str(name).startswith("_")}
    binary = _binary(question.pop("binary", None))
    question["operation"] = operation
    if __opts__.get("test") if test is None else test:
        question["_noop"] = True
    answer = _ask(binary, question)
    answer.pop("comment", None)
    for warning in answer.get("warnings", []):
        log.warning("%s: %s", operation, warning)
    if answer["failed"]:
        info = {name: answer[name] for name in ("error", "messages") if name in answer}
        raise CommandExecutionError(answer["msg"], info=info)
    return answer


def appliance_info(profile: str = "lxca", **options: Any) -> dict[str, Any]:
    """
    Return name, version and build of the appliance: the connection test.

    all : False
        Whether to show the rest of the answer, some 180 KB of networks, services and time zones, under
        ``data.details``.

    CLI Example:

    .. code-block:: bash

        salt '*' lxca.appliance_info
    """
    return call("appliance_info", profile, **options)


def firmware_export_info(task_id: int, profile: str = "lxca", **options: Any) -> dict[str, Any]:
    """
    Return how far the export of the firmware repository is, or how it ended. ``data:phase`` is ``created``, ``running``,
    ``complete``, ``canceled`` or ``error``.

    task_id
        ID of the task, as starting the export answered it; 0 asks for all running tasks. Must be ``0`` or more.

    poll_interval : 10
        Seconds between two polls. Must be from ``1`` to ``86400``.

    wait : False
        Whether to poll until the task has ended. Not with ``task_id: 0``.

    wait_timeout : 3600
        Seconds until waiting is given up. Must be from ``0`` to ``604800``.

    CLI Example:

    .. code-block:: bash

        salt '*' lxca.firmware_export_info 12
        salt '*' lxca.firmware_export_info 12 wait=true wait_timeout=600
    """
    return call("firmware_export_info", profile, task_id=task_id, **options)


def management_server_update_info(profile: str = "lxca", **options: Any) -> dict[str, Any]:
    """
    Return what the appliance knows about management-server updates. Without ``fix_ids``: which ones its repository holds.

    filetype
        The file to ask for of each of ``fix_ids``; not together with ``key``. One of ``readme``, ``changeHistory``.

    fix_ids
        IDs of updates; without them lxca asks for the repository itself. Any number: they are split over as many
        requests as it takes, and an id that stands twice is asked for once. An empty list asks for nothing.

    key
        What to ask for; everything when neither this nor ``filetype`` is given. With ``fix_ids``: ``all``, ``actions``,
        ``keys``, ``filetypes``, ``update``; without: ``all``, ``currentVersion``, ``history``, ``importDir``, ``size``,
        ``updates``, ``updatedDate``. One of ``all``, ``actions``, ``keys``, ``filetypes``, ``update``,
        ``currentVersion``, ``history``, ``importDir``, ``size``, ``updates``, ``updatedDate``.

    CLI Example:

    .. code-block:: bash

        salt '*' lxca.management_server_update_info
        salt '*' lxca.management_server_update_info fix_ids=lnvgy_sw_lxca_291-4.0.1_anyos_noarch filetype=readme
    """
    return call("management_server_update_info", profile, **options)


def management_server_catalog(profile: str = "lxca", **options: Any) -> dict[str, Any]:
    """
    Renews what the appliance knows of updates for itself.

    poll_interval : 10
        Seconds between two polls. Must be from ``1`` to ``86400``.

    wait : True
        Whether to wait until the appliance has renewed its catalog.

    wait_timeout : 3600
        Seconds until waiting is given up. Must be from ``0`` to ``604800``.

    CLI Example:

    .. code-block:: bash

        salt '*' lxca.management_server_catalog
    """
    return call("management_server_catalog", profile, **options)


def _profile(name: str) -> dict[str, Any]:
    """The connection profile. Without one, options and the program's environment variables have to do."""
    # Grains would come before the pillar, and are only what the machine found out about itself.
    profile = __salt__["config.get"](name, None, omit_grains=True)
    if profile is None and name == "lxca":
        return {}
    if profile is None:
        raise _unusable(
            f"Neither the minion's configuration nor its pillar has the connection profile {name}. "
            "Grains do not count.",
            "invalid_input",
        )
    if not isinstance(profile, dict):
        raise _unusable(f"The connection profile {name} must be a mapping of options to values.", "invalid_input")
    return profile


def _plain(name: Any, value: Any) -> Any:
    """A value as JSON holds it. Bytes, as the pillar's decryption gives them, become text."""
    if not isinstance(name, str):
        raise _unusable(f"The name of an option must be a text, not {name!r}.", "invalid_input")

    def text(value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode()
        raise TypeError

    try:
        return json.loads(json.dumps(value, allow_nan=False, default=text))
    except (TypeError, ValueError, RecursionError):
        # Python's own message would repeat the value.
        raise _unusable(
            f"`{name}` has a value that JSON cannot hold, such as a date without quotes or bytes that are not UTF-8.",
            "invalid_input",
        ) from None


def _binary(named: Any) -> str:
    """
    The path of the program: the one that is named, else the one beside Python, where pip puts it, or on PATH.

    It is given the password, so a folder that depends on where Salt was started does not count.
    """
    if not isinstance(named, (str, type(None))):
        raise _unusable("`binary` must be the path of the program, as a text.", "invalid_input")
    path = os.path.expanduser(named or os.environ.get("LXCA_BINARY", ""))
    if path and not os.path.isabs(path):
        raise _unusable(
            f"`binary` (or LXCA_BINARY) must be an absolute path, such as /opt/lxca/lxca, not {path}.", "invalid_input"
        )
    if path:
        return path
    folders = list(dict.fromkeys([sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]))
    searched = [*folders, *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    found = shutil.which("lxca", path=os.pathsep.join(filter(os.path.isabs, searched)))
    if found is None:
        raise _unusable(
            f"The program lxca is not on this minion. It was looked for beside Salt's Python, in {' and '.join(folders)}, "
            "and on PATH. Install it there, or name the file with `binary` in the connection profile or with LXCA_BINARY."
        )
    return found


def _ask(binary: str, question: dict[str, Any]) -> dict[str, Any]:
    """The program's answer, failed or not."""
    status, output, errors = _run([binary, "-"], json.dumps(question))
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if not (
        isinstance(answer, dict)
        and isinstance(answer.get("failed"), bool)
        and isinstance(answer.get("msg"), str)
        and isinstance(answer.get("error", {}), dict)
    ):
        _require_version(binary)
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        # What it printed is not shown: it might be the password.
        raise _unusable(f"{binary} {ended} without an answer in JSON.", "internal")
    if answer.get("error", {}).get("kind") == "invalid_input":
        # An older program does not know every operation and option.
        _require_version(binary)
    if errors:
        # With LXCA_LOG set the program logs here what it does, and never a secret.
        log.debug("%s: %s", binary, errors.decode(errors="replace").rstrip())
    return answer


def _require_version(binary: str) -> None:
    """Fails when the program is too old, or is another program. Only a failure makes this worth another process."""
    _status, output, _errors = _run([binary, "--version"])
    version = re.match(rb"lxca (\d+)\.(\d+)\.(\d+)", output)
    if version is None:
        raise _unusable(f"{binary} is not lxca: it does not answer --version as lxca does.")
    if tuple(int(number) for number in version.groups()) < MINIMUM_VERSION:
        minimum = ".".join(map(str, MINIMUM_VERSION))
        raise _unusable(f"{binary} is {version.group().decode()}, and this module needs {minimum} or later.")


def _run(command: list[str], document: str = "") -> tuple[int, bytes, bytes]:
    """Status, output and errors of the program, which gets the document on its standard input and nowhere else."""
    try:
        # Not cmd.run_all: in the messages of older Salts it repeats the standard input.
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                output, errors = process.communicate(document.encode())
            except BaseException:
                # An interruption of Salt usually reaches the program too. It then logs out, which a second signal would stop.
                try:
                    process.communicate(timeout=EXIT_TIMEOUT)
                except subprocess.TimeoutExpired:
                    process.terminate()
                raise
    except OSError as error:
        reasons = {
            errno.ENOENT: "there is no such file",
            errno.EACCES: "it is not executable, or its file system is mounted noexec",
            errno.ENOEXEC: "wrong CPU architecture, or not an executable",
        }
        reason = reasons.get(error.errno or 0, error.strerror)
        raise _unusable(f"The program {command[0]} cannot be run: {reason}.") from error
    return process.returncode, output, errors


def _unusable(msg: str, kind: str = "local_file") -> CommandExecutionError:
    """A failure before or without an answer, in the shape of one."""
    return CommandExecutionError(msg, info={"error": {"kind": kind, "retryable": False}})
