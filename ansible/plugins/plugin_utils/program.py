# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the program lxca as a process of Ansible's worker."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

EXIT_TIMEOUT = 6
"""Seconds that an interrupted program gets to end by itself. Its logout from the appliance takes at most 5."""

LONGEST_SILENCE = 300
"""Seconds without a line, after which one is shown: job runners end what is silent for long."""


class Interrupted(BaseException):
    """A signal that would end the worker."""

    def __init__(self, signum: int) -> None:
        """Keeps its number."""
        super().__init__()
        self.signum = signum


class Program:
    """Stands in for `AnsibleModule.run_command`."""

    def __init__(self, folder: str, show: Callable[[str, int], None]) -> None:
        """Relative paths belong to the folder. `show` gets each line, and the verbosity from which on it is of interest."""
        self._folder = folder
        self._show = show

    def run(self, command: list[str], data: str | None = None, **_options: Any) -> tuple[int, str, str]:
        """Runs the program: exit status, stdout, stderr. Raises OSError when it cannot be run or does not read its input."""
        try:
            with interruptions():
                return self._run(command, (data or "").encode())
        except Interrupted as interrupted:
            # With Ansible's own handler back in its place.
            os.kill(os.getpid(), interrupted.signum)
            raise

    def _run(self, command: list[str], data: bytes) -> tuple[int, str, str]:
        """Runs the program and sends it at most one signal: a second one would end it before it has logged out."""
        process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            # The lines are shown at -vvv, and the last one after a long silence.
            env={"LXCA_LOG": "info", **os.environ},
            # Ctrl-C at the terminal reaches Ansible's process group, and some versions of Ansible pass it on twice.
            start_new_session=True,
        )
        try:
            output, errors = self._talk(process, data)
            return process.wait(), output, errors
        except BaseException:
            # The task's timeout, Ctrl-C, or input that is not read.
            end(process)
            raise
        finally:
            # A program that still runs learns from this that nobody waits for its answer.
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()

    def _talk(self, process: subprocess.Popen[bytes], data: bytes) -> tuple[str, str]:
        """Hands the program its input; reads stdout, and stderr as it comes."""
        if not (process.stdin and process.stdout and process.stderr):
            raise ValueError("the program has no pipes")
        output, errors, shown, line = bytearray(), bytearray(), 0, ""
        started = time.monotonic()
        with selectors.DefaultSelector() as selector:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            for stream in (process.stdout, process.stderr):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(LONGEST_SILENCE)
                if not ready:
                    minutes = round((time.monotonic() - started) / 60)
                    self._show(f"lxca has been running for {minutes} minutes. {line}".rstrip(), 0)
                for key, _events in ready:
                    if key.fileobj is process.stdin:
                        data = data[os.write(key.fd, data[:65536]) :]
                        if not data:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                        continue
                    read = os.read(key.fd, 65536)
                    (output if key.fileobj is process.stdout else errors).extend(read)
                    if not read:
                        selector.unregister(key.fileobj)
                while (end := errors.find(b"\n", shown)) >= 0:
                    line = errors[shown:end].decode(errors="replace")
                    self._show(line, 3)
                    shown = end + 1
        return output.decode(errors="replace"), errors.decode(errors="replace")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that may still write, or gives up."""
    if process.stdin:
        process.stdin.close()
        process.stdin = None
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=EXIT_TIMEOUT)


@contextlib.contextmanager
def interruptions() -> Iterator[None]:
    """Makes exceptions of the signals that would end the worker at once, and the program's session with it."""

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        raise Interrupted(signum)

    before = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
