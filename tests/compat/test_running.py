"""A scenario is run on a real service, observed, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from sqs_facade.compat.bench import Bench
from sqs_facade.compat.running import run, run_one
from sqs_facade.compat.scenario import error
from sqs_facade.compat.targets import Target
from tests.compat.conftest import RECEIVED, Plant


def test_an_expected_observation_is_the_same(target: Target, plant: Plant) -> None:
    assert run_one(target, plant(RECEIVED)).status == "same"


def test_a_planted_difference_is_found(target: Target, plant: Plant) -> None:
    outcome = run_one(target, plant({**RECEIVED, "Body": "y"}))
    assert outcome.status == "different"
    assert str(outcome.difference) == "Body: expected 'y', got 'x'"
    assert outcome.observed == RECEIVED


def test_a_refusal_is_an_observation(target: Target, plant: Plant) -> None:
    def program(sqs: Any, at: Bench) -> Any:
        return sqs.get_queue_url(QueueName=at.name())

    missing = error("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    assert run_one(target, plant(missing, program)).status == "same"


def test_a_mistake_reaches_the_service(target: Target, plant: Plant) -> None:
    def program(sqs: Any, at: Bench) -> Any:
        return sqs.send_message(QueueUrl=at.queue())

    expected = error("MissingParameter", "The request must contain the parameter MessageBody.")
    assert run_one(target, plant(expected, program)).status == "same"


def test_a_crash_is_an_observation(target: Target, plant: Plant) -> None:
    def program(sqs: Any, at: Bench) -> Any:
        return dict[str, int]()["nothing"]

    assert run_one(target, plant(RECEIVED, program)).observed == {"crash": "KeyError: 'nothing'"}


def test_queues_are_deleted_afterwards(target: Target, plant: Plant) -> None:
    urls: list[str] = []

    def program(sqs: Any, at: Bench) -> Any:
        urls.append(at.queue())
        raise KeyError

    run_one(target, plant(None, program))
    client = target.client(target.shared_account)
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.get_queue_attributes(QueueUrl=urls[0], AttributeNames=["All"])


def test_a_wait_that_is_too_long_is_not_a_difference(target: Target, plant: Plant) -> None:
    def program(sqs: Any, at: Bench) -> Any:
        at.pass_time(3600)

    outcome = run_one(target, plant(None, program, needs_seconds=3600))
    assert (outcome.status, outcome.reason) == ("skipped", "needs a wait of 3,600 s")


def test_the_wire_of_another_protocol_is_left_out(target: Target, plant: Plant) -> None:
    assert run_one(target, plant(RECEIVED, protocol="query")).status == "skipped"


def test_outcomes_are_in_the_order_of_scenarios_and_reported_once(target: Target, plant: Plant) -> None:
    scenarios = [plant(RECEIVED, name=name, needs_seconds=wait) for name, wait in (("a", 0.1), ("b", 0), ("c", 0.1))]
    heard: list[Any] = []
    outcomes = run(target, scenarios, heard.append)
    assert [outcome.scenario for outcome in outcomes] == scenarios
    assert len(heard) == 3
