"""Loads the settings from their sources: flags, the environment, the TOML file, a zaqar.conf."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from zaqar_core.configuration import contradictions, setting_sources, setting_values
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.setting_sources import Given, Source
from zaqar_core.configuration.settings import Settings


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, and the source of each one that does not have its default."""

    settings: Settings
    sources: Mapping[str, Source]

    def source(self, setting: str) -> Source:
        """Return the source of the setting's value."""
        return self.sources.get(setting, Source("default"))

    def lines(self, problem: SettingsInvalid) -> tuple[str, ...]:
        """Return the lines of a problem that was found later, with the source of its setting."""
        if not problem.setting:
            return problem.problems
        subject = self.source(problem.setting).subject(problem.setting)
        return tuple(f"{subject}: {line}" for line in problem.problems)


def load(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """Read the settings from all sources. Raises SettingsInvalid, see ``read``."""
    return read(flags, environment, file).settings


def read(
    flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, file: Path | None = None
) -> Configuration:
    """Read the settings from all sources, strongest first: ``flags``, the environment, the TOML file, a zaqar.conf.

    Raises SettingsInvalid with all problems.
    """
    found = examine(flags, environment, file)
    if found.problems:
        log_format = found.configuration.settings.log_format
        raise SettingsInvalid(*(one.line for one in found.problems), log_format=log_format)
    return found.configuration


@dataclass(frozen=True, slots=True)
class Problem:
    """Why settings cannot be used. ``line`` names the source. The rest is set for a value that is not allowed."""

    kind: Literal["name", "value", "contradiction"]
    line: str
    source: Source | None = None
    setting: str = ""
    #: The allowed values, as a noun phrase.
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """All problems of the settings, and a configuration of those that are valid; the others have their defaults."""

    configuration: Configuration
    problems: tuple[Problem, ...]


def examine(
    flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, file: Path | None = None
) -> Examination:
    """Read the settings as ``read`` does, and return what can be used even if there are problems."""
    given, lines = setting_sources.collect(Settings, flags, environment, file)
    given = _over_zaqar_config(given, lines)
    problems = [Problem("name", line) for line in lines]
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        if (one := given.get(field.name)) is None:
            continue
        try:
            values[field.name] = setting_values.convert(one.value, field.type)
        except setting_values.ValueInvalid as problem:
            line, allowed = f"{one.source.subject(field.name)} {problem}", setting_values.allowed(field.type)
            problems.append(Problem("value", line, one.source, field.name, allowed))
    sources = {name: given[name].source for name in values}
    problems += [Problem("contradiction", line) for line in contradictions.find(values, sources)]
    if values.get("ephemeral"):
        values["durability"] = "memory"
        sources.setdefault("durability", Source("implied", "ephemeral"))
    return Examination(Configuration(Settings(**values), sources), tuple(problems))


def _over_zaqar_config(given: dict[str, Given], problems: list[str]) -> dict[str, Given]:
    """Add the options of a zaqar.conf, if one is named, below the given values."""
    if not (named := given.get("zaqar_config")) or not named.value:
        return given
    from zaqar_core.configuration import zaqar_config  # only needed with a zaqar.conf

    try:
        return zaqar_config.below(Settings, Path(str(named.value)).expanduser(), given)
    except SettingsInvalid as problem:
        lines = problem.problems
        problems += [f"{named.source.subject(problem.setting)}: {one}" if problem.setting else one for one in lines]
        return given
