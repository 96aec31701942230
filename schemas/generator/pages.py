# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tables in Markdown pages, between markers."""

from __future__ import annotations

import re
import sys

from .files import ROOT, Files
from .schema import Option, Schemas

FOLDERS = (".", "docs", "ansible", "salt", "bolt")
"""Where pages are."""


def generate(schemas: Schemas, files: Files) -> None:
    """Fills in the tables."""
    operations = {operation.name: schemas.own(operation) for operation in schemas.operations}
    tables = {f"options: {name}": options_table(options) for name, options in operations.items()}
    tables["options: connection"] = options_table(schemas.connection)
    names = [f"| `{one.name}` | {'yes' if one.changes else 'no'} | {one.purpose} |" for one in schemas.operations]
    tables["operations"] = "\n".join(["| operation | changes something | |", "| --- | --- | --- |", *names])
    tables["modules"] = "\n".join(
        [
            "| module | |",
            "| --- | --- |",
            *(f"| `xclarity.lxca.{one.name}` | {one.purpose} |" for one in schemas.operations),
        ]
    )
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.md")):
            page = str(path.relative_to(ROOT))

            def filled(match: re.Match[str], page: str = page) -> str:
                if match[1] not in tables:
                    sys.exit(f"{page}: unknown marker <!-- {match[1]} -->; known are {', '.join(sorted(tables))}.")
                return f"<!-- {match[1]} -->\n{tables[match[1]]}\n<!-- end -->"

            marker = r"^<!-- ((?:options: \w+)|operations|modules) -->\n.*?^<!-- end -->$"
            text = re.sub(marker, filled, files[page], flags=re.DOTALL | re.MULTILINE)
            if text != files[page]:
                files[page] = text


def options_table(options: dict[str, Option]) -> str:
    """A row for each option."""
    rows = ["| option | type | default | |", "| --- | --- | --- | --- |"]
    for option in options.values():
        default = "required" if option.required else "" if option.default is None else f"`{shown(option.default)}`"
        kind = f"list of {option.items}s" if option.kind == "array" else option.kind
        if option.choices and not option.conditional:
            kind = " or ".join(f"`{choice}`" for choice in option.choices)
        elif option.minimum is not None and option.maximum is not None:
            kind = f"{kind} {option.minimum:,} to {option.maximum:,}"
        about = " ".join(option.about) + "".join(f" Environment: `{name}`." for name in option.environment)
        rows.append(f"| `{option.name}` | {kind} | {default} | {about} |".replace("|  |", "| |"))
    return "\n".join(rows)


def shown(default: object) -> str:
    """A default as JSON writes it."""
    return str(default).lower() if isinstance(default, bool) else str(default)
