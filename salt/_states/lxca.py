# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What can be required of Lenovo XClarity Administrator (LXCA), by way of the execution module ``lxca``.

The appliance and the credentials come from the connection profile, for which see that module. An SLS is no place for a
password: ``state.show_sls`` shows it.

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
    The appliance answers, knows the user and says who it is. What needs the appliance can require this.

    ``retries: 10`` gives it about a minute to come up. Salt's own ``retry`` is no good for that: it repeats a refused login,
    and 20 of those lock the account.

    name
        Any text.

    profile : lxca
        The configuration key that holds the connection profile.

    options
        Those of the profile that are to be others.

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
    The export of the firmware repository is complete. Waits until it has ended, and fails when it ended otherwise.

    With ``test=True`` it is asked once: the result is ``None`` as long as it is on its way.

    name
        Any text.

    task_id
        ID of the task, as starting the export answered it.

    wait_timeout : 3600
        Seconds until waiting is given up.

    poll_interval : 10
        Seconds between two questions.

    profile : lxca
        The configuration key that holds the connection profile.

    options
        Those of the profile that are to be others.
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

    The SLS gives the options; what the state decides itself is its own.
    """
    ret: dict[str, Any] = {"name": name, "changes": {}, "result": True, "comment": ""}
    refused = sorted(options.keys() & {"operation", "test", *own})
    if refused:
        ret.update(
            result=False, comment=f"The state decides on {' and '.join(refused)} itself: leave it out of the SLS."
        )
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
