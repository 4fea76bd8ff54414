"""The key dictionary has exactly the keys that the functions write, with their types."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import serving
from tests.private_valkey import private_valkey
from tests.store import fifo, redrive
from tests.upgrade import writing
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.sampling import Sampler
from zaqar_core.background.usage import UsageMeter
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import claims, deliveries, leases, messages, queues, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.core.quotas import Quotas
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import catalogue, declared, keys, libraries, readiness, registry, script

LUA = Path(keys.__file__).parent / "lua"
#: What the parts of a pattern stand for.
PARTS = {
    "n": "[0-3]",
    "inc": "[0-9a-f]{16}",
    "shard": r"\d+",
    "second": r"\d+",
    "version": "v1",
    "project": r"[^:]+",
    "scope": r".+",
}
REGISTRY = r"sf1:\{[^{}:~]+~[^{}:~]+\}"
QUEUE = r"sf1:\{[^{}:~]+~[^{}:~]+:[^{}:]+:0\}"
#: Which type of key an event of the server belongs to; other events change what is there, or remove it.
TYPES = {
    "hset": "hash", "hincrby": "hash", "zadd": "zset", "sadd": "set", "set": "string", "rpush": "list",
    "lpush": "list", "xadd": "stream",
}  # fmt: skip
#: Written by earlier releases only.
FORMER = {"Q:nf"}
PROJECT, REGION = "000000000000", "us-east-1"
SUBSCRIBER = "http://subscriber.invalid/"


def rows(first_column: str) -> list[list[str]]:
    """The rows of the dictionary's table whose first column has that heading; each row's columns."""
    lines = iter((keys.__doc__ or "").splitlines())
    ruler = ""
    for line in lines:
        if line.startswith(first_column):
            next(lines)
            break
        ruler = line
    ends = [match.span() for match in re.finditer("=+", ruler)]
    found: list[list[str]] = []
    for line in lines:
        if line.startswith("="):
            return found
        if not line.startswith(" "):
            found.append([line[start:end].strip() for start, end in ends[:-1]])
    raise AssertionError(f"the table {first_column} does not end")


def regex(pattern: str) -> re.Pattern[str]:
    escaped = re.sub(r"<(\w+)>", lambda part: f"\0{part[1]}\0", pattern)
    found = "".join(PARTS[part] if at % 2 else re.escape(part) for at, part in enumerate(escaped.split("\0")))
    return re.compile(re.sub(r"^(Q|R)(?=$|:|\\)", lambda part: QUEUE if part[1] == "Q" else REGISTRY, found))


DICTIONARY = {pattern: (regex(pattern), kind) for pattern, kind in rows("key")}
FIELDS = {name.strip() for [names] in rows("field") for name in names.split(",")}


@dataclass
class Driven:
    """The contents of a store: types by key, fields of the queues' hashes, and a client."""

    types: dict[str, set[str]]
    expiring: set[str]
    fields: set[str]
    client: Any


@pytest.fixture(scope="module")
def driven() -> Iterator[Driven]:
    """A store that all features have written to; what was removed since counts too."""
    with private_valkey() as server, server.client() as client, client.pubsub() as events:
        url = server.url
        client.config_set("notify-keyspace-events", "KA")
        client.config_set("client-output-buffer-limit", "pubsub 0 0 0")
        events.psubscribe("__keyspace@0__:*")
        key = f"k1:{base64.b64encode(bytes(32)).decode()}"
        with serving(redis=url, durability="memory", test_hooks="true", encryption_keys=key) as service:
            writing.write(service.url)
            hooks(service.url)
        core = Core(Settings(redis=url, durability="memory", store_connections=4), url)
        session = core.session()
        standard(session)
        fair(session)
        ordered(session)
        moves(session)
        notifications(session)
        pools(session)
        RateLimits(1).require(session, PROJECT)
        declarations(session)
        UsageMeter(core, Quotas(1, 1)).round()
        leftovers(session, core)
        core.close()
        yield Driven(*seen(events), queue_fields(client), client)


def seen(events: Any) -> tuple[dict[str, set[str]], set[str]]:
    """Return the types of all keys that were written, and the keys that were last left to expire, gone or not."""
    types: dict[str, set[str]] = {}
    expiring: set[str] = set()
    while event := events.get_message(timeout=0.2):
        if event["type"] != "pmessage":
            continue
        name, what = event["channel"].decode(errors="replace").partition(":")[2], event["data"].decode()
        if kind := TYPES.get(what):
            types.setdefault(name, set()).add(kind)
        if what == "expire":
            expiring.add(name)
        elif what in ("set", "del", "persist"):
            expiring.discard(name)
    return types, expiring


def queue_fields(client: Any) -> set[str]:
    found = [client.hkeys(key) for key in client.scan_iter("sf1:{*:0}") if re.fullmatch(QUEUE, key.decode())]
    return {name.decode() for names in found for name in names}


def made(session: Session, name: str, **settings: int) -> QueueRef:
    ref = QueueRef(PROJECT, REGION, name)
    queues.create(session, ref, QueueSettings(**settings), creator="sqs")  # type: ignore[arg-type]
    return ref


def advance(session: Session, ref: QueueRef, seconds: float) -> None:
    session.run(script("clock"), ref, [int(seconds * 1000)])


def hooks(url: str) -> None:
    for hook, members in (("spy", {}), ("chaos", {"duplicates": 1.0, "reordering": 1.0})):
        body = {"account": PROJECT, **members}
        requests.post(f"{url}/_test/{hook}", json=body, timeout=10).raise_for_status()
    sqs = writing.sqs_client(url)
    queue_url = sqs.create_queue(QueueName="watched")["QueueUrl"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="a")
    [found] = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=found["ReceiptHandle"])


def standard(session: Session) -> None:
    ref = made(session, "plain")
    messages.send(session, ref, [NewMessage(b"1"), NewMessage(b"2", ttl_seconds=60), NewMessage(b"3", delay_seconds=9)])
    claim = claims.create(session, ref, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim
    claims.update(session, ref, claim.id, ttl_seconds=120, grace_seconds=60)
    leases.receive(session, ref, max_messages=10, visibility_seconds=30, wait_seconds=0)
    leases.receive(session, ref, max_messages=10, wait_seconds=1)
    queues.change(session, ref, SettingsChange(set={"retention_seconds": 3600}))
    queues.change(session, ref, SettingsChange(set={"retention_seconds": 7200}))
    queues.purge_free(session, ref)
    queues.purge_all(session, ref)


def fair(session: Session) -> None:
    ref = made(session, "tenants")
    messages.send(session, ref, [NewMessage(b"noisy", group="a") for _ in range(60)])
    for _ in range(4):
        leases.receive(session, ref, max_messages=10, visibility_seconds=30, wait_seconds=0)
    messages.send(session, ref, [NewMessage(b"quiet", group="b")])


def ordered(session: Session) -> None:
    ref = fifo.make(session, delay_seconds=10)
    fifo.send(session, ref, "a1", "a2")
    advance(session, ref, 11)
    leases.receive(session, ref, max_messages=1, visibility_seconds=30, wait_seconds=0, attempt_id="first")


def moves(session: Session) -> None:
    source = made(session, "failing")
    dead = redrive.dead_letter_queue_of(session, source)
    redrive.create_dead_letters(session, source, NewMessage(b"1"), NewMessage(b"2", ttl_seconds=3600))
    redrive.move_all(session, dead)


def notifications(session: Session) -> None:
    ref = made(session, "announced")
    for number in range(2):
        subscriptions.create(session, ref, subscriber=f"{SUBSCRIBER}{number}", options=b"{}", ttl_seconds=3600)
    messages.send(session, ref, [NewMessage(b"1"), NewMessage(b"2")])
    words: list[deliveries.Word] = ["failed", "retry_outside", "untried_outside", "done"]
    for _ in range(3):
        taken = deliveries.take(session, ref, token="t", wakeup="c|1", lease_ms=60_000, most=10, whole_queue="ws:")
        found = [one for line in taken.runs for one in line.deliveries] if taken else []
        outcomes = [
            deliveries.Outcome(ref, one.key, word, 60_000 if word == "retry_outside" else 0, "refused")
            for one, word in zip(found, words, strict=False)
        ]
        deliveries.finish(session, ref, "t", outcomes)
    [one, *_] = subscriptions.list_page(session, ref, after="", limit=10)
    subscriptions.confirm(session, ref, one.id, is_confirmed=False)


def pools(session: Session) -> None:
    store, ref = session.store, QueueRef(PROJECT, REGION, "placed")
    catalogue.put_pool(store, "p", catalogue.PoolRow("redis://pool", 1), catalogue.identity(store), "", None)
    catalogue.put_flavor(store, "f", catalogue.FlavorRow(), ["p"], must_exist=False)
    catalogue.write_placement(store, ref, "0" * 16, "p")
    catalogue.rule_out(store, ref, "0" * 16, 60_000)


def declarations(session: Session) -> None:
    declared.remember(session.store, [QueueRef(PROJECT, REGION, "plain")])
    assert declared.hold(session.store, "one", 60_000)
    assert not declared.hold(session.store, "another", 60_000)
    declared.release(session.store, "another")
    assert not declared.hold(session.store, "another", 60_000)
    declared.release(session.store, "one")
    declared.note_done(session.store, "v1", 60)
    assert declared.is_done(session.store, "v1")


def leftovers(session: Session, core: Core) -> None:
    """Create the keys that remain after deletions, housekeeping, and a crash during the creation of a queue."""
    readiness._share_key(session.store, "k:0")
    ref = made(session, "deleted")
    incarnation = queues.get(session, ref).incarnation.hex()
    registry.remove(session.store, ref, incarnation, remember_seconds=60)
    registry.add(session.store, QueueRef(PROJECT, REGION, "never-created"), "0" * 16)
    Housekeeping(core).round()
    Sampler(core).round()
    libraries.tidy(session.store)


def test_every_key_is_in_the_dictionary_with_its_type(driven: Driven) -> None:
    unknown = {
        (key, kind)
        for key, kinds in driven.types.items()
        for kind in kinds
        if [one for pattern, one in DICTIONARY.values() if pattern.fullmatch(key)] != [kind]
    }
    assert unknown == set()


def test_every_row_of_the_dictionary_is_written(driven: Driven) -> None:
    written = {name for name, (pattern, _) in DICTIONARY.items() if any(map(pattern.fullmatch, driven.types))}
    assert DICTIONARY.keys() - written == FORMER


def test_every_field_of_a_queue_is_in_the_dictionary(driven: Driven) -> None:
    settings = {one.name for one in fields(QueueSettings)}
    found = {"doc:<name>" if name.startswith("doc:") else name for name in driven.fields}
    assert found - settings - FIELDS == set()


def test_every_field_of_the_dictionary_is_in_a_function() -> None:
    text = "".join(file.read_text() for file in LUA.rglob("*.lua"))
    assert {name for name in FIELDS if f"'{name}'" not in text} == {"doc:<name>"}


def test_only_leases_counts_of_requests_applied_versions_and_ended_incarnations_expire(driven: Driven) -> None:
    marked = {name for name, (pattern, _) in DICTIONARY.items() if any(map(pattern.fullmatch, driven.expiring))}
    leases = {"sf1:{upkeep}:<shard>", "sf1:{usage}:lease", "sf1:{sampling}"}
    assert marked == {"Q:z:<inc>", "sf1:{declared}:<version>", "sf1:{requests}:<second>", *leases}


def test_ids_are_kept_in_the_form_that_the_dictionary_names(driven: Driven) -> None:
    claim_ids = driven.client.hkeys(keys.queue(QueueRef(PROJECT, REGION, "work")) + b":c")
    assert claim_ids
    assert all(re.fullmatch(b"[0-9a-f]{32}", one) for one in claim_ids)
    moved = driven.client.hgetall(keys.queue(QueueRef(PROJECT, REGION, "dead")) + b":i")
    seqs = [(name, seq) for name, seq in moved.items() if not name.startswith(b"of:")]
    assert seqs
    assert all(len(name) == 16 and moved[b"of:" + seq] == name for name, seq in seqs)
