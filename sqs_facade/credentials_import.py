"""Read access keys from the files that AWS's tools write: ``~/.aws/credentials`` and the CSV files of IAM."""

from __future__ import annotations

import configparser
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqs_facade.credentials_editing import EditRefused

_ID, _SECRET = "access key id", "secret access key"
_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9_+=,.@-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """An access key in a file, and the name of its user."""

    name: str
    key_id: str
    secret: str = field(repr=False)


def read(file: Path, name: str | None = None) -> list[Found]:
    """Return the access keys of a file. ``name`` is for a file that names no user. Raises EditRefused."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise EditRefused(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise EditRefused(f"{file} is not UTF-8 text") from None
    first = text.lstrip().partition("\n")[0].lower()
    found = list(_of_csv(text, name or file.stem) if _ID in first and "," in first else _of_profiles(text, file))
    if not found:
        raise EditRefused(f"{file} has no long-term access keys")
    return found


def _of_csv(text: str, name: str) -> Iterator[Found]:
    """Read a CSV of IAM: one row for each key, with or without the user's name."""
    for row in csv.DictReader(io.StringIO(text)):
        values = {(title or "").strip().lower(): (value or "").strip() for title, value in row.items() if title}
        if values.get(_ID) and values.get(_SECRET):
            user = values.get("user name") or values.get("username") or name
            yield Found(_named(user), values[_ID], values[_SECRET])


def _of_profiles(text: str, file: Path) -> Iterator[Found]:
    """Read the profiles of AWS's shared credentials file. Those with temporary credentials are left out."""
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        raise EditRefused(f"{file} is neither a credentials file of AWS nor a CSV of IAM") from None
    for profile in parser.sections():
        options = parser[profile]
        key_id, secret = options.get("aws_access_key_id"), options.get("aws_secret_access_key")
        if key_id and secret and "aws_session_token" not in options:
            yield Found(_named(profile.removeprefix("profile ")), key_id, secret)


def _named(text: str) -> str:
    return _OTHER_CHARACTERS.sub("-", text.strip())[:64] or "imported"
