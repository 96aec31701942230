"""Lenovo's own client, unmodified: every read and write it has for repositories and jobs."""

from __future__ import annotations

import importlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

from appliance import NEXT, PACK, UEFI, XCC, Appliance, until

FIRMWARE = "/updateRepositories/firmware"
UPDATES = "/managementServer/updates"
GOOD = {"success", "informational"}


class Pylxca(unittest.TestCase):
    """pylxca connects, asks, changes and disconnects."""

    lxca: ClassVar[Any]
    home: ClassVar[str]
    folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def setUpClass(cls) -> None:
        """Imports pylxca where it can write the log that it writes at import."""
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = os.getcwd()
        os.chdir(cls.folder.name)
        cls.lxca = importlib.import_module("pylxca")

    @classmethod
    def tearDownClass(cls) -> None:
        """Leaves that directory."""
        os.chdir(cls.home)
        cls.folder.cleanup()

    def setUp(self) -> None:
        """Starts an appliance and connects."""
        self.appliance = Appliance()
        self.addCleanup(self.appliance.stop)
        self.connect()

    def connect(self) -> None:
        """Logs in."""
        about = self.appliance.about
        self.connection = self.lxca.connect(self.appliance.url, about["username"], about["password"], "True")
        self.assertIsNotNone(self.connection)
        self.assertEqual(self.appliance.requests(2), ["POST /sessions 200", "GET /aicc 200"])

    def repository(self, *arguments: str, **options: str) -> Any:
        """Calls `updaterepo`."""
        return self.lxca.updaterepo(self.connection, *arguments, **options)

    def server(self, *arguments: str, **options: str) -> Any:
        """Calls `managementserver`."""
        return self.lxca.managementserver(self.connection, *arguments, **options)

    def tasks(self, **options: str) -> Any:
        """Calls `tasks`."""
        return self.lxca.tasks(self.connection, **options)

    def complete(self, job: object) -> None:
        """Waits for the end of a job, asking as pylxca asks."""

        def ended() -> bool:
            (task,) = self.tasks(jobUID=str(job))["TaskList"]
            self.assertEqual(task["jobUID"], str(job))
            return bool(task["status"] == "Complete" and task["percentage"] == 100.0)

        until(f"job {job} is complete", ended)
        self.appliance.forget()

    def started(self, answer: dict[str, Any]) -> Any:
        """The number of the job that this answer is about."""
        self.assertIn(answer["result"], GOOD)
        self.assertIn(answer["errorMsg"]["result"], GOOD)
        return answer["jobid"]

    def firmware(self) -> dict[str, dict[str, Any]]:
        """What the firmware repository lists."""
        return {update["fixid"]: update for update in self.repository("query", key="updates")["updates"]}

    def updates(self) -> dict[str, dict[str, Any]]:
        """What the repository of the management server lists."""
        return {update["fixid"]: update for update in self.server("query", key="updates")["updates"]}

    def refused(self, status: int) -> Any:
        """A context in which pylxca raises the error of its HTTP library for this status."""
        return self.assertRaisesRegex(Exception, f"^{status} Client Error")

    def test_accounts(self) -> None:
        """`users` reads all accounts, or one."""
        users = self.lxca.users(self.connection)
        names = {user["userName"]: user for user in users["usersList"]}
        self.assertEqual(set(names), {"USERID", "READER"})
        self.assertEqual(names["USERID"]["activeSessions"], 1)
        one = self.lxca.users(self.connection, id=names["READER"]["id"])
        self.assertEqual(one["userName"], "READER")

    def test_connecting_and_disconnecting(self) -> None:
        """A refused login is None; a session that is left is gone."""
        self.assertEqual([session["UserId"] for session in self.sessions()], ["USERID"])
        self.assertIsNone(self.lxca.connect(self.appliance.url, "USERID", "wrong", "True"))
        self.assertEqual(self.appliance.requests(2)[1], "POST /sessions 403")
        self.assertTrue(self.lxca.disconnect(self.connection))
        self.assertEqual(self.appliance.requests(1), ["DELETE /sessions 200"])
        self.assertEqual(self.sessions(), [])

    def sessions(self) -> list[dict[str, Any]]:
        """The open sessions, by curl."""
        sessions: list[dict[str, Any]] = self.appliance.asks("/sessions")["response"]
        return sessions

    def test_reading_the_firmware_repository(self) -> None:
        """Every key that pylxca knows."""
        kinds = {
            "supportedMts": list,
            "size": dict,
            "lastRefreshed": str,
            "importDir": str,
            "publicKeys": list,
            "updates": list,
            "updatesByMt": dict,
            "updatesByMtByComp": dict,
        }
        for key, kind in kinds.items():
            answer = self.repository("query", key=key)
            self.assertIsInstance(answer[key], kind, key)
            self.assertIn(answer["status"]["result"], GOOD)
            self.assertEqual(self.appliance.requests(1), [f"GET {FIRMWARE}?key={key} 200"])
        answer = self.repository("query", key="updatesByMt", mt="7X02,8721", scope="latest")
        self.assertEqual([item["mt"] for item in answer["updatesByMt"]["updates"]], ["7X02", "8721"])
        self.assertEqual(self.appliance.requests(1), [f"GET {FIRMWARE}?key=updatesByMt&mt=7X02,8721&with=latest 200"])

    def test_changing_the_firmware_repository(self) -> None:
        """Read, refresh, acquire, delete."""
        self.assertIn(self.repository("read")["result"], GOOD)
        self.assertEqual(self.appliance.requests(1), [f"PUT {FIRMWARE}?action=read 200"])

        before = self.firmware()
        self.appliance.forget()
        job = self.started(self.repository("refresh", mt="7X05", scope="all"))
        self.assertEqual(self.appliance.requests(1), [f"PUT {FIRMWARE}?action=refresh&with=all 200"])
        self.complete(job)
        self.assertEqual(len(self.firmware()), len(before) + 1)

        self.appliance.forget()
        job = self.started(self.repository("acquire", mt="7X05", fixids=XCC, scope="payloads"))
        self.assertEqual(self.appliance.requests(1), [f"PUT {FIRMWARE}?action=acquire&with=payloads 200"])
        self.assertEqual(self.repository("query", key="updatesByMt")["updatesByMt"]["jobid"], job)
        self.complete(job)
        self.assertEqual((before[XCC]["payload"], self.firmware()[XCC]["payload"]), ("false", "true"))

        self.appliance.forget()
        with self.refused(409):
            self.repository("delete", fixids=UEFI, type="payloads")  # an export needs it
        self.tasks(jobUID="13", action="cancel")
        self.appliance.forget()
        self.repository("delete", fixids=f"{XCC},{UEFI}", type="payloads")
        self.assertEqual(self.appliance.requests(1), [f"PUT {FIRMWARE}?action=delete&filetypes=payloads 200"])
        self.assertEqual([self.firmware()[fixid]["payload"] for fixid in (XCC, UEFI)], ["false", "false"])
        self.repository("delete", fixids=XCC, type="all")
        self.assertNotIn(XCC, self.firmware())
        with self.refused(400):
            self.repository("delete", fixids="unknown", type="all")

    def test_reading_about_the_management_server(self) -> None:
        """Every key that pylxca knows; it asks for everything without one."""
        kinds = {
            "currentVersion": str,
            "size": dict,
            "importDir": str,
            "history": list,
            "updates": list,
            "updatedDate": str,
        }
        for key, kind in kinds.items():
            answer = self.server("query", key=key)
            self.assertEqual(set(answer), {key, "status"})
            self.assertIsInstance(answer[key], kind, key)
            self.assertEqual(self.appliance.requests(1), [f"GET {UPDATES}?key={key} 200"])
        answer = self.server("query", key="all")
        self.assertEqual(set(answer), {*kinds, "status"})
        self.assertEqual(self.appliance.requests(1), [f"GET {UPDATES} 200"])

    def test_reading_about_updates_of_the_management_server(self) -> None:
        """Every key, several IDs, both files."""
        both = f"{PACK},{NEXT}"
        parts = {"actions", "filetypes", "keys", "update"}
        for key in sorted(parts):
            answer = self.server("query_fixids", fixids=both, key=key)
            self.assertEqual(set(answer), {key, "status"})
            self.assertEqual(self.appliance.requests(1), [f"GET {UPDATES}/{both}?key={key} 200"])
        answer = self.server("query_fixids", fixids=both, key="all")
        self.assertEqual(set(answer), {*parts, "status"})
        self.assertEqual([update["fixid"] for update in answer["update"]], [PACK, NEXT])
        self.assertEqual(self.appliance.requests(1), [f"GET {UPDATES}/{both} 200"])
        for kind, words in (("readme", "README"), ("changeHistory", "Change History")):
            answer = self.server("query_fixids", fixids=PACK, type=kind)
            self.assertEqual((answer["fixid"], answer["field"]), (PACK, kind))
            self.assertIn(words, answer["value"])
            self.assertEqual(self.appliance.requests(1), [f"GET {UPDATES}/{PACK}?filetype={kind} 200"])

    def test_what_pylxca_cannot_ask(self) -> None:
        """It raises before it sends anything: the appliance has no part in it."""
        with self.assertRaises(AttributeError):
            self.server("query_fixids", fixids=PACK)  # neither key nor type
        with self.assertRaises(TypeError):
            self.tasks(job_uuid="11")  # the keyword is jobUID
        self.appliance.forget()
        self.tasks()
        self.assertEqual(self.appliance.requests(1), ["GET /tasks 200"])

    def test_changing_the_management_server(self) -> None:
        """Refresh, acquire, delete, apply; the appliance restarts then, and the session is gone."""
        job = self.started(self.server("refresh"))
        self.assertEqual(self.appliance.requests(1), [f"POST {UPDATES}?action=refresh 200"])
        self.complete(job)

        job = self.started(self.server("acquire", fixids=f"{PACK},{NEXT}"))
        self.assertEqual(self.appliance.requests(1), [f"POST {UPDATES}?action=acquire 200"])
        self.complete(job)
        self.assertEqual([self.updates()[fixid]["payload"] for fixid in (PACK, NEXT)], ["true", "true"])

        self.appliance.forget()
        self.assertIn(self.server("delete", fixids=PACK)["result"], GOOD)
        self.assertEqual(self.appliance.requests(1), [f"DELETE {UPDATES}/{PACK} 200"])
        self.assertEqual(self.updates()[PACK]["payload"], "false")

        self.appliance.forget()
        self.started(self.server("apply", fixids=NEXT))
        self.assertEqual(self.appliance.requests(1), [f"PUT {UPDATES}?action=apply 200"])

        def newer() -> bool:
            try:
                return bool(self.appliance.asks("/aicc", "--no-show-error")["appliance"]["version"] == "4.0.1")
            except (subprocess.CalledProcessError, ValueError):
                return False  # it restarts

        until("the next version", newer)
        self.appliance.forget()
        with self.refused(401):
            self.server("query", key="currentVersion")
        self.appliance.forget()
        self.connect()
        self.assertEqual(self.server("query", key="currentVersion")["currentVersion"], "4.0.1")
        self.assertEqual(self.server("query", key="history")["history"][-1]["version"], "4.0.1")

    def test_importing_into_the_management_server(self) -> None:
        """An update is four files, which are announced and then sent."""
        name = "lnvgy_sw_lxca_thirdrepo1-1.0.0_anyos_noarch"
        files = [Path(self.folder.name, name + end) for end in (".txt", ".xml", ".chg", ".tgz")]
        for file in files:
            file.write_bytes(b"content of " + file.name.encode())
        paths = ",".join(map(str, files))
        job = self.server("import", files=paths)["jobid"]
        self.assertEqual(self.appliance.requests(1), [f"POST {UPDATES}?action=import 200"])
        self.assertIn(self.server("import", files=paths, jobid=str(job))["result"], GOOD)
        self.assertEqual(self.appliance.requests(1), [f"POST /files{UPDATES}?action=import&jobid={job} 200"])
        self.complete(job)
        update = self.updates()[name]
        self.assertEqual((update["payload"], update["downloadedsize"]), ("true", update["totalsize"]))
        for kind, end in (("readme", "txt"), ("changeHistory", "chg")):
            answer = self.server("query_fixids", fixids=name, type=kind)
            self.assertEqual(answer["value"], f"content of {name}.{end}")

    def test_tasks(self) -> None:
        """List, one, several, without children, cancel, delete."""
        self.assertEqual([task["jobUID"] for task in self.tasks()["TaskList"]], ["11", "13"])
        self.assertEqual(self.appliance.requests(1), ["GET /tasks 200"])
        (task,) = self.tasks(jobUID="11")["TaskList"]
        self.assertEqual((task["status"], task["percentage"]), ("Complete", 100.0))
        self.assertEqual([child["jobUID"] for child in task["children"]], ["12"])
        tasks = self.tasks(jobUID="11,13", children="false")["TaskList"]
        self.assertEqual(["children" in task for task in tasks], [False, False])
        self.assertEqual(self.appliance.requests(2)[1], "GET /tasks/11,13?compact=true 200")

        with self.refused(412):
            self.tasks(jobUID="11", action="cancel")  # it is over
        self.appliance.forget()
        self.assertEqual(self.tasks(jobUID="13", action="cancel"), 200)
        self.assertEqual(self.appliance.requests(1), ["PUT /tasks 200"])
        self.assertEqual(self.tasks(jobUID="13")["TaskList"][0]["status"], "Cancelled")
        self.appliance.forget()
        self.assertEqual(self.tasks(jobUID="13", action="delete"), 200)
        self.assertEqual(self.appliance.requests(1), ["DELETE /tasks/13 200"])
        with self.refused(404):
            self.tasks(jobUID="13")

    def test_tasks_of_ones_own(self) -> None:
        """Create, update."""
        job = self.tasks(action="create", template='{"createdBy": "client"}').json()["jobUID"]
        self.assertEqual(self.appliance.requests(1), ["POST /tasks 200"])
        for percentage, status in ((50, "Running"), (100, "Complete")):
            update = [{"jobUID": job, "percentage": percentage}]
            self.assertEqual(self.tasks(action="update", updateList=str(update)), 200)
            (task,) = self.tasks(jobUID=job)["TaskList"]
            self.assertEqual((task["percentage"], task["status"]), (percentage, status))
        self.assertEqual(self.appliance.requests(4)[0], f"PUT /tasks/{job} 200")


if __name__ == "__main__":
    unittest.main()
