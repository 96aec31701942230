"""Runs `ansible-test integration` in the installed collection, the current folder, against a simulated appliance."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "third_party"))

from appliance import NEXT, PACK, Appliance


def main() -> None:
    """Starts the appliance, writes how to reach it where ansible-test looks for it, and runs all targets."""
    folder = Path("tests/integration")
    targets = sorted(path.name for path in (folder / "targets").iterdir())
    appliance = Appliance()
    try:
        about = {name: appliance.about[name] for name in ("host", "port", "username", "password", "ca_path")}
        own = {"complete_task_id": 12, "running_task_id": 14, "fix_ids": [PACK, NEXT]}
        configuration = about | own | {"binary_path": os.environ["LXCA_BINARY"]}
        # JSON is YAML.
        (folder / "integration_config.yml").write_text(
            json.dumps({f"lxca_{name}": value for name, value in configuration.items()})
        )
        with tempfile.TemporaryDirectory() as temporary:
            # Else it would be in the user's home.
            (folder / "integration.cfg").write_text(f"[defaults]\nremote_tmp = {temporary}\n")
            command = ["ansible-test", "integration", "--color", "no", "--python", "{}.{}".format(*sys.version_info)]
            ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    finally:
        appliance.stop()
    if ended.returncode:
        sys.exit(f"{ended.stdout}\nansible-test integration failed.")
    # One that ran nothing would end well, too.
    recaps = re.findall(r"^testhost +: ok=([1-9][0-9]*) .* failed=0 ", ended.stdout, re.MULTILINE)
    missing = [target for target in targets if f"TASK [{target} : " not in ended.stdout]
    if missing or len(recaps) != len(targets) or not targets:
        sys.exit(f"{ended.stdout}\nNot all of {targets} ran: {missing}, {recaps}.")
    print(f"{len(targets)} targets, {sum(map(int, recaps))} tasks")


main()
