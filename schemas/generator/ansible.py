# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Ansible collection: a module for each operation, its documentation and its argument specification."""

from __future__ import annotations

import re

from .files import Files
from .markup import as_yaml, marked_up, typed
from .results import returns
from .schema import Operation, Option, Schema, Schemas

MODULE = '''#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: {name}
short_description: {purpose}
version_added: 1.0.0
description:
  - {purpose}.
author:
  - The lxca authors (@xclarity)
extends_documentation_fragment:
  - xclarity.lxca.connection
  - xclarity.lxca.binary
  - xclarity.lxca.attributes
{attributes}options:
seealso:
  - module: xclarity.lxca.appliance_info
"""

EXAMPLES = r"""
- name: {purpose}
  xclarity.lxca.{name}:
    host: lxca.example.com
    username: "{{{{ lxca_username }}}}"
    password: "{{{{ lxca_password }}}}"
{example}"""

RETURN = r"""
"""

from ansible_collections.xclarity.lxca.plugins.module_utils.binary import ask

ARGUMENT_SPEC: dict[str, object] = {{}}

RULES: dict[str, object] = {{}}


def main() -> None:
    """Asks."""
    ask("{name}", ARGUMENT_SPEC, RULES)


if __name__ == "__main__":
    main()
'''
"""A new module."""

ACTION = '''# -*- coding: utf-8 -*-
# Copyright (c) 2026, the lxca authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.xclarity.lxca.plugins.modules.{name} import ARGUMENT_SPEC, RULES
from ansible_collections.xclarity.lxca.plugins.plugin_utils.action import AskAction


class ActionModule(AskAction):
    """Runs the program from the controller where the module would run there."""

    operation = "{name}"
    argument_spec = ARGUMENT_SPEC
    rules = RULES
'''
"""The action plugin of a module."""

READS = "  - xclarity.lxca.attributes.info\n"
CHANGES = """\
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""
"""How modules support check and diff mode."""


def documented(option: Option, options: set[str]) -> Schema:
    """An option as `ansible-doc` shows it."""
    about = [*option.about, *filter(None, [option.limits()])]
    about += [f"Environment: `{name}`." for name in option.environment]
    facts: Schema = {"description": [marked_up(sentence, options) for sentence in about]}
    return facts | checked(option)


def checked(option: Option) -> Schema:
    """What documentation and argument specification say alike."""
    facts: Schema = {"type": typed(option.kind)}
    if facts["type"] == "list":
        facts["elements"] = typed(option.items)
    if option.required:
        facts["required"] = True
    elif option.default is not None:
        facts["default"] = option.default
    if option.choices:
        facts["choices"] = option.choices
    return facts


def spec(option: Option) -> str:
    """The entry of an argument specification.

    Ansible lets an alias beat the name, so that a default `hostname` would send a task's credentials elsewhere than to its
    `host`: modules have no aliases.
    """
    facts = {name: repr(value) for name, value in checked(option).items()}
    if option.environment:
        facts["fallback"] = f"(environment, {option.environment!r})"
    if option.secret:
        facts["no_log"] = "True"
    elif re.search("pass|secret|token|key", option.name):
        # Ansible would take it for a secret by its name.
        facts["no_log"] = "False"
    entries = ", ".join(f"{name!r}: {value}" for name, value in facts.items())
    return f"    {option.name!r}: {{{entries}}},\n"


def generate(schemas: Schemas, files: Files) -> None:
    """Writes `ansible/`."""
    plugins = "ansible/plugins"
    names = set(schemas.connection)
    options = {name: documented(option, names) for name, option in schemas.connection.items()}
    files.replace(f"{plugins}/doc_fragments/connection.py", r"(^options:\n).*?(^\S)", as_yaml(options, 2))
    entries = "".join(map(spec, schemas.connection.values()))
    files.replace(f"{plugins}/module_utils/connection.py", r"(^CONNECTION[^=\n]* = \{\n).*?(^\})", entries)
    for operation in schemas.operations:
        write_module(schemas, files, operation, f"{plugins}/modules/{operation.name}.py")
        files[f"{plugins}/action/{operation.name}.py"] = ACTION.format(name=operation.name)
    for folder in ("modules", "action"):
        files.only(f"{plugins}/{folder}", "*.py", {operation.name for operation in schemas.operations})
    group = "".join(f"    - {operation.name}\n" for operation in schemas.operations)
    files.replace("ansible/meta/runtime.yml", r"(^  lxca:\n).*?(\Z|^\S)", group)


def write_module(schemas: Schemas, files: Files, operation: Operation, path: str) -> None:
    """Creates a module that is missing, and fills in what the schemas say."""
    own, names = schemas.own(operation), set(operation.options)
    if not files[path]:
        example: Schema = {
            name: ["..."] if option.kind == "array" else 1 for name, option in own.items() if option.required
        }
        files[path] = MODULE.format(
            name=operation.name,
            purpose=operation.purpose,
            attributes=CHANGES if operation.changes else READS,
            example=as_yaml(example, 4),
        )
    options = {name: documented(option, names) for name, option in own.items()}
    files.replace(path, r"(^options:(?: \{\})?\n).*?(^\S)", as_yaml(options, 2))
    files.replace(path, r'(^RETURN = r"""\n).*?(^""")', as_yaml(returns(operation, names)))
    needed = any(option.environment for option in own.values())
    line = "from ansible_collections.xclarity.lxca.plugins.module_utils.connection import environment\n"
    files.replace(path, r"(module_utils\.binary import ask\n).*?(\nARGUMENT_SPEC)", line if needed else "")
    rules = "".join(f"    {rule!r}: {value!r},\n" for rule, value in operation.rules.items())
    for constant, entries in (("ARGUMENT_SPEC", "".join(map(spec, own.values()))), ("RULES", rules)):
        files.replace(path, rf"(^{constant}[^=\n]* = \{{).*?(\}}\n\n)", f"\n{entries}" if entries else "")
