"""Read the declarations of a file, or only check them."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sqs_facade.declarations.findings import Finding, Findings
from sqs_facade.declarations.model import Declarations
from sqs_facade.declarations.tables import Reading
from zaqar_core.access import credentials_file
from zaqar_core.access.credentials_file import CredentialsInvalid
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.setting_sources import DECLARING_TABLES
from zaqar_core.configuration.settings import Settings


def load(file: Path | None, settings: Settings) -> Declarations:
    """Read the declarations of a settings file. Raises SettingsInvalid with one line for each mistake."""
    if file is None:
        return Declarations()
    text, document = _parse(file)
    findings = Findings(file, text)
    found = _read(document, settings, findings)
    if findings.found:
        raise SettingsInvalid(*map(str, findings.found))
    return found


def mistakes(file: Path | None, settings: Settings) -> tuple[str, ...]:
    """Return a line for each mistake in the tables of a file; none if it is not TOML, which its settings say."""
    if file is None:
        return ()
    try:
        text, document = _parse(file)
    except SettingsInvalid:
        return ()
    return tuple(map(str, check(document, settings, file=file, text=text)))


def _parse(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and what it says. Raises SettingsInvalid."""
    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as problem:
        raise SettingsInvalid(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{file} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as problem:
        raise SettingsInvalid(f"{file} is not valid TOML: {problem}") from None
    except RecursionError:
        raise SettingsInvalid(f"{file} is nested too deeply") from None


def check(
    document: Mapping[str, Any], settings: Settings | None = None, *, file: Path | None = None, text: str | None = None
) -> list[Finding]:
    """Return the mistakes in the tables of a document that declare queues; other keys are passed over.

    ``file`` and ``text`` are those of the document: with them, the findings have lines, and files that a ``policy``
    names are read.
    """
    findings = Findings(file, text)
    _read(document, settings or Settings(), findings)
    return findings.found


def _read(document: Mapping[str, Any], settings: Settings, findings: Findings) -> Declarations:
    if document.keys().isdisjoint(DECLARING_TABLES):
        return Declarations()
    return Reading(document, settings, findings, _accounts(settings)).declarations()


def _accounts(settings: Settings) -> Collection[str] | None:
    """Return the accounts of the credentials file; None without one, or if it cannot be read, which others report.

    None also with Keystone, which knows the projects of other callers.
    """
    if settings.credentials_file is None or settings.auth_strategy:
        return None
    try:
        directory = credentials_file.load(settings.credentials_file, [])
    except CredentialsInvalid:
        return None
    return {*(user.account for user in directory.users.values()), *(role.account for role in directory.roles.values())}
