# SPDX-License-Identifier: MIT OR Apache-2.0
"""How Ansible writes things: YAML, types, markup."""

from __future__ import annotations

import re
from typing import Any

import yaml

from .schema import Schema

TYPES = {"string": "str", "integer": "int", "number": "int", "boolean": "bool", "array": "list", "object": "dict"}
"""Ansible's words for JSON's types. The numbers of the API are whole: sizes, counts, per cent."""


class Dumper(yaml.SafeDumper):
    """YAML as ansible-lint and yamllint want it: lists indented, texts quoted where they must be."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indents lists below their key."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Writes a value that stands twice twice."""
        return True


def as_yaml(value: Schema, indent: int = 0) -> str:
    """A YAML text, each line indented."""
    text = yaml.dump(value, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True) if value else ""
    return "".join(" " * indent + line + "\n" for line in text.splitlines())


def marked_up(text: str, options: set[str]) -> str:
    """Ansible's markup for what stands between backticks: an option, one with a value, a variable, any other value."""

    def mark(match: re.Match[str]) -> str:
        word = match[1]
        name, _, value = word.partition(": ")
        if name in options:
            return f"O({name}={value})" if value else f"O({name})"
        return f"E({word})" if re.fullmatch(r"[A-Z]+(_[A-Z]+)+|[a-z]+_proxy", word) else f"V({word})"

    return re.sub("`([^`]+)`", mark, text)


def typed(kind: str) -> str:
    """Ansible's word for a kind."""
    return "path" if kind == "path" else TYPES.get(kind, "raw")
