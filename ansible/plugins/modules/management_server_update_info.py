#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: management_server_update_info
short_description: Information, readme or change history of management-server updates
version_added: 1.0.0
description:
  - Returns what Lenovo XClarity Administrator knows about updates of itself. With O(fix_ids) about these updates, or with
    O(filetype) their readmes or change histories. Without O(fix_ids) it lists what is in the repository.
author:
  - The lxca authors (@xclarity)
extends_documentation_fragment:
  - xclarity.lxca.connection
  - xclarity.lxca.binary
  - xclarity.lxca.attributes
  - xclarity.lxca.attributes.info
options:
  filetype:
    description:
      - The file to ask for of each of O(fix_ids); not together with O(key).
    type: str
    choices:
      - readme
      - changeHistory
  fix_ids:
    description:
      - IDs of updates; without them lxca asks for the repository itself.
      - 'Any number: they are split over as many requests as it takes, and an id that stands twice is asked for once.'
      - An empty list asks for nothing.
    type: list
    elements: str
  key:
    description:
      - What to ask for; everything when neither this nor O(filetype) is given.
      - 'With O(fix_ids): V(all), V(actions), V(keys), V(filetypes), V(update); without: V(all), V(currentVersion),
        V(history), V(importDir), V(size), V(updates), V(updatedDate).'
    type: str
    choices:
      - all
      - actions
      - keys
      - filetypes
      - update
      - currentVersion
      - history
      - importDir
      - size
      - updates
      - updatedDate
seealso:
  - module: xclarity.lxca.appliance_info
  - module: xclarity.lxca.firmware_export_info
"""

EXAMPLES = r"""
- name: List the updates in the repository
  xclarity.lxca.management_server_update_info:
    host: lxca.example.com
    username: "{{ lxca_username }}"
    password: "{{ lxca_password }}"
  register: repository

- name: Show which are downloaded
  ansible.builtin.debug:
    msg: "{{ repository.data.updates | selectattr('payload', 'defined') | selectattr('payload', 'true') | map(attribute='fixid') }}"

# From here on user and password come from the environment, LXCA_USERNAME and LXCA_PASSWORD.

- name: Read about two updates
  xclarity.lxca.management_server_update_info:
    host: lxca.example.com
    fix_ids:
      - lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch
      - lnvgy_sw_lxca_thinksystemrepo4-4.0.0_anyos_noarch

- name: Read the change histories of all that are in the repository
  xclarity.lxca.management_server_update_info:
    host: lxca.example.com
    fix_ids: "{{ repository.data.updates | map(attribute='fixid') }}"
    filetype: changeHistory
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
    files:
      description:
        - One file for each id that has one, in the order asked for.
      type: list
      returned: with O(filetype)
      elements: dict
      contains:
        field:
          description:
            - 'Which file it is: V(readme) or V(changeHistory).'
          type: str
          returned: when known
          sample: readme
        fixid:
          description:
            - ID of the package.
          type: str
          returned: when known
          sample: lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch
        value:
          description:
            - The whole text of the file.
          type: str
          returned: when known
          sample: Repository pack for chassis and switches, version 1.1.0
    missing_fix_ids:
      description:
        - IDs whose file the appliance does not have.
      type: list
      returned: with O(filetype) or with O(fix_ids)
      elements: str
      sample: []
    actions:
      description:
        - What can be done with them, such as V(acquire), V(apply) and V(delete).
      type: list
      returned: with O(fix_ids)
      elements: str
      sample:
        - acquire
        - apply
        - delete
    filetypes:
      description:
        - Files that the appliance says can be asked for; it calls the change history V(change).
      type: list
      returned: with O(fix_ids)
      elements: str
      sample:
        - change
        - readme
    supported_keys:
      description:
        - Keys that can be asked for.
      type: list
      returned: with O(fix_ids)
      elements: str
      sample:
        - actions
        - filetypes
        - keys
        - update
    updates:
      description:
        - The updates, in the order asked for.
      type: list
      returned: with O(fix_ids) or without O(fix_ids)
      elements: dict
      contains:
        applied:
          description:
            - Whether the update was applied.
            - Not documented; vendor's clients show it of updates in the repository.
          type: bool
          returned: when known
          sample: false
        applyable:
          description:
            - Whether the update can be installed.
          type: bool
          returned: when known
          sample: true
        buildNumber:
          description:
            - Build number of the package.
          type: str
          returned: when known
          sample: SWITCH-01
        buildType:
          description:
            - Build type, such as V(production).
          type: str
          returned: when known
          sample: production
        change:
          description:
            - Whether the package has a change history.
          type: bool
          returned: when known
          sample: true
        comp:
          description:
            - 'Component named in the package''s XML file: V(Utility).'
          type: str
          returned: when known
          sample: Utility
        downloadedsize:
          description:
            - Bytes downloaded so far.
          type: int
          returned: when known
          sample: 3846012416
        errorMsg:
          description:
            - What went wrong while downloading; empty when nothing did.
          type: str
          returned: when known
          sample: ''
        fixid:
          description:
            - ID of the package, as O(fix_ids) takes it.
          type: str
          returned: when known
          sample: lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch
        latest:
          description:
            - Whether this is the newest package for its component in the repository.
          type: bool
          returned: when known
          sample: true
        name:
          description:
            - Name of the package; may be empty.
          type: str
          returned: when known
          sample: ''
        origin:
          description:
            - Name of the package's XML file.
            - Not documented, but in the documented example.
          type: str
          returned: when known
          sample: lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch.xml
        payload:
          description:
            - Whether the payload is in the repository, that is, downloaded.
          type: bool
          returned: when known
          sample: true
        payloadFilename:
          description:
            - Name of the payload file; may be empty.
          type: str
          returned: when known
          sample: lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch.zip
        percentage:
          description:
            - How much is downloaded, in percent.
          type: int
          returned: when known
          sample: 100
        readableName:
          description:
            - Name of the package for people.
          type: str
          returned: when known
          sample: Repository pack for chassis and switches
        readme:
          description:
            - Whether the package has a readme.
          type: bool
          returned: when known
          sample: true
        releasedate:
          description:
            - Date of release, V(YYYY-MM-DD).
          type: str
          returned: when known
          sample: '2026-03-02'
        severity:
          description:
            - Severity.
            - Documented as the words V(initialRelease), V(critical), V(suggested) and V(noncritical), a number
              in the documented example; which number means which word is not documented, so it is not translated.
          type: int
          returned: when known
          sample: 3
        state:
          description:
            - Status of the package; its values are not documented.
          type: str
          returned: when known
          sample: ''
        supportDownload:
          description:
            - Whether the package can be downloaded from the web.
          type: bool
          returned: when known
          sample: true
        totalsize:
          description:
            - Size of the package, in bytes; beyond 32 bits.
          type: int
          returned: when known
          sample: 3846012416
        version:
          description:
            - Version of the package.
          type: str
          returned: when known
          sample: 1.1.0
    currentVersion:
      description:
        - Version of the management server.
      type: raw
      returned: without O(fix_ids)
      sample: 4.0.0
    history:
      description:
        - Updates that were applied.
      type: list
      returned: without O(fix_ids)
      elements: dict
      contains:
        buildNumber:
          description:
            - Build number.
          type: str
          returned: when known
          sample: '264'
        dateApplied:
          description:
            - When it was applied.
          type: str
          returned: when known
          sample: '2026-03-09'
        description:
          description:
            - What it is.
          type: str
          returned: when known
          sample: XClarity Administrator 4.0.0
        detailInfo:
          description:
            - Details.
          type: str
          returned: when known
          sample: ''
        fileName:
          description:
            - Name of the file it came from.
          type: str
          returned: when known
          sample: ''
        flavor:
          description:
            - Kind of update, such as V(base install).
          type: str
          returned: when known
          sample: base install
        installationFailedDate:
          description:
            - When its installation failed.
          type: str
          returned: when known
          sample: ''
        version:
          description:
            - Version.
          type: str
          returned: when known
          sample: 4.0.0
    importDir:
      description:
        - Directory for imports.
      type: str
      returned: without O(fix_ids)
      sample: /opt/lenovo/lxca/data/updates/import
    size:
      description:
        - Space of the repository.
      type: dict
      returned: without O(fix_ids)
      contains:
        allotment:
          description:
            - Bytes the repository may take.
          type: int
          returned: when known
          sample: 53687091200
        freeSpace:
          description:
            - Bytes left.
          type: int
          returned: when known
          sample: 49841078784
        usedSpace:
          description:
            - Bytes taken.
          type: int
          returned: when known
          sample: 3846012416
    updatedDate:
      description:
        - When the repository was refreshed last.
      type: str
      returned: without O(fix_ids)
      sample: 11-21-2026-22:05
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
  sample: management_server_update_info
"""

from ansible_collections.xclarity.lxca.plugins.module_utils.binary import ask

ARGUMENT_SPEC: dict[str, object] = {
    "filetype": {"type": "str", "choices": ["readme", "changeHistory"]},
    "fix_ids": {"type": "list", "elements": "str"},
    "key": {
        "type": "str",
        "choices": [
            "all",
            "actions",
            "keys",
            "filetypes",
            "update",
            "currentVersion",
            "history",
            "importDir",
            "size",
            "updates",
            "updatedDate",
        ],
        "no_log": False,
    },
}

RULES: dict[str, object] = {
    "mutually_exclusive": [["filetype", "key"]],
    "required_by": {"filetype": ["fix_ids"]},
}


def main() -> None:
    """Asks."""
    ask("management_server_update_info", ARGUMENT_SPEC, RULES)


if __name__ == "__main__":
    main()
