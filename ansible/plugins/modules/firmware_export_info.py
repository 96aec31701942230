#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firmware_export_info
short_description: How far an export of the firmware repository is
version_added: 1.0.0
description:
  - Returns how far an export of the firmware-updates repository of Lenovo XClarity Administrator is, or how it ended.
  - The module succeeds when the export ended in an error, unless O(wait=true).
author:
  - The lxca authors (@xclarity)
extends_documentation_fragment:
  - xclarity.lxca.connection
  - xclarity.lxca.binary
  - xclarity.lxca.attributes
  - xclarity.lxca.attributes.info
options:
  task_id:
    description:
      - ID of the task, as starting the export answered it; 0 asks for all running tasks.
      - Must be V(0) or more.
    type: int
    required: true
  poll_interval:
    description:
      - Seconds between two polls.
      - Must be from V(1) to V(86400).
    type: int
    default: 10
  wait:
    description:
      - Whether to poll until the task has ended.
      - Not with O(task_id=0).
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds until waiting is given up.
      - Must be from V(0) to V(604800).
    type: int
    default: 3600
seealso:
  - module: xclarity.lxca.appliance_info
  - module: xclarity.lxca.management_server_update_info
"""

EXAMPLES = r"""
- name: Ask once how far the export is
  xclarity.lxca.firmware_export_info:
    host: lxca.example.com
    username: "{{ lxca_username }}"
    password: "{{ lxca_password }}"
    task_id: 12
  register: export

- name: Show it
  ansible.builtin.debug:
    msg: "{{ export.data.phase }}, {{ export.data.progress }} %"

# From here on user and password come from the environment, LXCA_USERNAME and LXCA_PASSWORD.

- name: Wait for the end, two hours at most, and tell apart how it failed
  block:
    - name: Wait
      xclarity.lxca.firmware_export_info:
        host: lxca.example.com
        task_id: 12
        wait: true
        wait_timeout: 7200
      register: export
  rescue:
    - name: Report that somebody canceled it
      ansible.builtin.debug:
        msg: "{{ export.msg }}"
      when: export.error.kind == "task_canceled"

- name: List all running exports
  xclarity.lxca.firmware_export_info:
    host: lxca.example.com
    task_id: 0
"""

RETURN = r"""
api_version:
  description:
    - Version of the appliance's API, from the media type of its answers.
  type: str
  returned: when known
  sample: 4.0.0
data:
  description:
    - 'What was asked for; of a failure: what was learned before it.'
  type: dict
  returned: when anything was learned
  contains:
    tasks:
      description:
        - The tasks.
      type: list
      returned: all running tasks, for O(task_id=0)
      elements: dict
      contains:
        current:
          description:
            - Name of the ZIP file.
            - Empty in one of the two documented examples of a finished export.
          type: str
          returned: when known
          sample: ''
        downloadednum:
          description:
            - Number of firmware updates and UXSPs exported so far. 0 in the documented example of a finished export.
          type: int
          returned: when known
          sample: 2
        downloadedsize:
          description:
            - Size of what is exported so far, in bytes.
          type: int
          returned: when known
          sample: 131072
        phase:
          description:
            - Where the task is.
          type: str
          returned: always
          choices:
            - created
            - running
            - complete
            - canceled
            - error
          sample: running
        progress:
          description:
            - 0 created, 50 in progress, 100 complete.
            - 'Tells nothing about success: a failed task can be at 100.'
          type: int
          returned: when known
          sample: 50
        state:
          description:
            - V(canceled), V(complete) or V(error); what a running task says is not documented.
          type: str
          returned: when known
          sample: ''
        taskIds:
          description:
            - ID of the task that collected the files.
            - A string in spite of its name, and empty in the examples.
          type: str
          returned: when known
          sample: ''
        total:
          description:
            - Number of firmware updates and UXSPs in the ZIP file.
          type: int
          returned: when known
          sample: 5
        totalsize:
          description:
            - Size of the ZIP file, in bytes.
          type: int
          returned: when known
          sample: 262518
        updates:
          description:
            - Not described in the documentation, and empty in the examples.
          type: list
          returned: when known
          sample: []
    current:
      description:
        - Name of the ZIP file.
        - Empty in one of the two documented examples of a finished export.
      type: str
      returned: the one task
      sample: repository20261121222001.zip
    downloadednum:
      description:
        - Number of firmware updates and UXSPs exported so far. 0 in the documented example of a finished export.
      type: int
      returned: the one task
      sample: 5
    downloadedsize:
      description:
        - Size of what is exported so far, in bytes.
      type: int
      returned: the one task
      sample: 262518
    phase:
      description:
        - Where the task is.
      type: str
      returned: the one task
      choices:
        - created
        - running
        - complete
        - canceled
        - error
      sample: complete
    progress:
      description:
        - 0 created, 50 in progress, 100 complete.
        - 'Tells nothing about success: a failed task can be at 100.'
      type: int
      returned: the one task
      sample: 100
    state:
      description:
        - V(canceled), V(complete) or V(error); what a running task says is not documented.
      type: str
      returned: the one task
      sample: complete
    taskIds:
      description:
        - ID of the task that collected the files.
        - A string in spite of its name, and empty in the examples.
      type: str
      returned: the one task
      sample: ''
    total:
      description:
        - Number of firmware updates and UXSPs in the ZIP file.
      type: int
      returned: the one task
      sample: 5
    totalsize:
      description:
        - Size of the ZIP file, in bytes.
      type: int
      returned: the one task
      sample: 262518
    updates:
      description:
        - Not described in the documentation, and empty in the examples.
      type: list
      returned: the one task
      sample: []
error:
  description:
    - 'Of a failure: what a playbook can branch on.'
  type: dict
  returned: failure
  contains:
    http_status:
      description:
        - The HTTP status, when there was an answer.
      type: int
      returned: when known
      sample: 503
    kind:
      description:
        - The kind of failure.
      type: str
      returned: always
      choices:
        - invalid_input
        - local_file
        - connection_failed
        - tls
        - timeout
        - authentication_failed
        - password_change_required
        - permission_denied
        - not_found
        - conflict
        - bad_request
        - unavailable
        - server_error
        - redirected
        - invalid_response
        - operation_failed
        - outcome_unknown
        - task_failed
        - task_canceled
        - wait_timeout
        - interrupted
        - internal
      sample: unavailable
    retryable:
      description:
        - Whether the same call may succeed later without anybody changing anything.
      type: bool
      returned: always
      sample: true
messages:
  description:
    - Messages of the appliance, when it sent any; identical ones once.
  type: list
  returned: when the appliance sent any
  elements: dict
  contains:
    explanation:
      description:
        - What led to it, in the appliance's words.
      type: str
      returned: when known
      sample: The user name or the password is not correct.
    id:
      description:
        - Message identifier, such as V(FQXHMUP2500I).
      type: str
      returned: when known
      sample: FQXHMSE0291J
    recovery:
      description:
        - What to do about it.
      type: dict
      returned: when known
      contains:
        text:
          description:
            - In words; may hold HTML.
          type: str
          returned: when known
          sample: Log in with another user name or password.
        url:
          description:
            - Where to read more.
          type: str
          returned: when known
          sample: https://lxca.example.com/help
    severity:
      description:
        - Severity, from the last letter of the id; left out when the letter is unknown.
      type: str
      returned: when known
      choices:
        - informational
        - warning
        - error
      sample: warning
    text:
      description:
        - What happened.
      type: str
      returned: when known
      sample: The user could not be authenticated.
msg:
  description:
    - 'One sentence a person can act on; of a failure: what failed, on which host, why, and what to do next.'
  type: str
  returned: always
  sample: lxca.example.com answers as XClarity Administrator 4.0.0, build 264.
operation:
  description:
    - The operation asked for.
  type: str
  returned: when the call was understood
  sample: firmware_export_info
"""

from ansible_collections.xclarity.lxca.plugins.module_utils.binary import ask

ARGUMENT_SPEC: dict[str, object] = {
    "task_id": {"type": "int", "required": True},
    "poll_interval": {"type": "int", "default": 10},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 3600},
}

RULES: dict[str, object] = {}


def main() -> None:
    """Asks."""
    ask("firmware_export_info", ARGUMENT_SPEC, RULES)


if __name__ == "__main__":
    main()
