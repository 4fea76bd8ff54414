"""One server: runs functions, one round trip each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import hiredis

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.store.conditions import StoreCondition
from zaqar_core.store.connection import pack
from zaqar_core.store.inspection import Terms
from zaqar_core.store.joined_calls import Commands, JoinableCall, Retry, pack_call
from zaqar_core.store.links import Generation, Links, links_class
from zaqar_core.store.outages import Outages
from zaqar_core.store.scripts import Compiled, Library, failure_words

#: Nothing ran: the server does not have this release's library.
NOT_LOADED = "Function not found"
#: Nothing ran: the memory limit of the server is reached.
_FULL = "OOM"
#: Nothing ran: the server refuses all writes. An inspection finds the same: see ``server_facts``.
_UNFIT = {
    "MISCONF": "the server cannot write its data to its disk",
    "NOREPLICAS": "the server has fewer replicas than its setting min-replicas-to-write asks for",
}
#: Nothing ran: the server is a replica now.
_READ_ONLY = "READONLY"


class ScriptFailed(Exception):
    """A function in the store failed with the error ``word``, such as NOQUEUE. ``detail`` is the rest of the error."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(word, detail)
        self.word = word
        self.detail = detail


#: Error words of our functions. Every other error reply means that the server is not available.
SCRIPT_WORDS = failure_words()


def failure(reply: hiredis.ReplyError) -> ScriptFailed:
    """Convert an error word of a function, or NOT_LOADED. Raises StoreFull; StoreUnavailable for all other errors."""
    text = str(reply).removeprefix("ERR ")
    word, _, detail = text.partition(" ")
    if word in SCRIPT_WORDS:
        return ScriptFailed(word, detail)
    if text == NOT_LOADED:
        return ScriptFailed(NOT_LOADED, "")
    raise refusal(reply)


def _outcome(reply: Any) -> Any:
    """Return the reply of one of many calls, with ScriptFailed and StoreFull in place of these errors.

    Raises StoreUnavailable for all other errors.
    """
    if not isinstance(reply, hiredis.ReplyError):
        return reply
    try:
        return failure(reply)
    except StoreFull as problem:
        return problem


def raised_if_all_full(replies: list[Any]) -> list[Any]:
    """Return the replies of many calls. Raises StoreFull if there was no room for any of them."""
    if replies and all(isinstance(reply, StoreFull) for reply in replies):
        raise replies[0]
    return replies


def refusal(reply: hiredis.ReplyError) -> StoreUnavailable:
    """Convert an error of the server itself."""
    word = str(reply).partition(" ")[0]
    if word == _FULL:
        return StoreFull("the memory limit of the server (maxmemory) is reached")
    return StoreUnfit(_UNFIT[word]) if word in _UNFIT else StoreUnavailable(str(reply))


class Server(Protocol):
    """One server of the deployment that holds messages."""

    #: Shown to operators.
    name: str

    def command(self, *words: bytes | str | int) -> Any:
        """Run one plain command. Raises StoreUnavailable."""


FunctionCall = tuple[Compiled, bytes, Sequence[bytes | str | int]]
#: Plain commands that write nothing. With durability ``replicated`` WAITAOF follows all others.
_READS = frozenset(
    {
        "CONFIG", "EXISTS", "FUNCTION", "GET", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "INFO", "KEYS", "PING",
        "PUBLISH", "SMEMBERS", "TIME", "XRANGE", "ZCARD", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZSCORE",
    }
)  # fmt: skip


class Store:
    """One server, or a group under Sentinel. ``cluster`` has the one for clusters. Thread-safe."""

    __slots__ = ("_generation", "_links", "_replicated", "terms")

    is_cluster = False
    name = "the server"

    def __init__(
        self,
        settings: Settings,
        url: str,
        generation: Generation,
        check: Callable[[], object] | None = None,
        *,
        name: str = "the store",
    ) -> None:
        """Connect to nothing yet; for ``check`` see ``links.Links``. ``name`` is for logs. Raises StoreUrlInvalid."""
        self.terms = Terms(settings.durability, is_cluster=self.is_cluster)
        self._links = links_class(settings)(settings, url, generation, terms=self.terms, name=name, check=check)
        self._generation = generation
        self._replicated = settings.durability == "replicated"

    @property
    def outages(self) -> Outages | None:
        """The outages of the server, None in a cluster, whose nodes have their own."""
        return None if self.is_cluster else self._links.outages

    def run(self, script: Compiled, key: bytes, arguments: Sequence[bytes | str | int], policy: bytes = b"") -> Any:
        """Run a function; return its reply. Raises ScriptFailed, or StoreUnavailable when the outcome is unknown.

        With ``policy``, a key of ``keys.policy``, it fails with OTHER_POLICY if the queue has another policy.
        """
        joining = script.joining
        terms = None if joining is None else joining.terms(arguments)
        is_repeated = False
        changes = script.changes
        while True:
            call: Commands
            if terms is None:
                call = pack_call(script, key, arguments, policy)
            else:
                call = JoinableCall(script, key, policy, arguments, terms)
            [reply] = self._exchange(
                key,
                call,
                1,
                returns_messages=script.returns_messages,
                changes=changes,
                confirmed=self._replicated and changes,
            )
            if isinstance(reply, hiredis.ReplyError):
                failed = failure(reply)
                if failed.word != NOT_LOADED:
                    raise failed
                self._load(key, script.library)
            elif isinstance(reply, Retry):
                if reply is Retry.ALONE or is_repeated:
                    terms = None
                is_repeated = True
            else:
                return reply

    def run_many(self, calls: Sequence[FunctionCall]) -> list[Any]:
        """Run many functions in one round trip. A reply is ScriptFailed if its function failed.

        It is StoreFull if the server had no room for it and others ran. Raises StoreFull if it had room for none.
        """
        if not calls:
            return []
        found = self._run_all(calls)
        missing = [
            index for index, reply in enumerate(found) if isinstance(reply, ScriptFailed) and reply.word == NOT_LOADED
        ]
        if missing:
            for index, reply in zip(missing, self._load_and_run([calls[index] for index in missing]), strict=True):
                found[index] = reply
        return found

    def _load_and_run(self, calls: Sequence[FunctionCall]) -> list[Any]:
        for library, key in {call[0].library.name: (call[0].library, call[1]) for call in calls}.values():
            self._load(key, library)
        return self._run_all(calls)

    def _run_all(self, calls: Sequence[FunctionCall]) -> list[Any]:
        packed = b"".join(pack_call(script, key, arguments) for script, key, arguments in calls)
        replies = self._exchange(b"", packed, len(calls), changes=any(script.changes for script, _, _ in calls))
        return raised_if_all_full([_outcome(reply) for reply in replies])

    def command(self, *words: bytes | str | int) -> Any:
        """Run a plain command on keys outside any queue. Its first argument is a key, if it has keys.

        Raises StoreUnavailable.
        """
        [reply] = self._exchange_plain(words, pack(words), changes=words[0] not in _READS)
        if isinstance(reply, hiredis.ReplyError):
            raise refusal(reply)
        return reply

    def read(self, packed: bytes, replies: int) -> list[Any]:
        """Run packed plain commands that only read, on keys of any queues, and return their replies.

        Not for a cluster. Raises StoreUnavailable, also if one of them fails.
        """
        found = self._exchange(b"", packed, replies)
        for reply in found:
            if isinstance(reply, hiredis.ReplyError):
                raise refusal(reply)
        return found

    def servers(self) -> Sequence[Server]:
        """Return every primary of the deployment. Raises StoreUnavailable."""
        return (self,)

    def ping(self) -> None:
        """Ping every primary. Raises StoreUnavailable."""
        for server in self.servers():
            server.command("PING")

    def inspect(self) -> None:
        """Inspect every primary. Raises StoreUnavailable if one does not answer, StoreUnfit, StoreFull."""
        self._links.inspect()

    def watch(self) -> bool:
        """Inspect every primary regularly, from one thread: see ``links.Links.watch``. Raises StoreUnavailable."""
        return self._links.watch()

    def conditions(self, pool: str) -> list[StoreCondition]:
        """Return the condition of every primary as the last inspections found it. ``pool`` is the store's name."""
        return self._seen(pool, {"": self._links})

    def _seen(self, pool: str, nodes: Mapping[str, Links]) -> list[StoreCondition]:
        return [found for name, links in nodes.items() if (found := links.seen(pool, name)) is not None]

    def close(self) -> None:
        """Close all connections."""
        self._links.close()

    def _exchange_plain(self, words: Sequence[bytes | str | int], packed: bytes, *, changes: bool) -> list[Any]:
        del words
        return self._exchange(b"", packed, 1, changes=changes, confirmed=self._replicated and changes)

    def _exchange(
        self,
        key: bytes,
        commands: Commands,
        replies: int,
        *,
        returns_messages: bool = False,
        changes: bool = False,
        confirmed: bool = False,
    ) -> list[Any]:
        """Exchange with the server: see ``links.Links.exchange``. ``key`` is the key of the queue, if there is one.

        Raises StoreUnavailable when the connection ends, or when the server has become a replica. In the second case
        nothing ran, and all connections are replaced.
        """
        number = self._generation.number
        found = self._links.exchange(
            commands, replies, queue=key, returns_messages=returns_messages, changes=changes, confirmed=confirmed
        )
        if isinstance(found[0], hiredis.ReplyError) and str(found[0]).startswith(_READ_ONLY):
            self._generation.ended(number)
            raise StoreUnavailable(str(found[0]), is_disconnected=True)
        return found

    def _load(self, key: bytes, library: Library) -> None:
        """Load the library. A library of the same name is the same one, since the name has the hash of its text."""
        [reply] = self._exchange(key, pack((b"FUNCTION", b"LOAD", library.text)), 1)
        if isinstance(reply, hiredis.ReplyError) and "already exists" not in str(reply):
            raise refusal(reply)
