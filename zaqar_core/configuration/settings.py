"""Every setting of the service, with its default, unit and bounds. docs/settings.md is written from this file.

To add a setting, add a field with a comment ``#:``. The variable ``SQS_FACADE_<FIELD>``, the key of the TOML file, the
check, its error messages and the line of the reference follow from it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from zaqar_core.configuration import public_url, setting_sources, setting_values
from zaqar_core.configuration.setting_sources import Given, Source
from zaqar_core.configuration.setting_values import About
from zaqar_core.domain import encryption, limits

Durability = Literal["memory", "fsync", "replicated"]

AccountId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$"), About(allowed="12 digits")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[
    int,
    msgspec.Meta(ge=limits.SETTABLE_SECONDS.least, le=limits.SETTABLE_SECONDS.most),
    About(unit="seconds"),
]
SecondsOrNone = Annotated[int, msgspec.Meta(ge=0, le=limits.SETTABLE_SECONDS.most), About(unit="seconds")]
Duration = Annotated[float, msgspec.Meta(gt=0, le=limits.SETTABLE_SECONDS.most), About(unit="seconds")]
Bytes = Annotated[int, msgspec.Meta(ge=1), About(unit="bytes")]
Secret = Annotated[str, msgspec.Meta(min_length=1), About(is_secret=True)]
#: Of Zaqar. In the environment pairs are separated by commas, so it holds none.
ProjectId = Annotated[
    str,
    msgspec.Meta(pattern=rf"^[^=,]{{1,{limits.PROJECT_CHARACTERS}}}$"),
    About(allowed=f"1 to {limits.PROJECT_CHARACTERS} characters without comma and ="),
]
PageSize = Annotated[int, msgspec.Meta(ge=limits.SETTABLE_PAGE.least, le=limits.SETTABLE_PAGE.most)]
#: An IP network in CIDR notation.
Network = Annotated[str, About(allowed="an IP network like 10.0.0.0/8", check=ipaddress.ip_network)]

#: The name, among ``allowed_origins``, of all of them.
ANY_ORIGIN = "*"
#: Of web pages, as a browser writes it; ``null`` is of local files.
Origin = Annotated[
    str,
    msgspec.Meta(pattern=r"^(\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s,?#@*]+)$"),
    About(allowed="scheme://host[:port] without a slash at its end, null or *"),
]
#: Of a header or a method.
Token = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
    About(allowed="a name of letters, digits and !#$%&'*+.^_`|~-"),
]
PublicUrl = Annotated[str, About(allowed="a URL like https://queues.example.org[/base/path]", check=public_url.parse)]

_LOOPBACK = ("127.0.0.0/8", "::1/128")


class SettingsInvalid(Exception):
    """Settings are wrong. ``problems`` are lines for the operator; none of them shows a secret.

    ``setting`` names the setting that a single problem is about, where its source is still to be added.
    """

    def __init__(self, *problems: str, setting: str = "") -> None:
        super().__init__(*problems)
        self.problems = problems
        self.setting = setting

    def __str__(self) -> str:
        text = "\n".join(self.problems)
        return f"{self.setting}: {text}" if self.setting else text


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration. Built once per process; never changed."""

    # -- Listening -------------------------------------------------------------------------------------------------
    #: Address to listen on.
    host: Annotated[str, About(flag="--host")] = "127.0.0.1"
    #: Port of `sqs-facade serve`; 0 picks a free one.
    port: Annotated[Port, About(flag="--port")] = 9324
    #: Port of `sqs-facade websocket`, whose flag is `--port` too; 0 picks a free one.
    websocket_port: Annotated[Port, About(flag="--port")] = 9000
    #: Processes that answer requests.
    workers: Annotated[Positive, About(flag="--workers")] = 1
    #: The service writes one line with its URL into this file when it is ready.
    ready_file: Annotated[Path, About(flag="--ready-file")] | None = None

    # -- Store -----------------------------------------------------------------------------------------------------
    #: Data directory of the embedded Valkey; without one, the user's data directory.
    data_dir: Annotated[Path, About(flag="--data-dir")] | None = None
    #: URL of a Redis or Valkey of yours: one server, a group under Sentinel, or a cluster. Without one, Valkey is
    #: embedded.
    redis: Annotated[str, About(flag="--redis")] | None = None
    #: Embedded Valkey in memory, which is gone at exit. Implies durability `memory` and the test hooks.
    ephemeral: Annotated[bool, About(flag="--ephemeral")] = False
    #: Where a message is before it is acknowledged: in memory, on disk, or on disk of a replica too.
    durability: Annotated[Durability, About(flag="--durability")] = "fsync"
    #: Redis connections of one worker, which is the number of requests that it runs at the same time. Without a value:
    #: 4 with durability `memory`, else 16.
    slots: Positive | None = None
    #: Time that one command may take before the store counts as unreachable.
    store_timeout_seconds: Duration = 5.0
    #: Keys that encrypt messages at rest, each `name:base64 of 32 bytes`. The first one encrypts, all decrypt. An
    #: embedded store has a key of its own, which comes last.
    encryption_keys: Annotated[
        tuple[str, ...],
        About(allowed="a list, each entry name:base64 of 32 bytes", check=encryption.parse, is_secret=True),
    ] = ()
    #: Spread queues over pools, which `/v2/pools` registers. The store above is then the management store.
    pooling: bool = False

    # -- Serving ---------------------------------------------------------------------------------------------------
    #: Waiting receives of one worker. Beyond this number a receive answers at once instead of waiting.
    max_waits: Positive = 8192
    #: Open connections of one worker, including idle ones.
    max_connections: Positive = 16384
    #: Listen on an address that other machines can reach, although no credentials are checked.
    open_bind: Annotated[bool, About(flag="--open-bind")] = False
    #: Origins whose web pages may call the service and read its answers (CORS); `*`: every page may.
    allowed_origins: tuple[Origin, ...] = ()
    #: Methods that these pages may use.
    cors_allow_methods: tuple[Token, ...] = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD")
    #: Request headers that these pages may send, beside Content-Type and Accept. One that ends in `*` is a prefix.
    cors_allow_headers: tuple[Token, ...] = (
        "Authorization", "Client-ID", "X-Auth-Token", "X-Project-Id", "URL-*", "X-Identity-Status", "X-Roles",
        "X-Service-Catalog", "X-User-Id", "X-Tenant-Id", "X-OpenStack-Request-ID", "X-Trace-*", "x-amz-*", "x-amzn-*",
        "amz-sdk-*",
    )  # fmt: skip
    #: Headers of answers that these pages may read.
    cors_expose_headers: tuple[Token, ...] = (
        "X-Auth-Token", "X-Subject-Token", "X-Service-Token", "X-OpenStack-Request-ID", "Location", "Content-Location",
        "Allow", "WWW-Authenticate", "x-amzn-RequestId", "x-amzn-query-error", "x-sqs-facade-truncated",
    )  # fmt: skip
    #: Time that a browser remembers what a page may do; 0 leaves it to the browser.
    cors_max_age_seconds: SecondsOrNone = 3_600
    #: Whether pages may send cookies and other credentials. Never with `*`.
    cors_allow_credentials: bool = True
    #: Host names, beside those of this machine, under which the test hooks and the view of messages answer.
    allowed_hosts: tuple[str, ...] = ()
    #: Enable `/_test/*`. Always on with `ephemeral`.
    test_hooks: Annotated[bool, About(flag="--test-hooks")] = False

    # -- Accounts and regions --------------------------------------------------------------------------------------
    #: Account of an SQS caller whose access key is not an account.
    default_account: AccountId = "000000000000"
    #: SQS account of each Zaqar project listed here; any other project is the account of the same name. In the
    #: environment: `project=account`, separated by commas.
    project_accounts: dict[ProjectId, AccountId] = {}
    #: Home region: that of Zaqar, and of an SQS request that names none.
    region: str = "us-east-1"
    #: `separate`: each region has its own queues. `ignore`: every region is the home region.
    regions: Literal["separate", "ignore"] = "separate"
    #: Where the queue URLs of SQS name the region. `dynamic` or `off`: nowhere, unless the called host does;
    #: `standard`: `sqs.<region>.<host>`; `domain`: `<region>.queue.<host>`; `path`:
    #: `/queue/<region>/<account>/<name>`.
    queue_url_host: Literal["dynamic", "off", "standard", "domain", "path"] = "dynamic"
    #: URL at which clients reach the service: queue URLs and requests for confirmation begin with it. Without one,
    #: queue URLs begin with scheme and host as called.
    public_url: PublicUrl | None = None

    # -- SQS -------------------------------------------------------------------------------------------------------
    #: Messages in flight of one queue; a receive beyond that answers OverLimit.
    max_in_flight: Positive = limits.IN_FLIGHT
    #: Requests per second of one account at one worker; those beyond answer RequestThrottled. Without a value there is
    #: no limit.
    max_requests_per_second: Positive | None = None
    #: Time between two PurgeQueue of one queue; 0: no limit.
    purge_interval_seconds: SecondsOrNone = 60
    #: Time after DeleteQueue in which no queue of that name can be made; 0: none (AWS: 60).
    recreate_delay_seconds: SecondsOrNone = 0

    # -- Authentication --------------------------------------------------------------------------------------------
    #: `keystone`: Zaqar's paths need a token of OpenStack Keystone (extra `keystone`) or a pre-signed URL.
    auth_strategy: Literal["", "keystone"] = ""
    #: File with Zaqar's section `[keystone_authtoken]`.
    keystone_config: Path | None = None
    #: Roles of administrators. With Keystone and without rules in `policy_file` only they may use pools, change flavors
    #: and read the health report.
    admin_roles: tuple[str, ...] = ("admin",)
    #: File of oslo.policy, like policy.yaml: rules for who may do what, over Zaqar's own. With Keystone only.
    policy_file: Path | None = None

    # -- Zaqar -----------------------------------------------------------------------------------------------------
    #: Configuration file of OpenStack Zaqar. Its options are weaker than every other source.
    zaqar_config: Annotated[Path, About(flag="--zaqar-config")] | None = None
    #: Versions of the API that are served beside v2.
    enable_deprecated_api_versions: tuple[Literal["1", "1.1"], ...] = ("1", "1.1")
    #: Secret that signs pre-signed URLs; without one they are refused.
    signed_url_key: Secret | None = None
    #: Serve the resources of administrators: `/v2/pools` and `/v2/flavors`, where `pooling` is on.
    admin_mode: bool = False
    #: Whether the Client-ID of a request must be a UUID.
    client_id_uuid_safe: Literal["strict", "off"] = "strict"
    #: Shortest Client-ID, where it need not be a UUID.
    min_length_client_id: Positive = 10
    #: Longest Client-ID, where it need not be a UUID.
    max_length_client_id: Positive = 36
    #: Largest page of a listing of queues.
    max_queues_per_page: PageSize = 20
    #: Largest page of a listing of messages.
    max_messages_per_page: PageSize = 20
    #: Largest page of a listing of pools.
    max_pools_per_page: PageSize = 20
    #: Largest page of a listing of flavors.
    max_flavors_per_page: PageSize = 20
    #: Most messages of one claim or pop.
    max_messages_per_claim_or_pop: PageSize = 20
    #: Largest request that posts messages.
    max_messages_post_size: Bytes = 262_144
    #: Largest metadata of a queue.
    max_queue_metadata: Bytes = 65_536
    #: Longest time to live of a message.
    max_message_ttl: Seconds = limits.RETENTION_SECONDS.most
    #: Longest delay of a message.
    max_message_delay: Seconds = limits.DELAY_SECONDS.most
    #: Longest time to live of a claim.
    max_claim_ttl: Seconds = limits.VISIBILITY_SECONDS.most
    #: Longest grace of a claim, by which its messages may outlive it.
    max_claim_grace: Seconds = limits.VISIBILITY_SECONDS.most
    #: Time to live of a message that is given none.
    default_message_ttl: Seconds = 3_600
    #: Time to live of a claim that is given none.
    default_claim_ttl: Seconds = 300
    #: Grace of a claim that is given none.
    default_claim_grace: Seconds = 60
    #: Time to live of a subscription that is given none.
    default_subscription_ttl: Seconds = 3_600
    #: Largest page of a listing of subscriptions.
    max_subscriptions_per_page: PageSize = 20
    #: Add a checksum to messages.
    enable_checksum: bool = False
    #: Delete messages in bulk only by claims that hold them.
    message_delete_with_claim_id: bool = False

    # -- Notifications ---------------------------------------------------------------------------------------------
    #: Schemes that a subscriber's URI may have.
    subscriber_types: tuple[Literal["http", "https", "mailto", "trust+http", "trust+https"], ...] = (
        "http", "https", "mailto", "trust+http", "trust+https",
    )  # fmt: skip
    #: Networks beside the public ones that webhooks may go to. With `ephemeral` loopback is one of them.
    webhook_allowed_networks: tuple[Network, ...] = ()
    #: Notifications that one worker delivers at the same time.
    notification_threads: Positive = 32
    #: Time that one delivery may take before it has failed.
    notification_timeout_seconds: Duration = 10.0
    #: Send subscribers no message before they confirmed the subscription; needs `signed_url_key`.
    require_confirmation: bool = False
    #: Page of yours that mails name for a confirmation.
    external_confirmation_url: str | None = None
    #: Mail server for subscribers with `mailto`.
    smtp_host: str = "localhost"
    #: Port of the mail server.
    smtp_port: Port = 25
    #: Encryption of the connection to the mail server.
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    #: User at the mail server; without one there is no login.
    smtp_user: str | None = None
    #: Password at the mail server.
    smtp_password: Secret | None = None
    #: Sender of mails where a subscription names none.
    smtp_from: str = "zaqar@localhost"

    @property
    def webhook_networks(self) -> tuple[str, ...]:
        """Networks beside the public ones that webhooks may go to."""
        return self.webhook_allowed_networks + (_LOOPBACK if self.ephemeral else ())

    @property
    def has_test_hooks(self) -> bool:
        """Whether tests may move time, reset and disturb this service."""
        return self.test_hooks or self.ephemeral

    @property
    def execution_slots(self) -> int:
        """Requests that one worker runs at the same time."""
        if self.slots is not None:
            return self.slots
        return 4 if self.durability == "memory" else 16


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, and where each one that has not its default comes from."""

    settings: Settings
    sources: Mapping[str, Source]

    def source(self, setting: str) -> Source:
        """Where the value of the setting comes from."""
        return self.sources.get(setting, Source("default"))

    def lines(self, problem: SettingsInvalid) -> tuple[str, ...]:
        """The lines of a problem that was found later, with the source of its setting."""
        if not problem.setting:
            return problem.problems
        subject = self.source(problem.setting).subject(problem.setting)
        return tuple(f"{subject}: {line}" for line in problem.problems)


def load(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """Settings from all sources. Raises SettingsInvalid, see ``read``."""
    return read(flags, environment, file).settings


def read(
    flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, file: Path | None = None
) -> Configuration:
    """Settings from all sources: ``flags`` that were given, the environment, the TOML file, and a zaqar.conf.

    The first of them is the strongest. Raises SettingsInvalid, which lists everything that is wrong.
    """
    given, problems = setting_sources.collect(Settings, flags, environment, file)
    given = _over_zaqar_config(given, problems)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        if (one := given.get(field.name)) is None:
            continue
        try:
            values[field.name] = setting_values.convert(one.value, field.type)
        except setting_values.ValueInvalid as problem:
            problems.append(f"{one.source.subject(field.name)} {problem}")
    sources = {name: given[name].source for name in values}
    problems += _contradictions(values, sources)
    if problems:
        raise SettingsInvalid(*problems)
    if values.get("ephemeral"):
        values["durability"] = "memory"
        sources.setdefault("durability", Source("implied", "ephemeral"))
    return Configuration(Settings(**values), sources)


def _over_zaqar_config(given: dict[str, Given], problems: list[str]) -> dict[str, Given]:
    """What was given, over the options of a zaqar.conf where one is named."""
    if not (named := given.get("zaqar_config")) or not named.value:
        return given
    from zaqar_core.configuration import zaqar_config  # few have one

    try:
        return zaqar_config.below(Path(str(named.value)).expanduser(), given)
    except SettingsInvalid as problem:
        lines = problem.problems
        problems += [f"{named.source.subject(problem.setting)}: {one}" if problem.setting else one for one in lines]
        return given


def _contradictions(values: Mapping[str, Any], sources: Mapping[str, Source]) -> Iterator[str]:
    """What is wrong with settings that are right one by one."""

    def named(setting: str) -> str:
        return sources[setting].subject(setting)

    stores = [name for name in ("data_dir", "redis", "ephemeral") if values.get(name)]
    if len(stores) > 1:
        yield f"{' and '.join(map(named, stores))} exclude each other: choose one of data-dir, redis and ephemeral"
    if values.get("ephemeral") and values.get("durability", "memory") != "memory":
        yield f"{named('durability')} cannot be {values['durability']}: ephemeral keeps nothing on disk"
    if values.get("durability") == "replicated" and not values.get("redis"):
        yield f"{named('durability')} cannot be replicated: the embedded Valkey has no replica; give --redis URL"
    accounts = values.get("project_accounts", {})
    if len(set(accounts.values())) < len(accounts):
        yield f"{named('project_accounts')}: two projects have the same account"
    if values.get("policy_file") and not values.get("auth_strategy"):
        yield f"{named('policy_file')}: policy_file needs auth_strategy keystone, without it no caller has a role"
    if values.get("require_confirmation") and "signed_url_key" not in values:
        yield f"{named('require_confirmation')} needs a signed_url_key"


def as_variable(value: Any) -> str:
    """The value of a setting as the environment has it."""
    if isinstance(value, dict):
        value = tuple(f"{name}={one}" for name, one in value.items())
    if isinstance(value, tuple):
        return ",".join(value)
    return str(int(value) if isinstance(value, bool) else value)
