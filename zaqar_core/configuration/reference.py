"""The reference of settings, generated from their fields.

``python -m zaqar_core.configuration.reference > docs/settings.md``
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from zaqar_core.configuration import setting_values
from zaqar_core.configuration.setting_sources import variable
from zaqar_core.configuration.setting_values import as_variable
from zaqar_core.configuration.settings import Settings
from zaqar_core.markdown import code, table

_HEAD = """# Settings

Generated from `zaqar_core/configuration/settings.py` by
`python -m zaqar_core.configuration.reference > docs/settings.md`; do not edit.

Set a setting with its flag if it has one, with its environment variable, or with its name as a key of a TOML file
(`--config FILE`). Flags override the environment, the environment overrides the file, and the file overrides a
[zaqar.conf](operations.md#from-zaqarconf). Write keys at the top level of the file, outside of any table; tables
[declare queues](declaring-queues.md). In the environment separate the entries of a list by commas, and write numbers
and booleans as in TOML.

The service refuses to start with a variable `SQS_FACADE_…` or a key that is not a setting, or with a wrong value. It
lists all errors, each with its source, and exits with code 2. It ignores variables that Kubernetes sets for a Service
named `sqs-facade` or `sqs-facade-…`.

`sqs-facade settings` takes the flags of `sqs-facade serve` and prints the settings in force, each with its source, as
TOML or with `--format json` as JSON. Secrets are hidden.
"""

_SECTION = re.compile(r"    # -- (.+?) -+")
_COMMENT = re.compile(r"    #: (.+)")
_FIELD = re.compile(r"    (\w+): ")
#: Characters of allowed values that Markdown would read as markup.
_MARKUP = re.compile(r"[`*_]")


@dataclass(frozen=True, slots=True)
class Comment:
    """The comment above a field, and its section."""

    section: str
    text: str


def text() -> str:
    """Return the whole document."""
    parts = [_HEAD]
    rows: dict[str, list[tuple[str, ...]]] = {}
    found = comments()
    for field in msgspec.structs.fields(Settings):
        comment = found[field.name]
        flag = setting_values.flag(field.type)
        kind = _MARKUP.sub(r"\\\g<0>", setting_values.allowed(field.type))
        row = (
            code(field.name), code(variable(field.name)), code(flag) if flag else "",
            f"{kind}; secret" if setting_values.is_secret(field.type) else kind, _default(field.default), comment.text,
        )  # fmt: skip
        rows.setdefault(comment.section, []).append(row)
    head = ("setting", "environment variable", "flag", "value", "default", "what it does")
    parts += [f"## {section}\n\n{table(head, entries)}" for section, entries in rows.items()]
    return "\n".join(parts)


def comments() -> dict[str, Comment]:
    """Return the comment of each field. Raises LookupError for a field without one."""
    section, lines = "", []
    found: dict[str, Comment] = {}
    for line in inspect.getsource(Settings).splitlines():
        if heading := _SECTION.fullmatch(line):
            section = heading[1]
        elif part := _COMMENT.fullmatch(line):
            lines.append(part[1])
        elif field := _FIELD.match(line):
            if not lines:
                raise LookupError(f"the setting {field[1]} has no comment with #: above it")
            found[field[1]] = Comment(section, " ".join(lines))
            lines = []
    return found


def _default(value: Any) -> str:
    if value is msgspec.NODEFAULT or value in (None, "", ()):
        return "none"
    return code(as_variable(value)) if not isinstance(value, bool) else code(str(value).lower())


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output
