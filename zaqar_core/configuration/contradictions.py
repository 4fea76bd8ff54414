"""Finds settings that are valid one by one but not together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zaqar_core.configuration.setting_sources import Source
from zaqar_core.configuration.settings import Settings

#: Settings that have no effect without another one: the setting, the other one, and what the error says.
_NEEDS = (
    ("policy_file", "auth_strategy", "auth_strategy keystone; without it no caller has a role"),
    *(
        (setting, "credentials_file", "a credentials_file; without it signatures are not checked")
        for setting in ("signing_regions", "allow_unsigned_payload", "max_user_requests_per_second")
    ),
    *((setting, "tls_certificate", "a tls_certificate") for setting in ("tls_key", "tls_port", "tls_client_ca")),
    ("proxy_protocol", "trusted_proxies", "trusted_proxies"),
    ("audit_all_calls", "audit_log", "an audit_log"),
)


def find(values: Mapping[str, Any], sources: Mapping[str, Source]) -> Iterator[str]:
    """Return the problems, each with the sources of its settings."""

    def named(setting: str) -> str:
        return sources[setting].subject(setting)

    stores = [name for name in ("data_dir", "redis", "ephemeral") if values.get(name)]
    if len(stores) > 1:
        yield f"{' and '.join(map(named, stores))} exclude each other: use only one of data-dir, redis and ephemeral"
    if values.get("ephemeral") and values.get("durability", "memory") != "memory":
        yield f"{named('durability')} cannot be {values['durability']}: ephemeral stores nothing on disk"
    if values.get("durability") == "replicated" and not values.get("redis"):
        yield f"{named('durability')} cannot be replicated: the embedded Valkey has no replica; use --redis URL"
    for setting in ("store_memory", "store_disk_reserve"):
        if values.get("redis") and setting in values:
            yield f"{named(setting)}: {setting} is for the embedded Valkey; set maxmemory on your own server"
    accounts = values.get("project_accounts", {})
    if len(set(accounts.values())) < len(accounts):
        yield f"{named('project_accounts')}: two projects must not have the same account"
    for setting, needed, reason in _NEEDS:
        if values.get(setting) not in (None, False, (), "") and not values.get(needed):
            yield f"{named(setting)}: {setting} needs {reason}"
    plain = [values.get("port", Settings().port), *values.get("also_ports", ())]
    if any(port and plain.count(port) > 1 for port in plain):
        yield f"{named('also_ports')} must be different ports, other than port"
    if values.get("tls_port") and values["tls_port"] in plain:
        yield f"{named('tls_port')} must not be the port of plain requests"
    if values.get("require_confirmation") and "signed_url_key" not in values:
        yield f"{named('require_confirmation')} needs a signed_url_key"
