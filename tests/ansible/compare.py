"""Compares what tasks returned as actions and as modules: two folders of results that the tests recorded.

Only these may differ: which Python Ansible has found for modules, when an async job ran, and dates.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ALLOWED = ("discovered_interpreter_python", "ansible_job_id", "started", "finished", "results_file")
"""Keys that may differ, and that only one side may have."""

DATES = r"\b\d{4}-?\d\d-?\d\d[-_T ]?\d\d[-:]?\d\d[-:]?\d\d(\.\d+)?\w*|repository\d{14}"


def same(value: Any) -> Any:
    """A result without what may differ."""
    if isinstance(value, dict):
        kept = {name: same(part) for name, part in value.items() if name not in ALLOWED}
        # Which is empty where nothing but the Python was found.
        return {name: part for name, part in kept.items() if name != "ansible_facts" or part}
    if isinstance(value, list):
        return [same(part) for part in value]
    return re.sub(DATES, "DATE", value) if isinstance(value, str) else value


def main() -> None:
    """Compares all runs that both have; each has to have some."""
    actions, modules = (Path(folder) for folder in sys.argv[1:])
    names = sorted({path.name for path in actions.iterdir()} & {path.name for path in modules.iterdir()})
    count = 0
    for name in names:
        results = [json.loads((folder / name).read_text()) for folder in (actions, modules)]
        one, other = ([same(task) for task in tasks] for tasks in results)
        one, other = (sorted(tasks, key=lambda task: json.dumps(task, sort_keys=True)) for tasks in (one, other))
        for action, module in zip(one, other, strict=True):
            count += 1
            if action != module:
                sys.exit(f"{name}:\nas an action: {json.dumps(action)}\nas a module:  {json.dumps(module)}")
    if len(names) < 10:
        sys.exit(f"only {len(names)} runs were recorded both ways")
    print(f"{count} results of {len(names)} runs are equal as actions and as modules")


main()
