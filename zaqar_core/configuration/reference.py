"""The reference of settings, written from their fields.

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
from zaqar_core.configuration.settings import Settings, as_variable
from zaqar_core.markdown import code, table

_HEAD = """# Settings

Generated from `zaqar_core/configuration/settings.py` by
`python -m zaqar_core.configuration.reference > docs/settings.md`; do not edit.

A setting is given by a flag where it has one, by its environment variable, or by its name as a key of a TOML file
(`--config FILE`). Flags win over the environment, the environment over the file, and the file over a
[zaqar.conf](operations.md#from-zaqarconf). Keys stand outside of any table of the file. In the environment the entries
of a list are separated by commas, and numbers and flags are written as in TOML.

A variable `SQS_FACADE_…` or a key that is not a setting is refused, as is a wrong value; all errors are listed at once,
each with its source, and the exit code is 2. Variables that Kubernetes sets for a Service named `sqs-facade` or
`sqs-facade-…` are ignored.

`sqs-facade settings` takes the flags of `sqs-facade serve` and prints the settings in force, each with its source, as
TOML or with `--format json` as JSON. Secrets are hidden.
"""

_SECTION = re.compile(r"    # -- (.+?) -+")
_COMMENT = re.compile(r"    #: (.+)")
_FIELD = re.compile(r"    (\w+): ")


@dataclass(frozen=True, slots=True)
class Comment:
    """The comment above a field, and the section that it stands in."""

    section: str
    text: str


def text() -> str:
    """The whole document."""
    parts = [_HEAD]
    rows: dict[str, list[tuple[str, ...]]] = {}
    found = comments()
    for field in msgspec.structs.fields(Settings):
        comment = found[field.name]
        flag = setting_values.flag(field.type)
        kind = setting_values.allowed(field.type)
        row = (
            code(field.name), code(variable(field.name)), code(flag) if flag else "",
            f"{kind}; secret" if setting_values.is_secret(field.type) else kind, _default(field.default), comment.text,
        )  # fmt: skip
        rows.setdefault(comment.section, []).append(row)
    head = ("setting", "environment variable", "flag", "value", "default", "what it does")
    parts += [f"## {section}\n\n{table(head, entries)}" for section, entries in rows.items()]
    return "\n".join(parts)


def comments() -> dict[str, Comment]:
    """The comment of each field. Raises LookupError for a field that has none."""
    section, lines = "", []
    found: dict[str, Comment] = {}
    for line in inspect.getsource(Settings).splitlines():
        if heading := _SECTION.fullmatch(line):
            section = heading[1]
        elif part := _COMMENT.fullmatch(line):
            lines.append(part[1])
        elif field := _FIELD.match(line):
            if not lines:
                raise LookupError(f"the setting {field[1]} has no comment that begins with #:")
            found[field[1]] = Comment(section, " ".join(lines))
            lines = []
    return found


def _default(value: Any) -> str:
    if value is msgspec.NODEFAULT or value in (None, "", ()):
        return "none"
    return code(as_variable(value)) if not isinstance(value, bool) else code(str(value).lower())


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output
