"""The listing of ``sqs-facade settings``: the settings in force, each with its source, without secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from zaqar_core.configuration import setting_values
from zaqar_core.configuration.settings import Configuration, Settings

#: Column where sources begin; longer lines have theirs two spaces behind the value.
_SOURCE_COLUMN = 60


def as_toml(configuration: Configuration) -> str:
    """One line for each setting, which a TOML file can hold; settings without a value are comments."""
    lines = []
    for name, value in _shown(configuration).items():
        line = f"# {name} is not set" if value is None else f"{name} = {_toml(value)}"
        lines.append(f"{line:<{_SOURCE_COLUMN - 2}}  # {configuration.source(name)}")
    return "\n".join(lines)


def as_json(configuration: Configuration) -> str:
    """An object with ``value`` and ``source`` of each setting."""
    shown = _shown(configuration)
    found = {name: {"value": value, "source": str(configuration.source(name))} for name, value in shown.items()}
    return json.dumps(found, indent=2)


def _shown(configuration: Configuration) -> dict[str, Any]:
    """Each value in types of JSON, with its secrets hidden."""
    found = {}
    for field in msgspec.structs.fields(Settings):
        value = setting_values.shown(getattr(configuration.settings, field.name), field.type)
        found[field.name] = str(value) if isinstance(value, Path) else value
    return found


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(name)} = {_toml(one)}' for name, one in value.items())}}}"
    # Texts, numbers, flags and lists are written alike, but for a character that only TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
