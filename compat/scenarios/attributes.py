"""Attributes of queues: defaults, reading, setting, encryption, counts."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import error, scenario

_STANDARD = {
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "CreatedTimestamp": "<seconds, text>",
    "DelaySeconds": "0",
    "LastModifiedTimestamp": "<seconds, text>",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "QueueArn": "<arn>:<queue>",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
_FIFO = {
    **_STANDARD,
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoQueue": "true",
    "FifoThroughputLimit": "perQueue",
    "QueueArn": "<arn>:<queue>.fifo",
}
_SSE = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")


@scenario("GetQueueAttributes", "R38", _STANDARD)
def all_of_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """A new standard queue has these attributes."""
    return bench.attributes(bench.queue(), "All")


@scenario("GetQueueAttributes", "R39", _FIFO)
def all_of_a_fifo_queue(sqs: Any, bench: Bench) -> Any:
    """A new FIFO queue has these attributes."""
    return bench.attributes(bench.queue(fifo=True, ContentBasedDeduplication="false"), "All")


@scenario("GetQueueAttributes", "A40", {"Attributes": {"DelaySeconds": "0"}})
def only_those_asked_for(sqs: Any, bench: Bench) -> Any:
    """Only attributes requested by name are returned, and one that is not set is left out."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=["DelaySeconds", "Policy"])


@scenario("GetQueueAttributes", "A40 R8", {})
def none_asked_for(sqs: Any, bench: Bench) -> Any:
    """Without AttributeNames the result has no Attributes member."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue())


@scenario("GetQueueAttributes", "P40", {})
def empty_list_asked_for(sqs: Any, bench: Bench) -> Any:
    """With an empty list of AttributeNames the result has no Attributes member."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=[])


@scenario("GetQueueAttributes", "R8", {})
def only_unset_ones_asked_for(sqs: Any, bench: Bench) -> Any:
    """If none of the requested attributes is set, the result has no Attributes member."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=["Policy"])


@scenario("GetQueueAttributes", "A41", error("InvalidAttributeName", "Unknown Attribute Foobar."))
def unknown_name(sqs: Any, bench: Bench) -> Any:
    """An unknown attribute name is refused."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=["Foobar"])


@scenario("GetQueueAttributes", "P41", error("InvalidAttributeName", "Unknown Attribute ."))
def empty_name(sqs: Any, bench: Bench) -> Any:
    """An empty attribute name is refused."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=["DelaySeconds", ""])


@scenario("GetQueueAttributes", "A41", error("InvalidAttributeName", "Unknown Attribute VisibilityTimeout ."))
def name_with_a_trailing_blank(sqs: Any, bench: Bench) -> Any:
    """An attribute name that ends in a space is unknown."""
    return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=["VisibilityTimeout "])


@scenario("SetQueueAttributes", "A41", error("InvalidAttributeName", "Unknown Attribute Foobar."))
def setting_an_unknown_name(sqs: Any, bench: Bench) -> Any:
    """Setting an unknown attribute is refused."""
    return sqs.set_queue_attributes(QueueUrl=bench.queue(), Attributes={"Foobar": "1"})


@scenario("SetQueueAttributes", "D45", {"DelaySeconds": "900", "VisibilityTimeout": "43200"})
def set_and_read_back(sqs: Any, bench: Bench) -> Any:
    """Attributes are returned as they were set, even at the ends of their ranges."""
    url = bench.queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "900", "VisibilityTimeout": "43200"})
    return bench.attributes(url, "DelaySeconds", "VisibilityTimeout")


_BAD = error("InvalidAttributeValue")


@scenario("CreateQueue", "P45", [_BAD, _BAD])
def maximum_size_out_of_range(sqs: Any, bench: Bench) -> Any:
    """MaximumMessageSize is 1,024 to 1,048,576 bytes."""
    return _refusals(bench, "MaximumMessageSize", "1023", "1048577")


@scenario("CreateQueue", "D45", [_BAD, _BAD])
def retention_out_of_range(sqs: Any, bench: Bench) -> Any:
    """MessageRetentionPeriod is 60 to 1,209,600 seconds."""
    return _refusals(bench, "MessageRetentionPeriod", "59", "1209601")


@scenario("CreateQueue", "D45", [_BAD, _BAD])
def delay_out_of_range(sqs: Any, bench: Bench) -> Any:
    """DelaySeconds is 0 to 900 seconds."""
    return _refusals(bench, "DelaySeconds", "-1", "901")


@scenario("CreateQueue", "D45", [_BAD, _BAD])
def visibility_out_of_range(sqs: Any, bench: Bench) -> Any:
    """VisibilityTimeout is 0 to 43,200 seconds."""
    return _refusals(bench, "VisibilityTimeout", "-1", "43201")


@scenario("CreateQueue", "D45", [_BAD, _BAD])
def wait_out_of_range(sqs: Any, bench: Bench) -> Any:
    """ReceiveMessageWaitTimeSeconds is 0 to 20 seconds."""
    return _refusals(bench, "ReceiveMessageWaitTimeSeconds", "-1", "21")


def _refusals(bench: Bench, attribute: str, *values: str) -> list[Any]:
    name = bench.name()
    return [bench.refusal(bench.sqs.create_queue, QueueName=name, Attributes={attribute: value}) for value in values]


@scenario("SetQueueAttributes", "A42", {})
def policy_is_removed_by_an_empty_value(sqs: Any, bench: Bench) -> Any:
    """Setting Policy to an empty string removes it."""
    url = bench.queue()
    arn = bench.arn(url)
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":"*",'
        f'"Action":"sqs:SendMessage","Resource":"{arn}"}}]}}'
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    return bench.attributes(url, "Policy")


@scenario("SetQueueAttributes", "A42", {})
def redrive_policy_is_removed_by_an_empty_value(sqs: Any, bench: Bench) -> Any:
    """Setting RedrivePolicy to an empty string removes it."""
    url = bench.queue(RedrivePolicy=bench.redrive(bench.queue("dead")))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    return bench.attributes(url, "RedrivePolicy")


@scenario("SetQueueAttributes", "R42 R43", {"SqsManagedSseEnabled": "false"})
def key_is_removed_by_an_empty_value(sqs: Any, bench: Bench) -> Any:
    """Setting KmsMasterKeyId to an empty string removes it, and managed encryption stays off."""
    url = bench.queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/compat"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": ""})
    return bench.attributes(url, *_SSE)


@scenario("SetQueueAttributes", "R42", {"SqsManagedSseEnabled": "false"})
def reuse_period_is_removed_by_its_default(sqs: Any, bench: Bench) -> Any:
    """After a reset to its default, KmsDataKeyReusePeriodSeconds is removed together with the key."""
    url = bench.queue()
    key = {"KmsMasterKeyId": "alias/compat", "KmsDataKeyReusePeriodSeconds": "6000"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=key)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    return bench.attributes(url, *_SSE)


@scenario("SetQueueAttributes", "R43", {"KmsMasterKeyId": "alias/compat", "SqsManagedSseEnabled": "false"})
def key_turns_managed_encryption_off(sqs: Any, bench: Bench) -> Any:
    """Setting KmsMasterKeyId turns SqsManagedSseEnabled off."""
    url = bench.queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/compat"})
    return bench.attributes(url, "KmsMasterKeyId", "SqsManagedSseEnabled")


@scenario("SetQueueAttributes", "R43", {"SqsManagedSseEnabled": "true"})
def managed_encryption_shows_itself_alone(sqs: Any, bench: Bench) -> Any:
    """With SqsManagedSseEnabled=true no other encryption attribute is returned."""
    url = bench.queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    return bench.attributes(url, *_SSE)


@scenario(
    "SetQueueAttributes",
    "R43",
    error(
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    ),
)
def two_kinds_of_encryption(sqs: Any, bench: Bench) -> Any:
    """A KMS key together with managed encryption is refused."""
    return sqs.set_queue_attributes(
        QueueUrl=bench.queue(), Attributes={"KmsMasterKeyId": "alias/compat", "SqsManagedSseEnabled": "true"}
    )


@scenario("SetQueueAttributes", "R44 R121", error("InvalidAttributeName", "Unknown Attribute FifoQueue."))
def standard_queue_cannot_turn_fifo(sqs: Any, bench: Bench) -> Any:
    """FifoQueue cannot be set on a standard queue."""
    return sqs.set_queue_attributes(QueueUrl=bench.queue(), Attributes={"FifoQueue": "true"})


@scenario("SetQueueAttributes", "R44", None)
def fifo_true_again(sqs: Any, bench: Bench) -> Any:
    """FifoQueue=true is accepted on a FIFO queue."""
    sqs.set_queue_attributes(QueueUrl=bench.queue(fifo=True), Attributes={"FifoQueue": "true"})


@scenario(
    "SetQueueAttributes",
    "R44 R121",
    error(
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    ),
)
def fifo_queue_cannot_turn_standard(sqs: Any, bench: Bench) -> Any:
    """FifoQueue=false is refused on a FIFO queue."""
    sqs.set_queue_attributes(QueueUrl=bench.queue(fifo=True), Attributes={"FifoQueue": "false"})


@scenario("GetQueueAttributes", "A52", ["2", "1", "1"])
def counts_of_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """Visible, in-flight and delayed messages are counted separately."""
    url = bench.queue()
    for body in "123":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    bench.receive(url)
    sqs.send_message(QueueUrl=url, MessageBody="4", DelaySeconds=60)
    return bench.counts(url)


@scenario("GetQueueAttributes", "A52", ["2", "1", "0"])
def counts_of_a_locked_group(sqs: Any, bench: Bench) -> Any:
    """Messages behind a locked group count as visible."""
    url = bench.queue(fifo=True)
    for body in "123":
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    bench.receive(url)
    return bench.counts(url)
