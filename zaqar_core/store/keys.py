"""The key dictionary: the only place where a key's name is made.

Every key begins with ``sf1:`` (the product and its schema version). A queue's keys share one hash tag, so that one
script reaches all of them in a cluster; scripts derive them from ``KEYS[1]``, called Q below. Members are a decimal
``seq`` unless said otherwise.

=========  ======  ================================================================================================
key        type    holds
=========  ======  ================================================================================================
Q          hash    the queue: see FIELDS in ``settings_record``; inc, by, at, mod, rev, seq, now, off, has, its settings
                   and ``doc:<name>`` documents of the faces
Q:m        hash    seq -> the immutable record of a message (layout: ``records``)
Q:s        hash    seq -> state after a first receive, MessagePack [nonce, count, first ms, claim id, ttl, flags]
Q:r        zset    ready, score seq
Q:l        zset    leased, score the lease's end in ms
Q:d        zset    delayed, score the delay's end in ms
Q:x        zset    leased and delayed ones, score seq: an ordered listing merges r and x
Q:e        zset    messages with an end of their own (own ttl, grace), score that end in ms
Q:b        zset    messages that came from another queue and follow the retention, score their birth in ms
Q:i        hash    message id (16 bytes) -> seq, only for messages that came from another queue
Q:c        hash    claim id (16 bytes) -> MessagePack [created ms, ttl s, seq ...]
Q:cx       zset    claim id -> its end in ms
Q:w        zset    waiting receives, member ``<process channel>|<waiter>``, score the real-time deadline in ms
Q:mi       hash    seq -> intent of a move to another queue
Q:mr       hash    move id -> 1, a move that has arrived here
=========  ======  ================================================================================================

Kept for FIFO and fair queues: Q:gi Q:gc Q:gm Q:g Q:gd Q:tq Q:tn Q:dd:<minute> Q:ra; for notifications Q:o.

Registry, one per project and region: ``{…}:names`` (zset, lexical) and ``{…}:lives`` (hash name -> incarnation).
``sf1:{namespaces}`` is the set of all registries. ``sf1:{secret}`` keys the ids and receipts.
``sf1:{upkeep}:<shard>`` is a lease (the one kind of key that expires).
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote

from zaqar_core.names import QueueRef

PREFIX = "sf1:"
NAMESPACES = b"sf1:{namespaces}"
SECRET = b"sf1:{secret}"

#: The only partition there is today; ids and receipts carry it all the same.
PARTITION = 0


@lru_cache(maxsize=65536)
def queue(ref: QueueRef) -> bytes:
    """The queue's first key. Each part is percent-encoded: a project id may hold braces."""
    return f"{PREFIX}{{{_part(ref.project)}~{_part(ref.region)}:{_part(ref.name)}:{PARTITION}}}".encode()


def registry(project: str, region: str) -> bytes:
    """The prefix of a registry's keys, which is also its member in NAMESPACES."""
    return f"{PREFIX}{{{_part(project)}~{_part(region)}}}".encode()


def namespace(registry_key: bytes) -> tuple[str, str]:
    """Project and region of a registry key."""
    project, region = registry_key.decode()[len(PREFIX) + 1 : -1].split("~")
    return unquote(project), unquote(region)


def upkeep(shard: int) -> bytes:
    return f"{PREFIX}{{upkeep}}:{shard}".encode()


def process_channel(process: str) -> str:
    return f"{PREFIX}process:{process}"


def _part(text: str) -> str:
    return quote(text, safe="").replace("~", "%7E")
