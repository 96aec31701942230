# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the tests that are beside it, and fails when none ran: an empty run is no success."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The simulated appliance is started as the tests in that folder start it.
sys.path.append(str(HERE.parent / "third_party"))

if __name__ == "__main__":
    discover = [sys.argv[0], "discover", "--buffer", "--start-directory", str(HERE), *sys.argv[1:]]
    result = unittest.main(module=None, argv=discover, exit=False).result
    sys.exit(not result.wasSuccessful() or result.testsRun == len(result.skipped))
