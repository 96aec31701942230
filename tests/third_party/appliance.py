"""A simulated appliance in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

UEFI = "lnvgy_fw_uefi_ive180g-3.41_anyos_32-64"
"""The firmware that is downloaded from the start."""

XCC = "lnvgy_fw_xcc_cdi3a8n-9.40_anyos_noarch"
"""A firmware that is not."""

PACK = "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch"
"""The management-server update of the documents' example."""

NEXT = "lnvgy_sw_lxca_291-4.0.1_anyos_noarch"
"""The appliance's own next version."""


def until(what: str, holds: Callable[[], bool]) -> None:
    """Waits until something is so; fails after a while."""
    end = time.monotonic() + 30
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.05)


class Appliance:
    """A running `lxca-appliance serve`. Its jobs run twenty times as fast as usual, but for export 14, which runs on."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        """Starts it with these settings."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"speed": 20, "durations": {"running_export": 100_000}, **(settings or {})}, file)
            file.flush()
            self.process = subprocess.Popen(
                [os.environ["LXCA_APPLIANCE"], "serve", "--settings", file.name], stdout=subprocess.PIPE, text=True
            )
            assert self.process.stdout is not None
            self.about: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.url = f"https://{self.about['host']}:{self.about['port']}"
        self._lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        """Collects the log, which comes after some lines for people."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self._lines.append(json.loads(line))

    def requests(self, count: int) -> list[str]:
        """The next requests of the log, each as method, target and status; fails when there are fewer or more."""
        until(f"{count} requests in {self._lines}", lambda: len(self._lines) >= count)
        taken = [f"{line['method']} {line['target']} {line['status']}" for line in self._lines]
        self._lines.clear()
        if len(taken) != count:
            raise AssertionError(f"{count} requests expected: {taken}")
        return taken

    def forget(self) -> None:
        """Empties the log, also of a line that is on its way."""
        time.sleep(0.2)
        self._lines.clear()

    def curl(self, target: str, *options: str) -> list[str]:
        """A command line of curl with verified TLS and basic authentication."""
        user = f"{self.about['username']}:{self.about['password']}"
        return ["curl", "-sS", "--cacert", self.about["ca_path"], "-u", user, *options, self.url + target]

    def asks(self, target: str, *options: str) -> Any:
        """The JSON that curl gets; fails when the status is not 2xx."""
        command = self.curl(target, "--fail", "--max-time", "30", *options)
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        if self.process.stdout is not None:
            self.process.stdout.close()
