# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# BSD 2-Clause License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The options that every module of the collection has. CONNECTION is made from the program's schemas."""

from __future__ import annotations

import os

from ansible.module_utils.common.parameters import env_fallback
from ansible.module_utils.errors import AnsibleFallbackNotFound


def environment(name: str) -> str:
    """The value of an environment variable; an empty one is as good as none, as the program has it."""
    if os.environ.get(name) == "":
        raise AnsibleFallbackNotFound
    return env_fallback(name)


CONNECTION = {
    "host": {"type": "str", "required": True, "fallback": (environment, ["LXCA_HOST"])},
    "password": {"type": "str", "required": True, "fallback": (environment, ["LXCA_PASSWORD"]), "no_log": True},
    "username": {"type": "str", "required": True, "fallback": (environment, ["LXCA_USERNAME"])},
    "auth_method": {
        "type": "str",
        "default": "basic",
        "choices": ["basic", "session"],
        "fallback": (environment, ["LXCA_AUTH_METHOD"]),
    },
    "ca_path": {"type": "path", "fallback": (environment, ["LXCA_CA_PATH"])},
    "certificate_fingerprint": {"type": "str", "fallback": (environment, ["LXCA_CERTIFICATE_FINGERPRINT"])},
    "connect_timeout": {"type": "int", "default": 10},
    "port": {"type": "int", "default": 443, "fallback": (environment, ["LXCA_PORT"])},
    "retries": {"type": "int", "default": 2},
    "server_name": {"type": "str"},
    "timeout": {"type": "int", "default": 60},
    "use_proxy": {"type": "bool", "default": True},
    "validate_certs": {"type": "bool", "default": True, "fallback": (environment, ["LXCA_VALIDATE_CERTS"])},
}
