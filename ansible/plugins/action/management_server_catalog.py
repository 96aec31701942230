# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.xclarity.lxca.plugins.modules.management_server_catalog import ARGUMENT_SPEC, RULES
from ansible_collections.xclarity.lxca.plugins.plugin_utils.action import AskAction


class ActionModule(AskAction):
    """Runs the program from the controller where the module would run there."""

    operation = "management_server_catalog"
    argument_spec = ARGUMENT_SPEC
    rules = RULES
