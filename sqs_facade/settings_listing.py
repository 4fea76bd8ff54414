"""Output of ``sqs-facade settings``: the settings in force, each with its source, with secrets hidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from zaqar_core.configuration import setting_values
from zaqar_core.configuration.loading import Configuration
from zaqar_core.configuration.settings import Settings

#: Column where sources begin; after a longer line the source follows two spaces later.
_SOURCE_COLUMN = 60


def as_toml(configuration: Configuration) -> str:
    """Return one line of TOML for each setting; a setting without a value becomes a comment."""
    lines = []
    for name, value in _shown(configuration).items():
        line = f"# {name} is not set" if value is None else f"{name} = {_toml(value)}"
        lines.append(f"{line:<{_SOURCE_COLUMN - 2}}  # {configuration.source(name)}")
    return "\n".join(lines)


def as_json(configuration: Configuration) -> str:
    """Return a JSON object with ``value`` and ``source`` of each setting."""
    shown = _shown(configuration)
    found = {name: {"value": value, "source": str(configuration.source(name))} for name, value in shown.items()}
    return json.dumps(found, indent=2)


def _shown(configuration: Configuration) -> dict[str, Any]:
    """Return each value in types of JSON, with secrets hidden."""
    found = {}
    for field in msgspec.structs.fields(Settings):
        value = setting_values.shown(getattr(configuration.settings, field.name), field.type)
        found[field.name] = str(value) if isinstance(value, Path) else value
    return found


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(name)} = {_toml(one)}' for name, one in value.items())}}}"
    # JSON and TOML write strings, numbers, booleans and lists alike, except one character that only TOML escapes.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
