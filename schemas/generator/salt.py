# SPDX-License-Identifier: MIT OR Apache-2.0
"""Salt: the options in the docstrings of the execution module, a function for each operation."""

from __future__ import annotations

import re
import textwrap

from .files import Files
from .schema import Operation, Option, Schemas

MODULE = "salt/_modules/lxca.py"

TYPES = {"string": "str", "path": "str", "integer": "int", "boolean": "bool", "array": "list[Any] | str"}

FUNCTION = '''def {name}({parameters}profile: str = "lxca", **options: Any) -> dict[str, Any]:
    """
    {purpose}.

    CLI Example:

    .. code-block:: bash

        salt '*' lxca.{name}{example}
    """
    return call("{name}", profile, {arguments}**options)


'''
"""A new function."""


def generate(schemas: Schemas, files: Files) -> None:
    """Writes the execution module."""
    for operation in schemas.operations:
        own = schemas.own(operation)
        head = rf"^def {operation.name}\([^\n]*\n    \"\"\"\n"
        if not re.search(head, files[MODULE], re.MULTILINE):
            files.replace(MODULE, r"()(^def _profile\()", function(operation, own))
        options = "".join(documented(option) + "\n" for option in own.values())
        # The options stand between the paragraphs about the function and its example.
        paragraphs = r"(?:    (?!\w+(?: : [^\n]*)?\n {8}|CLI Example:)[^\n]+\n(?:[ ]{4}[^\n]+\n)*\n)+"
        files.replace(
            MODULE,
            rf"({head}{paragraphs})(?:    \w+(?: : [^\n]*)?\n(?: {{8}}[^\n]+\n)+\n)*(    CLI Example:\n)",
            options,
        )


def function(operation: Operation, own: dict[str, Option]) -> str:
    """A function that is missing."""
    required = [option for option in own.values() if option.required]
    return FUNCTION.format(
        name=operation.name,
        purpose=operation.purpose,
        parameters="".join(f"{option.name}: {TYPES.get(option.kind, 'Any')}, " for option in required),
        arguments="".join(f"{option.name}={option.name}, " for option in required),
        example="".join(f" {option.name}={'1' if option.kind == 'integer' else '...'}" for option in required),
    )


def documented(option: Option) -> str:
    """The entry of an option: its name, its default, what it means."""
    about = [*option.about, *filter(None, [option.limits()])]
    if option.choices and not option.conditional:
        about.append(f"One of {', '.join(f'`{choice}`' for choice in option.choices)}.")
    text = re.sub("`([^`]+)`", r"``\1``", " ".join(about))
    indent = " " * 8
    lines = textwrap.fill(
        text, 120, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return f"    {option.name}{'' if option.default is None else f' : {option.default}'}\n{lines}\n"
