"""The key dictionary: the only place where a key's name is made.

Every key begins with ``sf1:`` (the product and its schema version). A queue's keys share one hash tag, so that one
script reaches all of them in a cluster; scripts derive them from ``KEYS[1]``, called Q below. Members are a decimal
``seq`` unless said otherwise.

=========  ======  ================================================================================================
key        type    holds
=========  ======  ================================================================================================
Q          hash    the queue: inc (its incarnation), by (its creator), ret0 (its retention where none is set), at, mod,
                   rev (its revision), its settings, ``doc:<name>`` documents of the faces; seq (the last given), now
                   (its last time, ms), off (ms that tests put its clock forward), due (nothing happens by itself before
                   it, ms), has (what it has ever had: see lua/shared/queue), purged (ms), dlq_missing (ms until which
                   moves rest), mover, mover_until (lease on its moves: see lua/shared/mover); told (the waiter
                   that knows due: see lua/shared/wake); scope0, turn, era for FIFO; busy, busy_at (processing ms, as
                   of when) with groups
Q:m        hash    seq -> the immutable record of a message (layout: ``records``)
Q:s        hash    seq -> state after a first receive, MessagePack: see lua/shared/state
Q:a        zset    every message, score seq, shifted by 2^50 while leased, 2^51 while delayed, 3 * 2^50 when it has a
                   group and is neither; 1/2 more for messages known to Q:s that can be received
Q:l        zset    leased, score the lease's end in ms
Q:d        zset    delayed, score the delay's end in ms; not in FIFO queues
Q:e        zset    messages with an end of their own (own ttl, grace), score that end in ms
Q:b        zset    messages that came from another queue and follow the retention, score their birth in ms
Q:i        hash    message id (16 bytes) -> seq, only for messages that came from another queue
Q:c        hash    claim id (16 bytes) -> MessagePack [created ms, ttl s, seq ...]
Q:cx       zset    claim id -> its end in ms
Q:w        zset    waiting receives, member ``<process channel>|<waiter>``, score the real-time deadline in ms
Q:mi       hash    seq -> intent of a move to another queue: see lua/shared/depart
Q:mo       zset    seqs of Q:mi in their order, score seq
Q:mr       hash    ``<address>|<incarnation>|<seq>`` of the source -> real ms, a move that has arrived here
Q:mt       hash    move task id -> MessagePack map: see lua/shared/tasks; ``active``, ``number``
Q:gm       zset    group id (8 bytes) and seq (8 bytes), score 0: FIFO all messages, else the receivable ones with group
Q:g        zset    FIFO: group id -> turn, groups that may give
Q:gd       zset    FIFO: group id -> sent ms of its delayed head
Q:dd:<n>   hash    FIFO: deduplication key -> sent ms, random bytes, seq of the first message; n 0 to 3 in turn
Q:ra:<n>   hash    FIFO: key of a receive attempt -> MessagePack: see lua/fifo/attempts; n 0 to 3 in turn
Q:gc       hash    groups on a standard queue: group id -> what its tenant has (lua/fair/ready)
Q:tq       zset    quiet tenants that have receivable messages, score the oldest one's seq
Q:z:<inc>  string  pools only: that incarnation has ended and must not be made any more; expires after a minute
Q:tn       zset    noisy tenants that have receivable messages, score in flight, then last served
Q:u        hash    subscription id -> MessagePack: see lua/shared/subscribers
Q:ui       hash    subscriber -> id of its subscription
Q:ue       zset    subscription ids, score the end in ms
Q:un       zset    subscription ids in the order of creation, score 0
Q:o …      …       notifications: also Q:oq, or, np, nq, nv, nd, ni, nt, nl, nr, nw, nx; see lua/shared/notices
=========  ======  ================================================================================================

Registry, one per project and region: ``{…}:names`` (zset, lexical) ``{…}:lives`` (hash name -> incarnation) and
``{…}:gone`` (zset name -> deleted at, s; only where queues may not be made again at once).
``sf1:{namespaces}`` is the set of all registries. ``sf1:{secret}`` keys the ids and receipts.
``sf1:{encryption}`` is the encryption key of an ephemeral store, in the form of the setting; no other store has one.
``sf1:{pools}`` (hash: ``rev``, which grows with each change) is the catalogue of pools, in the main store: ``:pools``
(hash name -> JSON of its row), ``:ids`` (name -> identity of its deployment), ``:of`` (name -> its flavor),
``:flavors`` (hash name -> JSON), ``:places`` (hash address of a queue -> ``<incarnation>|<ms since when>|<pool>``,
without pool for the main store) and ``:held`` (hash pool -> how many places). ``sf1:{deployment}`` in each deployment
is its identity.
``sf1:{libraries}`` (hash) says when each function library was last used.
``sf1:{upkeep}:<shard>`` is a lease (the one kind of key that expires, beside Q:z).
``sf1:{move-tasks}`` is the set of addresses of queues that may have a move task running,
``sf1:{notifications}`` that of queues that may have subscriptions.

Only with test hooks: ``sf1:{test}:clock`` (hash project -> ms by which its time is ahead), ``sf1:{test}:switches``
(hash: what is switched on: see web/hooks/switches), ``sf1:{test}:log:<project>`` (stream of what happened to its
messages), ``sf1:{test}:seen:<project>`` (hash ``<address>|<seq or id>`` -> a message that is in a log),
``sf1:{test}:counts:<scope>`` (hash: what chaos has counted), ``sf1:{test}:again:<scope>`` (set: messages that chaos
brought back).
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote

from zaqar_core.domain.names import QueueRef

PREFIX = "sf1:"
NAMESPACES = b"sf1:{namespaces}"
SECRET = b"sf1:{secret}"
ENCRYPTION = b"sf1:{encryption}"
LIBRARIES = b"sf1:{libraries}"
POOLS = b"sf1:{pools}"
DEPLOYMENT = b"sf1:{deployment}"
MOVE_TASKS = b"sf1:{move-tasks}"
NOTIFICATIONS = b"sf1:{notifications}"
TEST_CLOCK = b"sf1:{test}:clock"
TEST_SWITCHES = b"sf1:{test}:switches"

#: The only partition there is today; ids and receipts carry it all the same.
PARTITION = 0


@lru_cache(maxsize=65536)
def queue(ref: QueueRef) -> bytes:
    """The queue's first key. Each part is percent-encoded: a project id may hold braces."""
    return f"{PREFIX}{{{address(ref)}:{PARTITION}}}".encode()


def address(ref: QueueRef) -> str:
    """A queue as ASCII text without braces, bars and blanks: ``<project>~<region>:<name>``."""
    return f"{_part(ref.project)}~{_part(ref.region)}:{_part(ref.name)}"


def of_address(text: str) -> QueueRef:
    """The queue of an address."""
    namespace, _, name = text.partition(":")
    project, _, region = namespace.partition("~")
    return QueueRef(unquote(project), unquote(region), unquote(name))


def scope(project: str) -> str:
    """A project as the test hooks name it: as in an address."""
    return _part(project)


def project_of_scope(text: str) -> str:
    """The project of a scope, which may be the address of a queue."""
    return unquote(text.partition(":")[0].partition("~")[0])


def registry(project: str, region: str) -> bytes:
    """The prefix of a registry's keys, which is also its member in NAMESPACES."""
    return f"{PREFIX}{{{_part(project)}~{_part(region)}}}".encode()


def namespace(registry_key: bytes) -> tuple[str, str]:
    """Project and region of a registry key."""
    project, region = registry_key.decode()[len(PREFIX) + 1 : -1].split("~")
    return unquote(project), unquote(region)


def upkeep(shard: int) -> bytes:
    return f"{PREFIX}{{upkeep}}:{shard}".encode()


def test(kind: str, scope: str) -> bytes:
    """A key of the test hooks; ``scope`` is a project or the address of a queue."""
    return f"{PREFIX}{{test}}:{kind}:{scope}".encode()


def process_channel(process: str) -> str:
    return f"{PREFIX}process:{process}"


def _part(text: str) -> str:
    return quote(text, safe="").replace("~", "%7E")
