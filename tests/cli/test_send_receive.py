"""``sqs-facade send`` and ``sqs-facade receive``."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, lines
from tests.sqs.wire import Sqs


def bodies(run: Run, queue: str, most: int = 100) -> list[str]:
    return [one["body"] for one in lines(run("receive", queue, "--max", str(most), "--delete", "--json"))]


def test_a_body_is_sent_and_its_id_printed(run: Run, queue: str) -> None:
    sent = run("send", queue, "grüße ☃ \U0001f600").stdout.strip()
    [got] = lines(run("receive", queue, "--json"))
    assert (got["message_id"], got["body"]) == (sent, "grüße ☃ \U0001f600")
    assert got["receive_count"] == 1
    assert got["receipt_handle"]


def test_standard_input_is_one_body_without_its_last_line_end(run: Run, queue: str) -> None:
    run("send", queue, given="one\ntwo\n")
    assert bodies(run, queue) == ["one\ntwo"]


def test_files_are_bodies_as_they_are(run: Run, queue: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a\n")
    (tmp_path / "b").write_bytes(b"\x00\xff")
    run("send", queue, "--file", tmp_path / "a")
    assert bodies(run, queue) == ["a\n"]
    assert "byte 1 is not UTF-8" in run("send", queue, "-f", tmp_path / "b", code=1).stderr
    run("send", queue, "-f", tmp_path / "b", "--base64")
    assert base64.b64decode(run("receive", queue, "--body").stdout) == b"\x00\xff"


def test_lines_are_sent_in_batches_and_in_order(run: Run, fifo: str) -> None:
    given = "".join(f"{number}\n" for number in range(25)) + "\n"
    options = ("--group", "g", "-a", "n:Number=5", "-a", "b:Binary=x", "--lines", "--json")
    assert "MessageDeduplicationId" in run("send", fifo, *options, given=given, code=1).stdout
    run("queues", "set", fifo, "ContentBasedDeduplication=true")
    rows = lines(run("send", fifo, *options, given=given))
    assert [row["place"] for row in rows] == list(range(1, 26))
    assert all(row["sequence_number"] for row in rows)
    got = lines(run("receive", fifo, "--max", "10", "--delete", "--json"))
    assert [one["body"] for one in got] == [str(number) for number in range(10)]
    assert got[0]["attributes"] == {"n": {"type": "Number", "value": "5"}, "b": {"type": "Binary", "base64": "eA=="}}


def test_the_option_for_what_a_fifo_queue_needs_is_named(run: Run, fifo: str) -> None:
    assert "(give --group)" in run("send", fifo, "x", code=1).stderr
    assert "(give --deduplication-id" in run("send", fifo, "x", "--group", "g", code=1).stderr
    run("send", fifo, "x", "--group", "g", "--deduplication-id", "1")


def test_json_lines_carry_attributes_and_ids(run: Run, fifo: str) -> None:
    message = {
        "body": {"an": "object"},
        "attributes": {"a": "x", "n": 1, "b": {"type": "Binary.png", "base64": "AP8="}},
        "group_id": "g",
        "deduplication_id": "d",
        "trace_header": "Root=1-5759e988-bd862e3fe1be46a994272793",
    }
    run("send", fifo, "--json-lines", given=json.dumps(message))
    [got] = lines(run("receive", fifo, "--json"))
    assert got["body"] == '{"an":"object"}'
    assert got["attributes"]["b"] == {"type": "Binary.png", "base64": "AP8="}
    assert got["attributes"]["n"] == {"type": "Number", "value": "1"}
    assert {name: got[name] for name in ("group_id", "deduplication_id", "trace_header")} == {
        name: message[name] for name in ("group_id", "deduplication_id", "trace_header")
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "the line is not JSON"),
        ("[]", "must be an object with a body"),
        ('{"body": 1}', "body must be a text"),
        ('{"body": "x", "atributes": {}}', "there is no member atributes"),
        ('{"body": "x", "attributes": []}', "attributes must be an object"),
        ('{"body": "x", "attributes": {"a": {"type": "Binary", "base64": "!"}}}', "no valid base64"),
        ('{"body": "x", "attributes": {"a": {"type": "String"}}}', "attribute a must be"),
        ('{"body": "x", "group_id": 5}', "group_id must be a text"),
        ('{"body": "x", "delay_seconds": "5"}', "delay_seconds must be a whole number"),
        ('{"body": "\\u0001"}', "InvalidMessageContents"),
    ],
)
def test_a_line_that_is_wrong_is_reported_and_the_others_are_sent(run: Run, queue: str, line: str, words: str) -> None:
    result = run("send", queue, "--json-lines", given=f'{{"body": "1"}}\n{line}\n{{"body": "3"}}\n', code=3)
    assert result.stderr.startswith("sqs-facade: message 2: ")
    assert words in result.stderr
    assert result.stdout == "sent 2 messages\n"


def test_a_batch_that_is_too_long_is_sent_in_parts(run: Run, queue: str) -> None:
    body = "x" * 300_000
    run("send", queue, "--lines", given=f"{body}\n" * 8 + "y" * (1 << 20))
    assert [len(one) for one in bodies(run, queue)] == [300_000] * 8 + [1 << 20]


def test_receiving_nothing_has_an_exit_code_of_its_own(run: Run, queue: str) -> None:
    assert run("receive", queue, code=3).output == ""


def test_a_message_is_printed_for_people(run: Run, sqs: Sqs, queue: str) -> None:
    run("send", queue, "hello", "-a", "colour=blue", "--delay", "0")
    heading, attribute, body = run("receive", queue, "--visibility", "1m").stdout.splitlines()
    assert heading[4] == "-"
    assert heading[10] == " "
    assert (attribute, body) == ("  colour (String): blue", "hello")
    run("receive", queue, code=3)


@pytest.mark.parametrize(
    "arguments", [("a", "--lines"), ("--lines", "--json-lines"), ("a", "-a", "x"), ("a", "--delay", "x")]
)
def test_wrong_use_has_a_code_of_its_own(run: Run, queue: str, arguments: tuple[str, ...]) -> None:
    run("send", queue, *arguments, code=2)


@pytest.mark.parametrize("given", ["", "\n"])
def test_an_empty_input_is_named(run: Run, queue: str, tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").touch()
    assert "standard input is empty" in run("send", queue, given=given, code=1).stderr
    assert "BODY is empty" in run("send", queue, "", code=1).stderr
    assert f"{tmp_path}/empty is empty" in run("send", queue, "--file", tmp_path / "empty", code=1).stderr
    assert run("peek", queue).stdout == ""
