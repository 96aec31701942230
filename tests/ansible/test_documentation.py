"""What `ansible-doc` shows of the collection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
OPERATIONS = sorted(path.name.split(".")[0] for path in SCHEMAS.glob("*.input.schema.json"))


def ansible_doc(*arguments: str) -> str:
    """What it prints."""
    command = [str(Path(sys.executable).with_name("ansible-doc")), "-t", "module", *arguments]
    environment = os.environ | {"ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout


class Documentation(unittest.TestCase):
    """Each operation of the program is a documented module."""

    def test_modules_are_listed(self) -> None:
        """All of them with what they are for, and nothing else."""
        listed: dict[str, str] = json.loads(ansible_doc("--json", "--list", "xclarity.lxca"))
        self.assertEqual(sorted(listed), [f"xclarity.lxca.{operation}" for operation in OPERATIONS])
        for module, purpose in listed.items():
            with self.subTest(module):
                self.assertGreater(len(purpose), 20)

    def test_options_and_results_are_shown(self) -> None:
        """Every option of the input schema, every result, examples, and what the module supports."""
        modules = [f"xclarity.lxca.{operation}" for operation in OPERATIONS]
        shown: dict[str, Any] = json.loads(ansible_doc("--json", *modules))
        for operation, module in zip(OPERATIONS, modules):
            with self.subTest(module):
                schema = json.loads((SCHEMAS / f"{operation}.input.schema.json").read_text())
                doc = shown[module]["doc"]
                self.assertEqual(set(doc["options"]), set(schema["properties"]) - {"operation"} | {"binary_path"})
                for name, option in doc["options"].items():
                    self.assertTrue(option["description"], name)
                    self.assertEqual(option.get("required", False), name in schema["required"], name)
                changes = schema.get("x-lxca-changes", False)
                self.assertEqual(doc["attributes"]["check_mode"]["support"], "full")
                self.assertEqual(doc["attributes"]["diff_mode"]["support"], "full" if changes else "N/A")
                self.assertIn("action_group", doc["attributes"])
                self.assertLessEqual({"data", "error", "messages", "msg"}, set(shown[module]["return"]))
                self.assertIn(f"{module}:", shown[module]["examples"])

    def test_text_is_for_people(self) -> None:
        """The page of a module that a person reads."""
        text = ansible_doc("xclarity.lxca.firmware_export_info")
        for heading in ("OPTIONS", "ATTRIBUTES", "EXAMPLES", "RETURN VALUES"):
            self.assertIn(heading, text)
        self.assertRegex(text, r"(?m)^= task_id")
        self.assertRegex(text, r"(?m)^[-\s]+wait_timeout")
