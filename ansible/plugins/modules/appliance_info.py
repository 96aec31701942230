#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: appliance_info
short_description: Name, version and build of an XClarity Administrator
version_added: 1.0.0
description:
  - Returns name, version and build of Lenovo XClarity Administrator. Use it to test the connection options, and as a source
    of facts.
author:
  - The lxca authors (@xclarity)
extends_documentation_fragment:
  - xclarity.lxca.connection
  - xclarity.lxca.binary
  - xclarity.lxca.attributes
  - xclarity.lxca.attributes.info
options:
  all:
    description:
      - Whether to show the rest of the answer, some 180 KB of networks, services and time zones, under V(data.details).
    type: bool
    default: false
seealso:
  - module: xclarity.lxca.firmware_export_info
  - module: xclarity.lxca.management_server_update_info
"""

EXAMPLES = r"""
- name: Ask which appliance answers
  xclarity.lxca.appliance_info:
    host: lxca.example.com
    username: "{{ lxca_username }}"
    password: "{{ lxca_password }}"
    ca_path: /etc/ssl/lxca-ca.pem
  register: appliance

- name: Show it
  ansible.builtin.debug:
    msg: "{{ appliance.data.name }} runs version {{ appliance.data.version }}"

- name: Ask an appliance whose certificate is pinned, with its credentials in the environment
  xclarity.lxca.appliance_info:
    host: 192.0.2.10
    certificate_fingerprint: sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
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
    build:
      description:
        - Build; decimal digits in a string.
      type: str
      returned: when known
      sample: '264'
    date:
      description:
        - The appliance's clock, V(YYYY-MM-DD_HH-MM-SS).
      type: str
      returned: when known
      sample: 2026-11-21_22-05-31
    details:
      description:
        - The rest of the answer, with O(all=true).
      type: dict
      returned: when known
      sample:
        timezones: []
    name:
      description:
        - Name of the appliance.
      type: str
      returned: when known
      sample: lxca1
    runlevel:
      description:
        - 0 halted, 3 running, 6 restarting.
      type: int
      returned: when known
      sample: 3
    status:
      description:
        - 'Always V(Normal): says nothing about health.'
      type: str
      returned: when known
      sample: Normal
    uuid:
      description:
        - UUID of the appliance.
      type: str
      returned: when known
      sample: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff
    version:
      description:
        - Version of XClarity Administrator, such as V(4.0.0).
      type: str
      returned: when known
      sample: 4.0.0
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
  sample: appliance_info
"""

from ansible_collections.xclarity.lxca.plugins.module_utils.binary import ask

ARGUMENT_SPEC: dict[str, object] = {
    "all": {"type": "bool", "default": False},
}

RULES: dict[str, object] = {}


def main() -> None:
    """Asks."""
    ask("appliance_info", ARGUMENT_SPEC, RULES)


if __name__ == "__main__":
    main()
