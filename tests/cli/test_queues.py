"""``sqs-facade queues``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from sqs_facade.cli import main
from sqs_facade.remote.errors import NotConfigured
from sqs_facade.remote.service import Service as RemoteService
from sqs_facade.remote.service import Where
from tests.cli.conftest import Run
from tests.sqs.wire import Sqs


def test_queues_are_listed_with_their_counts(run: Run, sqs: Sqs, queue: str) -> None:
    sqs.send(sqs.queue(queue), "one")
    [row] = json.loads(run("queues", "ls", queue, "--json").stdout)
    assert row == {"name": queue, "url": row["url"], "visible": 1, "in_flight": 0, "delayed": 0}
    header, line = run("queues", "ls", queue).stdout.splitlines()
    assert header.split() == ["NAME", "VISIBLE", "IN", "FLIGHT", "DELAYED"]
    assert line.split() == [queue, "1", "0", "0"]
    assert run("queues", "ls", queue, "--names").stdout == f"{queue}\n"


def test_a_queue_is_created_with_attributes_tags_and_a_dead_letter_queue(run: Run, queue: str) -> None:
    name = f"{queue}-new"
    options = ("--visibility", "5m", "--dlq", queue, "--max-receives", "7", "-a", "DelaySeconds=9", "-t", "team=blue=1")
    url = run("queues", "create", name, *options).stdout.strip()
    shown = json.loads(run("queues", "show", url, "--json").stdout)
    assert shown["name"] == name
    assert shown["attributes"]["VisibilityTimeout"] == "300"
    assert shown["attributes"]["DelaySeconds"] == "9"
    assert json.loads(shown["attributes"]["RedrivePolicy"])["maxReceiveCount"] == 7
    assert shown["tags"] == {"team": "blue=1"}
    assert json.loads(run("queues", "show", queue, "--json").stdout)["dead_letter_sources"] == [name]
    assert "VisibilityTimeout" in run("queues", "show", shown["attributes"]["QueueArn"]).stdout


def test_a_name_that_ends_in_fifo_makes_a_fifo_queue(run: Run, queue_name: str) -> None:
    run("queues", "create", f"{queue_name}.fifo", "--deduplicate-content")
    attributes = json.loads(run("queues", "show", f"{queue_name}.fifo", "--json").stdout)["attributes"]
    assert (attributes["FifoQueue"], attributes["ContentBasedDeduplication"]) == ("true", "true")


def test_attributes_are_changed_and_removed(run: Run, queue: str) -> None:
    run("queues", "set", queue, "DelaySeconds=3", "--retention", "4d", "--dlq", queue)
    run("queues", "set", queue, "--remove", "RedrivePolicy")
    attributes = json.loads(run("queues", "show", queue, "--json").stdout)["attributes"]
    assert (attributes["DelaySeconds"], attributes["MessageRetentionPeriod"]) == ("3", "345600")
    assert "RedrivePolicy" not in attributes


def test_tags_are_set_removed_and_printed(run: Run, queue: str) -> None:
    run("queues", "tag", queue, "a=1", "b=2")
    run("queues", "tag", queue, "--remove", "a")
    assert run("queues", "tag", queue).stdout == "b=2\n"
    assert json.loads(run("queues", "tag", queue, "--json").stdout) == {"b": "2"}


@pytest.mark.parametrize(("verb", "done"), [("purge", "purged"), ("delete", "deleted")])
def test_what_loses_messages_needs_a_confirmation(run: Run, sqs: Sqs, queue: str, verb: str, done: str) -> None:
    sqs.send(sqs.queue(queue), "one")
    assert "give --yes" in run("queues", verb, queue, code=2).stderr
    assert json.loads(run("queues", "ls", queue, "--json").stdout)[0]["visible"] == 1
    assert run("queues", verb, queue, "--yes").stdout == f"{done} {queue}\n"
    left = json.loads(run("queues", "ls", queue, "--json").stdout)
    assert [row["visible"] for row in left] == ([0] if verb == "purge" else [])


def test_a_part_that_fails_is_reported_and_the_rest_is_done(run: Run, queue: str) -> None:
    result = run("queues", "purge", queue, queue, "--yes", code=3)
    assert result.stdout == f"purged {queue}\n"
    assert f"{queue}: " in result.stderr
    assert "PurgeQueueInProgress" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("show", "no-such-queue"),
            "QueueDoesNotExist: The specified queue does not exist. (sqs-facade queues ls lists",
        ),
        (("create", "bad name"), "InvalidParameterValueException: "),
        (("show", "arn:aws:sqs:eu-west-1:000000000000:q"), "give --region eu-west-1"),
        (
            ("ls", "--endpoint-url", "http://127.0.0.1:1"),
            "cannot connect to http://127.0.0.1:1: is the service running?",
        ),
        (("ls", "--endpoint-url", "ftp://x"), "an endpoint is a URL such as http://127.0.0.1:9324"),
        (("ls", "--profile", "nobody"), "The config profile (nobody) could not be found"),
        (("ls", "--endpoint-url", "aws"), "no region is configured"),
    ],
)
def test_an_error_is_one_line_with_a_remedy(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run("queues", *arguments, code=1)
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("set", "q"), ("set", "q", "x"), ("create", "q", "--visibility", "soon")])
def test_wrong_use_has_a_code_of_its_own(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("queues", *arguments, code=2).stdout == ""


def test_names_of_queues_are_completed(sqs: Sqs, queue: str) -> None:
    complete = ShellComplete(main, {}, "sqs-facade", "_SQS_FACADE_COMPLETE")
    assert [one.value for one in complete.get_completions(["queues", "show"], queue[:-1])] == [queue]
    elsewhere = ["queues", "show", "--endpoint-url", "http://127.0.0.1:1"]
    assert complete.get_completions(elsewhere, queue) == []


def test_an_endpoint_of_the_profile_is_used(
    run: Run, queue: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = os.environ["AWS_ENDPOINT_URL_SQS"]
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "config").write_text(f"[default]\nservices = mine\n[services mine]\nsqs =\n  endpoint_url = {url}\n")
    assert run("queues", "ls", queue, "--names").stdout == f"{queue}\n"


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        ("https://sqs.eu-west-1.amazonaws.com", None, "eu-west-1"),
        ("https://sqs.eu-west-1.amazonaws.com", "us-west-2", "us-west-2"),
        ("https://queues.example.org", None, "us-east-1"),
    ],
)
def test_the_region_is_that_of_the_option_or_of_the_host(
    url: str, region: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert RemoteService(Where(url, region)).region == expected


def test_amazons_own_endpoint_is_that_of_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_ENDPOINT_URL_SQS is set, and has no effect."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert RemoteService(Where("aws", "cn-north-1")).endpoint == "https://sqs.cn-north-1.amazonaws.com.cn"


def test_credentials_are_needed_for_other_machines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NotConfigured, match="no credentials are configured: configure some"):
        RemoteService(Where("https://queues.example.org"))
