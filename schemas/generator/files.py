# SPDX-License-Identifier: MIT OR Apache-2.0
"""The generated files: their new texts, compared with those on disk or written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""


class Files:
    """Texts by path, relative to the repository. Nothing is written before `write`."""

    def __init__(self) -> None:
        """No text yet."""
        self._texts: dict[str, str] = {}

    def __getitem__(self, path: str) -> str:
        """The text of a file, with the changes made so far; empty when there is no such file."""
        if path not in self._texts:
            file = ROOT / path
            return file.read_text() if file.is_file() else ""
        return self._texts[path]

    def __setitem__(self, path: str, text: str) -> None:
        """Gives a file a new text."""
        self._texts[path] = text

    def replace(self, path: str, pattern: str, new: str) -> None:
        """Puts a text between the two groups of the one place that matches."""
        text, count = re.subn(
            pattern, lambda match: match[1] + new + match[2], self[path], flags=re.DOTALL | re.MULTILINE
        )
        if count != 1:
            sys.exit(f"{path}: expected one place that matches {pattern}, found {count}.")
        self[path] = text

    def only(self, folder: str, pattern: str, names: set[str]) -> None:
        """Fails when a folder holds a file of an operation that does not exist."""
        others = {path.stem for path in (ROOT / folder).glob(pattern)} - names
        if others:
            sys.exit(f"{folder}: no operation for {', '.join(sorted(others))}; remove these files.")

    def _formatted(self) -> dict[str, str]:
        """All texts, Python as ruff formats it."""

        def formatted(path: str, text: str) -> str:
            if not path.endswith(".py"):
                return text
            command = ["ruff", "format", "--line-length", "120", "--stdin-filename", Path(path).name, "-"]
            return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout

        return {path: formatted(path, text) for path, text in self._texts.items()}

    def _changed(self) -> dict[str, str]:
        """The texts that differ from the files."""

        def current(path: str) -> str | None:
            return (ROOT / path).read_text() if (ROOT / path).is_file() else None

        return {path: text for path, text in self._formatted().items() if text != current(path)}

    def stale(self) -> list[str]:
        """The files that differ."""
        return list(self._changed())

    def write(self) -> None:
        """Writes the files that differ, and says which."""
        for path, text in self._changed().items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text)
            print(f"wrote {path}")
