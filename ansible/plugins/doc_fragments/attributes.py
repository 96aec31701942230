# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What modules of the collection support."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  platform:
    description: Where the module can run.
    support: full
    platforms: linux
  action_group:
    description: Use C(group/xclarity.lxca.lxca) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - xclarity.lxca.lxca
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - The module only reads.
  diff_mode:
    support: N/A
    details:
      - The module only reads.
"""
