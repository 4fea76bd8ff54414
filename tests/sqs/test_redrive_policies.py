"""Dead-letter queues as attributes: RedrivePolicy and RedriveAllowPolicy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sqs.wire import Failure, Sqs

ARN = "arn:aws:sqs:us-east-1:000000000000:"


@pytest.mark.parametrize("count", [3, "3"])
def test_a_redrive_policy_reads_back_with_its_count_as_a_number(
    sqs: Sqs, queue: str, queue_name: str, count: int | str
) -> None:
    target = f"{queue_name}-dead"
    target_url = sqs.queue(target)
    policy = {"deadLetterTargetArn": ARN + target, "maxReceiveCount": count}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    assert json.loads(sqs.attributes(queue, "RedrivePolicy")["RedrivePolicy"]) == {**policy, "maxReceiveCount": 3}
    assert sqs.call("ListDeadLetterSourceQueues", QueueUrl=target_url) == {"queueUrls": [queue]}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": ""})
    assert sqs.attributes(queue, "RedrivePolicy") == {}
    assert sqs.call("ListDeadLetterSourceQueues", QueueUrl=target_url) == {}


@pytest.mark.parametrize("given", ["{}", '{"DeadLetterTargetArn":"x","MaxReceiveCount":"4"}'])
def test_the_count_is_looked_for_first(sqs: Sqs, queue: str, given: str) -> None:
    """Users quote these texts of AWS."""
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": given})
    reason = "Redrive policy does not contain mandatory attribute: maxReceiveCount."
    assert error.message == f"Value {given} for parameter RedrivePolicy is invalid. Reason: {reason}"


@pytest.mark.parametrize(
    "change",
    [
        {"maxReceiveCount": None},
        {"deadLetterTargetArn": None},
        {"maxReceiveCount": 0},
        {"maxReceiveCount": 1001},
        {"maxReceiveCount": "invalid"},
        {"maxReceiveCount": True},
        {"maxReceiveCount": 1.5},
        {"maxReceiveCount": 10**30},
        {"deadLetterTargetArn": "not-an-arn"},
        {"deadLetterTargetArn": ["x"]},
        {"deadLetterTargetArn": ARN + "no-such-queue"},
        {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:q"},
        {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:111111111111:q"},
        {"more": 1},
    ],
)
def test_a_redrive_policy_that_cannot_work_is_refused(sqs: Sqs, queue: str, change: dict[str, Any]) -> None:
    policy = {"deadLetterTargetArn": sqs.attributes(queue, "QueueArn")["QueueArn"], "maxReceiveCount": 3, **change}
    given = json.dumps({name: value for name, value in policy.items() if value is not None})
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": given})
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert sqs.attributes(queue, "RedrivePolicy") == {}


@pytest.mark.parametrize("count", ["invalid", 0, 1001, "1001", -3])
def test_a_receive_limit_out_of_bounds_is_named(sqs: Sqs, queue: str, count: int | str) -> None:
    given = json.dumps({"deadLetterTargetArn": ARN + "q", "maxReceiveCount": count})
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": given}) == Failure(
        "InvalidParameterValue",
        400,
        f"Value {given} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: {count}, "
        "valid values are from 1 to 1000 both inclusive.",
    )


@pytest.mark.parametrize("document", ["[]", "{", "1", "null"])
def test_a_redrive_policy_is_a_json_map(sqs: Sqs, queue: str, document: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": document})
    assert error.code == "InvalidParameterValue"


def policy(target: str) -> str:
    return json.dumps({"deadLetterTargetArn": ARN + target, "maxReceiveCount": 3})


@pytest.mark.parametrize("is_source_fifo", [True, False])
def test_a_dead_letter_queue_is_of_its_sources_type(sqs: Sqs, queue_name: str, is_source_fifo: bool) -> None:
    names = [queue_name, f"{queue_name}.fifo"]
    urls = [sqs.queue(names[0]), sqs.queue(names[1], FifoQueue="true")]
    source, target = (urls[1], names[0]) if is_source_fifo else (urls[0], names[1])
    error = sqs.error("SetQueueAttributes", QueueUrl=source, Attributes={"RedrivePolicy": policy(target)})
    assert error.code == "InvalidParameterValue"
    assert error.message.endswith("Reason: Dead-letter queue must be same type of queue as the source.")
    twin = f"{queue_name}-dead{'.fifo' if is_source_fifo else ''}"
    sqs.queue(twin, **({"FifoQueue": "true"} if is_source_fifo else {}))
    sqs.call("SetQueueAttributes", QueueUrl=source, Attributes={"RedrivePolicy": policy(twin)})
    assert json.loads(sqs.attributes(source, "RedrivePolicy")["RedrivePolicy"])["deadLetterTargetArn"] == ARN + twin


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "{",
        "{}",
        '"allowAll"',
        '{"redrivePermission": "some"}',
        '{"redrivePermission": ["allowAll"]}',
        '{"redrivePermission": "allowAll", "more": 1}',
        '{"redrivePermission": "byQueue"}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": []}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": "arn:aws:sqs:us-east-1:000000000000:q"}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": ["q"]}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": [1]}',
        '{"redrivePermission": "allowAll", "sourceQueueArns": ["arn:aws:sqs:us-east-1:000000000000:q"]}',
        json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}q{at}" for at in range(11)]}),
    ],
)
def test_an_allow_policy_that_cannot_work_is_refused(sqs: Sqs, queue: str, document: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedriveAllowPolicy": document})
    assert error.code in ("InvalidParameterValue", "InvalidAttributeValue")
    assert "Reason: Amazon SQS can't create the redrive allow policy" in error.message
    assert sqs.attributes(queue, "RedriveAllowPolicy") == {}


@pytest.mark.parametrize(
    ("allow", "is_allowed"),
    [
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["{source}"]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["{source}-not", "arn:aws:sqs:us-east-1:1:q"]}, False),
    ],
)
def test_a_dead_letter_queue_takes_only_the_sources_it_allows(
    sqs: Sqs, queue_name: str, allow: dict[str, Any], is_allowed: bool
) -> None:
    dead, source = f"{queue_name}-dead", queue_name
    document = json.dumps(allow).replace("{source}", ARN + source)
    sqs.queue(dead, RedriveAllowPolicy=document)
    given = {"RedrivePolicy": policy(dead)}
    if is_allowed:
        url = sqs.queue(source, **given)
        sqs.call("SetQueueAttributes", QueueUrl=url, Attributes=given)
        return
    refusal = Failure(
        "InvalidParameterValue",
        400,
        f"Value {given['RedrivePolicy']} for parameter RedrivePolicy is invalid. "
        "Reason: The dead letter target's RedriveAllowPolicy does not allow this source queue.",
    )
    assert sqs.error("CreateQueue", QueueName=source, Attributes=given) == refusal
    assert sqs.error("GetQueueUrl", QueueName=source).code.endswith("NonExistentQueue")
    url = sqs.queue(source)
    assert sqs.error("SetQueueAttributes", QueueUrl=url, Attributes=given) == refusal
    assert sqs.attributes(url, "RedrivePolicy") == {}


def test_sources_are_listed_in_pages_in_the_order_of_names(sqs: Sqs, queue_name: str) -> None:
    dead = sqs.queue(f"{queue_name}-dead")
    urls = [sqs.queue(f"{queue_name}-{number}", RedrivePolicy=policy(f"{queue_name}-dead")) for number in range(3)]
    assert sqs.call("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": urls}
    first = sqs.call("ListDeadLetterSourceQueues", QueueUrl=dead, MaxResults=2)
    assert first["queueUrls"] == urls[:2]
    more = {"MaxResults": 2, "NextToken": first["NextToken"]}
    assert sqs.call("ListDeadLetterSourceQueues", QueueUrl=dead, **more) == {"queueUrls": urls[2:]}
