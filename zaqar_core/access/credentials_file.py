"""The credentials file: users in accounts with access keys, tokens and policies, and roles, in TOML.

A secret stands in the file itself, in a file of its own (``…_file``), or in an environment variable (``env:NAME``).
Names of other files are relative to the folder of the credentials file. Error messages show no secret.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from zaqar_core.access import certificates
from zaqar_core.access.credentials_entries import Document, IssuerEntry, PolicyEntry, RoleEntry, UserEntry
from zaqar_core.access.directory import AccessKey, Directory, Issuer, Role, Token, Trust, User, digest
from zaqar_core.access.presets import PRESETS
from zaqar_core.access.principals import Principal
from zaqar_core.domain import limits

if TYPE_CHECKING:
    from zaqar_core.access.policies import Policy

#: A shorter secret could be guessed. Those of AWS have 40 characters.
SECRET_CHARACTERS = 16
_FILE_BYTES = 16 << 20
_ENVIRONMENT = "env:"


class CredentialsInvalid(ValueError):
    """The credentials file cannot be used. The text is one line for the operator and shows no secret."""


#: What changes with a file: the time of its change, its size, its inode and its mode.
Stamp = tuple[tuple[str, int, int, int, int], ...]


def stamp(files: Sequence[Path]) -> Stamp:
    """Return a value that changes with the files. A file that cannot be read has the size -1."""
    found = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            found.append((str(file), 0, -1, 0, 0))
            continue
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        found.append((str(file), changed, status.st_size, status.st_ino, status.st_mode))
    return tuple(found)


def load(file: Path, files: list[Path]) -> Directory:
    """Read the file, and add the files that it was read from to ``files``. Raises CredentialsInvalid."""
    return _Reading(file, files).directory(_document(_read(file, is_secret=True), str(file)))


def parse(text: str, file: Path = Path("credentials.toml")) -> Directory:
    """Read the text of a file. Raises CredentialsInvalid."""
    return _Reading(file, []).directory(_document(text, str(file)))


def check_form(text: str, file: Path) -> None:
    """Check the text of a file, without the secrets and policies that it refers to. Raises CredentialsInvalid."""
    _Form(file, []).directory(_document(text, str(file)))


def _read(file: Path, *, is_secret: bool = False) -> str:
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if is_secret and os.name == "posix":
                _require_privacy(file, status)
            raw = stream.read(_FILE_BYTES + 1)
    except OSError as problem:
        raise CredentialsInvalid(f"cannot read {file}: {problem.strerror}") from None
    except CredentialsInvalid:
        raise
    except ValueError:  # a NUL byte
        raise CredentialsInvalid(f"{str(file)!r} is not a file name") from None
    if len(raw) > _FILE_BYTES:
        raise CredentialsInvalid(f"{file} is larger than {_FILE_BYTES >> 20} MiB")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise CredentialsInvalid(f"{file} is not UTF-8 text") from None


def _require_privacy(file: Path, status: os.stat_result) -> None:
    """Require that other users cannot read the file. Raises CredentialsInvalid.

    A file of another user may be readable by its group: that is how root gives a file to a service, and how Kubernetes
    mounts a Secret.
    """
    mode = stat.S_IMODE(status.st_mode)
    if not mode & (0o077 if status.st_uid == os.geteuid() else 0o037):
        return
    raise CredentialsInvalid(f"{file}: other users can read the file (mode {mode:04o}): chmod 600 {file}")


def _document(text: str, name: str) -> Document:
    try:
        return msgspec.convert(_with_times(tomllib.loads(text)), Document)
    except tomllib.TOMLDecodeError as problem:
        place = re.search(r"\(at [^()]*\)$", str(problem))  # the rest may quote a part of a secret
        raise CredentialsInvalid(f"{name} is not valid TOML {place[0] if place else ''}".rstrip()) from None
    except RecursionError:
        raise CredentialsInvalid(f"{name} is nested too deeply") from None
    except msgspec.ValidationError as problem:
        raise CredentialsInvalid(f"{name}: {problem}") from None


def _with_times(value: object) -> object:
    """Return the value with a time in place of each date: its beginning in UTC."""
    if isinstance(value, dict):
        return {name: _with_times(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_times(one) for one in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


@dataclass(slots=True)
class _Reading:
    """One reading of the file. ``files`` are all files that were read."""

    file: Path
    files: list[Path]

    def __post_init__(self) -> None:
        self.files.append(self.file)

    def directory(self, document: Document) -> Directory:
        keys: dict[str, AccessKey] = {}
        users: dict[str, User] = {}
        tokens: dict[bytes, Token] = {}
        subjects: dict[str, User] = {}
        names: set[tuple[str, str]] = set()
        for entry in document.users:
            where = f"user {entry.name} of account {entry.account}"
            user = self._user(entry, where)
            if (entry.account, entry.name) in names or user.id in users:
                raise self._invalid(where, "is listed twice")
            names.add((entry.account, entry.name))
            users[user.id] = user
            if len(entry.access_keys) > limits.ACCESS_KEYS:
                raise self._invalid(where, f"has more than {limits.ACCESS_KEYS} access keys")
            for key in self._keys(entry, user, where):
                if key.id in keys:
                    raise self._invalid(where, f"the access key {key.id} is listed twice")
                keys[key.id] = key
            for sha256, token in self._tokens(entry, user, where):
                if sha256 in tokens:
                    raise self._invalid(where, "two tokens are equal")
                tokens[sha256] = token
            for subject in self._subjects(entry, where):
                if subject in subjects:
                    raise self._invalid(where, f"the certificate subject {subject} is listed twice")
                subjects[subject] = user
        issuers = self._issuers(document.issuers)
        return Directory(keys, users, tokens, self._roles(document.roles, issuers), issuers, subjects)

    def _invalid(self, where: str, reason: str) -> CredentialsInvalid:
        return CredentialsInvalid(f"{self.file}: {where}: {reason}")

    def _user(self, entry: UserEntry, where: str) -> User:
        unique = entry.id or _unique_id("AIDA", entry.account, entry.path, entry.name)
        arn = f"arn:aws:iam::{entry.account}:user{entry.path}{entry.name}"
        policies = self._policies(entry.policies, where)
        principal = Principal(entry.account, arn, unique, entry.name, dict(entry.tags), policies)
        return User(entry.account, entry.name, unique, entry.enabled, _seconds(entry.expires), principal)

    def _keys(self, entry: UserEntry, user: User, where: str) -> Iterator[AccessKey]:
        for key in entry.access_keys:
            place = f"{where}: access key {key.id}"
            if key.id.startswith("ASIA"):
                raise self._invalid(place, "ids that begin with ASIA belong to temporary credentials")
            secret = self._secret(place, "secret_access_key", key.secret_access_key, key.secret_access_key_file)
            yield AccessKey(user=user, is_enabled=key.enabled, expires=_seconds(key.expires), id=key.id, secret=secret)

    def _tokens(self, entry: UserEntry, user: User, where: str) -> Iterator[tuple[bytes, Token]]:
        for number, token in enumerate(entry.tokens, 1):
            if token.token_sha256 is not None and token.token is None and token.token_file is None:
                sha256 = bytes.fromhex(token.token_sha256)
            elif token.token_sha256 is None:
                sha256 = digest(self._secret(f"{where}: token {number}", "token", token.token, token.token_file))
            else:
                raise self._invalid(f"{where}: token {number}", "give only one of token, token_file and token_sha256")
            yield sha256, Token(user=user, is_enabled=token.enabled, expires=_seconds(token.expires))

    def _subjects(self, entry: UserEntry, where: str) -> Iterator[str]:
        for text in entry.certificate_subjects:
            try:
                subject = certificates.normal_subject(text)
            except ValueError:
                subject = ""
            if not subject:
                raise self._invalid(where, f"{text[:64]!r} is not a certificate subject like CN=orders,O=Example")
            yield subject

    def _secret(self, where: str, name: str, text: str | None, file: str | None) -> str:
        if (text is None) == (file is None):
            raise self._invalid(where, f"give either {name} or {name}_file")
        if file is not None:
            found = self._other(file).strip()
        elif text is not None and text.startswith(_ENVIRONMENT):
            variable = text.removeprefix(_ENVIRONMENT)
            if variable not in os.environ:
                raise self._invalid(where, f"the environment variable {variable} is not set")
            found = os.environ[variable]
        else:
            found = text or ""
        if len(found) < SECRET_CHARACTERS or not (found.isascii() and found.isprintable()):
            raise self._invalid(where, f"the secret must have at least {SECRET_CHARACTERS} characters, all of ASCII")
        return found

    def _other(self, name: str) -> str:
        """Return the text of another file."""
        path = self._path(name)
        self.files.append(path)
        return _read(path)

    def _path(self, name: str) -> Path:
        return self.file.parent / name

    def _policies(self, entries: Sequence[PolicyEntry], where: str) -> tuple[Policy, ...]:
        found = []
        for number, entry in enumerate(entries, 1):
            try:
                found.append(_policy(self._policy_document(entry)))
            except CredentialsInvalid as problem:
                raise self._invalid(f"{where}: policy {number}", str(problem)) from None
            except ValueError as problem:
                raise self._invalid(f"{where}: policy {number}", " ".join(str(problem).split())) from None
        return tuple(one for one in found if one is not None)

    def _policy_document(self, entry: PolicyEntry) -> dict[str, Any]:
        if isinstance(entry, dict):
            return entry
        if entry in PRESETS:
            return PRESETS[entry]
        if not entry.lstrip().startswith("{"):
            if "/" not in entry and not entry.endswith(".json"):
                raise CredentialsInvalid(
                    f"{entry[:64]!r} is not a preset ({', '.join(PRESETS)}), a JSON document, or a file (…/… or ….json)"
                )
            entry = self._other(entry)
        try:
            document = json.loads(entry)
        except (ValueError, RecursionError):
            raise CredentialsInvalid("the document is not valid JSON") from None
        if not isinstance(document, dict):
            raise CredentialsInvalid("the document must be a JSON object")
        return document

    def _issuers(self, entries: Sequence[IssuerEntry]) -> dict[str, Issuer]:
        found: dict[str, Issuer] = {}
        for entry in entries:
            if entry.url in found:
                raise self._invalid(f"issuer {entry.url}", "is listed twice")
            if entry.jwks_file is not None and entry.jwks_url is not None:
                raise self._invalid(f"issuer {entry.url}", "give only one of jwks_file and jwks_url")
            places = [None if name is None else self._path(name) for name in (entry.jwks_file, entry.ca_file)]
            token_file = None if entry.token_file is None else self._path(entry.token_file)
            found[entry.url] = Issuer(entry.url, places[0], entry.jwks_url, places[1], token_file)
        return found

    def _roles(self, entries: Sequence[RoleEntry], issuers: dict[str, Issuer]) -> dict[str, Role]:
        found: dict[str, Role] = {}
        for entry in entries:
            where = f"role {entry.name} of account {entry.account}"
            arn = f"arn:aws:iam::{entry.account}:role{entry.path}{entry.name}"
            if any((role.account, role.name) == (entry.account, entry.name) for role in found.values()):
                raise self._invalid(where, "is listed twice")
            for trust in entry.trust:
                if trust.issuer not in issuers:
                    raise self._invalid(where, f"the issuer {trust.issuer[:200]} is not in [[issuers]]")
            found[arn] = Role(
                entry.account,
                entry.name,
                arn,
                entry.id or _unique_id("AROA", entry.account, entry.path, entry.name),
                entry.enabled,
                entry.max_session_seconds,
                tuple(Trust(one.issuer, frozenset(one.audiences), tuple(one.subjects)) for one in entry.trust),
                self._policies(entry.policies, where),
                dict(entry.tags),
            )
        return found


class _Form(_Reading):
    """A reading that takes each secret and policy as valid: they may be readable for the service alone."""

    __slots__ = ()

    def _secret(self, where: str, name: str, text: str | None, file: str | None) -> str:
        del where
        return f"{name} {text} {file}"

    def _policies(self, entries: Sequence[PolicyEntry], where: str) -> tuple[Policy, ...]:
        del entries, where
        return ()


def _policy(document: dict[str, Any]) -> Policy | None:
    """Compile a policy; None where policies are not enforced. Raises ValueError."""
    try:
        policies: Any = importlib.import_module("zaqar_core.access.policies")
    except ModuleNotFoundError:
        return None
    compiled: Policy = policies.Policy.parse(document)
    return compiled


def _unique_id(prefix: str, *parts: str) -> str:
    """Derive an id in AWS's form from the names of a user or role without one."""
    return prefix + base64.b32encode(hashlib.sha256("\n".join(parts).encode()).digest())[:17].decode()


def _seconds(moment: datetime | None) -> float:
    """Return a time in seconds since 1970. A time without a zone is in UTC."""
    if moment is None:
        return math.inf
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError:  # before the year 1 in UTC
        return -math.inf
