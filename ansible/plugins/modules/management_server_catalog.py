#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: management_server_catalog
short_description: Renew what the appliance knows of updates for itself
version_added: 1.0.0
description:
  - Lets Lenovo XClarity Administrator fetch the catalog of updates for itself, and waits until it has.
  - The task has changed something when the appliance lists other updates than before, not because a job ran.
  - In check mode nothing is sent that changes something, and a warning says that nobody can predict what a refresh finds.
author:
  - The lxca authors (@xclarity)
extends_documentation_fragment:
  - xclarity.lxca.connection
  - xclarity.lxca.binary
  - xclarity.lxca.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  poll_interval:
    description:
      - Seconds between two polls.
      - Must be from V(1) to V(86400).
    type: int
    default: 10
  wait:
    description:
      - Whether to wait until the appliance has renewed its catalog.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds until waiting is given up.
      - Must be from V(0) to V(604800).
    type: int
    default: 3600
seealso:
  - module: xclarity.lxca.management_server_update_info
"""

EXAMPLES = r"""
- name: Renew the catalog
  xclarity.lxca.management_server_catalog:
    host: lxca.example.com
    username: "{{ lxca_username }}"
    password: "{{ lxca_password }}"
  register: catalog

- name: Show what is new
  ansible.builtin.debug:
    var: catalog.data.new_fix_ids
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
    job_id:
      description:
        - ID of the job that renews the catalog.
      type: raw
      returned: when known
      sample: 17
    last_refreshed:
      description:
        - When the catalog was renewed last, as the appliance says it.
      type: raw
      returned: when known
      sample: 11-25-2026-02:05
    new_fix_ids:
      description:
        - IDs of updates that the appliance did not list before.
      type: list
      returned: when known
      elements: str
      sample:
        - lnvgy_sw_lxca_update-4.1.0_anyos_noarch
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
  sample: management_server_catalog
"""

from ansible_collections.xclarity.lxca.plugins.module_utils.binary import ask

ARGUMENT_SPEC: dict[str, object] = {
    "poll_interval": {"type": "int", "default": 10},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
}

RULES: dict[str, object] = {}


def main() -> None:
    """Asks."""
    ask("management_server_catalog", ARGUMENT_SPEC, RULES)


if __name__ == "__main__":
    main()
