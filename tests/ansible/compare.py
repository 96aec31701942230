"""Compares what tasks returned as actions and as modules: two folders of results that the tests recorded.

Only these may differ: which Python Ansible has found for modules, when an async job ran, dates and ids of an appliance, how
far a running export is.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ALLOWED = ("discovered_interpreter_python", "ansible_job_id", "started", "finished", "results_file", "downloadedsize")
"""Keys that may differ, and that only one side may have."""

VARIABLE = r"\d\d-\d\d-\d{4}-\d\d:\d\d|\b\d{4}-?\d\d-?\d\d[-_T ]?\d\d[-:]?\d\d[-:]?\d\d(\.\d+)?\w*|repository\d{14}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def same(value: Any) -> Any:
    """A result without what may differ."""
    if isinstance(value, dict):
        kept = {name: same(part) for name, part in value.items() if name not in ALLOWED}
        # Which is empty where nothing but the Python was found.
        return {name: part for name, part in kept.items() if name != "ansible_facts" or part}
    if isinstance(value, list):
        return [same(part) for part in value]
    return re.sub(VARIABLE, "...", value) if isinstance(value, str) else value


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        return [found for name in names for found in differences(one.get(name), other.get(name), f"{path}/{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for i, pair in enumerate(zip(one, other)) for found in differences(*pair, f"{path}/{i}")]
    return (
        [] if one == other else [f"{path}: {json.dumps(one)[:300]} as an action, {json.dumps(other)[:300]} as a module"]
    )


def main() -> None:
    """Compares all runs that both have; each has to have some."""
    actions, modules = (Path(folder) for folder in sys.argv[1:])
    names = sorted({path.name for path in actions.iterdir()} & {path.name for path in modules.iterdir()})
    count, wrong = 0, []
    for name in names:
        results = [json.loads((folder / name).read_text()) for folder in (actions, modules)]
        one, other = ([same(task) for task in tasks if task["action"].startswith("xclarity.")] for tasks in results)
        # With the strategy free, and with loops over files, the order is not fixed.
        one, other = (sorted(tasks, key=lambda task: str(task["task"])) for tasks in (one, other))
        for action, module in zip(one, other, strict=True):
            count += 1
            wrong += [f"{name}: {action['task']}{found}" for found in differences(action, module)]
    if wrong:
        sys.exit("\n".join(wrong))
    if len(names) < 10:
        sys.exit(f"only {len(names)} runs were recorded both ways")
    print(f"{count} results of {len(names)} runs are equal as actions and as modules")


main()
