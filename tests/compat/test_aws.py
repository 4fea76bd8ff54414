"""The target aws needs a flag and credentials, uses names of its own, and leaves nothing. moto replaces AWS here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws
from moto.sqs.models import SQSBackend

from sqs_facade.compat.commands import main


@pytest.fixture
def aws() -> Iterator[Any]:
    """A client of an account that has a queue already."""
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-central-1")
        client.create_queue(QueueName="production")
        yield client


def _diff(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


def test_aws_is_not_called_without_the_flag(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where it is the last of several targets, and not by its URL either."""
    made: list[Any] = []
    monkeypatch.setattr("boto3.Session.client", lambda *given, **more: made.append(given))
    flagged = _diff("--targets", "moto,aws", "--only", "tags.no_tags")
    by_url = _diff("--targets", "https://sqs.eu-central-1.amazonaws.com", "--only", "tags.no_tags")
    for result in (flagged, by_url):
        assert result.exit_code == 2
        assert "--allow-aws" in result.output.splitlines()[-1]
    assert made == []


def test_aws_is_not_called_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    result = _diff("--targets", "aws", "--allow-aws", "--only", "tags.no_tags")
    assert result.exit_code == 2
    assert "boto3 found none" in result.output


def test_queues_on_aws_have_a_prefix_and_are_deleted(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    create = SQSBackend.create_queue

    def noted(self: Any, name: str, tags: Any = None, **more: Any) -> Any:
        names.append(name)
        return create(self, name, tags, **more)

    monkeypatch.setattr(SQSBackend, "create_queue", noted)
    result = _diff("--targets", "aws", "--allow-aws", "--region", "eu-central-1", "--only", "tags.*")
    assert result.exit_code == 0, result.output
    assert names
    assert all(name.startswith("sqs-facade-compat-") for name in names)
    assert [url.rpartition("/")[2] for url in aws.list_queues()["QueueUrls"]] == ["production"]


def test_a_queue_that_a_scenario_left_is_deleted_too(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqs_facade.compat.bench.Bench.clear", lambda self: None)
    result = _diff("--targets", "aws", "--allow-aws", "--region", "eu-central-1", "--only", "tags.no_tags")
    assert result.exit_code == 0, result.output
    assert [url.rpartition("/")[2] for url in aws.list_queues()["QueueUrls"]] == ["production"]
