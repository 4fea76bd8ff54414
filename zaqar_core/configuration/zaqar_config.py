"""Settings from a ``zaqar.conf``, the weakest source; one table maps its options to settings.

oslo.config (extra ``keystone``) parses the file, so it has the same meaning as in Zaqar: ``$name`` in values, continued
lines, repeated options, former names. ``python -m zaqar_core.configuration.zaqar_config`` prints the table for
``docs/operations.md``.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from zaqar_core.configuration import keystone_options, setting_values
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.setting_sources import Given, Source
from zaqar_core.markdown import code, table

_log = logging.getLogger("sqs_facade.settings")

#: Option values by section and name; None if the file does not have the option.
Found = Mapping[tuple[str, str], Any]
_DRIVERS, _WSGI, _WEBSOCKET = "drivers", "drivers:transport:wsgi", "drivers:transport:websocket"
_MESSAGES, _MANAGEMENT = "drivers:message_store:redis", "drivers:management_store:redis"
_AUTH, _POLICY = "keystone_authtoken", "oslo_policy"
#: Zaqar's default address of Redis.
_REDIS = "redis://127.0.0.1:6379"
#: Policy files beside the configuration that oslo.policy reads by default.
_POLICY_NAMES = ("policy.yaml", "policy.json")


@dataclass(frozen=True, slots=True)
class Row:
    """One option and its setting. ``note`` explains the row in the documentation.

    ``read`` converts the option's value, given all other options, to that of the setting. If it returns None, the
    option has no effect, and a warning is logged.
    """

    section: str
    option: str
    setting: str
    note: str = ""
    read: Callable[[Any, Found], Any] = lambda value, _: value
    #: Former name of the option.
    former: str | None = None
    #: Whether the option is text although the setting has another type.
    is_text: bool = False


def _same(section: str, *options: str) -> tuple[Row, ...]:
    return tuple(Row(section, option, option) for option in options)


def _if_self_local(value: Any, found: Found) -> Any:
    return value if found["notification", "smtp_mode"] == "self_local" else None


def _tls(value: Any, _: Found) -> Any:
    return "tls" if value == "self_local" else None


def _key(value: Any, found: Found) -> Any:
    """Derive an encryption key; None for Zaqar's default text, which is not secret, and for RSA keys."""
    if value == "AES256" or found["transport", "message_encryption_algorithms"] not in (None, "AES256"):
        return None
    return (f"zaqar:{base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()}",)


def _message_store(_: Any, found: Found) -> Any:
    if found["DEFAULT", "pooling"] or found[_DRIVERS, "message_store"] != "redis":
        return None
    return _url(found[_MESSAGES, "uri"] or _REDIS)


def _management_store(_: Any, found: Found) -> Any:
    if not found["DEFAULT", "pooling"] or found[_DRIVERS, "management_store"] != "redis":
        return None
    return _url(found[_MANAGEMENT, "uri"] or _REDIS)


def _url(zaqar_uri: str) -> str:
    """Convert a Redis URI of Zaqar: socket path and database number; drop its time-out, which defaults to 0.1 s."""
    base, _, query = zaqar_uri.partition("?")
    options = dict(parse_qsl(query))
    options.pop("socket_timeout", None)
    if "dbid" in options:
        options["db"] = options.pop("dbid")
    scheme, _, rest = base.partition("://")
    authority, slash, path = rest.partition("/")
    if scheme == "redis" and slash and (not authority or authority.endswith("@")) and not path.isdecimal():
        base = f"unix://{rest}"
    return f"{base}?{urlencode(options)}" if options else base


ROWS = (
    *_same("DEFAULT", "admin_mode"),
    Row("DEFAULT", "pooling", "pooling", former="sharding"),
    *_same("DEFAULT", "enable_deprecated_api_versions", "enable_checksum", "auth_strategy"),
    Row(_DRIVERS, "message_store", "redis", "`redis`: the server of the `uri` below, by default Zaqar's default; "
        "without `pooling`", _message_store, former="storage"),
    Row(_DRIVERS, "management_store", "redis", "the same with `pooling`", _management_store),
    Row(_MESSAGES, "uri", "redis", "where `message_store` is `redis`, without `pooling`", _message_store),
    Row(_MANAGEMENT, "uri", "redis", "where `management_store` is `redis`, with `pooling`", _management_store),
    Row(_WSGI, "bind", "host", "another address than loopback needs `--open-bind`"),
    Row(_WSGI, "port", "port"),
    Row(_WEBSOCKET, "port", "websocket_port"),
    *_same(
        "transport", "default_message_ttl", "default_claim_ttl", "default_claim_grace", "default_subscription_ttl",
        "max_queues_per_page", "max_messages_per_page", "max_subscriptions_per_page", "max_pools_per_page",
        "max_flavors_per_page", "max_messages_per_claim_or_pop", "max_queue_metadata", "max_messages_post_size",
        "max_message_ttl", "max_message_delay", "max_claim_ttl", "max_claim_grace", "subscriber_types",
        "client_id_uuid_safe", "min_length_client_id", "max_length_client_id", "message_delete_with_claim_id",
    ),
    Row("transport", "message_encryption_key", "encryption_keys", "a key `zaqar`, the SHA-256 of the text; not Zaqar's "
        "default text, and not with RSA", _key, is_text=True),
    Row("signed_url", "secret_key", "signed_url_key"),
    Row("notification", "smtp_mode", "smtp_tls", "`self_local`: `tls`", _tls),
    Row("notification", "smtp_host", "smtp_host", "with `self_local`", _if_self_local),
    Row("notification", "smtp_port", "smtp_port", "with `self_local`", _if_self_local),
    Row("notification", "smtp_user_name", "smtp_user", "with `self_local`", _if_self_local),
    Row("notification", "smtp_user_password", "smtp_password", "with `self_local`", _if_self_local),
    Row("notification", "max_notifier_workers", "notification_threads"),
    *_same("notification", "require_confirmation", "external_confirmation_url"),
    Row("cors", "allowed_origin", "allowed_origins"),
    *(
        Row("cors", option, f"cors_{option}")
        for option in ("allow_methods", "allow_headers", "expose_headers", "allow_credentials")
    ),
    Row("cors", "max_age", "cors_max_age_seconds"),
)  # fmt: skip

#: Values of a store setting that do not select a store.
_NO_STORE: tuple[object, ...] = (None, False, "", "0", "false")
#: Options that have no row but affect how others are converted.
_CONDITIONS = (("transport", "message_encryption_algorithms"),)


def below(settings: type[msgspec.Struct], file: Path, wanted: Mapping[str, Given]) -> dict[str, Given]:
    """Merge the file's values of ``settings`` below ``wanted``. Log options without effect. Raises SettingsInvalid."""
    given = _given(file)
    found = _values(settings, file, given)
    values: dict[str, Given] = {}
    used: set[tuple[str, str]] = set()
    for row in ROWS:
        key = row.section, row.option
        if found[key] is None:
            continue
        value = row.read(found[key], found)
        if value is not None:
            values[row.setting] = _from(file, row.section, row.option, value)
            used |= {key, (row.section, row.former or row.option)}
    if "encryption_keys" in values:
        used.update(_CONDITIONS)
    strategy = wanted.get("auth_strategy", values.get("auth_strategy"))
    if strategy is not None and strategy.value == "keystone":
        values |= _of_keystone(file, given, found)
        used |= {key for key in given if key[0] == _AUTH or key == (_POLICY, "policy_file")}
    if any(name in wanted and wanted[name].value not in _NO_STORE for name in ("redis", "data_dir", "ephemeral")):
        values.pop("redis", None)
    unused = [key for key in given if key not in used]
    if unused:
        _log.warning("%s: these options have no effect here: %s", file, _listed(unused))
    return {**values, **wanted}


def _from(file: Path, section: str, option: str, value: object) -> Given:
    return Given(value, Source("file", f"[{section}] {option}".rstrip(), file))


def _of_keystone(file: Path, given: Iterable[tuple[str, str]], found: Found) -> dict[str, Given]:
    values: dict[str, Given] = {}
    if any(section == _AUTH for section, _ in given):
        values["keystone_config"] = _from(file, _AUTH, "", file)
    named = found[_POLICY, "policy_file"]
    existing = [path for name in _POLICY_NAMES if (path := file.with_name(name)).exists()]
    if named is not None:
        values["policy_file"] = _from(file, _POLICY, "policy_file", file.parent / named)
    elif existing:
        values["policy_file"] = Given(existing[0], Source("implied", str(file)))
    elif file.with_name("policy.d").is_dir():
        raise SettingsInvalid(
            f"{file}: policy.d without policy.yaml beside the file: create a policy.yaml, which may be empty"
        )
    return values


def _given(file: Path) -> list[tuple[str, str]]:
    """Return section and name of every option in the file, in order."""
    if importlib.util.find_spec("oslo_config") is None:
        raise SettingsInvalid(
            "a zaqar.conf needs the extra keystone: pip install 'sqs-facade[keystone]'", setting="zaqar_config"
        )
    from oslo_config import cfg

    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(str(file), sections).parse()
    except OSError as problem:
        raise SettingsInvalid(f"cannot read {file}: {problem.strerror}", setting="zaqar_config") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{file} is not UTF-8", setting="zaqar_config") from None
    except cfg.ParseError as problem:
        raise keystone_options.unreadable(file, problem) from None
    return [(section, name.replace("-", "_")) for section, options in sections.items() for name in options]


def _values(settings: type[msgspec.Struct], file: Path, given: list[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Read each option of the table with its type; None if the file does not have it.

    Raises SettingsInvalid, which lists every value of another type.
    """
    from oslo_config import cfg

    options = cfg.ConfigOpts()
    options([], project="zaqar", default_config_files=[str(file)], default_config_dirs=[])
    kinds = {bool: cfg.BoolOpt, int: cfg.IntOpt, float: cfg.FloatOpt, tuple: cfg.ListOpt}
    fields = msgspec.structs.fields(settings)
    defaults = {field.name: field.default for field in fields}
    types = {field.name: field.type for field in fields}
    rows = [*ROWS, *(Row(*key, setting="redis", is_text=True) for key in (*_CONDITIONS, (_POLICY, "policy_file")))]
    for row in rows:
        kind = cfg.StrOpt if row.is_text else kinds.get(type(defaults[row.setting]), cfg.StrOpt)
        group = None if row.section == "DEFAULT" else row.section
        options.register_opt(kind(row.option, deprecated_name=row.former), group=group)
    found: dict[tuple[str, str], Any] = {}
    problems: list[str] = []
    for row in rows:
        key = row.section, row.option
        is_given = key in given or (row.section, row.former) in given
        try:
            of_section = options if row.section == "DEFAULT" else options[row.section]
            found[key] = of_section[row.option] if is_given else None
        except ValueError:
            problems.append(
                f"{file}: [{row.section}] {row.option} must be {setting_values.allowed(types[row.setting])}"
            )
            continue
        except (cfg.Error, RecursionError):
            reason = "refers by $ to an option that does not exist, or to itself"
            problems.append(f"{file}: [{row.section}] {row.option} {reason}")
            continue
        if found[key] == "" and defaults[row.setting] is None:
            found[key] = None
    if problems:
        raise SettingsInvalid(*problems)
    return found


def _listed(keys: Iterable[tuple[str, str]]) -> str:
    sections: dict[str, list[str]] = {}
    for section, option in keys:
        sections.setdefault(section, []).append(option)
    return "; ".join(f"[{section}] {', '.join(options)}" for section, options in sections.items())


def document() -> str:
    """Return the table of ``docs/operations.md``."""
    rows = [(f"`[{row.section}] {row.option}`", code(row.setting), row.note) for row in ROWS]
    rows += [
        (f"`[{_AUTH}]`", code("keystone_config"), "the file itself, with `auth_strategy = keystone`"),
        (
            f"`[{_POLICY}] policy_file`",
            code("policy_file"),
            "with Keystone; without the option " + " or ".join(map(code, _POLICY_NAMES)) + " beside the file",
        ),
    ]
    return table(("in `zaqar.conf`", "setting", ""), rows)


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 # the table goes to standard output
