# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that every module of the collection has."""

    DOCUMENTATION = r"""
options:
  host:
    description:
      - Name, IPv4 or IPv6 address of the appliance (brackets allowed), without scheme, path, user, port, zone or
        blanks.
      - A trailing dot is not part of the TLS name.
      - Write names with non-ASCII letters as punycode.
      - 'Environment: E(LXCA_HOST).'
    type: str
    required: true
  password:
    description:
      - The user's password, sent as UTF-8.
      - 'Environment: E(LXCA_PASSWORD).'
    type: str
    required: true
  username:
    description:
      - User to log in as.
      - With O(auth_method=basic) it must not contain a colon.
      - 'Environment: E(LXCA_USERNAME).'
    type: str
    required: true
  auth_method:
    description:
      - 'How to log in: V(basic) sends the credentials with every request and leaves no session behind; V(session)
        logs in and out again (the appliance allows 3 sessions a user).'
      - 'Environment: E(LXCA_AUTH_METHOD).'
    type: str
    default: basic
    choices:
      - basic
      - session
  ca_path:
    description:
      - PEM file with the certificates to trust instead of the system's roots; V(~/) is expanded.
      - CA certificates sign for others.
      - A server certificate in the file is trusted itself, if its name and dates are right.
      - 'Environment: E(LXCA_CA_PATH).'
    type: path
  certificate_fingerprint:
    description:
      - SHA-256 of the server's certificate, with or without V(sha256:) and colons, in any case.
      - Replaces the checks of name, dates and chain and must match, also with O(validate_certs=false); O(ca_path)
        is not opened then.
      - 'Environment: E(LXCA_CERTIFICATE_FINGERPRINT).'
    type: str
  connect_timeout:
    description:
      - Seconds for name lookup, TCP and TLS over all addresses together; the smaller of this and O(timeout) counts.
      - Must be from V(1) to V(86400).
    type: int
    default: 10
  port:
    description:
      - TCP port of the appliance's web server.
      - Must be from V(1) to V(65535).
      - 'Environment: E(LXCA_PORT).'
    type: int
    default: 443
  retries:
    description:
      - How often an exchange that can be repeated safely is repeated after a connection failure, 429, 502, 503 or
        504.
      - Must be from V(0) to V(10).
    type: int
    default: 2
  server_name:
    description:
      - 'Name expected in the certificate, and sent as SNI, in place of O(host): older appliances carry V(localhost).'
    type: str
  timeout:
    description:
      - Seconds for one HTTP exchange, from the first packet to the last byte of the body, connecting included.
      - Must be from V(1) to V(86400).
    type: int
    default: 60
  use_proxy:
    description:
      - Whether E(https_proxy), E(all_proxy) and E(no_proxy) of the environment count.
    type: bool
    default: true
  validate_certs:
    description:
      - Whether the server's certificate is verified.
      - 'Environment: E(LXCA_VALIDATE_CERTS).'
    type: bool
    default: true
"""
