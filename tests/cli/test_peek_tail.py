"""``sqs-facade peek`` and ``sqs-facade tail``."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sqs_facade.commands import tail
from sqs_facade.remote import peeking
from sqs_facade.remote.service import Service, Where
from tests.cli.conftest import Run, lines
from tests.sqs.wire import Sqs


def test_messages_are_shown_with_their_state_and_not_received(run: Run, queue: str) -> None:
    run("send", queue, "one", "-a", "b:Binary=x", "-a", "c=y")
    run("send", queue, "two", "--delay", "900")
    run("receive", queue)
    run("send", queue, "three")
    shown = lines(run("peek", queue, "--json"))
    assert [(one["body"], one["state"], one["receive_count"]) for one in shown] == [
        ("one", "in_flight", 1),
        ("two", "delayed", 0),
        ("three", "visible", 0),
    ]
    assert shown[0]["attributes"] == {
        "b": {"type": "Binary", "base64": "eA=="},
        "c": {"type": "String", "value": "y"},
    }
    assert run("peek", queue, "--visible", "--body").stdout == "three\n"
    assert run("peek", queue, "--max", "1", "--body").stdout == "one\n"
    assert "in flight  received once" in run("peek", queue).stdout


def test_a_long_queue_is_shown_whole(run: Run, queue: str) -> None:
    body = 'ü"\\' * 100_000
    run("send", queue, "--lines", given="".join(f"{number}{body}\n" for number in range(5)))
    shown = [one["body"] for one in lines(run("peek", queue, "--all", "--json"))]
    assert shown == [f"{number}{body}" for number in range(5)]


def test_an_endpoint_without_peek_is_told_so(run: Run, queue: str, service_without_peek: str) -> None:
    for command in ("peek", "tail"):
        result = run(command, "http://x/000000000000/q", "--endpoint-url", service_without_peek, code=1)
        assert "cannot show messages without receiving them" in result.stderr


def test_the_last_messages_are_shown(run: Run, sqs: Sqs, queue: str) -> None:
    run("send", queue, "--lines", given="".join(f"{number}\n" for number in range(40)))
    run("receive", queue, "--max", "10", "--delete")
    assert run("tail", queue, "-n", "3", "--body").stdout.split() == ["37", "38", "39"]
    sqs.call("PurgeQueue", QueueUrl=sqs.queue(queue))
    assert run("tail", queue, "--body").stdout == ""
    run("send", queue, "new")
    assert run("tail", queue, "--body").stdout.split() == ["new"]


def test_following_shows_each_new_message_once(run: Run, queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between two looks sends the messages, and at last interrupts."""
    run("send", queue, "before")
    rounds = iter([["a", "b"], [], ["c"]])

    def pause(_seconds: float) -> None:
        found = next(rounds, None)
        if found is None:
            raise KeyboardInterrupt
        for body in found:
            run("send", queue, body)

    monkeypatch.setattr("sqs_facade.commands.tail.sleep", pause)
    assert run("tail", queue, "-f", "--body", code=130).stdout.split() == ["before", "a", "b", "c"]
    assert len(lines(run("receive", queue, "--max", "10", "--json"))) == 4


def test_following_goes_on_with_a_queue_that_is_created_again(
    run: Run, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its positions begin again, so its first messages are before the last one of the deleted queue."""

    def deleted() -> None:
        run("queues", "delete", queue, "--yes")

    def created() -> None:
        run("queues", "create", queue)
        run("send", queue, "new")

    rounds = iter([deleted, lambda: None, created])
    monkeypatch.setattr(tail, "sleep", lambda _seconds: next(rounds, _stop)())
    run("send", queue, "--lines", given="a\nb\nc\n")
    found = run("tail", queue, "-f", "--body", code=130)
    assert found.stdout.split() == ["a", "b", "c", "new"]
    assert found.stderr.count("does not exist") == 1
    assert "created again" in found.stderr


def test_an_endpoint_without_positions_is_followed_by_ids(
    run: Run, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LocalStack ignores where the list is to begin."""
    real, rounds = peeking.messages, iter([["c"]])

    def from_the_start(*arguments: Any, after: int = 0, **options: Any) -> Iterator[peeking.Peeked]:
        del after
        return (peeking.Peeked(one.message, None) for one in real(*arguments, **options))

    def pause(_seconds: float) -> None:
        for body in next(rounds, None) or _stop():
            run("send", queue, body)

    run("send", queue, "--lines", given="a\nb\n")
    monkeypatch.setattr(peeking, "messages", from_the_start)
    assert run("tail", queue, "-n", "1", "--body").stdout.split() == ["b"]
    monkeypatch.setattr("sqs_facade.commands.tail.sleep", pause)
    assert run("tail", queue, "-f", "-n", "1", "--body", code=130).stdout.split() == ["b", "c"]


def _stop() -> list[str]:
    raise KeyboardInterrupt


def test_consuming_deletes_what_it_shows(run: Run, queue: str) -> None:
    run("send", queue, "--lines", given="1\n2\n3\n")
    assert run("tail", queue, "--consume", "--body").stdout.split() == ["1", "2", "3"]
    assert run("peek", queue).stdout == ""


def document(*messages: object) -> bytes:
    return json.dumps({"ReceiveMessageResponse": {"ReceiveMessageResult": {"Message": messages}}}).encode()


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_response_is_read_in_pieces_of_any_size(size: int) -> None:
    found = [{"MessageId": "1", "Body": 'ü"}],{"'}, {"MessageId": "2", "Body": "\U0001f600" * 30}]
    stream = io.BytesIO(document(*found))
    assert list(peeking.elements(lambda _size: stream.read(size))) == found


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"{}", b"[]", document({"MessageId": "1"})[:-8], b'{"Message": ["x"]}']
)
def test_a_response_of_another_form_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is not shown
        list(peeking.elements(io.BytesIO(content).read))


def test_the_last_position_is_found_by_search(queue: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    real: Callable[..., object] = peeking.messages

    def counting(*arguments: object, **options: object) -> object:
        looks.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(peeking, "messages", counting)
    from sqs_facade.remote import queues

    service = Service(Where())
    url = queues.url(service, queue)
    assert peeking.last_position(service, url, advice="") == 0
    run("send", queue, "--lines", given="x\n" * 100)
    looks.clear()
    last = peeking.last_position(service, url, advice="")
    assert last is not None
    assert not list(real(service, url, after=last))  # type: ignore[call-overload]
    assert len(list(real(service, url, after=last - 1))) == 1  # type: ignore[call-overload]
    assert len(looks) < 20
