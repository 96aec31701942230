# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where the program is that does the work."""

    DOCUMENTATION = r"""
options:
  binary_path:
    description:
      - Absolute path of the program C(lxca) on the host that runs the task.
      - Without it the program is looked for beside the Python that runs the task, in the folder where that Python
        installs scripts, and in the absolute folders on E(PATH). It is given the password, so name it where others can
        write to these places.
      - 'Environment: E(LXCA_BINARY).'
    type: path
notes:
  - With a local connection (such as C(delegate_to=localhost)), without C(become) and C(async), the task runs the program
    straight from the controller, which takes a fraction of a module's time. Options, results and masking are the same.
    The Python that counts for O(binary_path) is then the one that runs Ansible, not C(ansible_python_interpreter).
  - Relative paths belong to the folder of the playbook, in roles too.
requirements:
  - The program C(lxca), 0.1.0 or later, on the host that runs the task; see O(binary_path).
"""
