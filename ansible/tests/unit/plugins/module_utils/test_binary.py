# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The runner against small programs that stand in for lxca: real files, run as processes."""

from __future__ import annotations

import json
import os
import stat
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.ansible_release import __version__
from ansible_collections.xclarity.lxca.plugins.module_utils import binary

CONNECTION = {"host": "lxca.example.com", "username": "USERID", "password": "Passw0rd-of-9-bytes"}
"""The options that a task must give."""

SENT = {"auth_method", "connect_timeout", "port", "retries", "timeout", "use_proxy", "validate_certs"}
"""The options that have a default, which Ansible fills in."""

GOOD = {"changed": False, "failed": False, "msg": "Asked.", "operation": "appliance_info", "data": {"name": "lxca1"}}
"""An answer."""

FOREIGN = b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16" + bytes(44)
"""The header of a program for an IBM mainframe, which these tests will hardly run on."""

Run = Callable[..., "dict[str, Any]"]


class Program:
    """A program in a file, which writes down how it is called."""

    def __init__(self, path: Path) -> None:
        """Nothing is written yet."""
        self.path = path

    def does(self, ask: str, version: str = "echo lxca 1.2.3") -> Program:
        """Writes it: what the shell is to do with a question, and with `--version`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(
            "#!/bin/sh\n"
            "PATH=/usr/bin:/bin\n"
            f"echo \"$*\" >>'{self.path}.calls'\n"
            f'if [ "$1" = --version ]; then {version}; exit; fi\n'
            f"cat >'{self.path}.input'\n"
            f"{ask}\n"
        )
        self.path.chmod(0o755)
        return self

    def answers(self, answer: dict[str, Any], then: str = "", version: str = "echo lxca 1.2.3") -> Program:
        """Writes it: what it prints, and what else it does."""
        return self.does(f"cat <<'END'\n{json.dumps(answer)}\nEND\n{then}", version)

    def calls(self) -> list[str]:
        """Its command lines."""
        calls = Path(f"{self.path}.calls")
        return calls.read_text().splitlines() if calls.exists() else []

    def input(self) -> dict[str, Any]:
        """What it was asked."""
        question: dict[str, Any] = json.loads(Path(f"{self.path}.input").read_text())
        return question


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No lxca but those of the test, and no settings in the environment."""
    for name in [name for name in os.environ if name.startswith("LXCA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python/bin/python3"))
    get_path = sysconfig.get_path

    def scripts(name: str, *arguments: str) -> str:
        """The folder where Python installs programs."""
        return str(tmp_path / "scripts") if name == "scripts" else get_path(name, *arguments)

    monkeypatch.setattr(sysconfig, "get_path", scripts)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a module with these options, the required ones being there, and gives what it tells Ansible."""

    def module(
        spec: dict[str, Any] | None = None, rules: dict[str, Any] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Runs it; an option of None is left out, names with an underscore are Ansible's."""
        given = {name: value for name, value in {**CONNECTION, **options}.items() if value is not None}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        # How results are written is asked for since ansible-core 2.19.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit) as ended:
            binary.ask("appliance_info", spec or {}, rules or {})
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert ended.value.code == (1 if result.get("failed") else 0)
        return result

    return module


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program that no search finds."""
    return Program(tmp_path / "elsewhere/lxca").answers(GOOD)


def unusable(result: dict[str, Any], kind: str = "local_file") -> str:
    """The text of a failure of the runner's own, which no repetition mends."""
    assert result["failed"] is True
    assert result["error"] == {"kind": kind, "retryable": False}
    text: str = result["msg"]
    return text


def test_answer_is_the_result(run: Run, program: Program) -> None:
    """What the program answers is what the module returns."""
    result = run(binary_path=str(program.path))
    for name in ("changed", "msg", "operation", "data"):
        assert result[name] == GOOD[name]
    assert program.calls() == ["-"]


def test_only_what_is_set_is_sent(run: Run, program: Program) -> None:
    """The program knows its defaults and its environment; an option that is not set is absent, not null."""
    run({"all": {"type": "bool"}, "key": {"type": "str", "no_log": False}}, binary_path=str(program.path), all=True)
    question = program.input()
    ours = {name: value for name, value in question.items() if not name.startswith("_")}
    assert set(ours) == SENT | set(CONNECTION) | {"operation", "all"}
    assert ours["operation"] == "appliance_info"
    assert ours["all"] is True
    assert {name: ours[name] for name in CONNECTION} == CONNECTION


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("diff", [False, True])
def test_check_mode_and_diff_are_sent(run: Run, program: Program, check: bool, diff: bool) -> None:
    """And which Ansible it is, by which the program knows its caller."""
    run(binary_path=str(program.path), _ansible_check_mode=check, _ansible_diff=diff)
    question = program.input()
    assert {name: value for name, value in question.items() if name.startswith("_")} == {
        "_ansible_check_mode": check,
        "_ansible_diff": diff,
        "_ansible_version": __version__,
    }


def test_secrets_are_not_on_the_command_line(run: Run, program: Program) -> None:
    """Nor in the environment of the program: there is nothing but a dash, and the question on standard input."""
    program.does(f"tr '\\0' '\\n' <\"/proc/$$/environ\" >'{program.path}.environ'; echo '{json.dumps(GOOD)}'")
    run(binary_path=str(program.path))
    assert program.calls() == ["-"]
    assert program.input()["password"] == CONNECTION["password"]
    assert CONNECTION["password"] not in Path(f"{program.path}.environ").read_text()


def test_secrets_of_an_answer_are_masked(run: Run, program: Program) -> None:
    """A program that repeats the password does so in vain: in text, in data, on standard error."""
    password = CONNECTION["password"]
    program.answers({**GOOD, "msg": f"It is {password}.", "data": {"all": password, "list": [f"<{password}>"]}})
    result = run(binary_path=str(program.path))
    assert result["msg"] == "It is ********."
    assert result["data"] == {"all": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "list": ["<********>"]}
    program.does(f"echo '{password}' >&2; exit 3")
    assert "wrote to stderr: ********" in unusable(run(binary_path=str(program.path)), "internal")


def test_secret_of_the_environment_is_masked(run: Run, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was given as an option."""
    monkeypatch.setenv("LXCA_PASSWORD", "from-the-environment")
    program.answers({**GOOD, "msg": "It is from-the-environment."})
    result = run(binary_path=str(program.path), password=None)
    assert program.input()["password"] == "from-the-environment"
    assert result["msg"] == "It is ********."


def test_failure_keeps_what_it_says(run: Run, program: Program) -> None:
    """A rescue can branch on the kind, the appliance's messages, and what was learned before."""
    failure = {
        "changed": False,
        "failed": True,
        "msg": "503",
        "operation": "appliance_info",
        "data": {"phase": "running"},
        "messages": [{"id": "FQXHMSE0001J", "text": "Later."}],
        "error": {"kind": "unavailable", "http_status": 503, "retryable": True},
    }
    program.answers(failure, "exit 1")
    result = run(binary_path=str(program.path))
    assert {name: result[name] for name in failure} == failure
    assert program.calls() == ["-"]


def test_warnings_are_passed_on(run: Run, program: Program) -> None:
    """As Ansible's: texts, or since 2.19 objects that hold them."""
    program.answers({**GOOD, "warnings": ["The clock is wrong.", "The moon is full."]})
    warnings = [json.dumps(warning) for warning in run(binary_path=str(program.path))["warnings"]]
    assert ["clock is wrong" in warning for warning in warnings].count(True) == 1
    assert ["moon is full" in warning for warning in warnings].count(True) == 1


def test_answer_before_a_signal_counts(run: Run, program: Program) -> None:
    """The program answers `interrupted` before a signal ends it."""
    failure = {**GOOD, "failed": True, "msg": "Interrupted.", "error": {"kind": "interrupted", "retryable": True}}
    program.answers(failure, "kill -TERM $$")
    result = run(binary_path=str(program.path))
    assert result["error"] == failure["error"]
    assert result["msg"] == "Interrupted."


def test_invalid_input_of_a_new_program_is_its_own(run: Run, program: Program) -> None:
    """When the program is new enough its refusal stands."""
    failure = {**GOOD, "failed": True, "msg": "`port` is 0.", "error": {"kind": "invalid_input", "retryable": False}}
    program.answers(failure, "exit 1")
    result = run(binary_path=str(program.path))
    assert result["msg"] == "`port` is 0."
    assert result["error"] == failure["error"]
    assert program.calls() == ["-", "--version"]


PLACES = ["path/lxca", "scripts/lxca", "python/bin/lxca", "environment/lxca", "option/lxca"]
"""Where the program is looked for, what comes first last."""


@pytest.mark.parametrize("count", range(1, len(PLACES) + 1))
def test_first_place_wins(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The option, LXCA_BINARY, beside the Python, the folder of scripts, PATH."""
    programs = [Program(tmp_path / place).answers({**GOOD, "msg": place}) for place in PLACES[:count]]
    if count > 3:
        monkeypatch.setenv("LXCA_BINARY", str(programs[3].path))
    result = run(binary_path=str(programs[4].path) if count > 4 else None)
    assert result["msg"] == PLACES[count - 1]
    assert [len(program.calls()) for program in programs] == [0] * (count - 1) + [1]


def test_empty_variable_names_no_program(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty LXCA_BINARY is as good as none."""
    Program(tmp_path / "path/lxca").answers(GOOD)
    monkeypatch.setenv("LXCA_BINARY", "")
    assert run()["msg"] == GOOD["msg"]


def test_no_program(run: Run, tmp_path: Path) -> None:
    """The failure names the folders, and the ways out."""
    text = unusable(run())
    assert f"beside the Python that ran this, {tmp_path}/python/bin/python3" in text
    assert f"in {tmp_path}/python/bin and {tmp_path}/scripts, and on PATH" in text
    assert "ansible_python_interpreter" in text
    assert "binary_path or LXCA_BINARY" in text


def test_no_such_file(run: Run, tmp_path: Path) -> None:
    """A path that leads nowhere."""
    path = tmp_path / "nowhere/lxca"
    assert unusable(run(binary_path=str(path))) == f"The program {path} cannot be run: there is no such file."


@pytest.mark.parametrize("named", ["lxca", "./lxca", "bin/lxca"])
@pytest.mark.parametrize("variable", [False, True])
def test_relative_path(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, variable: bool) -> None:
    """A program that somebody has put into the working folder is not given the password."""
    planted = Program(tmp_path / named).answers(GOOD)
    monkeypatch.chdir(tmp_path)
    if variable:
        monkeypatch.setenv("LXCA_BINARY", named)
    text = unusable(run(binary_path=None if variable else named), "invalid_input")
    assert "must be an absolute path" in text
    assert named in text
    assert planted.calls() == []


@pytest.mark.parametrize("path", [".", "", "bin", "bin:."])
def test_relative_folders_on_path(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Nor where PATH names that folder."""
    planted = [Program(tmp_path / place).answers(GOOD) for place in ("lxca", "bin/lxca")]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    unusable(run())
    assert [program.calls() for program in planted] == [[], []]
    honest = Program(tmp_path / "path/lxca").answers({**GOOD, "msg": "On PATH."})
    monkeypatch.setenv("PATH", f"{path}:{honest.path.parent}")
    assert run()["msg"] == "On PATH."


def test_not_executable(run: Run, program: Program) -> None:
    """A file without the permission."""
    program.path.chmod(stat.S_IRUSR)
    assert "cannot be run: it is not executable" in unusable(run(binary_path=str(program.path)))


@pytest.mark.parametrize("content", [FOREIGN, b"no program at all"], ids=["architecture", "text"])
def test_wrong_architecture(run: Run, program: Program, content: bytes) -> None:
    """What this processor cannot run."""
    program.path.write_bytes(content)
    assert "wrong CPU architecture, or not an executable" in unusable(run(binary_path=str(program.path)))


@pytest.mark.parametrize("answer", ["no JSON", "", "[]", '{"operation": "x"}', "INVALID"])
def test_too_old(run: Run, program: Program, answer: str) -> None:
    """An old program may not know the option or the operation, or answer otherwise."""
    invalid = {**GOOD, "failed": True, "error": {"kind": "invalid_input", "retryable": False}}
    answer = json.dumps(invalid) if answer == "INVALID" else answer
    program.does(f"echo '{answer}'; exit 1", version="echo lxca 0.0.9")
    expected = f"{program.path} is lxca 0.0.9, and this collection needs {binary.MINIMUM_VERSION} or later."
    assert unusable(run(binary_path=str(program.path))) == expected
    assert program.calls() == ["-", "--version"]


@pytest.mark.parametrize("version", ["10.0.0", binary.MINIMUM_VERSION])
def test_versions_are_numbers(run: Run, program: Program, version: str) -> None:
    """10 is later than 9, and the minimum is enough."""
    program.does("exit 0", version=f"echo lxca {version}")
    assert "without an answer in JSON" in unusable(run(binary_path=str(program.path)), "internal")


@pytest.mark.parametrize("version", ["echo cat 9.1", "echo lxca", "echo lxca 9.9.9; exit 1", ":"])
def test_another_program(run: Run, program: Program, version: str) -> None:
    """What does not answer --version as lxca does is not lxca."""
    program.does("echo hello", version=version)
    assert unusable(run(binary_path=str(program.path))).startswith(f"{program.path} is not lxca")


@pytest.mark.parametrize(
    "answer",
    ['{"failed": true}', '{"failed": "no", "changed": false, "msg": ""}', '{"failed": true, "msg": "", "error": ""}'],
)
def test_another_program_that_speaks_json(run: Run, program: Program, answer: str) -> None:
    """What is no answer of lxca is not taken for one."""
    program.does(f"echo '{answer}'", version="echo cat 9.1")
    assert unusable(run(binary_path=str(program.path))).startswith(f"{program.path} is not lxca")


def test_no_json(run: Run, program: Program) -> None:
    """How it ended is told, and what it said on standard error; what it printed is not."""
    program.does("echo 'thread main panicked'; echo 'out of memory' >&2; exit 101")
    text = unusable(run(binary_path=str(program.path)), "internal")
    assert text == f"{program.path} ended with status 101 without an answer in JSON and wrote to stderr: out of memory."


def test_killed(run: Run, program: Program) -> None:
    """By the system when memory is short, for example."""
    program.does("kill -KILL $$")
    text = unusable(run(binary_path=str(program.path)), "internal")
    assert text == f"{program.path} was killed by signal 9 without an answer in JSON."


def test_question_is_not_read(run: Run, program: Program) -> None:
    """A program may end, or close its input, before it has read a question that is longer than a pipe holds."""
    program.path.write_text("#!/bin/sh\nexec <&-\nexit 0\n")
    text = unusable(run({"key": {"type": "str", "no_log": False}}, binary_path=str(program.path), key="k" * 1_000_000))
    assert text == f"The program {program.path} cannot be run: it ended before it had read its input."


VARIABLES = {
    "host": ("LXCA_HOST", "192.0.2.7", "192.0.2.7"),
    "port": ("LXCA_PORT", "8443", 8443),
    "username": ("LXCA_USERNAME", "READER", "READER"),
    "password": ("LXCA_PASSWORD", "in the environment", "in the environment"),
    "auth_method": ("LXCA_AUTH_METHOD", "session", "session"),
    "validate_certs": ("LXCA_VALIDATE_CERTS", "no", False),
    "ca_path": ("LXCA_CA_PATH", "/etc/ssl/ca.pem", "/etc/ssl/ca.pem"),
    "certificate_fingerprint": ("LXCA_CERTIFICATE_FINGERPRINT", "sha256:00", "sha256:00"),
}
"""The options that have a variable: its name, a text, and the value that it means."""


@pytest.mark.parametrize("option", VARIABLES)
def test_variable_stands_in(run: Run, program: Program, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """For an option that is not given; also where the option has a default."""
    name, text, value = VARIABLES[option]
    monkeypatch.setenv(name, text)
    run(binary_path=str(program.path), **{option: None})
    assert program.input()[option] == value


@pytest.mark.parametrize("option", VARIABLES)
def test_option_beats_variable(run: Run, program: Program, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """Also with the value that it has by default."""
    given = {"port": 443, "auth_method": "basic", "validate_certs": True}.get(option, "given")
    monkeypatch.setenv(VARIABLES[option][0], VARIABLES[option][1])
    run(binary_path=str(program.path), **{option: given})
    assert program.input()[option] == given


@pytest.mark.parametrize("option", VARIABLES)
def test_empty_variable_is_none(run: Run, program: Program, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """The default counts, or the option is missing."""
    monkeypatch.setenv(VARIABLES[option][0], "")
    result = run(binary_path=str(program.path), **{option: None})
    if option in CONNECTION:
        assert result["msg"] == f"missing required arguments: {option}"
        assert program.calls() == []
    else:
        defaults = {"port": 443, "auth_method": "basic", "validate_certs": True}
        assert program.input().get(option) == defaults.get(option)


def test_variables_of_the_documentation() -> None:
    """The variables above are all that the options have."""
    fallbacks = {name: option["fallback"][1] for name, option in binary.CONNECTION.items() if "fallback" in option}
    assert fallbacks == {option: [variable] for option, (variable, _text, _value) in VARIABLES.items()}


@pytest.mark.parametrize(
    "options",
    [
        {"port": "many"},
        {"auth_method": "digest"},
        {"hots": "lxca.example.com"},
        {"host": None},
        {"fix_ids": ["a"], "task_id": 1},
        {"mode": "0640"},
    ],
)
def test_refused_by_ansible(run: Run, program: Program, options: dict[str, Any]) -> None:
    """The program is not run, and the failure has a kind like any other."""
    spec = {"fix_ids": {"type": "list", "elements": "str"}, "task_id": {"type": "int"}}
    spec |= {name: {"type": "str"} for name in ("mode", "dest")}
    rules = {"mutually_exclusive": [["fix_ids", "task_id"]], "required_by": {"mode": ["dest"]}}
    unusable(run(spec, rules, binary_path=str(program.path), **options), "invalid_input")
    assert program.calls() == []
