"""What the contracts of functions say of their effects, which decides where the server runs them."""

from __future__ import annotations

import re

import pytest

from tests.private_valkey import private_valkey
from tests.store.traffic import core_on, made
from zaqar_core.core import messages, queue_gauges
from zaqar_core.domain.model import NewMessage
from zaqar_core.store import parts
from zaqar_core.store.parts import KINDS, QueueKind
from zaqar_core.store.scripts import _BEGINNING

#: Commands that functions use and that write nothing.
READING = {
    "EXISTS", "GET", "HEXISTS", "HGET", "HGETALL", "HLEN", "HMGET", "HRANDFIELD", "HSTRLEN", "INFO", "LINDEX", "LLEN",
    "LRANGE", "MEMORY", "SCARD", "SISMEMBER", "SMEMBERS", "TIME", "ZCARD", "ZCOUNT", "ZRANGE", "ZRANGEBYLEX",
    "ZRANGEBYSCORE", "ZRANK", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCORE",
}  # fmt: skip
_STATEMENT = re.compile(r"^(?=local |\w+\.\w+ = )", re.MULTILINE)
_DEFINED = re.compile(r"^(?:local (?:function )?(\w+(?:, \w+)*)|(\w+\.\w+) = )")


def statements(kind: QueueKind) -> dict[str, str]:
    """The statement that defines each name, also each member of a table such as ``samples.last``."""
    found: dict[str, str] = {}
    for part in parts.parts(kind):
        for text in _STATEMENT.split(part.code):
            if defined := _DEFINED.match(text):
                found.update(dict.fromkeys((defined[1] or defined[2]).split(", "), text))
    return found


def commands(text: str, defined: dict[str, str]) -> set[str]:
    """The commands that a text may call, with all that it refers to."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [text]
    while waiting:
        text = waiting.pop()
        found.update(re.findall(r"\b(?:try_)?call\(\s*'([A-Z]+)'", text))
        names = set(re.findall(r"[A-Za-z_][\w.]*", text)) & defined.keys() - seen
        seen |= names
        waiting += [defined[name] for name in names]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_functions_that_write_nothing_say_so(kind: QueueKind) -> None:
    """The server refuses their writes, also those that happen only when something is due."""
    defined = statements(kind)
    reading = [one for one in parts.functions(kind) if one.effect == "reads"]
    assert {one.name for one in reading if one.writes_nothing} == {
        one.name for one in reading if commands(f"{_BEGINNING}{one.code}", defined) <= READING
    }


def test_a_contract_with_more_words_than_the_effect_is_read() -> None:
    text = "-- look: at it.\n-- effect: reads. It writes nothing, as it is a look\n--        only.\nreturn 1\n"
    found = parts.part("look", text, "plain")
    assert (found.effect, found.writes_nothing) == ("reads", True)


def test_a_full_store_shows_its_queues_to_monitoring() -> None:
    """That is when a queue's depth matters most."""
    with private_valkey() as server, core_on(server.url) as core:
        session = core.session()
        queue = made(session, "deep")
        messages.send(session, queue, [NewMessage(b"1"), NewMessage(b"2")])
        with server.client() as client:
            client.config_set("maxmemory", 1)
        [found] = queue_gauges.read(session, [queue])
        assert found is not None
        assert found.visible == 2
