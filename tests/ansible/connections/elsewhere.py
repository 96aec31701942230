"""A connection to this machine that Ansible takes for one to elsewhere."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: elsewhere
short_description: Like local
description: Runs on this machine, but is another connection than local.
author: The lxca authors
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(Local):
    """The local connection by another name."""

    transport = "elsewhere"
