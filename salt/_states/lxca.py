# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Require something of Lenovo XClarity Administrator (LXCA), through the execution module ``lxca``.

The appliance and the credentials come from the connection profile, which that module describes. Do not put a password into an
SLS: ``state.show_sls`` shows it.

.. code-block:: yaml

    the firmware repository is exported:
      lxca.export_complete:
        - task_id: 12
        - wait_timeout: 1800
"""

from __future__ import annotations

from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "lxca"
__opts__: dict[str, Any]
__salt__: dict[str, Any]


def __virtual__() -> str | tuple[bool, str]:
    """There when the execution module is."""
    if "lxca.call" in __salt__:
        return __virtualname__
    return False, "The execution module lxca is missing."


def reachable(name: str, profile: str = "lxca", **options: Any) -> dict[str, Any]:
    """
    The appliance answers and accepts the credentials. States that need the appliance can require this one.

    ``retries: 10`` gives it about a minute to come up. Do not use Salt's own ``retry``: it repeats a refused login, and 20 of
    those lock the account.

    name
        Any text.

    profile : lxca
        The configuration key that holds the connection profile.

    options
        Options that replace the profile's.

    .. code-block:: yaml

        the appliance:
          lxca.reachable:
            - retries: 10
    """
    ret, _answer = _ask(name, "appliance_info", options, profile=profile)
    return ret


def export_complete(
    name: str,
    task_id: int,
    wait_timeout: int | None = None,
    poll_interval: int | None = None,
    profile: str = "lxca",
    **options: Any,
) -> dict[str, Any]:
    """
    The export of the firmware repository is complete. Waits until it has ended, and fails when it did not end well.

    With ``test=True`` it asks once. The result is ``None`` while the export is running.

    name
        Any text.

    task_id
        ID of the task, as starting the export answered it.

    wait_timeout : 3600
        Seconds to wait at most.

    poll_interval : 10
        Seconds between two polls.

    profile : lxca
        The configuration key that holds the connection profile.

    options
        Options that replace the profile's.
    """
    ret, answer = _ask(
        name,
        "firmware_export_info",
        options,
        profile=profile,
        task_id=task_id,
        wait=not __opts__["test"],
        wait_timeout=wait_timeout,
        poll_interval=poll_interval,
    )
    if not ret["result"]:
        return ret
    data = answer["data"]
    phase = data.get("phase")
    if phase == "complete" and data.get("current"):
        ret["comment"] += f" File: {data['current']}."
    elif phase in ("created", "running"):
        ret["result"] = None
        ret["comment"] += " It would be waited for."
    elif phase != "complete":
        # Asked without waiting, how a task ended is not a failure of the question.
        ret["result"] = False
        ret["comment"] = _comment(answer["msg"], answer)
    return ret


def _ask(name: str, operation: str, options: dict[str, Any], **own: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    What a state returns when the answer decides, and the answer. Nothing here changes the appliance.

    The SLS gives the options, except for those in ``own``, which the state sets.
    """
    ret: dict[str, Any] = {"name": name, "changes": {}, "result": True, "comment": ""}
    refused = sorted(options.keys() & {"operation", "test", *own})
    if refused:
        ret.update(result=False, comment=f"The state itself sets {' and '.join(refused)}. Remove it from the SLS.")
        return ret, {}
    try:
        answer = __salt__["lxca.call"](operation, **options, **own)
    except CommandExecutionError as failure:
        ret.update(result=False, comment=_comment(failure.error, failure.info or {}))
        return ret, {}
    ret["comment"] = answer["msg"]
    if answer.get("warnings"):
        ret["warnings"] = answer["warnings"]
    return ret, answer


def _comment(msg: str, answer: dict[str, Any]) -> str:
    """A failure's sentence, and below it what the appliance said beyond that."""
    lines = [msg]
    for message in answer.get("messages", []):
        texts = (message.get("text"), message.get("explanation"), message.get("recovery", {}).get("text"))
        # Within the sentence the text has lost its full stop.
        new = [text for text in texts if text and text.rstrip(".") not in msg]
        if new and message.get("severity") != "informational":
            lines.append(f"{message.get('id', 'The appliance')}: {' '.join(new)}")
    return "\n".join(lines)
