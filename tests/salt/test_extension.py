# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Salt extension, installed by pip."""

from __future__ import annotations

import os
import subprocess
import sys

from minion import MinionCase


def pip(*arguments: str) -> None:
    """Runs pip of the Python that Salt is installed in."""
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


class Extension(MinionCase):
    """A minion whose file server has no modules."""

    synced = False

    @classmethod
    def setUpClass(cls) -> None:
        """Installs the extension for as long as these tests run."""
        super().setUpClass()
        cls.addClassCleanup(pip, "uninstall", "--yes", "saltext.lxca")
        pip("install", "--no-deps", "--no-index", "--force-reinstall", os.environ["LXCA_SALT_EXTENSION"])

    def test_report(self) -> None:
        """It shows, with the version of the binary that it belongs to."""
        version = subprocess.run([os.environ["LXCA_BINARY"], "--version"], check=True, capture_output=True, text=True)
        number = version.stdout.removeprefix("lxca ").strip()
        report = self.minion.call("--versions-report").stdout
        self.assertRegex(report, rf"(?m)^Salt Extensions:\n +saltext\.lxca: {number}$")

    def test_function_and_state(self) -> None:
        """Both are found."""
        called = self.minion.call("lxca.appliance_info")
        self.assertEqual(called.returned["data"]["version"], "4.0.0", called)
        called = self.minion.apply("export: {lxca.export_complete: [{task_id: 12}]}")
        self.assertEqual(called.status, 0, called)
        self.assertIs(called.states["export"]["result"], True)
