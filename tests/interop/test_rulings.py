"""One queue, two dialects: each rule of docs/interop.md through boto3 and python-zaqarclient."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.conftest import Service
from tests.interop.conftest import ACCOUNT
from tests.notifications.conftest import subscriber_of_its_own
from tests.patience import until


def counts(sqs: Any, queue_url: str) -> tuple[int, int, int]:
    """Visible, in flight, delayed."""
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    names = ("", "NotVisible", "Delayed")
    return tuple(int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)  # type: ignore[return-value]


def receive(sqs: Any, queue_url: str, **how: Any) -> list[dict[str, Any]]:
    return list(sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, **how).get("Messages", []))


def rest(service: Service, method: str, path: str, **how: Any) -> requests.Response:
    headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": ACCOUNT, **how.pop("headers", {})}
    return requests.request(method, f"{service.url}/v2{path}", headers=headers, timeout=30, **how)


def test_zaqar_claims_and_deletes_messages_that_sqs_sent(sqs: Any, queue_url: str, zaqar_queue: Any) -> None:
    sent = sqs.send_message(QueueUrl=queue_url, MessageBody="hällo")
    [message] = list(zaqar_queue.claim(ttl=60, grace=60))
    assert (message.body, message.id) == ("hällo", sent["MessageId"])
    assert counts(sqs, queue_url) == (0, 1, 0)
    message.delete()
    assert counts(sqs, queue_url) == (0, 0, 0)


def test_a_deletion_by_zaqar_ends_a_receive_attempt_of_sqs(sqs: Any, service: Service, queue_name: str) -> None:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName=f"{queue_name}.fifo", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="1", MessageGroupId="g")
    [message] = receive(sqs, url, ReceiveRequestAttemptId="try")
    rest(service, "DELETE", f"/queues/{queue_name}.fifo/messages?ids={message['MessageId']}")
    with pytest.raises(ClientError, match="the receive call is not retryable"):
        receive(sqs, url, ReceiveRequestAttemptId="try")


def test_sqs_receives_messages_that_zaqar_posted(sqs: Any, zaqar_queue: Any, queue_name: str) -> None:
    zaqar_queue.post([{"ttl": 300, "body": {"a": [1, "é"]}}, {"ttl": 300, "body": "text"}])
    url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    assert [m["Body"] for m in receive(sqs, url)] == ['{"a":[1,"é"]}', "text"]


@pytest.mark.parametrize("body", [None, False, 0, 1.5, "", "x\x00y", "\uffff", [], {"k": {}}, "plain", "\r\n<&>"])
def test_any_json_value_survives_both_dialects(sqs: Any, service: Service, queue_name: str, body: Any) -> None:
    """Zaqar reads back exactly what it posted; SQS sees its text, or its JSON text."""
    posted = rest(service, "POST", f"/queues/{queue_name}/messages", json={"messages": [{"body": body}]})
    assert posted.status_code == 201
    [listed] = rest(service, "GET", f"/queues/{queue_name}/messages?echo=true").json()["messages"]
    assert listed["body"] == body
    url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    [received] = receive(sqs, url)
    assert received["Body"] == body or json.loads(received["Body"]) == body


def test_a_lease_of_one_dialect_is_invisible_to_the_other(sqs: Any, queue_url: str, zaqar_queue: Any) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody="1")
    [held] = receive(sqs, queue_url)
    assert list(zaqar_queue.claim(ttl=60, grace=60)) == []
    assert list(zaqar_queue.messages(echo=True)) == []
    sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    claim = zaqar_queue.claim(ttl=60, grace=60)
    assert len(list(claim)) == 1
    assert receive(sqs, queue_url) == []
    claim.delete()
    assert len(receive(sqs, queue_url)) == 1


def test_a_message_that_sqs_holds_cannot_be_deleted_by_id(sqs: Any, queue_url: str, service: Service) -> None:
    name = queue_url.rsplit("/", 1)[1]
    sqs.send_message(QueueUrl=queue_url, MessageBody="1")
    [held] = receive(sqs, queue_url)
    path = f"/queues/{name}/messages"
    assert rest(service, "DELETE", f"{path}/{held['MessageId']}").status_code == 403
    assert rest(service, "DELETE", f"{path}?ids={held['MessageId']}").status_code == 204
    assert counts(sqs, queue_url) == (0, 0, 0)


def test_a_receipt_handle_deletes_a_claimed_message(sqs: Any, queue_url: str, zaqar_queue: Any) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody="1")
    [first] = receive(sqs, queue_url, VisibilityTimeout=0)
    assert len(list(zaqar_queue.claim(ttl=60, grace=60))) == 1
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, queue_url) == (0, 0, 0)


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_handle_from_before_a_claim_does_not_change_its_lease(
    sqs: Any, queue_url: str, zaqar_queue: Any, seconds: int
) -> None:
    """Otherwise its last receiver could release or extend the message while the claim holds it."""
    sqs.send_message(QueueUrl=queue_url, MessageBody="1")
    [first] = receive(sqs, queue_url, VisibilityTimeout=0)
    claim = zaqar_queue.claim(ttl=300, grace=60)
    with pytest.raises(sqs.exceptions.ClientError, match="not available for visibility timeout change"):
        sqs.change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=seconds
        )
    assert receive(sqs, queue_url) == []
    claim.delete()
    assert len(receive(sqs, queue_url)) == 1


def test_each_dialect_purges_by_its_own_rule(sqs: Any, queue_url: str, service: Service) -> None:
    name = queue_url.rsplit("/", 1)[1]
    for body in "12":
        sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    sqs.send_message(QueueUrl=queue_url, MessageBody="3", DelaySeconds=60)
    sqs.receive_message(QueueUrl=queue_url)
    assert rest(service, "POST", f"/queues/{name}/purge").status_code == 204
    assert counts(sqs, queue_url) == (0, 1, 0)
    sqs.purge_queue(QueueUrl=queue_url)
    assert counts(sqs, queue_url) == (0, 0, 0)


def test_retention_delay_and_dead_letters_are_settings_of_both_dialects(
    sqs: Any, queue_url: str, service: Service
) -> None:
    name = queue_url.rsplit("/", 1)[1]
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"MessageRetentionPeriod": "600", "DelaySeconds": "7"})
    shown = rest(service, "GET", f"/queues/{name}").json()
    assert (shown["_default_message_ttl"], shown["_default_message_delay"]) == (600, 7)
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    changes = [
        {"op": "add", "path": "/metadata/_dead_letter_queue", "value": f"{name}-dead"},
        {"op": "add", "path": "/metadata/_max_claim_count", "value": 2},
        {"op": "replace", "path": "/metadata/_default_message_delay", "value": 0},
    ]
    patch_type = {"Content-Type": "application/openstack-messaging-v2.0-json-patch"}
    answer = rest(service, "PATCH", f"/queues/{name}", data=json.dumps(changes), headers=patch_type)
    assert answer.status_code == 200
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert json.loads(found["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}-dead",
        "maxReceiveCount": 2,
    }
    assert found["DelaySeconds"] == "0"
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue_url]


def test_half_a_dead_letter_rule_shows_no_redrive_policy(sqs: Any, service: Service, queue_name: str) -> None:
    rest(service, "PUT", f"/queues/{queue_name}", json={"_max_claim_count": 3})
    url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert "RedrivePolicy" not in found
    assert found["MessageRetentionPeriod"] == "3600"


def test_attributes_are_kept_and_shown_to_zaqar_on_request(sqs: Any, queue_url: str, service: Service) -> None:
    name = queue_url.rsplit("/", 1)[1]
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    sqs.send_message(QueueUrl=queue_url, MessageBody="1", MessageAttributes=attributes)
    [plain] = rest(service, "GET", f"/queues/{name}/messages?echo=true").json()["messages"]
    assert set(plain) == {"id", "href", "ttl", "age", "body"}
    [full] = rest(service, "GET", f"/queues/{name}/messages?echo=true&attributes=true").json()["messages"]
    assert full["attributes"] == {"n": {"type": "Number", "value": "1"}}


def test_a_longer_sqs_name_is_addressed_where_it_exists(sqs: Any, service: Service) -> None:
    name = "n" * 60 + uuid.uuid4().hex[:15]
    assert rest(service, "GET", f"/queues/{name}/messages").status_code == 400
    sqs.create_queue(QueueName=name)
    assert rest(service, "GET", f"/queues/{name}/messages").status_code == 200


def test_sqs_reports_a_missing_queue_where_zaqar_creates_it(sqs: Any, service: Service, queue_name: str) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=queue_name, MessageBody="1")
    rest(service, "POST", f"/queues/{queue_name}/messages", json={"messages": [{"body": 1}]})
    sqs.send_message(QueueUrl=queue_name, MessageBody="2")
    assert rest(service, "GET", f"/queues/{queue_name}/stats").json()["messages"]["free"] == 2


def test_an_account_reaches_the_queues_of_the_project_of_the_same_name_only(
    service: Service, queue_name: str, sqs: Any
) -> None:
    sqs.create_queue(QueueName=queue_name)
    other = rest(service, "GET", "/queues?limit=20", headers={"X-Project-Id": "other"})
    assert queue_name not in other.text
    listed = rest(service, "GET", f"/queues?marker={queue_name[:-1]}&limit=20")
    assert queue_name in [queue["name"] for queue in listed.json()["queues"]]


def test_subscribers_are_notified_of_messages_that_sqs_sent(service: Service, sqs: Any, queue_name: str) -> None:
    """Subscribers are notified of single messages and of batches that SQS sent."""
    with subscriber_of_its_own() as subscriber:
        url = sqs.create_queue(QueueName=queue_name, Attributes={"MessageRetentionPeriod": "600"})["QueueUrl"]
        made = rest(service, "POST", f"/queues/{queue_name}/subscriptions", json={"subscriber": subscriber.url()})
        assert made.status_code == 201
        sqs.send_message(QueueUrl=url, MessageBody='{"a": 1}')
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(10)])
        until(lambda: len(subscriber.seen) == 11, "all notifications")
        assert sorted(subscriber.bodies) == sorted(['{"a": 1}', *map(str, range(10))])
        assert {seen.json["ttl"] for seen in subscriber.seen} == {600}
