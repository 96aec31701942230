"""What `schemas/generate` makes of an operation that is new."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

ANNOTATIONS: dict[str, Any] = {
    "x-lxca-changes": True,
    "x-lxca-mutually-exclusive": [["fix_ids", "task_id"]],
    "x-lxca-required-one-of": [["fix_ids", "task_id"]],
    "x-lxca-required-by": {"mode": ["dest"]},
}

OPTIONS: dict[str, Any] = {
    "dest": {"type": ["string", "null"], "description": "Where the file is written. Environment: `LXCA_DEST`."},
    "files": {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "What is read."},
    "mode": {"type": ["string", "null"], "description": "Mode of `dest`.", "x-lxca-kind": "path"},
    "state": {"enum": ["present", "absent", None], "default": "present", "description": "What is wanted."},
    "task_id": {"type": ["integer", "null"], "minimum": 1, "description": "ID.", "x-lxca-env": "LXCA_TASK"},
}


class NewOperation(unittest.TestCase):
    """A copy of what is generated, with the schemas of an operation that nothing else knows."""

    def setUp(self) -> None:
        """Runs the generator on it, with the Python and the ruff of the tools."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        for folder in ("schemas", "ansible", "salt", "bolt"):
            shutil.copytree(ROOT / folder, self.root / folder)
        schemas = self.root / "schemas"
        for side in ("input", "output"):
            text = (schemas / f"management_server_update_info.{side}.schema.json").read_text()
            schema = json.loads(text.replace("management_server_update_info", "thing"))
            if side == "input":
                schema.update(ANNOTATIONS)
                schema["properties"].update(OPTIONS)
                schema["required"].append("files")
                schema["properties"]["operation"]["description"] = "What is done: a thing, or another one."
            (schemas / f"thing.{side}.schema.json").write_text(json.dumps(schema))
        (self.root / "salt/README.md").write_text("<!-- options: thing -->\n<!-- end -->\n")
        self.generate()

    def generate(self, *arguments: str) -> None:
        """Runs it; it must end well."""
        command = [sys.executable, str(self.root / "schemas/generate"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def constants(self) -> dict[str, Any]:
        """The constants of the new module."""
        tree = ast.parse((self.root / "ansible/plugins/modules/thing.py").read_text())
        found: dict[str, Any] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = ast.literal_eval(node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                found[node.target.id] = ast.unparse(node.value)
        return found

    def test_a_second_run_changes_nothing(self) -> None:
        """What it wrote is what it checks."""
        self.generate("--check")

    def test_module(self) -> None:
        """Options, rules, and that it changes something."""
        constants = self.constants()
        documentation = yaml.safe_load(constants["DOCUMENTATION"])
        self.assertEqual(documentation["short_description"], "A thing, or another one")
        self.assertEqual(documentation["attributes"], {key: {"support": "full"} for key in ("check_mode", "diff_mode")})
        self.assertNotIn("xclarity.lxca.attributes.info", documentation["extends_documentation_fragment"])
        options = documentation["options"]
        self.assertEqual(
            options["dest"],
            {"description": ["Where the file is written.", "Environment: E(LXCA_DEST)."], "type": "path"},
        )
        self.assertEqual((options["files"]["type"], options["files"]["elements"]), ("list", "path"))
        self.assertEqual(options["state"]["choices"], ["present", "absent"])
        self.assertIn(
            "'task_id': {'type': 'int', 'fallback': (environment, ['LXCA_TASK'])}", constants["ARGUMENT_SPEC"]
        )
        self.assertIn("import environment\n", (self.root / "ansible/plugins/modules/thing.py").read_text())
        rules = {
            name: ANNOTATIONS[f"x-lxca-{name.replace('_', '-')}"]
            for name in ("mutually_exclusive", "required_by", "required_one_of")
        }
        self.assertEqual(ast.literal_eval(constants["RULES"]), rules)
        self.assertIn("xclarity.lxca.thing:", constants["EXAMPLES"])
        self.assertIn("- thing\n", (self.root / "ansible/meta/runtime.yml").read_text())

    def test_salt(self) -> None:
        """A function with the required options as parameters, and the others described."""
        tree = ast.parse((self.root / "salt/_modules/lxca.py").read_text())
        (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "thing"]
        self.assertEqual([argument.arg for argument in function.args.args], ["files", "profile"])
        text = ast.get_docstring(function) or ""
        self.assertIn("\n\nstate : present\n    What is wanted. One of ``present``, ``absent``.\n\n", text)
        self.assertIn("CLI Example:", text)

    def test_bolt_and_pages(self) -> None:
        """Metadata of the task; a table where a page wants one."""
        task = json.loads((self.root / "bolt/tasks/thing.json").read_text())
        self.assertEqual(task["parameters"]["files"]["type"], "Array[String[1], 1]")
        self.assertEqual(task["parameters"]["task_id"]["type"], "Optional[Integer[1]]")
        page = (self.root / "salt/README.md").read_text()
        self.assertIn("\n| `state` | `present` or `absent` | `present` | What is wanted. |\n", page)

    def test_an_edit_by_hand_is_told(self) -> None:
        """As is a module of an operation that is gone."""
        module = self.root / "ansible/plugins/modules/thing.py"
        module.write_text(module.read_text().replace('"int"', '"str"'))
        with self.assertRaises(subprocess.CalledProcessError):
            self.generate("--check")
        for schema in (self.root / "schemas").glob("thing.*"):
            schema.unlink()
        (self.root / "salt/README.md").unlink()
        with self.assertRaises(subprocess.CalledProcessError):
            self.generate()
