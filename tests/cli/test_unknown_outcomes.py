"""Endpoints that fail: what may be repeated is, and what may have been done is said to be unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, Silent, endpoint, lines

QUEUE = "http://host/000000000000/q"
#: Status and body of a response, or None for a connection that ends instead.
Answer = tuple[int, Any] | None


@contextmanager
def answering(answer: Callable[[str, Any], Answer]) -> Iterator[str]:
    """The URL of an endpoint that calls ``answer`` with the operation and the input."""

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = answer(self.headers["X-Amz-Target"].rpartition(".")[2], given)
            if found is None:
                self.close_connection = True
                return
            body = json.dumps(found[1]).encode()
            self.send_response(found[0])
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with endpoint(Handler) as url:
        yield url


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("service", "batches"):
        monkeypatch.setattr(f"sqs_facade.remote.{module}._FIRST_PAUSE_SECONDS", 0)


@pytest.mark.parametrize("answer", [None, (500, {"__type": "InternalError"}), (200, {})])
def test_a_send_without_an_outcome_is_not_repeated(run: Run, answer: Answer) -> None:
    calls: list[str] = []

    def once(operation: str, _given: Any) -> Answer:
        calls.append(operation)
        return answer

    with answering(once) as url:
        [row] = lines(run("send", QUEUE, "x", "--json", "--endpoint-url", url, code=1))
        assert row["error"]["unknown"] is True
        assert "(it may have been sent)" in run("send", QUEUE, "x", "--endpoint-url", url, code=1).stderr
    assert calls == ["SendMessageBatch"] * 2


def test_messages_that_were_not_stored_are_sent_again(run: Run) -> None:
    """The whole request is refused once, then the second of two messages twice."""
    sent: list[list[str]] = []

    def answer(_operation: str, given: Any) -> Answer:
        sent.append([one["MessageBody"] for one in given["Entries"]])
        if len(sent) == 1:
            return 503, {"__type": "ServiceUnavailable", "message": "the store is full"}
        ok = [{"Id": one["Id"], "MessageId": "1", "MD5OfMessageBody": ""} for one in given["Entries"]]
        bad = [{"Id": ok[-1]["Id"], "Code": "InternalError", "SenderFault": False}] if len(sent) < 4 else []
        return 200, {"Successful": ok[: len(ok) - len(bad)], "Failed": bad}

    with answering(answer) as url:
        result = run("send", QUEUE, "--lines", "--endpoint-url", url, given="a\nb\n")
    assert result.stdout == "sent 2 messages\n"
    assert sent == [["a", "b"], ["a", "b"], ["b"], ["b"]]


def test_the_order_of_a_group_is_kept_rather_than_a_message(run: Run) -> None:
    """A later message of the group was stored, so the one that was not is reported and not sent again."""

    def answer(_operation: str, given: Any) -> Answer:
        assert len(given["Entries"]) == 2
        ok = {"Id": given["Entries"][1]["Id"], "MessageId": "1", "MD5OfMessageBody": "", "SequenceNumber": "1"}
        bad = {"Id": given["Entries"][0]["Id"], "Code": "InternalError", "SenderFault": False}
        return 200, {"Successful": [ok], "Failed": [bad]}

    with answering(answer) as url:
        result = run("send", QUEUE, "--lines", "--group", "g", "--endpoint-url", url, given="a\nb\n", code=3)
    assert "message 1: InternalError" in result.stderr


def test_a_request_refused_for_its_content_is_divided(run: Run) -> None:
    """Some endpoints refuse a whole batch for one message."""

    def answer(_operation: str, given: Any) -> Answer:
        if any(one["MessageBody"] == "bad" for one in given["Entries"]):
            return 400, {"__type": "com.amazonaws.sqs#InvalidMessageContents", "message": "bad"}
        rows = [{"Id": one["Id"], "MessageId": "1", "MD5OfMessageBody": ""} for one in given["Entries"]]
        return 200, {"Successful": rows}

    with answering(answer) as url:
        result = run("send", QUEUE, "--lines", "--endpoint-url", url, given="a\nb\nbad\nc\nd\n", code=3)
    assert result.stdout == "sent 4 messages\n"
    assert result.stderr.count("\n") == 1
    assert "message 3: InvalidMessageContents: bad" in result.stderr


def test_an_error_that_concerns_all_messages_stops_an_import(run: Run, tmp_path: Path) -> None:
    """The queue is gone after the first batch: nothing is taken for refused, and the rest can be resumed."""
    file = tmp_path / "messages.jsonl"
    file.write_text('{"body": "x"}\n' * 25)
    calls: list[int] = []

    def answer(_operation: str, given: Any) -> Answer:
        calls.append(len(given["Entries"]))
        if len(calls) == 2:
            return 400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}
        rows = [{"Id": one["Id"], "MessageId": "1", "MD5OfMessageBody": ""} for one in given["Entries"]]
        return 200, {"Successful": rows}

    with answering(answer) as url:
        result = run("import", QUEUE, file, "--endpoint-url", url, code=1)
        assert "imported 10 messages before that" in result.stderr
        resumed = run("import", QUEUE, file, "--resume", "--endpoint-url", url)
    assert "may have been sent" not in resumed.stderr
    assert resumed.stdout == "imported 25 messages\n"
    assert calls == [10, 10, 10, 5]


def test_a_read_is_repeated(run: Run) -> None:
    answers: list[Answer] = [None, (500, {"__type": "InternalError"}), (200, {"Messages": []})]
    with answering(lambda *_: answers.pop(0)) as url:
        run("receive", QUEUE, "--endpoint-url", url, code=3)
    assert answers == []


def test_an_import_stops_at_a_batch_without_an_outcome(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text('{"body": "x"}\n' * 3)
    with answering(lambda *_: None) as url:
        result = run("import", QUEUE, file, "--endpoint-url", url, code=1)
        assert "lines 1 to 3 may have been sent" in result.stderr
        resumed = run("import", QUEUE, file, "--resume", "--in-doubt", "skip", "--endpoint-url", url)
    assert "lines 1 to 3 may have been sent before and are left out: check these" in resumed.stderr


@pytest.mark.parametrize(("status", "body"), [(200, []), (403, {"__type": "x#AccessDenied", "message": "no"})])
def test_an_answer_of_another_kind_is_one_line(run: Run, status: int, body: Any) -> None:
    with answering(lambda *_: (status, body)) as url:
        result = run("receive", QUEUE, "--endpoint-url", url, code=1)
    assert result.stderr.count("\n") == 1
