"""Every rule has its row in the reference, and every mistake that is fed to the checks is found with a remedy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sqs_facade.commands.checks import access, directory, machine, reference, service, store
from sqs_facade.commands.checks.access import AccessFacts, CertificateFacts, SecretFile
from sqs_facade.commands.checks.directory import DirectoryFacts, WantedOfDisk
from sqs_facade.commands.checks.findings import Finding, in_order
from sqs_facade.commands.checks.machine import MachineFacts, Wanted
from sqs_facade.commands.checks.report import report
from sqs_facade.commands.checks.service import ServiceFacts
from sqs_facade.commands.checks.store import ServerFacts, StoreFacts
from zaqar_core.access.directory import AccessKey, Directory, User
from zaqar_core.access.principals import Principal

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"
RULES = [rule for topic in reference.TOPICS for rule in topic.rules]
GIB = 1 << 30
DAY = 86_400.0
NOW = 1_800_000_000.0

#: A server without a fault.
INFO = {
    "redis_version": "8.0.0", "role": "master", "maxmemory_policy": "noeviction", "maxmemory": str(GIB),
    "used_memory": "1000000", "total_system_memory": str(4 * GIB), "aof_enabled": "1", "maxclients": "10000",
    "connected_clients": "9", "rejected_connections": "0", "appendfsync": "always", "save": "",
    "no-appendfsync-on-rewrite": "no", "stop-writes-on-bgsave-error": "yes", "min-replicas-to-write": "0",
    "min_slaves_good_slaves": "0", "connected_slaves": "0", "user": "default",
}  # fmt: skip
LARGE = {"used_memory": str(GIB // 2)}
OPEN = {"port": "6379", "bind": "* -::*", "protected-mode": "no", "requirepass": ""}


def found_in(findings: Iterable[Finding]) -> set[str]:
    """Return the codes; each finding must say what to do."""
    listed = list(findings)
    for one in listed:
        assert one.problem
        assert one.remedy
        assert one.why
        assert "{" not in one.remedy
        assert "\n" not in one.remedy
    return {one.code for one in listed}


def a_store(info: dict[str, str] | None = None, **facts: Any) -> StoreFacts:
    of_server = {name: facts.pop(name) for name in list(facts) if name in ServerFacts.__dataclass_fields__}
    server = ServerFacts(info={**INFO, **(info or {})}, **of_server)
    return StoreFacts(servers=(server,), **facts)


STORE: list[tuple[str, StoreFacts]] = [
    ("store-gone", StoreFacts((), unreachable="Connection refused")),
    ("store-loading", a_store({"loading": "1"})),
    ("store-read-only", a_store({"role": "slave"})),
    ("store-read-only", a_store({"min-replicas-to-write": "2"})),
    ("store-read-only", a_store(durability="replicated")),
    ("store-misconfigured", a_store({"maxmemory_policy": "allkeys-lru"})),
    ("store-misconfigured", a_store({"aof_enabled": "0"})),
    ("store-misconfigured", a_store({"appendfsync": "everysec"})),
    ("store-misconfigured", a_store({"no-appendfsync-on-rewrite": "yes"})),
    ("store-misconfigured", a_store({"redis_version": "6.2.1"})),
    ("store-misconfigured", a_store({"redis_version": "7.0.9"}, durability="replicated")),
    ("store-disk-full", a_store({"aof_last_write_status": "err"})),
    ("store-disk-full", a_store({"save": "900 1", "rdb_last_bgsave_status": "err"})),
    ("store-disk-full", a_store({"maxmemory": "1"}, is_embedded=True)),
    ("store-full", a_store({"used_memory": str(2 * GIB)})),
    ("store-slow", a_store(ping_seconds=0.05)),
    ("store-no-memory-limit", a_store({"maxmemory": "0"})),
    ("store-nearly-full", a_store({"used_memory": str(GIB * 9 // 10)})),
    ("store-limit-above-memory", a_store({"maxmemory": str(4 * GIB)})),
    ("store-evicted-keys", a_store({"evicted_keys": "3"})),
    ("store-rewrite-failed", a_store({"aof_last_bgrewrite_status": "err"})),
    ("store-no-rewrite", a_store(settings={"auto-aof-rewrite-percentage": "0"})),
    ("store-in-memory", a_store({"aof_enabled": "0"}, durability="memory")),
    (
        "store-too-few-replicas",
        a_store({"connected_slaves": "1"}, durability="replicated", confirming_replicas=2),
    ),
    ("store-replica-lags", a_store({"connected_slaves": "1", "slave0": "ip=a,port=1,state=wait_bgsave,lag=0"})),
    ("store-replica-lags", a_store({"connected_slaves": "1", "slave0": "ip=a,port=1,state=online,lag=60"})),
    ("store-split-brain", a_store(settings={"min-replicas-to-write": "0"}, kind="sentinel")),
    ("store-command-missing", a_store(unknown_commands=("CONFIG",))),
    ("store-command-denied", a_store(denied_commands=("FUNCTION LOAD",))),
    ("store-clock", a_store(clock_seconds=-4.0)),
    ("store-other-release", a_store(other_releases=("sf1_plain_x",))),
    ("store-no-password", a_store(settings=OPEN, has_password=False)),
    ("store-no-tls", a_store(is_local=False)),
    ("store-few-clients", a_store({"connected_clients": "9000"})),
    ("store-few-clients", a_store({"rejected_connections": "1"})),
    ("store-slow-fork", a_store({"latest_fork_usec": "900000"})),
    ("store-swapped", a_store({**LARGE, "mem_fragmentation_ratio": "0.5"})),
    ("store-fragmented", a_store({**LARGE, "mem_fragmentation_ratio": "2.5"})),
    ("store-cluster-broken", a_store(cluster={"cluster_state": "fail"}, kind="cluster", node="a:1")),
    ("store-cluster-broken", a_store(cluster={"cluster_state": "ok", "cluster_slots_ok": "9"}, kind="cluster")),
    ("store-closes-idle", a_store(settings={"timeout": "60"})),
]

FINE_MACHINE = MachineFacts(
    overcommit=1, huge_pages="madvise", somaxconn=4096, open_files=100_000, cpus=2, memory_bytes=8 * GIB,
    available_bytes=4 * GIB, swap_used_bytes=0, is_synchronized=True, libraries={"redis": "7.1.0"}, python=(3, 12),
)  # fmt: skip
WANTED = Wanted(workers=1, max_connections=50_000, store_memory_bytes=4 * GIB)
MACHINE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("machine-overcommit", {"overcommit": 0}, {}),
    ("machine-overcommit", {"overcommit": 2}, {}),
    ("machine-huge-pages", {"huge_pages": "always"}, {}),
    ("machine-somaxconn", {"somaxconn": 128}, {}),
    ("machine-open-files", {"open_files": 1024}, {}),
    ("machine-workers", {}, {"workers": 8}),
    ("machine-workers", {"cpus": 0.5}, {}),
    ("machine-idle-cpus", {"cpus": 16}, {}),
    ("machine-memory-limit", {}, {"store_memory_bytes": 9 * GIB}),
    ("machine-memory-limit", {"container_memory_bytes": GIB}, {}),
    ("machine-memory-tight", {}, {"store_memory_bytes": 7 * GIB}),
    ("machine-memory-tight", {}, {"store_memory_bytes": 0}),
    ("machine-low-memory", {"available_bytes": GIB // 2}, {}),
    ("machine-swap", {"swap_used_bytes": GIB}, {}),
    ("machine-clock-unsynchronized", {"is_synchronized": False}, {}),
    ("machine-clock-jumped", {"jump_seconds": -3.0}, {}),
    ("machine-library-missing", {"libraries": {"uvloop": None}}, {}),
    ("machine-redis-py", {"libraries": {"redis": "5.3.0"}}, {}),
    ("machine-redis-py", {"libraries": {"redis": "9.0.0"}}, {}),
    ("machine-python", {"python": (3, 10)}, {}),
]

FINE_DISK = DirectoryFacts(
    Path("/srv/q"), file_system="ext4", free_bytes=50 * GIB, total_bytes=100 * GIB, free_inodes=10_000,
    fsync_seconds=0.001, reserve_bytes=16 << 20, schema=1, is_running=True,
)  # fmt: skip
DISK: list[tuple[str, dict[str, Any]]] = [
    ("disk-not-writable", {"is_writable": False}),
    ("disk-no-directory", {"exists": False}),
    ("disk-other-owner", {"is_ours": False}),
    ("disk-open-mode", {"mode": 0o755}),
    ("disk-open-mode", {"open_files": ("encryption.key",)}),
    ("disk-in-memory", {"file_system": "tmpfs"}),
    ("disk-in-container", {"file_system": "overlay"}),
    ("disk-on-network", {"file_system": "nfs4"}),
    ("disk-on-network", {"file_system": "fuse.sshfs"}),
    ("disk-no-space", {"free_bytes": 1 << 20}),
    ("disk-low-space", {"free_bytes": GIB}),
    ("disk-few-inodes", {"free_inodes": 7}),
    ("disk-slow-fsync", {"fsync_seconds": 0.2}),
    ("disk-fsync-in-vain", {"fsync_seconds": 0.000_005}),
    ("disk-no-reserve", {"reserve_bytes": None}),
    ("disk-reserve-spent", {"reserve_bytes": 0}),
    ("disk-other-schema", {"schema": 9}),
    ("disk-damaged", {"damage": "the manifest is missing"}),
    ("disk-not-served", {"is_running": False}),
    ("disk-large-log", {"log_size_bytes": GIB}),
]

FINE_CERTIFICATE = CertificateFacts("/c.pem", NOW - DAY, NOW + 90 * DAY, ("q.example.org", "*.example.net"))
CERTIFICATES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("tls-expired", {"ends": NOW - DAY}, ()),
    ("tls-expires", {"ends": NOW + 3 * DAY}, ()),
    ("tls-not-yet-valid", {"begins": NOW + DAY}, ()),
    ("tls-other-name", {}, ("other.example.org",)),
    ("tls-other-name", {}, ("a.b.example.net",)),
    ("tls-weak", {"key_kind": "rsa", "key_bits": 1024}, ()),
    ("tls-weak", {"signature_hash": "sha1"}, ()),
    ("tls-self-signed", {"is_self_signed": True}, ()),
    ("tls-no-chain", {"has_chain": False}, ()),
]


def a_directory(**changes: Any) -> Directory:
    user = User("1" * 12, "a", "AIDA", True, float("inf"), Principal("1" * 12, "arn", "", policies=()))
    key = AccessKey(user=user, is_enabled=True, expires=float("inf"), id="AKIA", secret="s")
    return Directory({"AKIA": replace(key, **changes)}, {"AIDA": user}, {}, {}, {})


ACCESS: list[tuple[str, dict[str, Any]]] = [
    ("secret-file-open", {"secret_files": (SecretFile("tls_key", "/k.pem", 0o640),)}),
    ("secret-file-open", {"secret_files": (SecretFile("tls_key", "/k.pem", 0o644, is_ours=False),)}),
    ("credentials-empty", {"credentials": Directory({}, {}, {}, {}, {})}),
    ("credentials-empty", {"credentials": a_directory(is_enabled=False)}),
    ("credentials-expired", {"credentials": a_directory(expires=NOW - DAY)}),
    ("credentials-expire", {"credentials": a_directory(expires=NOW + DAY)}),
    ("credentials-disabled", {"credentials": a_directory(is_enabled=False)}),
    ("credentials-no-policy", {"credentials": a_directory()}),
    ("credentials-no-administrator", {"has_administrator": False}),
]

FINE_SERVICE = ServiceFacts("https://q.example.org", is_loopback=False, is_open=False, has_tls=True)
SERVICE: list[tuple[str, dict[str, Any]]] = [
    ("service-unreachable", {"unreachable": "Connection refused"}),
    ("service-other", {"is_ours": False}),
    ("service-not-ready", {"ready_status": "not ready", "ready_code": "store-full", "ready_reason": "full"}),
    ("service-not-ready", {"ready_status": "not ready"}),
    ("service-degraded", {"ready_code": "store-slow", "ready_reason": "slow"}),
    ("service-open", {"is_open": True}),
    ("service-no-tls", {"has_tls": False}),
    ("service-test-hooks", {"has_test_hooks": True}),
    ("service-clock", {"clock_seconds": 60.0}),
    ("service-queue-url", {"queue_url": "http://inner/1/q", "queue_url_problem": "does not resolve"}),
    ("service-queue-url-scheme", {"queue_url": "http://q.example.org/1/q"}),
    ("service-proxy", {"proxy": "Server: nginx"}),
    ("service-slow", {"seconds": 1.5}),
]


@pytest.mark.parametrize(("code", "facts"), STORE, ids=[row[0] for row in STORE])
def test_a_mistake_of_the_store_is_found(code: str, facts: StoreFacts) -> None:
    assert code in found_in(store.check(facts))


@pytest.mark.parametrize(("code", "facts", "wanted"), MACHINE, ids=[row[0] for row in MACHINE])
def test_a_mistake_of_the_machine_is_found(code: str, facts: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found_in(machine.check(replace(FINE_MACHINE, **facts), replace(WANTED, **wanted))) == {code}


@pytest.mark.parametrize(("code", "facts"), DISK, ids=[row[0] for row in DISK])
def test_a_mistake_of_the_data_directory_is_found(code: str, facts: dict[str, Any]) -> None:
    assert found_in(directory.check(replace(FINE_DISK, **facts), WantedOfDisk())) == {code}


@pytest.mark.parametrize(("code", "facts", "hosts"), CERTIFICATES, ids=[row[0] for row in CERTIFICATES])
def test_a_mistake_of_a_certificate_is_found(code: str, facts: dict[str, Any], hosts: tuple[str, ...]) -> None:
    assert found_in(access.check_certificate(replace(FINE_CERTIFICATE, **facts), NOW, hosts)) == {code}


@pytest.mark.parametrize(("code", "facts"), ACCESS, ids=[row[0] for row in ACCESS])
def test_a_mistake_of_credentials_is_found(code: str, facts: dict[str, Any]) -> None:
    assert code in found_in(access.check(AccessFacts(NOW, **facts)))


@pytest.mark.parametrize(("code", "facts"), SERVICE, ids=[row[0] for row in SERVICE])
def test_a_mistake_of_a_running_service_is_found(code: str, facts: dict[str, Any]) -> None:
    assert found_in(service.check(replace(FINE_SERVICE, **facts))) == {code}


def test_a_public_url_of_another_program_is_found() -> None:
    url = "https://q.example.org"
    assert found_in(service.check_public_url(url, is_ours=False)) == {"service-public-url"}
    assert found_in(service.check_public_url(url, is_ours=True)) == set()


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    found = [
        *store.check(a_store()),
        *machine.check(FINE_MACHINE, WANTED),
        *machine.check(MachineFacts(), Wanted()),
        *directory.check(FINE_DISK, WantedOfDisk()),
        *access.check_certificate(FINE_CERTIFICATE, NOW, ("q.example.org", "a.example.net")),
        *access.check(AccessFacts(NOW, secret_files=(SecretFile("tls_key", "/k.pem", 0o440, is_ours=False),))),
        *service.check(FINE_SERVICE),
    ]
    assert found == []


def test_every_rule_of_these_subjects_is_planted() -> None:
    planted = {row[0] for row in (*STORE, *MACHINE, *DISK, *CERTIFICATES, *ACCESS, *SERVICE)}
    planted.add("service-public-url")
    assert {rule.code for rule in RULES if not rule.code.startswith("config-")} == planted


def test_codes_are_unique_and_texts_are_one_line() -> None:
    assert not [code for code, number in Counter(rule.code for rule in RULES).items() if number > 1]
    for rule in RULES:
        assert not [text for text in (rule.means, rule.why, rule.remedy) if "\n" in text or text.endswith(".")]


def test_the_most_severe_findings_come_first_and_none_twice() -> None:
    found = [rule.found("x") for rule in RULES]
    order = [one.severity for one in in_order([*found, *found])]
    assert order == sorted(order, key=("error", "warning", "note").index)
    assert len(order) == len(RULES)


@pytest.mark.parametrize(
    ("severity", "usual", "strict"), [("error", 1, 1), ("warning", 0, 1), ("note", 0, 0), (None, 0, 0)]
)
def test_errors_fail_and_warnings_only_where_that_is_asked_for(severity: Any, usual: int, strict: int) -> None:
    """A stock machine has warnings, and a script that runs the command must not fail because of them."""
    found = [] if severity is None else [Finding("a-code", severity, "it is wrong", "it hurts", "mend it")]
    for as_json in (False, True):
        assert report(found, ["it"], as_json=as_json)[1] == usual
        assert report(found, ["it"], as_json=as_json, is_strict=True)[1] == strict


def test_the_reference_is_fresh() -> None:
    """Run ``python -m sqs_facade.commands.checks.reference > docs/doctor.md`` if it is not."""
    assert DOCUMENT.read_text() == reference.text()


def test_every_row_of_the_reference_has_as_many_cells_as_its_table() -> None:
    rows = [line for line in reference.text().splitlines() if line.startswith("| `")]
    assert len(rows) == len(RULES)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
