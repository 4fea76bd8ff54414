"""Settings of the service, with defaults, units and bounds. docs/settings.md is generated from this file.

To add a setting, add a field with a comment ``#:``. The environment variable ``SQS_FACADE_<FIELD>``, the key in the
TOML file, the check, its error messages and the row of the reference are derived from the field.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from zaqar_core.configuration.setting_types import (
    AccountId,
    Bytes,
    Durability,
    Duration,
    ForwardedHeader,
    Memory,
    MetricMinutes,
    Network,
    Origin,
    PageSize,
    Port,
    Positive,
    ProjectId,
    PublicUrl,
    QueuePattern,
    Reserve,
    Seconds,
    SecondsOrNone,
    Secret,
    Token,
)
from zaqar_core.configuration.setting_values import About
from zaqar_core.domain import encryption, limits

_LOOPBACK = ("127.0.0.0/8", "::1/128")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration, immutable and created once per process."""

    # -- Listening -------------------------------------------------------------------------------------------------
    #: Address to listen on.
    host: Annotated[str, About(flag="--host")] = "127.0.0.1"
    #: Port of `sqs-facade serve`; 0 picks a free one.
    port: Annotated[Port, About(flag="--port")] = 9324
    #: More ports of `sqs-facade serve`, which it serves like `port`: 4566 for clients of LocalStack.
    also_ports: Annotated[tuple[Port, ...], About(flag="--also-port")] = ()
    #: Port of `sqs-facade websocket`, whose flag is `--port` too; 0 picks a free one.
    websocket_port: Annotated[Port, About(flag="--port")] = 9000
    #: Worker processes that serve requests.
    workers: Annotated[Positive, About(flag="--workers")] = 1
    #: Certificate of the service, in PEM, with its chain: `sqs-facade serve` and `websocket` then speak TLS on their
    #: ports. The file is read again when it changes.
    tls_certificate: Annotated[Path, About(flag="--tls-certificate")] | None = None
    #: Private key of the certificate, in PEM and not encrypted. Default: it is in the file of the certificate.
    tls_key: Annotated[Path, About(flag="--tls-key")] | None = None
    #: Port of `sqs-facade serve` for TLS beside the plain `port`; 0 picks a free one. Without it `port` speaks TLS, and
    #: no port is plain.
    tls_port: Annotated[Port, About(flag="--tls-port")] | None = None
    #: Authorities, in PEM, whose certificates clients may present (mutual TLS).
    tls_client_ca: Path | None = None
    #: `required`: the handshake fails without a client certificate. `optional`: clients may connect without one.
    tls_client_certificates: Literal["required", "optional"] = "required"
    #: Networks of proxies that may name the client of a request in `forwarded_headers`; those of others have no effect.
    trusted_proxies: tuple[Network, ...] = ()
    #: Headers of `trusted_proxies` that count. Leave out those that your proxies do not set: they pass on what the
    #: client says. `Forwarded` counts only in requests without the first three.
    forwarded_headers: tuple[ForwardedHeader, ...] = (
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
        "Forwarded",
    )  # fmt: skip
    #: Connections of `trusted_proxies` to `sqs-facade serve` begin with a preamble of the PROXY protocol, version 1 or
    #: 2. Those of others have none.
    proxy_protocol: bool = False
    #: File to which the service writes one line with its URL when it is ready.
    ready_file: Annotated[Path, About(flag="--ready-file")] | None = None

    # -- Store -----------------------------------------------------------------------------------------------------
    #: Data directory of the embedded Valkey. Default: a directory in the user's data directory.
    data_dir: Annotated[Path, About(flag="--data-dir")] | None = None
    #: URL of an existing Redis or Valkey: one server, a group under Sentinel, or a cluster. Without it the service runs
    #: an embedded Valkey.
    redis: Annotated[str, About(flag="--redis")] | None = None
    #: Run an embedded Valkey in memory, whose data is lost at exit. Implies durability `memory` and the test hooks.
    ephemeral: Annotated[bool, About(flag="--ephemeral")] = False
    #: Memory limit of the embedded Valkey (`maxmemory`); a percentage is a part of the memory of the machine or the
    #: container. When it is reached, sends are refused and messages can be received and deleted. The service that
    #: starts Valkey decides; a change needs a restart.
    store_memory: Memory = "60%"
    #: Disk space that the embedded Valkey keeps for deletions when the disk is full. A change needs a restart.
    store_disk_reserve: Reserve = "16M"
    #: Where a message is stored before it is acknowledged: in memory, on the server's disk, or on the disks of the
    #: server and of a replica.
    durability: Annotated[Durability, About(flag="--durability")] = "fsync"
    #: With durability `replicated`: replicas that must have a message on disk. Use the number of replicas of each
    #: primary if any of them may be promoted.
    confirming_replicas: Positive = 1
    #: Most connections that the threads of one process open to the store, and to each pool: for work in the background,
    #: and under other WSGI servers for requests. The requests of `sqs-facade serve` share one connection beside them.
    store_connections: Positive = 16
    #: Time-out of one command to the store.
    store_timeout_seconds: Duration = 5.0
    #: Minutes for which CloudWatch's metrics of a queue are kept, at one sample a minute; 0: no metrics. A minute in
    #: which something has changed takes 10 to 40 bytes.
    metric_minutes: MetricMinutes = 180
    #: Keys that encrypt messages at rest, each `name:base64 of 32 bytes`. The first key encrypts, every key decrypts.
    #: An embedded store adds its own key at the end.
    encryption_keys: Annotated[
        tuple[str, ...],
        About(allowed="a list, each entry name:base64 of 32 bytes", check=encryption.parse, is_secret=True),
    ] = ()
    #: Spread queues over pools, which are registered with `/v2/pools`. The store above is then the main store.
    pooling: bool = False

    # -- Serving ---------------------------------------------------------------------------------------------------
    #: Waiting receives (long polls) of one worker. Beyond this number a receive returns at once instead of waiting.
    max_waits: Positive = 50_000
    #: Open connections of one worker, including idle ones.
    max_connections: Positive = 50_000
    #: Allow `host` to be reachable from other machines without a `credentials_file`, so without credentials.
    open_bind: Annotated[bool, About(flag="--open-bind")] = False
    #: Origins whose web pages may call the service and read its responses (CORS); `*` allows every origin.
    allowed_origins: tuple[Origin, ...] = ()
    #: Methods that these pages may use.
    cors_allow_methods: tuple[Token, ...] = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD")
    #: Request headers that these pages may send, beside Content-Type and Accept. An entry that ends in `*` is a prefix.
    cors_allow_headers: tuple[Token, ...] = (
        "Authorization", "Client-ID", "X-Auth-Token", "X-Project-Id", "URL-*", "X-Identity-Status", "X-Roles",
        "X-Service-Catalog", "X-User-Id", "X-Tenant-Id", "X-OpenStack-Request-ID", "X-Trace-*", "x-amz-*", "x-amzn-*",
        "amz-sdk-*",
    )  # fmt: skip
    #: Response headers that these pages may read.
    cors_expose_headers: tuple[Token, ...] = (
        "X-Auth-Token", "X-Subject-Token", "X-Service-Token", "X-OpenStack-Request-ID", "Location", "Content-Location",
        "Allow", "WWW-Authenticate", "x-amzn-RequestId", "x-amzn-query-error",
    )  # fmt: skip
    #: Time for which a browser may cache a CORS preflight; 0 leaves it to the browser.
    cors_max_age_seconds: SecondsOrNone = 3_600
    #: Whether these pages may send cookies and other credentials. Has no effect with `*`.
    cors_allow_credentials: bool = True
    #: Hosts that the header Host of a request may name, beside those of this machine and of `public_url`. An entry
    #: without a port stands for every port. They concern requests without verified credentials: to the test
    #: hooks and the message viewer, and all of them to a service that listens on loopback.
    allowed_hosts: tuple[str, ...] = ()
    #: Enable the test hooks, `/_test/*`. Always on with `ephemeral`.
    test_hooks: Annotated[bool, About(flag="--test-hooks")] = False

    # -- Logs ------------------------------------------------------------------------------------------------------
    #: Lines of the log, on standard error: `console` for people, `json` for programs. See [logging](logging.md).
    log_format: Annotated[Literal["console", "json"], About(flag="--log-format")] = "console"
    #: The least important lines that are written.
    log_level: Annotated[Literal["debug", "info", "warning", "error"], About(flag="--log-level")] = "info"
    #: Requests that get a line of the log: none, those that fail, or all. `log_level` has no effect on it.
    access_log: Annotated[Literal["off", "errors", "all"], About(flag="--access-log")] = "off"
    #: Make spans of requests, of their calls of the store and of webhooks, and export them over OTLP as the environment
    #: variables OTEL_* say. Needs the extra `tracing`. See [logging](logging.md#traces).
    tracing: bool = False

    # -- Limits of callers -----------------------------------------------------------------------------------------
    #: Most requests per second of one account or project, by both dialects, at all workers of the store together.
    #: Requests beyond this limit fail with RequestThrottled; with 429 at Zaqar. Default: no limit.
    max_requests_per_second: Positive | None = None
    #: Most requests per second of one user or role session, likewise. Only with `credentials_file`. Default: no limit.
    max_user_requests_per_second: Positive | None = None
    #: Most queues of one account or project in a region, and as many topics. CreateQueue beyond this limit fails with
    #: OverLimit; Zaqar's requests that create one with 403. Default: no limit.
    max_queues_per_account: Positive | None = None
    #: Most bytes of messages in all queues of one account or project, with their attributes. Sends beyond this limit
    #: fail with OverLimit; Zaqar's posts with 403. The bytes are estimated every few seconds: what is sent meanwhile
    #: may exceed the limit. Moves to dead-letter queues are not refused. Default: no limit.
    max_bytes_per_account: Bytes | None = None
    #: Most messages in flight of all queues of one account or project, counted likewise. Receives beyond this limit
    #: fail with OverLimit; Zaqar's claims with 403. Default: no limit.
    max_in_flight_per_account: Positive | None = None

    # -- Accounts and regions --------------------------------------------------------------------------------------
    #: Account of SQS callers whose access key is not an account id.
    default_account: AccountId = "000000000000"
    #: SQS account of each listed Zaqar project. The account of any other project has the same id as the project. In the
    #: environment: `project=account`, separated by commas.
    project_accounts: dict[ProjectId, AccountId] = {}
    #: Home region: the region of Zaqar, and of SQS requests without a region.
    region: str = "us-east-1"
    #: `separate`: each region has its own queues. `ignore`: all regions are treated as the home region.
    regions: Literal["separate", "ignore"] = "separate"
    #: Where queue URLs of SQS contain the region. `dynamic` or `off`: nowhere, unless the called host does;
    #: `standard`: `sqs.<region>.<host>`; `domain`: `<region>.queue.<host>`; `path`:
    #: `/queue/<region>/<account>/<name>`.
    queue_url_host: Literal["dynamic", "off", "standard", "domain", "path"] = "dynamic"
    #: URL at which clients reach the service. Queue URLs and confirmation links begin with it. Without it, queue URLs
    #: begin with the scheme and host of the request.
    public_url: PublicUrl | None = None

    # -- SQS -------------------------------------------------------------------------------------------------------
    #: Most messages in flight of one queue; a receive beyond this limit fails with OverLimit.
    max_in_flight: Positive = limits.IN_FLIGHT
    #: Shortest time between two PurgeQueue calls on one queue; 0: no limit.
    purge_interval_seconds: SecondsOrNone = 60
    #: Time after DeleteQueue in which no queue of the same name can be created; 0: none (AWS: 60).
    recreate_delay_seconds: SecondsOrNone = 0

    #: Queues of SQS that are created with default attributes when SendMessage, SendMessageBatch, ReceiveMessage,
    #: GetQueueUrl or GetQueueAttributes uses them: patterns of their names, in which `*` stands for any characters and
    #: `?` for one. The caller must be allowed to create them. Default: none. Zaqar creates every queue that it uses.
    auto_create_queues: tuple[QueuePattern, ...] = ()

    # -- Authentication --------------------------------------------------------------------------------------------
    #: TOML file of users with access keys, tokens and policies, and of roles: see [security](security.md). Requests to
    #: SQS then need a signature, and requests to Zaqar a token, HTTP basic or a pre-signed URL. Without it callers need
    #: no credentials.
    credentials_file: Annotated[Path, About(flag="--credentials-file")] | None = None
    #: Regions, beside the home region, for which SQS requests may be signed; `*` allows every region. Only with
    #: `credentials_file`.
    signing_regions: tuple[str, ...] = ()
    #: Accept signed requests whose signature does not cover the body (`UNSIGNED-PAYLOAD`), over TLS.
    allow_unsigned_payload: bool = False
    #: `keystone`: requests to the Zaqar API need a token of OpenStack Keystone (extra `keystone`) or a pre-signed URL.
    auth_strategy: Literal["", "keystone"] = ""
    #: Configuration file with the section `[keystone_authtoken]`.
    keystone_config: Path | None = None
    #: Roles of administrators. With Keystone, and unless `policy_file` has other rules, only these roles may use pools,
    #: change flavors and read the health report.
    admin_roles: tuple[str, ...] = ("admin",)
    #: Policy file of oslo.policy, like policy.yaml. Its access rules override Zaqar's own. Only with Keystone.
    policy_file: Path | None = None

    #: File of the audit log, or `stderr`: a JSON line for each refused call and for each one that changes queues,
    #: policies, subscriptions, pools or flavors. See [security](security.md#audit-log). Default: no audit log.
    audit_log: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    #: Write every call to the audit log.
    audit_all_calls: bool = False
    #: Serve metrics for Prometheus at `/metrics`: see [metrics](metrics.md).
    metrics: bool = True
    #: Queues that the metrics show one by one, the first ones by account, region and name. The others are summed.
    metrics_queues: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1_000
    #: Show the metrics of queues also under the names of exporters for CloudWatch and SQS.
    metrics_aliases: bool = False
    #: Bearer token with which `/metrics` may be read, beside the credentials of administrators. Without it and without
    #: a `credentials_file`, callers need none.
    metrics_token: Secret | None = None
    #: Directory in which processes count. Processes that use the same one, such as the workers of Gunicorn, show the
    #: sum of all. Default: `sqs-facade serve` has one of its own; under other WSGI servers each process counts for
    #: itself.
    metrics_dir: Path | None = None
    #: Enforce the policies of queues, for tests of policies: a request acts as the root user of the account that its
    #: access key names, and without credentials as an anonymous caller.
    enforce_policies: bool = False

    #: `auto`: serve the console at `/console`, to this machine only while nobody needs credentials. `off`: do not.
    console: Literal["auto", "off"] = "auto"

    # -- Zaqar -----------------------------------------------------------------------------------------------------
    #: Configuration file of OpenStack Zaqar. Every other source of settings overrides its options.
    zaqar_config: Annotated[Path, About(flag="--zaqar-config")] | None = None
    #: API versions that are served beside v2.
    enable_deprecated_api_versions: tuple[Literal["1", "1.1"], ...] = ("1", "1.1")
    #: Secret that signs pre-signed URLs. Without it they are refused.
    signed_url_key: Secret | None = None
    #: Serve the administrators' resources `/v2/pools` and `/v2/flavors`, if `pooling` is on.
    admin_mode: bool = False
    #: `strict`: the Client-ID of a request must be a UUID. `off`: it may be other text.
    client_id_uuid_safe: Literal["strict", "off"] = "strict"
    #: Shortest Client-ID, if it need not be a UUID.
    min_length_client_id: Positive = 10
    #: Longest Client-ID, if it need not be a UUID.
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
    #: Longest time to live (retention) of a message.
    max_message_ttl: Seconds = limits.RETENTION_SECONDS.most
    #: Longest delay of a message.
    max_message_delay: Seconds = limits.DELAY_SECONDS.most
    #: Longest time to live of a claim.
    max_claim_ttl: Seconds = limits.VISIBILITY_SECONDS.most
    #: Longest claim grace: time for which messages can be kept after the end of their claim.
    max_claim_grace: Seconds = limits.VISIBILITY_SECONDS.most
    #: Default retention of queues created by Zaqar: time to live of messages without a ttl.
    default_message_ttl: Seconds = 3_600
    #: Default time to live of a claim.
    default_claim_ttl: Seconds = 300
    #: Default claim grace.
    default_claim_grace: Seconds = 60
    #: Default time to live of a subscription.
    default_subscription_ttl: Seconds = 3_600
    #: Largest page of a listing of subscriptions.
    max_subscriptions_per_page: PageSize = 20
    #: Add a checksum to messages.
    enable_checksum: bool = False
    #: Whether a bulk delete of messages must name the claims that hold them.
    message_delete_with_claim_id: bool = False

    # -- Notifications ---------------------------------------------------------------------------------------------
    #: Allowed schemes of a subscriber's URI.
    subscriber_types: tuple[Literal["http", "https", "mailto", "trust+http", "trust+https"], ...] = (
        "http", "https", "mailto", "trust+http", "trust+https",
    )  # fmt: skip
    #: Networks, beside public ones, to which webhooks may be sent. `ephemeral` adds loopback.
    webhook_allowed_networks: tuple[Network, ...] = ()
    #: Notifications that one worker delivers at the same time.
    notification_threads: Positive = 32
    #: Time-out of one delivery.
    notification_timeout_seconds: Duration = 10.0
    #: Send a subscriber no messages until it has confirmed the subscription. Needs `signed_url_key`.
    require_confirmation: bool = False
    #: URL of your own confirmation page, for use in confirmation mails.
    external_confirmation_url: str | None = None
    #: Mail server for `mailto` subscribers.
    smtp_host: str = "localhost"
    #: Port of the mail server.
    smtp_port: Port = 25
    #: Encryption of the connection to the mail server.
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    #: User of the mail server. Without it the service does not log in.
    smtp_user: str | None = None
    #: Password of the mail server.
    smtp_password: Secret | None = None
    #: Default sender of mails.
    smtp_from: str = "zaqar@localhost"

    @property
    def authenticates_zaqar(self) -> bool:
        """Whether callers of Zaqar need credentials."""
        return bool(self.auth_strategy) or self.credentials_file is not None

    @property
    def verifies_all_callers(self) -> bool:
        """Whether callers of SQS and of Zaqar need credentials. Keystone knows Zaqar's callers only."""
        return self.credentials_file is not None

    @property
    def enforces_policies(self) -> bool:
        """Whether policies decide about requests."""
        return self.enforce_policies or self.credentials_file is not None

    @property
    def webhook_networks(self) -> tuple[str, ...]:
        """Networks, beside public ones, to which webhooks may be sent."""
        return self.webhook_allowed_networks + (_LOOPBACK if self.ephemeral else ())

    @property
    def has_test_hooks(self) -> bool:
        """Whether the test hooks, which move time and reset or disturb the service, are on."""
        return self.test_hooks or self.ephemeral
