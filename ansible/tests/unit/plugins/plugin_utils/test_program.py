# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The process of the program: small programs stand in for lxca."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xclarity.lxca.plugins.plugin_utils import program
from ansible_collections.xclarity.lxca.plugins.plugin_utils.program import Interrupted, Program

SIGNALS = "trap 'echo TERM >>signals' TERM; trap 'echo INT >>signals' INT"
"""Writes down which signals come."""


class Shown:
    """What is shown, with the verbosity from which on it is."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[tuple[str, int]] = []
        self.first = threading.Event()

    def __call__(self, line: str, level: int) -> None:
        """Shows a line."""
        self.lines.append((line, level))
        self.first.set()


@pytest.fixture
def shown() -> Shown:
    """Nothing yet."""
    return Shown()


def script(folder: Path, text: str) -> list[str]:
    """The command line of a shell script."""
    path = folder / "script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path), "-"]


def test_it_is_run_in_the_folder(tmp_path: Path, shown: Shown) -> None:
    """With the whole input, whatever its size, and both outputs whole."""
    data = "ä" * 300_000
    command = script(tmp_path, "cat | tee copy; seq 100000 >&2; exit 3")
    status, output, errors = Program(str(tmp_path), shown).run(command, data=data, handle_exceptions=False)
    assert (status, output == data, (tmp_path / "copy").read_text() == data) == (3, True, True)
    assert errors.splitlines() == [str(number) for number in range(1, 100_001)]
    assert shown.lines == [(line, 3) for line in errors.splitlines()]


def test_lines_are_shown_as_they_come(tmp_path: Path, shown: Shown) -> None:
    """Not at the end: the program goes on when the first has been seen."""
    os.mkfifo(tmp_path / "go")
    command = script(tmp_path, "cat >/dev/null; echo first >&2; read line <go; echo second >&2")

    def let_go() -> None:
        if shown.first.wait(30):
            (tmp_path / "go").write_text("\n")

    thread = threading.Thread(target=let_go)
    thread.start()
    Program(str(tmp_path), shown).run(command, data="{}")
    thread.join()
    assert shown.lines == [("first", 3), ("second", 3)]


def test_silence_is_broken(tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every verbosity, with the last line of the program."""
    monkeypatch.setattr(program, "LONGEST_SILENCE", 0.05)
    os.mkfifo(tmp_path / "go")
    command = script(tmp_path, "cat >/dev/null; echo at 40 per cent >&2; read line <go")
    seen = threading.Event()

    def show(line: str, level: int) -> None:
        shown(line, level)
        if level == 0 and "40" in line and not seen.is_set():
            seen.set()
            # Opens without waiting: the program has it open for reading, or will.
            threading.Thread(target=(tmp_path / "go").write_text, args=("\n",)).start()

    Program(str(tmp_path), show).run(command, data="{}")
    assert ("lxca has been running for 0 minutes. at 40 per cent", 0) in shown.lines


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_of_the_worker_is_one_of_the_program(tmp_path: Path, signum: int) -> None:
    """Exactly one: a second would end it before it has logged out. Ansible's own handler comes after."""
    came: list[int] = []
    before = signal.signal(signum, lambda number, _frame: came.append(number))
    command = script(
        tmp_path,
        f"{SIGNALS}; cat >/dev/null; echo ready >&2; while [ ! -e signals ]; do sleep 0.1; done; echo left >>signals",
    )
    try:
        with pytest.raises(Interrupted):
            Program(str(tmp_path), lambda _line, _level: os.kill(os.getpid(), signum)).run(command, data="{}")
    finally:
        signal.signal(signum, before)
    assert (tmp_path / "signals").read_text().split() == ["TERM", "left"]
    assert came == [signum]


def test_a_timeout_is_a_signal_too(tmp_path: Path) -> None:
    """Ansible raises an exception when a task's time is over."""

    class Timeout(BaseException):
        """As ansible-core has it."""

    def over(_line: str, _level: int) -> None:
        raise Timeout

    command = script(
        tmp_path,
        f"{SIGNALS}; cat >/dev/null; echo ready >&2; while [ ! -e signals ]; do sleep 0.1; done; echo left >>signals",
    )
    with pytest.raises(Timeout):
        Program(str(tmp_path), over).run(command, data="{}")
    assert (tmp_path / "signals").read_text().split() == ["TERM", "left"]


def test_one_that_does_not_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not signaled again, and learns from its stdout that nobody waits."""
    monkeypatch.setattr(program, "EXIT_TIMEOUT", 0.2)
    command = script(
        tmp_path,
        f"{SIGNALS}; cat >/dev/null; echo ready >&2; while [ ! -e over ]; do sleep 0.1; done; trap '' PIPE; echo | cat || :; echo >&1 || echo closed >>signals",
    )

    def over(_line: str, _level: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Program(str(tmp_path), over).run(command, data="{}")
    (tmp_path / "over").touch()
    end = threading.Event()
    for _attempt in range(300):
        if "closed" in (tmp_path / "signals").read_text():
            break
        end.wait(0.1)
    assert (tmp_path / "signals").read_text().split() == ["TERM", "closed"]


@pytest.mark.parametrize(
    ("text", "code"), [(None, errno.ENOENT), ("exec <&-\nexit 0", errno.EPIPE)], ids=["missing", "does not read"]
)
def test_one_that_cannot_be_run(tmp_path: Path, shown: Shown, text: str | None, code: int) -> None:
    """The operating system's own word, as `AnsibleModule.run_command` gives it."""
    command: list[Any] = [str(tmp_path / "nowhere")] if text is None else script(tmp_path, text)
    with pytest.raises(OSError, match=r".") as caught:
        Program(str(tmp_path), shown).run(command, data="x" * 1_000_000)
    assert caught.value.errno == code


def test_log_variable(tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """LXCA_LOG of the user wins."""
    command = script(tmp_path, 'cat >/dev/null; echo "$LXCA_LOG"')
    monkeypatch.delenv("LXCA_LOG", raising=False)
    assert Program(str(tmp_path), shown).run(command)[1] == "info\n"
    monkeypatch.setenv("LXCA_LOG", "debug")
    assert Program(str(tmp_path), shown).run(command)[1] == "debug\n"
