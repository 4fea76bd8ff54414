"""Dead-letter queues: the redrive policy, when messages move, and what they keep."""

from __future__ import annotations

import json
from typing import Any

from ..bench import Bench
from ..scenario import error, scenario

_BAD = error("InvalidParameterValue")


def _pair(bench: Bench, receives: int = 1, *, fifo: bool = False) -> tuple[str, str]:
    """Create a queue with a dead-letter queue, and return the URLs of both."""
    dead = bench.queue("dead", fifo=fifo)
    return bench.queue(fifo=fifo, RedrivePolicy=bench.redrive(dead, receives)), dead


def _exhaust(bench: Bench, url: str, receives: int = 1) -> list[str]:
    """Receive once more than the policy allows, and return the bodies of all receives."""
    return [body for _ in range(receives + 1) for body in bench.bodies(url, 1, VisibilityTimeout=0)]


def _policy(bench: Bench, **document: Any) -> Any:
    """Set a RedrivePolicy with these members, and return the error or the policy that is stored."""
    url = bench.queue()
    refusal = bench.refusal(
        bench.sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(document)}
    )
    return refusal or json.loads(bench.attributes(url, "RedrivePolicy")["RedrivePolicy"])


@scenario("SetQueueAttributes", "P46", {"deadLetterTargetArn": "<arn>:<dead>", "maxReceiveCount": 5})
def policy_reads_back(sqs: Any, bench: Bench) -> Any:
    """A RedrivePolicy is returned as JSON with the count as a number."""
    return _policy(bench, deadLetterTargetArn=bench.arn(bench.queue("dead")), maxReceiveCount=5)


@scenario("SetQueueAttributes", "A46", {"deadLetterTargetArn": "<arn>:<dead>", "maxReceiveCount": 5})
def count_as_text(sqs: Any, bench: Bench) -> Any:
    """maxReceiveCount may be a string of digits."""
    return _policy(bench, deadLetterTargetArn=bench.arn(bench.queue("dead")), maxReceiveCount="5")


@scenario("SetQueueAttributes", "A46", _BAD)
def count_that_is_no_number(sqs: Any, bench: Bench) -> Any:
    """A maxReceiveCount that is not a number is refused."""
    return _policy(bench, deadLetterTargetArn=bench.arn(bench.queue("dead")), maxReceiveCount="invalid")


@scenario("SetQueueAttributes", "A46", [_BAD, _BAD])
def count_out_of_range(sqs: Any, bench: Bench) -> Any:
    """maxReceiveCount is 1 to 1,000."""
    dead = bench.arn(bench.queue("dead"))
    return [_policy(bench, deadLetterTargetArn=dead, maxReceiveCount=count) for count in (0, 1001)]


@scenario("SetQueueAttributes", "A46", _BAD)
def no_count(sqs: Any, bench: Bench) -> Any:
    """A RedrivePolicy needs maxReceiveCount."""
    return _policy(bench, deadLetterTargetArn=bench.arn(bench.queue("dead")))


@scenario("SetQueueAttributes", "A46", _BAD)
def no_target(sqs: Any, bench: Bench) -> Any:
    """A RedrivePolicy needs deadLetterTargetArn."""
    return _policy(bench, maxReceiveCount=5)


@scenario("SetQueueAttributes", "P47 R122", _BAD)
def missing_target(sqs: Any, bench: Bench) -> Any:
    """The dead-letter queue must exist."""
    return _policy(bench, deadLetterTargetArn=f"{bench.arn(bench.queue('dead'))}-not", maxReceiveCount=5)


@scenario("SetQueueAttributes", "A47", _BAD)
def malformed_target(sqs: Any, bench: Bench) -> Any:
    """A malformed ARN is refused."""
    return _policy(bench, deadLetterTargetArn="dead", maxReceiveCount=5)


@scenario("CreateQueue", "P47 R122", _BAD)
def standard_dead_letters_of_fifo(sqs: Any, bench: Bench) -> Any:
    """A FIFO queue's dead-letter queue must be FIFO."""
    return bench.refusal(bench.queue, fifo=True, RedrivePolicy=bench.redrive(bench.queue("dead")))


@scenario("ListDeadLetterSourceQueues", "A34", {"queueUrls": ["<url>/<queue>"]})
def sources(sqs: Any, bench: Bench) -> Any:
    """ListDeadLetterSourceQueues returns the queues whose policy names this one."""
    _, dead = _pair(bench)
    return sqs.list_dead_letter_source_queues(QueueUrl=dead)


@scenario("ReceiveMessage", "A101", [["x"], ["0", "0", "0"], ["1", "0", "0"]])
def moved_at_the_next_receive(sqs: Any, bench: Bench) -> Any:
    """With maxReceiveCount 1 the second receive moves the message instead of returning it."""
    url, dead = _pair(bench)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return [_exhaust(bench, url), bench.counts(url), bench.counts(dead)]


@scenario("ReceiveMessage", "A101", [["x", "x", "x"], ["1", "0", "0"]])
def as_many_receives_as_the_policy_says(sqs: Any, bench: Bench) -> Any:
    """A message is received maxReceiveCount times before it moves."""
    url, dead = _pair(bench, 3)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return [_exhaust(bench, url, 3), bench.counts(dead)]


@scenario("ReceiveMessage", "A101", ["same id", "x", {"name": {"DataType": "String", "StringValue": "v"}}])
def dead_letter_keeps_what_it_was(sqs: Any, bench: Bench) -> Any:
    """A dead letter keeps its id, body and attributes."""
    url, dead = _pair(bench)
    attributes = {"name": {"DataType": "String", "StringValue": "v"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    _exhaust(bench, url)
    found = bench.receive(dead, MessageAttributeNames=["All"])[0]
    is_same = found["MessageId"] == sent["MessageId"]
    return ["same id" if is_same else "other id", found["Body"], found.get("MessageAttributes")]


@scenario("ReceiveMessage", "R101", {"ApproximateReceiveCount": "2", "DeadLetterQueueSourceArn": "<arn>:<queue>"})
def system_attributes_of_a_dead_letter(sqs: Any, bench: Bench) -> Any:
    """The receive count continues in the dead-letter queue, and the source queue is returned."""
    url, dead = _pair(bench)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    _exhaust(bench, url)
    names = ["ApproximateReceiveCount", "DeadLetterQueueSourceArn"]
    return bench.receive(dead, MessageSystemAttributeNames=names)[0].get("Attributes")


@scenario("ReceiveMessage", "A101", ["AWSTraceHeader"])
def dead_letter_keeps_its_trace(sqs: Any, bench: Bench) -> Any:
    """A dead letter keeps its AWSTraceHeader."""
    url, dead = _pair(bench)
    trace = {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes={"AWSTraceHeader": trace})
    _exhaust(bench, url)
    return list(bench.receive(dead, MessageSystemAttributeNames=["AWSTraceHeader"])[0].get("Attributes", {}))


@scenario("ReceiveMessage", "P98 A100", ["same id", ["a2"]])
def dead_letter_of_fifo(sqs: Any, bench: Bench) -> Any:
    """In a FIFO dead-letter queue the message keeps its id, and its group in the source queue is not locked."""
    url, dead = _pair(bench, fifo=True)
    sent = sqs.send_message(QueueUrl=url, MessageBody="a1", MessageGroupId="a")
    _exhaust(bench, url)
    sqs.send_message(QueueUrl=url, MessageBody="a2", MessageGroupId="a")
    next_one = bench.bodies(url, 1)
    is_same = bench.receive(dead)[0]["MessageId"] == sent["MessageId"]
    return ["same id" if is_same else "other id", next_one]


def _late_letter(bench: Bench, *, fifo: bool) -> list[str]:
    """Move a message after 80 s to a queue with a retention of 100 s, and return its bodies 40 s later."""
    dead = bench.queue("dead", fifo=fifo, MessageRetentionPeriod="100")
    url = bench.queue(fifo=fifo, RedrivePolicy=bench.redrive(dead))
    group = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if fifo else {}
    bench.sqs.send_message(QueueUrl=url, MessageBody="x", **group)
    bench.pass_time(80)
    _exhaust(bench, url)
    assert bench.bodies(dead, 1, VisibilityTimeout=0) == ["x"]
    bench.pass_time(40)
    return bench.bodies(dead, 1)


@scenario("ReceiveMessage", "D108a", [], needs_seconds=120)
def age_of_a_dead_letter(sqs: Any, bench: Bench) -> Any:
    """A dead letter's retention counts from its first send."""
    return _late_letter(bench, fifo=False)


@scenario("ReceiveMessage", "D108a", ["x"], needs_seconds=120)
def age_of_a_dead_letter_of_a_fifo_queue(sqs: Any, bench: Bench) -> Any:
    """On FIFO a dead letter's retention counts from its move."""
    return _late_letter(bench, fifo=True)
