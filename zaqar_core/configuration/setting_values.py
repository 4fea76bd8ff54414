"""Values of settings: describe the allowed values, convert given values, and hide secrets.

Error messages and docs/settings.md use the same descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

#: Shown instead of a secret.
HIDDEN = "***"
_SHOWN_CHARACTERS = 100
_CREDENTIALS = re.compile(r"([a-z][a-z0-9+.-]*:(?://)?)?.*@", re.IGNORECASE | re.DOTALL)
_SECRET_OPTION = re.compile(r"((?:password|secret|token)=)[^&\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class About:
    """Metadata of a setting that its type does not have, for use in ``Annotated`` beside ``msgspec.Meta``.

    ``unit`` is a plural noun. ``allowed`` replaces the description of the type. ``check`` gets the converted value and
    raises ValueError with a text for the operator. ``flag`` is an option of the command line.
    """

    unit: str = ""
    allowed: str = ""
    check: Callable[[Any], object] | None = None
    flag: str = ""
    is_secret: bool = False


class ValueInvalid(ValueError):
    """A value is not allowed. The text is a predicate for the setting as subject, and shows no secret."""


def allowed(kind: Any) -> str:
    """Describe the values of a type as a noun phrase: ``a whole number from 0 to 65535``."""
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin is Annotated:
            return _annotated(arguments)
        case origin if origin is Union or origin is UnionType:
            return allowed(next(one for one in arguments if one is not NoneType))
        case origin if origin is Literal:
            named = [str(one) for one in arguments if one != ""]
            return f"{'empty or ' if '' in arguments else ''}{'one of ' * (len(named) > 1)}{', '.join(named)}"
        case origin if origin is tuple:
            entry = allowed(arguments[0])
            return "a list of texts" if entry == "text" else f"a list, each entry {entry}"
        case origin if origin is dict:
            return f"name=value pairs, each name {allowed(arguments[0])}, each value {allowed(arguments[1])}"
    return {bool: "true or false", int: "a whole number", float: "a number", Path: "a path"}.get(kind, "text")


def _annotated(arguments: tuple[Any, ...]) -> str:
    abouts = [one for one in arguments if isinstance(one, About)]
    bounds = [one for one in arguments if isinstance(one, msgspec.Meta)]
    own = [one.allowed for one in abouts if one.allowed]
    units = [f" of {one.unit}" for one in abouts if one.unit]
    return "".join((own[-1] if own else allowed(arguments[0]), *units[-1:], *map(_bounds, bounds)))


def _bounds(meta: msgspec.Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f" from {meta.ge} to {meta.le}"
    if meta.ge is not None:
        return f", at least {meta.ge}"
    most = f" and at most {meta.le}" if meta.le is not None else ""
    return f" greater than {meta.gt}{most}" if meta.gt is not None else ""


def convert(value: object, kind: Any) -> Any:
    """Convert the value to the type. Texts are parsed as numbers, booleans and paths. Raises ValueInvalid."""
    if value == "" and not _allows_empty(kind):
        raise ValueInvalid("must not be empty")
    try:
        found = msgspec.convert(value, kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError:
        raise refusal(value, kind) from None
    for check, checked in _checks(kind, found):
        try:
            check(checked)
        except ValueError as problem:
            raise ValueInvalid(f"must be {allowed(kind)}: {problem}") from None
    return found


def refusal(value: object, kind: Any) -> ValueInvalid:
    """Create the error for a value that cannot be converted to its type."""
    ending = "" if is_secret(kind) else f", not {_quoted(value)}"
    return ValueInvalid(f"must be {allowed(kind)}{ending}")


def from_text(text: str, kind: Any) -> object:
    """Split the text of a variable if the type is a list or a map. Raises ValueInvalid."""
    container = _container(kind)
    if container is None:
        return text
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if container is tuple:
        return parts
    if not all("=" in part for part in parts):
        raise refusal(text, kind)
    pairs = [part.partition("=") for part in parts]
    return {name.strip(): value.strip() for name, _, value in pairs}


def is_secret(kind: Any) -> bool:
    """Return whether values of this type are secret and must be hidden."""
    return any(one.is_secret for one in _abouts(kind))


def flag(kind: Any) -> str:
    """Return the command line option of a setting's type; empty if it has none."""
    return next((one.flag for one in _abouts(kind) if one.flag), "")


def shown(value: Any, kind: Any) -> Any:
    """Return the value with its secrets hidden. Entries ``name:secret`` keep their names."""
    if value is None:
        return None
    if is_secret(kind):
        if isinstance(value, tuple):
            parts = (entry.partition(":") for entry in value)
            return tuple(f"{name}:{HIDDEN}" if colon else HIDDEN for name, colon, _ in parts)
        return HIDDEN
    if isinstance(value, tuple):
        return tuple(shown(one, str) for one in value)
    return without_credentials(value) if isinstance(value, str) else value


def without_credentials(text: str) -> str:
    """Return the text with user and password of a URL hidden, even if they make the URL malformed."""
    head, at, _ = text.rpartition("@")
    if at and ":" in head:
        text = _CREDENTIALS.sub(lambda found: f"{found[1] or ''}{HIDDEN}@", text, count=1)
    return _SECRET_OPTION.sub(rf"\1{HIDDEN}", text)


def _quoted(value: object) -> str:
    """Return the value as JSON, shortened, for a message of one line."""
    text = without_credentials(value) if isinstance(value, str) else value
    try:
        quoted = msgspec.json.encode(text).decode()
    except (TypeError, UnicodeEncodeError):
        quoted = ascii(text)
    return without_credentials(quoted if len(quoted) <= _SHOWN_CHARACTERS else f"{quoted[:_SHOWN_CHARACTERS]}…")


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value).expanduser()
    raise ValueError


def _abouts(kind: Any) -> Iterator[About]:
    for argument in get_args(kind):
        if isinstance(argument, About):
            yield argument
        elif get_origin(kind) is not Literal:
            yield from _abouts(argument)


def _container(kind: Any) -> type | None:
    """Return ``tuple`` or ``dict`` if values of the type are one, else None."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _container(get_args(kind)[0])
    return origin if origin in (tuple, dict) else None


def _allows_empty(kind: Any) -> bool:
    return _container(kind) is not None or (get_origin(kind) is Literal and "" in get_args(kind))


def _checks(kind: Any, value: Any) -> Iterator[tuple[Callable[[Any], object], Any]]:
    """Iterate over the checks of the type, each with the value or entry that it applies to."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from ((one.check, value) for one in arguments if isinstance(one, About) and one.check is not None)
        yield from _checks(arguments[0], value)
    elif origin is tuple:
        for entry in value:
            yield from _checks(arguments[0], entry)
    elif (origin is Union or origin is UnionType) and value is not None:
        yield from _checks(next(one for one in arguments if one is not NoneType), value)


def as_variable(value: Any) -> str:
    """Format the value of a setting for an environment variable."""
    if isinstance(value, dict):
        value = tuple(f"{name}={one}" for name, one in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(int(value) if isinstance(value, bool) else value)
