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
      - Path of the program C(lxca) on the host that runs the task.
      - Without it the program is looked for beside the Python that runs the module, in the folder where that Python
        installs scripts, and on E(PATH). It is given the password, so name it where others can write to these places.
      - 'Environment: E(LXCA_BINARY).'
    type: path
requirements:
  - The program C(lxca), 0.1.0 or later, on the host that runs the task; see O(binary_path).
"""
