# SPDX-License-Identifier: MIT OR Apache-2.0
"""The schemas as the generator reads them: operations, options, rules, results."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .files import ROOT

Schema = dict[str, Any]

RULES = {
    "mutually_exclusive": "x-lxca-mutually-exclusive",
    "required_by": "x-lxca-required-by",
    "required_one_of": "x-lxca-required-one-of",
}
"""Ansible's names for rules between options, and the annotations that hold them."""


def resolved(schema: Schema, root: Schema) -> Schema:
    """A schema with what it refers to, at its top; its own words win. What may be null is what it is otherwise."""
    merged: Schema = {}
    for part in schema.get("anyOf", []):
        if part != {"type": "null"} and sum(other != {"type": "null"} for other in schema["anyOf"]) == 1:
            merged |= resolved(part, root)
    for keyword in ("$ref", "x-lxca-object"):
        reference = schema.get(keyword)
        if isinstance(reference, dict):
            reference = reference["$ref"]
        if reference:
            merged |= resolved(root["$defs"][reference.removeprefix("#/$defs/")], root)
    return merged | schema


def type_of(schema: Schema) -> str:
    """JSON's word for the type of a value; `any` when it may have several."""
    words: Any = schema.get("x-lxca-type", schema.get("type", "string" if "oneOf" in schema else "any"))
    if isinstance(words, list):
        words = [word for word in words if word != "null"]
        return words[0] if len(words) == 1 else "any"
    return str(words)


def sentences(text: str) -> list[str]:
    """A description as a list of sentences."""
    return re.split(r"(?<=\.) (?=[A-Z`])", text)


@dataclass(frozen=True)
class Option:
    """An option of an operation."""

    name: str
    kind: str
    """`string`, `path`, `integer`, `boolean`, `array`, `any`; of the items: `items`."""
    items: str
    required: bool
    default: Any
    choices: list[str]
    """Where they depend on other options, all of them."""
    conditional: bool
    """Whether the choices depend on other options."""
    minimum: int | None
    maximum: int | None
    """None when it is only the type's."""
    minimum_items: int
    nonempty: bool
    """Whether a text must not be empty."""
    about: list[str]
    """The description, a list of sentences with words in backticks."""
    environment: list[str]
    secret: bool

    @classmethod
    def read(cls, name: str, schema: Schema, root: Schema) -> Option:
        """Reads it from its schema and the operation's."""
        text = schema["description"]
        variables = schema.get("x-lxca-env") or re.findall(r"Environment: `(\w+)`\.", text)
        # What annotations say, everybody says in their own way.
        text = re.sub(r" (Alias|Environment): `\w+`\.", "", text)
        choices = [value for value in schema.get("enum", []) if isinstance(value, str)]
        conditional = not choices
        for rule in root.get("allOf", []) if conditional else []:
            for branch in ("then", "else"):
                values = rule.get(branch, {}).get("properties", {}).get(name, {}).get("enum", [])
                choices += [value for value in values if isinstance(value, str)]
        maximum = schema.get("maximum")
        return cls(
            name=name,
            kind=cls._kind(name, schema),
            items=cls._items(name, schema),
            required=name in root["required"],
            default=schema.get("default"),
            choices=list(dict.fromkeys(choices)),
            conditional=conditional,
            minimum=schema.get("minimum"),
            maximum=maximum if maximum is not None and maximum < 2**63 - 1 else None,
            minimum_items=schema.get("minItems", 0),
            nonempty=schema.get("minLength", 0) > 0 or "$ref" in schema or "anyOf" in schema,
            about=sentences(text),
            environment=[variables] if isinstance(variables, str) else list(variables),
            secret=bool(schema.get("writeOnly")),
        )

    @staticmethod
    def _kind(name: str, schema: Schema) -> str:
        """The kind of the option itself."""
        kind = type_of(schema)
        is_path = schema.get("x-lxca-kind") == "path" or name.endswith("_path") or name == "dest"
        return "path" if is_path and kind == "string" else kind

    @staticmethod
    def _items(name: str, schema: Schema) -> str:
        """The kind of a list's items."""
        items = schema.get("items", {})
        is_path = "path" in (schema.get("x-lxca-kind"), items.get("x-lxca-kind")) or name == "files"
        kind = type_of(items) if items else "any"
        return "path" if is_path else kind

    def limits(self) -> str | None:
        """The sentence about a number's limits."""
        if self.minimum is not None and self.maximum is not None:
            return f"Must be from `{self.minimum}` to `{self.maximum}`."
        return f"Must be `{self.minimum}` or more." if self.minimum is not None else None


@dataclass(frozen=True)
class Operation:
    """An operation: its options but for `operation`, required ones first, then as the program lists them."""

    name: str
    purpose: str
    """What it is for: a sentence without its full stop."""
    changes: bool
    """Whether it changes something."""
    options: dict[str, Option]
    rules: dict[str, Any]
    """Rules between options, by Ansible's names."""
    output: Schema

    @classmethod
    def read(cls, name: str) -> Operation:
        """Reads it from its two schemas."""
        schema, output = (
            json.loads((ROOT / f"schemas/{name}.{side}.schema.json").read_text()) for side in ("input", "output")
        )
        properties = schema["properties"]
        about = schema.get("description") or re.sub(r"^[^:]*: ", "", properties["operation"]["description"])
        purpose = sentences(about)[0].rstrip(".")
        ordered = sorted(properties.items(), key=lambda item: item[0] not in schema["required"])
        return cls(
            name=name,
            purpose=purpose[0].upper() + purpose[1:],
            changes=schema.get("x-lxca-changes", False),
            options={
                option: Option.read(option, resolved(about, schema), schema)
                for option, about in ordered
                if option != "operation"
            },
            rules={rule: schema[annotation] for rule, annotation in RULES.items() if schema.get(annotation)},
            output=output,
        )


class Schemas:
    """All operations, and the options that all of them have."""

    def __init__(self) -> None:
        """Reads `schemas/`."""
        names = sorted(path.name.split(".")[0] for path in (ROOT / "schemas").glob("?*.input.schema.json"))
        self.operations = [Operation.read(name) for name in names]
        common = set.intersection(*(set(operation.options) for operation in self.operations))
        first = self.operations[0].options
        self.connection = {name: option for name, option in first.items() if name in common}

    def own(self, operation: Operation) -> dict[str, Option]:
        """The options that only some operations have."""
        return {name: option for name, option in operation.options.items() if name not in self.connection}
