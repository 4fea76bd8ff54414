"""The key dictionary: the only place where a key's name is made.

Every key begins with ``sf1:`` (the product and its schema version). A queue's keys share one hash tag, so that one
function reaches all of them in a cluster; functions derive them from their first key, called Q below:
``sf1:{<project>~<region>:<name>:0}``. R is ``sf1:{<project>~<region>}``, the registry of a project and region.
Members are a decimal seq unless said otherwise. The tests compare both tables with what the functions write.

==========================  ======  ===============================================================================
key                         type    holds
==========================  ======  ===============================================================================
Q                           hash    the queue: its settings, and the fields of the second table
Q:m                         hash    seq -> the immutable record of a message (layout: ``records``)
Q:s                         hash    seq -> state after a first receive, MessagePack: see lua/shared/state
Q:a                         zset    every message, score seq, shifted by 2^50 while leased, 2^51 while delayed,
                                    3 * 2^50 when it has a group and is neither (see lua/shared/bands); 1/2 more for
                                    visible messages without group that Q:s knows
Q:l                         zset    leased messages, score the lease's end in ms
Q:d                         zset    delayed messages, score the delay's end in ms; not in FIFO queues
Q:e                         zset    messages with an end of their own (own ttl, grace), score that end in ms
Q:b                         zset    messages that came from another queue and follow the retention, score the time they
                                    were sent in ms
Q:i                         hash    messages that came from another queue: message id (16 bytes) -> seq, and
                                    ``of:<seq>`` -> message id
Q:c                         hash    claim id (32 hex digits) -> MessagePack [created ms, ttl s, seq ...]
Q:cx                        zset    claim id -> its end in ms
Q:w                         zset    waiting receives, member ``<process channel>|<waiter>``, score the real-time
                                    deadline in ms
Q:mi                        hash    seq -> intent of a move to another queue: see lua/shared/moves
Q:mo                        zset    seqs of Q:mi in their order, score seq
Q:mr                        hash    ``<address>|<incarnation>|<seq>`` of the source -> real ms, a move that has arrived
                                    here
Q:mt                        hash    move task id -> MessagePack map: see lua/shared/tasks; ``active``, ``number``
Q:gm                        zset    group id (8 bytes) and seq (8 bytes), score 0: FIFO all messages, else the visible
                                    ones with group
Q:g                         zset    FIFO: group id -> turn, groups that are receivable
Q:gd                        zset    FIFO: group id -> sent ms of its delayed oldest message
Q:dd:<n>                    hash    FIFO: deduplication key -> sent ms, random bytes, seq of the first message; n 0 to
                                    3 in turn
Q:ra:<n>                    hash    FIFO: key of a receive attempt -> MessagePack: see lua/fifo/attempts; n 0 to 3 in
                                    turn
Q:gc                        hash    groups on a standard queue: group id -> its tenant (lua/fair/visibility)
Q:tq                        zset    quiet tenants that have visible messages, score the oldest one's seq
Q:tn                        zset    noisy tenants that have visible messages, score number in flight, then last served
Q:z:<inc>                   string  pools only: that incarnation has ended and must not be created; expires
Q:u                         hash    subscription id -> MessagePack: see lua/shared/subscriptions
Q:ui                        hash    subscriber -> id of its subscription
Q:ue                        zset    subscription ids, score the end in ms
Q:un                        zset    subscription ids in the order of creation, score 0
Q:o                         hash    the outbox: seq -> message of which deliveries are due: see lua/shared/deliveries
Q:oq                        list    entries of the outbox that have no deliveries yet: ``<seq>:<last subscription id>``
Q:or                        hash    seq -> number of deliveries that refer to the entry
Q:np                        zset    posts of several messages: seq of the first, score seq of the last
Q:nq                        zset    deliveries that are ready, at their position in their line, score 0
Q:nv                        zset    deliveries that are ready outside of the lines, score 0
Q:nd                        zset    deliveries to be tried again, score ms
Q:ni                        zset    deliveries in work, score the lease's end in real ms
Q:nt                        hash    delivery -> MessagePack [token, failed tries, line]
Q:nl                        zset    subscription ids that may have a ready delivery, score their turn
Q:nr                        hash    subscription id -> MessagePack, its runs: see lua/shared/lines
Q:nw                        zset    processes that wait for deliveries, as Q:w
Q:nx                        list    the newest deliveries that failed for good
Q:nf                        hash    written by earlier releases only, and removed
R:names                     zset    names of its queues, lexical
R:lives                     hash    name -> incarnation
R:gone                      zset    name -> deleted at, s; only where a queue cannot be created again at once
R:stale                     hash    name -> incarnation of a row without queue, seen by the last round of housekeeping
sf1:{namespaces}            set     every R
sf1:{secret}                string  secret with which ids and receipts are encoded
sf1:{encryption}            string  the encryption key of an ephemeral store, in the form of the setting
sf1:{pools}                 hash    ``rev``, the revision of the catalogue of pools (main store only)
sf1:{pools}:pools           hash    pool -> JSON of its row
sf1:{pools}:ids             hash    pool -> identity of its deployment
sf1:{pools}:of              hash    pool -> its flavor
sf1:{pools}:flavors         hash    flavor -> JSON of its row
sf1:{pools}:places          hash    address of a queue -> ``<incarnation>|<ms since when>|<pool>``, without pool for
                                    the main store
sf1:{pools}:held            hash    pool -> number of its placements
sf1:{deployment}            string  identity of this deployment
sf1:{libraries}             hash    function library -> when it was last used, s
sf1:{upkeep}:<shard>        string  lease of housekeeping; expires
sf1:{move-tasks}            set     addresses of queues that may have a move task running
sf1:{requests}:<second>     hash    caller -> requests that workers have taken of that second's allowance; expires
sf1:{usage}                 hash    R -> bytes and messages in flight of its queues, for quotas
sf1:{usage}:lease           string  lease of their measurement; expires
sf1:{notifications}         set     addresses of queues that may have subscriptions
sf1:{test}:clock            hash    test hooks: project -> ms by which its time is ahead
sf1:{test}:switches         hash    test hooks: chaos and spies that are on: see web/hooks/switches
sf1:{test}:log:<project>    stream  test hooks: events of the project's messages
sf1:{test}:seen:<project>   hash    test hooks: ``<address>|<seq or id>`` -> message, for messages in the log
sf1:{test}:counts:<scope>   hash    test hooks: counters of chaos
sf1:{test}:again:<scope>    set     test hooks: messages that chaos redelivered
==========================  ======  ===============================================================================

The fields of Q, beside the settings (the names of ``QueueSettings``):

==================================  ===========================================================================
field                               holds
==================================  ===========================================================================
gen                                 incarnation and number of the change of settings: see lua/shared/queue
changes                             counts the changes for gen
inc, by                             its incarnation, its creator
ret0, scope0                        retention s where none is set; deduplication scope that it was created with
at, mod, rev                        created ms, modified ms, revision
doc:<name>                          documents of the faces
seq                                 seq of the newest message
now, off                            time of the last call ms, ms by which tests have moved its time forward
due                                 time before which no lease, delay or expiry ends, ms: see lua/shared/due
has                                 features that the queue has ever used: see lua/shared/features
horizon                             messages sent until this ms stay expired under a longer retention
purged                              last purge, ms
dlq_missing                         ms until which no message is moved: the dead-letter queue does not exist
mover, mover_until                  lease on its moves: see lua/shared/move_lease
waits                               1 if Q:w may have members: see lua/shared/wakeups
told                                the waiter that checks the queue at due: see lua/shared/wakeups
turn                                number of the last turn of a group
era                                 FIFO: see lua/fifo/buckets
busy, busy_at                       groups on a standard queue: recent processing time ms, when computed ms
subscriptions                       number of the last subscription
notices, notice_turn                number of the last delivery without message, last turn of a subscription
swept                               seq up to which no message past the retention is left: see lua/shared/retention
spread                              last subscription that has the first entry of Q:oq
failed, failed_bytes                number of deliveries that ever failed for good, bytes of Q:nx
==================================  ===========================================================================
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
USAGE = b"sf1:{usage}"
USAGE_LEASE = b"sf1:{usage}:lease"
TEST_CLOCK = b"sf1:{test}:clock"
TEST_SWITCHES = b"sf1:{test}:switches"

#: The only partition so far; ids and receipts have it nevertheless.
PARTITION = 0


@lru_cache(maxsize=65536)
def queue(ref: QueueRef) -> bytes:
    """Return the queue's first key. Each part is percent-encoded: a project id may hold braces."""
    return f"{PREFIX}{{{address(ref)}:{PARTITION}}}".encode()


def policy(ref: QueueRef, policy_hash: str) -> bytes:
    """Return the key by which a call names the policy that decided about it. Nothing is stored there.

    ``policy_hash`` is the SHA-1 of the document, "" without a policy: see lua/shared/policy.
    """
    return b"%b:policy:%b" % (queue(ref), policy_hash.encode())


def address(ref: QueueRef) -> str:
    """Return a queue as ASCII text without braces, bars and blanks: ``<project>~<region>:<name>``."""
    return f"{_part(ref.project)}~{_part(ref.region)}:{_part(ref.name)}"


def of_address(text: str) -> QueueRef:
    """Return the queue of an address."""
    namespace, _, name = text.partition(":")
    project, _, region = namespace.partition("~")
    return QueueRef(unquote(project), unquote(region), unquote(name))


def scope(project: str) -> str:
    """Return a project as the test hooks name it: as in an address."""
    return _part(project)


def project_of_scope(text: str) -> str:
    """Return the project of a scope, which may be the address of a queue."""
    return unquote(text.partition(":")[0].partition("~")[0])


def registry(project: str, region: str) -> bytes:
    """Return the prefix of a registry's keys, which is also its member in NAMESPACES."""
    return f"{PREFIX}{{{_part(project)}~{_part(region)}}}".encode()


def namespace(registry_key: bytes) -> tuple[str, str]:
    """Return the project and region of a registry key."""
    project, region = registry_key.decode()[len(PREFIX) + 1 : -1].split("~")
    return unquote(project), unquote(region)


def housekeeping_lease(shard: int) -> bytes:
    """Return the key of the lease of housekeeping on a shard of the registries."""
    return f"{PREFIX}{{upkeep}}:{shard}".encode()


def request_counts(second: int) -> bytes:
    """Return the key of the counts of requests in one second since 1970."""
    return f"{PREFIX}{{requests}}:{second}".encode()


def test(kind: str, scope: str) -> bytes:
    """Return a key of the test hooks; ``scope`` is a project or the address of a queue."""
    return f"{PREFIX}{{test}}:{kind}:{scope}".encode()


def process_channel(process: str) -> str:
    """Return the channel on which a process gets its wake-ups."""
    return f"{PREFIX}process:{process}"


def _part(text: str) -> str:
    return quote(text, safe="").replace("~", "%7E")
