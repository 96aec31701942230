# SPDX-License-Identifier: MIT OR Apache-2.0
"""RETURN of the collection's modules: what an answer holds."""

from __future__ import annotations

from .markup import marked_up, typed
from .schema import Operation, Schema, resolved, sentences, type_of

ANSIBLES = ("changed", "failed", "warnings", "diff")
"""What Ansible itself documents."""

OTHERS = ("comment", "_error")
"""What other callers get."""


def returns(operation: Operation, options: set[str]) -> Schema:
    """RETURN of a module."""
    schema = operation.output
    conditions = {name: "always" for name in schema["required"]}
    conditions |= {name: "failure" for name in schema["then"]["required"]}
    conditions |= {"operation": "when the call was understood", "messages": "when the appliance sent any"}
    values: Schema = {}
    for name, part in schema["properties"].items():
        if name in ANSIBLES or name in OTHERS:
            continue
        if name == "data":
            values[name] = data(schema, options)
            continue
        example = part.get("examples", [part.get("const")])[0]
        part = {"type": "string"} | part if "const" in part else part
        values[name] = returned(part, schema, example, options, conditions.get(name, "when known"))
    return values


def returned(schema: Schema, root: Schema, example: object, options: set[str], when: str) -> Schema:
    """What Ansible says of a returned value: description, type, sample, and the same of what it contains."""
    schema = resolved(schema, root)
    value: Schema = {
        "description": [marked_up(sentence, options) for sentence in sentences(schema["description"])],
        "type": typed(type_of(schema)),
        "returned": when,
    }
    words = [word["const"] for word in schema.get("oneOf", [])]
    if words:
        value["choices"] = words
    items = resolved(schema.get("x-lxca-items") or schema.get("items", {}), root)
    if value["type"] == "list" and typed(type_of(items)) != "raw":
        value["elements"] = typed(type_of(items))
        example = example[0] if isinstance(example, list) and example and "properties" in items else example
    within = items if "properties" in items else schema
    properties = within.get("properties", {})
    if not properties:
        value["sample"] = example
        return value
    known = example if isinstance(example, dict) else {}
    always = within.get("required", ())
    value["contains"] = {
        name: returned(part, root, known.get(name), options, "always" if name in always else "when known")
        for name, part in properties.items()
    }
    return value


def data(schema: Schema, options: set[str]) -> Schema:
    """What Ansible says of `data`: its shapes are told apart by when each key is there."""
    about = resolved(schema["properties"]["data"], schema)
    shapes = [resolved(shape, schema) for shape in about.get("anyOf", [about])]
    contains: Schema = {}
    for shape, example in zip(shapes, about["examples"], strict=True):
        when = shape["description"].rstrip(".") if len(shapes) > 1 else "when known"
        when = marked_up(when[0].lower() + when[1:], options)
        for name, part in returned(shape, schema, example, options, when)["contains"].items():
            if name in contains:
                contains[name]["returned"] += f" or {when}"
            else:
                contains[name] = part | {"returned": when}
    return {
        "description": [marked_up(sentence, options) for sentence in sentences(about["description"])],
        "type": "dict",
        "returned": "when anything was learned",
        "contains": contains,
    }
