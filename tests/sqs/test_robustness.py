"""Unusual input, other accounts and concurrent writers. These cases were found by probing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
import requests

from tests.conftest import Service
from tests.sqs.wire import Sqs, text

FIRST, SECOND = (
    f"AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"
    for account in ("111111111111", "222222222222")
)


def test_sender_id_is_the_sending_account(sqs: Sqs, queue: str) -> None:
    """A message of another account shows that account to every reader."""
    sqs.send(queue, "x", authorization=FIRST)
    [message] = sqs.receive(queue, AttributeNames=["SenderId"], authorization=SECOND)
    assert message["Attributes"] == {"SenderId": "111111111111"}


def test_sender_id_of_the_owner_does_not_depend_on_the_reader(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [message] = sqs.receive(queue, AttributeNames=["SenderId"], authorization=SECOND)
    assert message["Attributes"] == {"SenderId": "000000000000"}


def test_a_very_long_queue_url_is_refused(sqs: Sqs, queue: str, queue_name: str) -> None:
    """A long address that would parse is not remembered, so it cannot fill the memory."""
    failure = sqs.error("SendMessage", QueueUrl=f"http://x/{'/' * 5000}000000000000/{queue_name}", MessageBody="x")
    assert (failure.code, failure.status) == ("InvalidAddress", 404)


def test_many_attribute_names_are_accepted(service: Service, queue_name: str) -> None:
    sqs = Sqs(service.url, "json", "fast")
    queue = sqs.queue(queue_name)
    sqs.send(queue, "x", MessageAttributes={"n7": text("v")})
    [message] = sqs.receive(queue, MessageAttributeNames=[f"n{at}" for at in range(200_000)])
    assert list(message["MessageAttributes"]) == ["n7"]


@pytest.mark.parametrize("data_type", ["String\n", "Number\n", "String.a\n"])
def test_attribute_type_with_a_line_feed_is_refused(sqs: Sqs, queue: str, data_type: str) -> None:
    failure = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes={"a": text("1", data_type)})
    assert failure.code == "InvalidParameterValue"


def test_tags_that_xml_cannot_hold_are_refused(sqs: Sqs, queue: str) -> None:
    assert sqs.error("TagQueue", QueueUrl=queue, Tags={"k": "\x01"}).code == "InvalidParameterValue"
    assert "Tags" not in sqs.call("ListQueueTags", QueueUrl=queue)


def test_attribute_value_that_xml_cannot_hold_is_refused(sqs: Sqs, queue: str) -> None:
    failure = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": "a\x01"})
    assert failure.code == "InvalidAttributeValue"


def test_a_creation_with_too_many_tags_creates_no_queue(sqs: Sqs, queue_name: str) -> None:
    failure = sqs.error("CreateQueue", QueueName=queue_name, tags={str(at): "v" for at in range(51)})
    assert failure.message == f"Too many tags added for queue {queue_name}."
    assert sqs.error("GetQueueUrl", QueueName=queue_name).code.endswith("NonExistentQueue")


def test_tags_of_concurrent_writers_are_all_kept(sqs: Sqs, queue: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: sqs.call("TagQueue", QueueUrl=queue, Tags={f"k{at}": "v"}), range(16)))
    assert len(sqs.call("ListQueueTags", QueueUrl=queue)["Tags"]) == 16


@pytest.mark.parametrize("member", ["ReceiptHandle", "MessageGroupId"])
def test_failed_entry_that_repeats_a_control_character_is_valid_xml(
    service: Service, queue_name: str, member: str
) -> None:
    sqs = Sqs(service.url, "query", "fast")
    queue = sqs.queue(queue_name)
    operation = "DeleteMessageBatch" if member == "ReceiptHandle" else "SendMessageBatch"
    answer = sqs.raw(operation, QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "b", member: "\x01"}])
    assert answer.status_code == 200
    ElementTree.fromstring(answer.content)
    assert [one["Id"] for one in sqs.result(operation, answer)["Failed"]] == ["a"]


def test_null_counts_as_absent(service: Service, queue_name: str) -> None:
    """JSON: top-level members and those of an entry."""
    sqs = Sqs(service.url, "json", "fast")
    queue = sqs.call("CreateQueue", QueueName=queue_name, Attributes=None, tags=None)["QueueUrl"]
    assert sqs.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=None) == {}
    entry = {"Id": "a", "MessageBody": "b", "MessageAttributes": {"n": {**text("v"), "BinaryValue": None}}}
    assert len(sqs.call("SendMessageBatch", QueueUrl=queue, Entries=[entry])["Successful"]) == 1


@pytest.mark.parametrize("lane", ["fast", "flask"])
def test_unescaped_utf8_of_a_form_is_the_body(service: Service, queue_name: str, lane: str) -> None:
    """As ``curl -d 'MessageBody=naïve'`` sends it."""
    sqs = Sqs(service.url, "query", lane)
    queue = sqs.queue(queue_name)
    form = f"Action=SendMessage&QueueUrl={queue}&MessageBody=na\u00efve"
    requests.post(service.url, form.encode(), headers=sqs.headers, timeout=10).raise_for_status()
    assert [one["Body"] for one in sqs.receive(queue)] == ["na\u00efve"]


def test_queue_that_zaqar_named_with_a_dot_is_addressed(sqs: Sqs, service: Service, queue_name: str) -> None:
    """Every queue of ListQueues can be used; CreateQueue has the rule of SQS."""
    name = f"{queue_name}.d"
    headers = {"X-Project-Id": "000000000000", "Client-ID": "3381af92-2b9e-11e3-b191-71861300734c"}
    requests.put(f"{service.url}/v2/queues/{name}", headers=headers, timeout=10).raise_for_status()
    [url] = sqs.call("ListQueues", QueueNamePrefix=name)["QueueUrls"]
    assert url == sqs.call("GetQueueUrl", QueueName=name)["QueueUrl"]
    sqs.send(url, json.dumps({"a": 1}))
    assert [one["Body"] for one in sqs.receive(url)] == ['{"a": 1}']
    assert sqs.error("CreateQueue", QueueName=name).code == "InvalidParameterValue"


@pytest.mark.parametrize("lane", ["fast", "flask"])
def test_a_parameter_whose_name_ends_in_action_is_not_the_action(service: Service, lane: str) -> None:
    """Both lanes return the same response: that of the root path."""
    answer = requests.get(f"{service.url}/?XAction=ListQueues", headers={"x-sqs-facade-lane": lane}, timeout=10)
    assert answer.status_code == 300
