# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bolt: a file of metadata for each task."""

from __future__ import annotations

import json
from typing import Any

from .files import Files
from .schema import Operation, Option, Schemas

TYPES = {"boolean": "Boolean", "integer": "Integer", "any": "Data"}


def generate(schemas: Schemas, files: Files) -> None:
    """Writes `bolt/tasks/`."""
    for operation in schemas.operations:
        files[f"bolt/tasks/{operation.name}.json"] = json.dumps(task(schemas, operation), indent=2) + "\n"
    files.only("bolt/tasks", "*.json", {operation.name for operation in schemas.operations} | {"init"})


def task(schemas: Schemas, operation: Operation) -> dict[str, Any]:
    """The metadata. All tasks are one executable, which knows its task by the name that Bolt sends."""
    options = {**schemas.own(operation), **schemas.connection}
    return {
        "description": operation.purpose + ".",
        "implementations": [{"name": "init"}],
        "input_method": "stdin",
        "supports_noop": True,
        "parameters": {name: parameter(option) for name, option in options.items()},
    }


def parameter(option: Option) -> dict[str, Any]:
    """A parameter. What an environment variable can give is not required of the task's caller."""
    kind = puppet_type(option)
    about = " ".join(filter(None, [*option.about, option.limits()]))
    about += "".join(f" Environment: `{name}`." for name in option.environment)
    metadata: dict[str, Any] = {
        "type": kind if option.required and not option.environment else f"Optional[{kind}]",
        "description": about,
    }
    return metadata | {"sensitive": True} if option.secret else metadata


def puppet_type(option: Option) -> str:
    """Puppet's type of the values that the program accepts."""
    if option.choices and not option.conditional:
        return f"Enum[{', '.join(option.choices)}]"
    if option.kind == "integer":
        limits = [str(limit) for limit in (option.minimum, option.maximum) if limit is not None]
        return f"Integer[{', '.join(limits)}]" if limits else "Integer"
    if option.kind == "array":
        items = "String[1]" if option.items in ("string", "path") else TYPES[option.items]
        return f"Array[{items}, {option.minimum_items}]" if option.minimum_items else f"Array[{items}]"
    if option.kind in TYPES:
        return TYPES[option.kind]
    return "String[1]" if option.nonempty else "String"
