"""Dead-letter queues: the redrive policy, what moves and what stays with a message."""

from __future__ import annotations

import json
from typing import Any

from compat.bench import Bench
from compat.scenario import error, scenario

_BAD = error("InvalidParameterValue")


def _pair(at: Bench, receives: int = 1, *, fifo: bool = False) -> tuple[str, str]:
    """URLs of a queue and of its dead-letter queue."""
    dead = at.queue("dead", fifo=fifo)
    return at.queue(fifo=fifo, RedrivePolicy=at.redrive(dead, receives)), dead


def _exhaust(at: Bench, url: str, receives: int = 1) -> list[str]:
    """Bodies of one receive more than the policy allows."""
    return [body for _ in range(receives + 1) for body in at.bodies(url, 1, VisibilityTimeout=0)]


def _policy(at: Bench, **document: Any) -> Any:
    """Setting a RedrivePolicy of these members: the refusal, or the policy that reads back."""
    url = at.queue()
    refusal = at.refusal(at.sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(document)})
    return refusal or json.loads(at.attributes(url, "RedrivePolicy")["RedrivePolicy"])


@scenario("SetQueueAttributes", "P46", {"deadLetterTargetArn": "<arn>:<dead>", "maxReceiveCount": 5})
def policy_reads_back(sqs: Any, at: Bench) -> Any:
    """A RedrivePolicy reads back as JSON with the count as a number."""
    return _policy(at, deadLetterTargetArn=at.arn(at.queue("dead")), maxReceiveCount=5)


@scenario("SetQueueAttributes", "A46", {"deadLetterTargetArn": "<arn>:<dead>", "maxReceiveCount": 5})
def count_as_text(sqs: Any, at: Bench) -> Any:
    """maxReceiveCount may be a text of digits."""
    return _policy(at, deadLetterTargetArn=at.arn(at.queue("dead")), maxReceiveCount="5")


@scenario("SetQueueAttributes", "A46", _BAD)
def count_that_is_no_number(sqs: Any, at: Bench) -> Any:
    """A maxReceiveCount that is no number is refused."""
    return _policy(at, deadLetterTargetArn=at.arn(at.queue("dead")), maxReceiveCount="invalid")


@scenario("SetQueueAttributes", "A46", [_BAD, _BAD])
def count_out_of_range(sqs: Any, at: Bench) -> Any:
    """maxReceiveCount is 1 to 1,000."""
    dead = at.arn(at.queue("dead"))
    return [_policy(at, deadLetterTargetArn=dead, maxReceiveCount=count) for count in (0, 1001)]


@scenario("SetQueueAttributes", "A46", _BAD)
def no_count(sqs: Any, at: Bench) -> Any:
    """A RedrivePolicy needs maxReceiveCount."""
    return _policy(at, deadLetterTargetArn=at.arn(at.queue("dead")))


@scenario("SetQueueAttributes", "A46", _BAD)
def no_target(sqs: Any, at: Bench) -> Any:
    """A RedrivePolicy needs deadLetterTargetArn."""
    return _policy(at, maxReceiveCount=5)


@scenario("SetQueueAttributes", "P47 R122", _BAD)
def missing_target(sqs: Any, at: Bench) -> Any:
    """The dead-letter queue must exist."""
    return _policy(at, deadLetterTargetArn=f"{at.arn(at.queue('dead'))}-not", maxReceiveCount=5)


@scenario("SetQueueAttributes", "A47", _BAD)
def malformed_target(sqs: Any, at: Bench) -> Any:
    """A malformed ARN is refused."""
    return _policy(at, deadLetterTargetArn="dead", maxReceiveCount=5)


@scenario("CreateQueue", "P47 R122", _BAD)
def standard_dead_letters_of_fifo(sqs: Any, at: Bench) -> Any:
    """A FIFO queue's dead-letter queue must be FIFO."""
    return at.refusal(at.queue, fifo=True, RedrivePolicy=at.redrive(at.queue("dead")))


@scenario("ListDeadLetterSourceQueues", "A34", {"queueUrls": ["<url>/<queue>"]})
def sources(sqs: Any, at: Bench) -> Any:
    """ListDeadLetterSourceQueues gives the queues whose policy names this one."""
    _, dead = _pair(at)
    return sqs.list_dead_letter_source_queues(QueueUrl=dead)


@scenario("ReceiveMessage", "A101", [["x"], ["0", "0", "0"], ["1", "0", "0"]])
def moved_at_the_next_receive(sqs: Any, at: Bench) -> Any:
    """With maxReceiveCount 1 the second receive moves the message instead of returning it."""
    url, dead = _pair(at)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return [_exhaust(at, url), at.counts(url), at.counts(dead)]


@scenario("ReceiveMessage", "A101", [["x", "x", "x"], ["1", "0", "0"]])
def as_many_receives_as_the_policy_says(sqs: Any, at: Bench) -> Any:
    """A message is received as often as maxReceiveCount says before it moves."""
    url, dead = _pair(at, 3)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return [_exhaust(at, url, 3), at.counts(dead)]


@scenario("ReceiveMessage", "A101", ["same id", "x", {"name": {"DataType": "String", "StringValue": "v"}}])
def dead_letter_keeps_what_it_was(sqs: Any, at: Bench) -> Any:
    """A dead letter keeps its id, body and attributes."""
    url, dead = _pair(at)
    attributes = {"name": {"DataType": "String", "StringValue": "v"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    _exhaust(at, url)
    found = at.receive(dead, MessageAttributeNames=["All"])[0]
    is_same = found["MessageId"] == sent["MessageId"]
    return ["same id" if is_same else "other id", found["Body"], found.get("MessageAttributes")]


@scenario("ReceiveMessage", "R101", {"ApproximateReceiveCount": "2", "DeadLetterQueueSourceArn": "<arn>:<queue>"})
def system_attributes_of_a_dead_letter(sqs: Any, at: Bench) -> Any:
    """The receive count goes on in the dead-letter queue, and the source is named."""
    url, dead = _pair(at)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    _exhaust(at, url)
    names = ["ApproximateReceiveCount", "DeadLetterQueueSourceArn"]
    return at.receive(dead, MessageSystemAttributeNames=names)[0].get("Attributes")


@scenario("ReceiveMessage", "A101", ["AWSTraceHeader"])
def dead_letter_keeps_its_trace(sqs: Any, at: Bench) -> Any:
    """A dead letter keeps its AWSTraceHeader."""
    url, dead = _pair(at)
    trace = {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes={"AWSTraceHeader": trace})
    _exhaust(at, url)
    return list(at.receive(dead, MessageSystemAttributeNames=["AWSTraceHeader"])[0].get("Attributes", {}))


@scenario("ReceiveMessage", "P98 A100", ["same id", ["a2"]])
def dead_letter_of_fifo(sqs: Any, at: Bench) -> Any:
    """In a FIFO dead-letter queue the message keeps its id, and its old group goes on."""
    url, dead = _pair(at, fifo=True)
    sent = sqs.send_message(QueueUrl=url, MessageBody="a1", MessageGroupId="a")
    _exhaust(at, url)
    sqs.send_message(QueueUrl=url, MessageBody="a2", MessageGroupId="a")
    next_one = at.bodies(url, 1)
    is_same = at.receive(dead)[0]["MessageId"] == sent["MessageId"]
    return ["same id" if is_same else "other id", next_one]


def _late_letter(at: Bench, *, fifo: bool) -> list[str]:
    """What a dead-letter queue that keeps messages for 100 seconds has of one that came at 80, 40 seconds later."""
    dead = at.queue("dead", fifo=fifo, MessageRetentionPeriod="100")
    url = at.queue(fifo=fifo, RedrivePolicy=at.redrive(dead))
    group = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if fifo else {}
    at.sqs.send_message(QueueUrl=url, MessageBody="x", **group)
    at.pass_time(80)
    _exhaust(at, url)
    assert at.bodies(dead, 1, VisibilityTimeout=0) == ["x"]
    at.pass_time(40)
    return at.bodies(dead, 1)


@scenario("ReceiveMessage", "D108a", [], needs_seconds=120)
def age_of_a_dead_letter(sqs: Any, at: Bench) -> Any:
    """A dead letter's retention counts from its first send."""
    return _late_letter(at, fifo=False)


@scenario("ReceiveMessage", "D108a", ["x"], needs_seconds=120)
def age_of_a_dead_letter_of_a_fifo_queue(sqs: Any, at: Bench) -> Any:
    """On FIFO a dead letter's retention counts from its move."""
    return _late_letter(at, fifo=True)
