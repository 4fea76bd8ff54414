"""Checks of the servers of a store, by what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqs_facade.commands.checks.findings import Finding, Topic
from zaqar_core.configuration.setting_types import Durability
from zaqar_core.domain import full_disk
from zaqar_core.store import server_facts
from zaqar_core.store.conditions import Condition

TOPIC = Topic("The store")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What one server says of itself. Mappings and numbers are empty or None where it refuses the question."""

    #: ``host:port`` of a node of a cluster; empty for one server.
    node: str = ""
    #: The fields of all sections of INFO, and the settings of ``server_facts``.
    info: Mapping[str, str] = field(default_factory=dict)
    #: CONFIG GET *.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: Commands that the service uses and the server does not know, and those that its user may not run.
    unknown_commands: tuple[str, ...] = ()
    denied_commands: tuple[str, ...] = ()
    #: The time of the server minus ours.
    clock_seconds: float | None = None
    #: Median of several PINGs.
    ping_seconds: float | None = None
    cluster: Mapping[str, str] = field(default_factory=dict)
    #: Releases that used the store in the last two hours besides this one, by the names of their function libraries.
    other_releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A store, and what the service asks of it."""

    servers: tuple[ServerFacts, ...]
    durability: Durability = "fsync"
    confirming_replicas: int = 1
    kind: str = "single"
    is_embedded: bool = False
    #: The server is on this machine: loopback or a Unix socket.
    is_local: bool = True
    has_tls: bool = False
    has_password: bool = True
    #: Why it could not be asked; empty otherwise.
    unreachable: str = ""


_CONDITIONS = {
    state: TOPIC.rule(
        f"store-{state}", "error", means=means, why=why, remedy="the command or setting that the finding names"
    )
    for state, means, why in (
        ("gone", "the store does not answer", "every request fails"),
        ("loading", "the server reads its data after a start", "requests fail until it has finished"),
        ("read-only", "the server is a replica, or has too few replicas", "changes are refused"),
        (
            "misconfigured",
            "a setting of the server breaks the durability, or the server is too old",
            "acknowledged messages could be lost, so the service refuses changes",
        ),
        ("disk-full", "the disk of the server is full", "nothing new is stored"),
        ("full", "the memory limit is reached", "sends are refused; messages can be received and deleted"),
    )
}
_SLOW = TOPIC.rule(
    "store-slow", "warning", means="a PING takes over 10 ms",
    why="each request waits for the store once or twice",
    remedy="bring the service near to the server; look at LATENCY DOCTOR on the server",
)  # fmt: skip
_NO_LIMIT = TOPIC.rule(
    "store-no-memory-limit", "warning", means="a server of your own has no maxmemory",
    why="a backlog grows until the system kills the server",
    remedy="CONFIG SET maxmemory {bytes} (60 % of its memory), and the same in its configuration file",
)  # fmt: skip
_NEARLY_FULL = TOPIC.rule(
    "store-nearly-full", "warning", means="over 85 % of maxmemory is used",
    why="at the limit sends are refused",
    remedy="raise maxmemory (store_memory of an embedded Valkey), or consume messages",
)  # fmt: skip
_LIMIT_TOO_HIGH = TOPIC.rule(
    "store-limit-above-memory", "warning", means="maxmemory is above 80 % of the server's memory",
    why="a rewrite of the append-only file needs memory too: the system may kill the server",
    remedy="CONFIG SET maxmemory {bytes}",
)  # fmt: skip
_EVICTED = TOPIC.rule(
    "store-evicted-keys", "error", means="the server has evicted keys",
    why="messages or parts of queues are lost",
    remedy="CONFIG SET maxmemory-policy noeviction; then compare the queues with what was sent",
)  # fmt: skip
_REWRITE_FAILED = TOPIC.rule(
    "store-rewrite-failed", "error", means="the last rewrite of the append-only file failed",
    why="the file grows until the disk is full",
    remedy="free disk space and memory, then run BGREWRITEAOF; the log of the server has the error",
)  # fmt: skip
_NO_REWRITE = TOPIC.rule(
    "store-no-rewrite", "warning", means="auto-aof-rewrite-percentage is 0",
    why="the append-only file grows until the disk is full",
    remedy="CONFIG SET auto-aof-rewrite-percentage 100",
)  # fmt: skip
_IN_MEMORY = TOPIC.rule(
    "store-in-memory", "warning", means="with durability memory the server writes no file",
    why="a restart of the server loses every queue and message",
    remedy="CONFIG SET appendonly yes, and set durability to fsync",
)  # fmt: skip
_REPLICAS = TOPIC.rule(
    "store-too-few-replicas", "error", means="fewer replicas are connected than confirming_replicas",
    why="with durability replicated each change is refused",
    remedy="connect {missing} more, or set confirming_replicas to {connected}",
)  # fmt: skip
_LAG = TOPIC.rule(
    "store-replica-lags", "warning", means="a replica is not online, or has not answered for 10 s",
    why="it cannot confirm messages, and a fail-over to it loses the last ones",
    remedy="check the network and the load of the replica (INFO replication)",
)  # fmt: skip
_SPLIT = TOPIC.rule(
    "store-split-brain", "warning", means="min-replicas-to-write is 0 on a primary under Sentinel",
    why="a primary that is cut off accepts messages that the fail-over discards",
    remedy="CONFIG SET min-replicas-to-write 1, or use durability replicated",
)  # fmt: skip
_UNKNOWN = TOPIC.rule(
    "store-command-missing", "error", means="the server does not know a command that the service uses",
    why="requests that need it fail",
    remedy="remove its rename-command from the configuration of the server, or use another server",
)  # fmt: skip
_DENIED = TOPIC.rule(
    "store-command-denied", "error", means="the ACL of the service's user denies a command",
    why="requests that need it fail",
    remedy="ACL SETUSER {user} {commands} ~sf1:* &sf1:*",
)  # fmt: skip
_CLOCK = TOPIC.rule(
    "store-clock", "warning", means="the clocks of server and service differ by over 1 s",
    why="SQS timestamps, delays and moves between pools are off; from 3 s on moves wait",
    remedy="synchronize both clocks: timedatectl set-ntp true",
)  # fmt: skip
_RELEASES = TOPIC.rule(
    "store-other-release", "warning", means="services of another release used the store in the last two hours",
    why="both work side by side, as during an upgrade, but each loads programs of its own",
    remedy="upgrade the other services, or wait until the upgrade is over",
)  # fmt: skip
_OPEN = TOPIC.rule(
    "store-no-password", "error", means="the server needs no password, and other machines can reach it",
    why="whoever reaches it reads and deletes every message",
    remedy="ACL SETUSER default resetpass on >PASSWORD, and put it into the setting redis",
)  # fmt: skip
_PLAIN = TOPIC.rule(
    "store-no-tls", "warning", means="the connection to another machine has no TLS",
    why="messages and the password cross the network readable",
    remedy="use rediss://… in the setting redis",
)  # fmt: skip
_CLIENTS = TOPIC.rule(
    "store-few-clients", "warning", means="80 % of maxclients are connected, or connections were rejected",
    why="the service cannot connect when the limit is reached",
    remedy="CONFIG SET maxclients 10000, and raise the limit of open files of the server",
)  # fmt: skip
_FORK = TOPIC.rule(
    "store-slow-fork", "warning", means="the last fork took over 0.5 s",
    why="the server answers nothing meanwhile",
    remedy="echo never > /sys/kernel/mm/transparent_hugepage/enabled; use several smaller pools",
)  # fmt: skip
_SWAPPED = TOPIC.rule(
    "store-swapped", "warning", means="less of the server's memory is resident than it uses",
    why="a part was swapped out, and reading it back takes milliseconds",
    remedy="lower maxmemory, or add memory; swapoff -a",
)  # fmt: skip
_FRAGMENTED = TOPIC.rule(
    "store-fragmented", "note", means="the memory of the server is fragmented by half or more",
    why="it takes more of the machine than maxmemory says",
    remedy="CONFIG SET activedefrag yes",
)  # fmt: skip
_CLUSTER = TOPIC.rule(
    "store-cluster-broken", "error", means="the cluster does not serve all hash slots, or a node has failed",
    why="requests for the queues of these slots fail",
    remedy="redis-cli --cluster check {node}; redis-cli --cluster fix {node}",
)  # fmt: skip
_IDLE = TOPIC.rule(
    "store-closes-idle", "note", means="the setting timeout of the server is not 0",
    why="it closes idle connections, and the service opens them again in the next request",
    remedy="CONFIG SET timeout 0",
)  # fmt: skip
_LARGE = 1 << 27


def check(facts: StoreFacts) -> Iterator[Finding]:
    """Return what is wrong with a store."""
    if facts.unreachable:
        found = Condition("gone", "nothing", facts.unreachable)
        yield _CONDITIONS["gone"].found(found.reason, remedy="start the server; check address, user and password")
        return
    if not facts.is_local and not facts.has_tls:
        yield _PLAIN.found("the setting redis names another machine without TLS")
    for server in facts.servers:
        yield from _check_server(facts, server)


def _check_server(facts: StoreFacts, server: ServerFacts) -> Iterator[Finding]:
    yield from _condition(facts, server)
    yield from _memory(facts, server)
    yield from _persistence(facts, server)
    yield from _replication(facts, server)
    yield from _access(facts, server)
    yield from _operation(server)


def _condition(facts: StoreFacts, server: ServerFacts) -> Iterator[Finding]:
    """Return the condition that the service itself would see."""
    found = server_facts.loading(server.info)
    if found is None and not (facts.kind == "cluster" and server.info.get("role") == "slave"):
        found = server_facts.problem(server.info, facts.durability)
    found = found or server_facts.fullness(server.info, 1.0)
    if found is not None:
        where = " ".join(filter(None, (server.node, found.setting)))
        yield _CONDITIONS[found.state].found(found.reason, where=where, remedy=found.remedy)


def _memory(facts: StoreFacts, server: ServerFacts) -> Iterator[Finding]:
    limit, used = _number(server, "maxmemory"), _number(server, "used_memory")
    total = _number(server, "total_system_memory")
    if limit == 0 and not facts.is_embedded:
        yield _NO_LIMIT.found("the server has no memory limit", where=server.node, bytes=total * 6 // 10 or "2gb")
    if limit > full_disk.MAXMEMORY and limit * 0.85 < used <= limit:
        yield _NEARLY_FULL.found(f"{used * 100 // limit} % of {limit} bytes are used", where=server.node)
    if total and limit > total * 0.8:
        yield _LIMIT_TOO_HIGH.found(
            f"maxmemory is {limit} bytes, and the machine has {total}", where=server.node, bytes=total * 6 // 10
        )
    if (evicted := _number(server, "evicted_keys")) > 0:
        yield _EVICTED.found(f"the server has evicted {evicted} keys since its start", where=server.node)
    if used > _LARGE:
        ratio = float(server.info.get("mem_fragmentation_ratio", "1"))
        if ratio < 0.9:
            yield _SWAPPED.found(f"only {ratio:.0%} of its memory is resident", where=server.node)
        elif ratio >= 1.5:
            yield _FRAGMENTED.found(f"it takes {ratio:.1f} times the memory that it uses", where=server.node)


def _persistence(facts: StoreFacts, server: ServerFacts) -> Iterator[Finding]:
    has_log = server.info.get("aof_enabled") == "1"
    if has_log and server.info.get("aof_last_bgrewrite_status", "ok") != "ok":
        yield _REWRITE_FAILED.found("aof_last_bgrewrite_status is not ok", where=server.node)
    is_spent = _number(server, "maxmemory") == full_disk.MAXMEMORY
    if has_log and server.settings.get("auto-aof-rewrite-percentage") == "0" and not is_spent:
        yield _NO_REWRITE.found("the append-only file is never rewritten by itself", where=server.node)
    if facts.durability == "memory" and not has_log and server.info.get("save", "") in ("", "unknown"):
        yield _IN_MEMORY.found("messages are in memory only", where=server.node)
    if (fork := _number(server, "latest_fork_usec")) > 500_000:
        yield _FORK.found(f"the last fork took {fork / 1e6:.1f} s", where=server.node)


def _replication(facts: StoreFacts, server: ServerFacts) -> Iterator[Finding]:
    connected = _number(server, "connected_slaves")
    if facts.durability == "replicated" and 0 < connected < facts.confirming_replicas:
        yield _REPLICAS.found(
            f"{connected} replicas are connected, and {facts.confirming_replicas} must confirm",
            where=server.node, missing=facts.confirming_replicas - connected, connected=connected,
        )  # fmt: skip
    for at in range(connected):
        replica = dict(part.partition("=")[::2] for part in server.info.get(f"slave{at}", "").split(","))
        lag = replica.get("lag", "0")
        if replica.get("state", "online") != "online" or (lag.isdigit() and int(lag) > 10):
            named = f"{replica.get('ip')}:{replica.get('port')}"
            yield _LAG.found(f"replica {named} is {replica.get('state')} with a lag of {lag} s", where=server.node)
    if (
        facts.kind == "sentinel"
        and facts.durability != "replicated"
        and server.settings.get("min-replicas-to-write") == "0"
    ):
        yield _SPLIT.found("the primary accepts writes without any replica", where=server.node)


def _access(facts: StoreFacts, server: ServerFacts) -> Iterator[Finding]:
    if server.unknown_commands:
        yield _UNKNOWN.found(f"the server does not know {', '.join(server.unknown_commands)}", where=server.node)
    if server.denied_commands:
        yield _DENIED.found(
            f"the user of the service may not run {', '.join(server.denied_commands)}",
            where=server.node, user=server.info.get("user", "USER"),
            commands=" ".join(f"+{one.lower().replace(' ', '|')}" for one in server.denied_commands),
        )  # fmt: skip
    bound = server.settings.get("bind", "127.0.0.1").split()
    is_reachable = not facts.is_local or not all(one.lstrip("-") in ("127.0.0.1", "::1", "localhost") for one in bound)
    has_port = server.settings.get("port", "0") != "0" or server.settings.get("tls-port", "0") != "0"
    is_protected = server.settings.get("protected-mode") == "yes" and facts.is_local
    needs_none = server.settings.get("requirepass", "") == "" and server.info.get("user", "default") == "default"
    if server.settings and has_port and is_reachable and needs_none and not facts.has_password and not is_protected:
        yield _OPEN.found(f"the server listens on {' '.join(bound)} and needs no password", where=server.node)


def _operation(server: ServerFacts) -> Iterator[Finding]:
    if server.clock_seconds is not None and abs(server.clock_seconds) > 1:
        way = "ahead of" if server.clock_seconds > 0 else "behind"
        yield _CLOCK.found(f"its clock is {abs(server.clock_seconds):.1f} s {way} ours", where=server.node)
    if server.ping_seconds is not None and server.ping_seconds > 0.01:
        yield _SLOW.found(f"a PING takes {server.ping_seconds * 1000:.0f} ms", where=server.node)
    most, now = _number(server, "maxclients"), _number(server, "connected_clients")
    rejected = _number(server, "rejected_connections")
    if most and (now > most * 0.8 or rejected):
        yield _CLIENTS.found(f"{now} of {most} clients are connected, and {rejected} were rejected", where=server.node)
    if server.cluster and (
        server.cluster.get("cluster_state") != "ok" or server.cluster.get("cluster_slots_ok", "16384") != "16384"
    ):
        ok = server.cluster.get("cluster_slots_ok", "?")
        yield _CLUSTER.found(
            f"the state of the cluster is {server.cluster.get('cluster_state')}, and {ok} of 16384 slots are served",
            where=server.node, node=server.node,
        )  # fmt: skip
    if server.other_releases:
        yield _RELEASES.found(f"other releases use the store ({', '.join(server.other_releases)})", where=server.node)
    if server.settings.get("timeout", "0") != "0":
        yield _IDLE.found(f"idle connections are closed after {server.settings['timeout']} s", where=server.node)


def _number(server: ServerFacts, name: str) -> int:
    text = server.info.get(name, "0")
    return int(text) if text.isdigit() else 0
