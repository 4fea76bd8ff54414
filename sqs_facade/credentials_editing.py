"""Edit the credentials file: at once, by one process at a time, and with its comments kept."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from zaqar_core.access import credentials_file
from zaqar_core.access.credentials_file import CredentialsInvalid
from zaqar_core.access.directory import digest
from zaqar_core.access.session_tokens import new_secret
from zaqar_core.domain import limits

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HEADING = "Users and roles of sqs-facade. Keep this file at mode 0600.\n"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_CHARACTERS = 16

Table = MutableMapping[str, Any]


class EditRefused(Exception):
    """The change is not possible. The text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """An access key that has just been created. Its secret is shown once."""

    id: str
    secret: str


@contextmanager
def editing(file: Path) -> Iterator[Users]:
    """Read the file, and write it in place of the old one when the block ends without an exception.

    Raises EditRefused.
    """
    file = file.resolve()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(file.parent):
            users = Users(_parsed(file))
            yield users
            text = tomlkit.dumps(users.document)
            try:
                credentials_file.check_form(text, file)
            except CredentialsInvalid as problem:
                raise EditRefused(str(problem)) from None
            _write(file, text)
    except OSError as problem:
        raise EditRefused(f"cannot edit {file}: {problem.strerror}") from None


def read(file: Path) -> Users:
    """Read the file. Raises EditRefused."""
    if not file.exists():
        raise EditRefused(f"{file} does not exist; the command `sqs-facade credentials add` creates it")
    return Users(_parsed(file))


def _parsed(file: Path) -> tomlkit.TOMLDocument:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        document = tomlkit.document()
        document.add(tomlkit.comment(_HEADING.strip()))
        return document
    except (OSError, UnicodeDecodeError) as problem:
        raise EditRefused(f"cannot read {file}: {getattr(problem, 'strerror', 'it is not UTF-8 text')}") from None
    try:
        credentials_file.check_form(text, file)
        return tomlkit.parse(text)
    except (CredentialsInvalid, TOMLKitError) as problem:
        raise EditRefused(str(problem)) from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other editors of files in the folder waiting."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(file: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        if os.name == "posix":
            with contextlib.suppress(FileNotFoundError, PermissionError):
                status = file.stat()
                os.chown(draft, status.st_uid, status.st_gid)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


class Users:
    """The users of a file, and the changes of the command line."""

    def __init__(self, document: tomlkit.TOMLDocument) -> None:
        self.document = document

    def __iter__(self) -> Iterator[Table]:
        yield from self.document.get("users", [])

    def find(self, name: str, account: str | None) -> Table:
        """Return a user. Raises EditRefused if there is none, or more than one without an account."""
        found = [one for one in self if one["name"] == name and account in (None, one["account"])]
        if not found:
            where = f" in account {account}" if account else ""
            raise EditRefused(f"there is no user {name}{where}; the command `sqs-facade credentials list` lists them")
        if len(found) > 1:
            accounts = ", ".join(one["account"] for one in found)
            raise EditRefused(f"the accounts {accounts} have a user {name}: name one with --account")
        return found[0]

    def add(self, name: str, account: str, **more: Any) -> Table:
        """Add a user. Members of ``more`` that are None or empty are left out. Raises EditRefused."""
        if any((one["name"], one["account"]) == (name, account) for one in self):
            raise EditRefused(f"account {account} already has a user {name}; `rotate` gives it another access key")
        user = tomlkit.table()
        user["name"], user["account"], user["id"] = name, account, _new_id("AIDA")
        for member, value in more.items():
            if value not in (None, "", [], {}):
                user[member] = value
        _append(self.document, "users", user)
        return self.find(name, account)

    def add_key(self, user: Table, key_id: str | None = None, secret: str | None = None) -> NewKey:
        """Add an access key, by default a new one. Raises EditRefused if the user has two already."""
        if len(user.get("access_keys", [])) >= limits.ACCESS_KEYS:
            raise EditRefused(
                f"user {user['name']} has {limits.ACCESS_KEYS} access keys: end the rotation before with `rotate "
                f"{user['name']} --finish`, or remove one with `remove {user['name']} --key ID`"
            )
        new = NewKey(key_id or _new_id("AKIA"), secret or new_secret())
        key = tomlkit.table()
        key["id"], key["secret_access_key"], key["created"] = new.id, new.secret, _now()
        _append(user, "access_keys", key)
        return new

    def add_token(self, user: Table) -> str:
        """Add a static token, of which the file has only the hash; return the token."""
        new = secrets.token_urlsafe(32)
        token = tomlkit.table()
        token["token_sha256"], token["created"] = digest(new).hex(), _now()
        _append(user, "tokens", token)
        return new

    def key(self, user: Table, key_id: str) -> Table:
        """Return an access key of a user. Raises EditRefused."""
        for key in user.get("access_keys", []):
            if key["id"] == key_id:
                found: Table = key
                return found
        raise EditRefused(f"user {user['name']} has no access key {key_id}")

    def remove_key(self, user: Table, key_id: str) -> None:
        """Remove an access key. Raises EditRefused."""
        self.key(user, key_id)
        keys = user["access_keys"]
        del keys[[key["id"] for key in keys].index(key_id)]
        if not keys:
            del user["access_keys"]

    def finish_rotation(self, user: Table) -> list[str]:
        """Remove all access keys of a user but the last one; return their ids."""
        old = [str(key["id"]) for key in user.get("access_keys", [])][:-1]
        for key_id in old:
            self.remove_key(user, key_id)
        return old

    def remove(self, user: Table) -> None:
        """Remove a user."""
        users = self.document["users"]
        names = [(one["name"], one["account"]) for one in self]
        del users[names.index((user["name"], user["account"]))]
        if not users:
            del self.document["users"]


def _append(parent: Table, name: str, entry: tomlkit.items.Table) -> None:
    """Append a table to a list of tables, in the form in which the list is written."""
    if name not in parent:
        parent[name] = tomlkit.aot()
    entries = parent[name]
    if isinstance(entries, AoT):
        entries.append(entry)
    else:
        inline = tomlkit.inline_table()
        inline.update(entry)
        entries.append(inline)


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARACTERS))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
