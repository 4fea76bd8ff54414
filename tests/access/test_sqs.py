"""Policies at the SQS face, over HTTP: a request acts as the root user of its access key's account, or as nobody."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests

from tests.access.conftest import OTHER, OWNER, arn, policy
from tests.conftest import Service
from tests.sqs.wire import Failure, Sqs, signed


def _denied(action: str, queue: str, why: str, account: str = OTHER) -> Failure:
    caller = f"arn:aws:iam::{account}:root" if account else "anonymous"
    return Failure(
        "AccessDenied", 403, f"User: {caller} is not authorized to perform: {action} on resource: {queue} {why}"
    )


def test_another_account_needs_a_permission_of_the_queue(client: Callable[[str], Sqs], owner: Sqs, queue: str) -> None:
    other = client(OTHER)
    no_permission = "because no resource-based policy allows the sqs:sendmessage action"
    assert other.error("SendMessage", QueueUrl=queue, MessageBody="x") == _denied(
        "sqs:sendmessage", arn(queue), no_permission
    )
    owner.call("AddPermission", QueueUrl=queue, Label="l", AWSAccountIds=[OTHER], Actions=["SendMessage"])
    other.call("SendMessage", QueueUrl=queue, MessageBody="x")
    other.call("SendMessageBatch", QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "y"}])
    assert other.error("ReceiveMessage", QueueUrl=queue).code == "AccessDenied"
    owner.call("RemovePermission", QueueUrl=queue, Label="l")
    assert other.error("SendMessage", QueueUrl=queue, MessageBody="x").code == "AccessDenied"


def test_a_json_response_names_the_error_as_aws_does(enforcing: Service, client: Callable[[str], Sqs]) -> None:
    queue = client(OWNER).queue("named-error")
    reply = requests.post(
        enforcing.url,
        json={"QueueUrl": queue},
        headers={"X-Amz-Target": "AmazonSQS.PurgeQueue", "Authorization": signed(OTHER)},
        timeout=10,
    )
    assert reply.json()["__type"] == "com.amazon.coral.service#AccessDeniedException"
    assert reply.headers["x-amzn-query-error"] == "AccessDenied;Sender"


def test_everybody_includes_anonymous_callers(client: Callable[[str], Sqs], owner: Sqs, queue: str) -> None:
    nobody = client("")
    refused = "because no resource-based policy allows the sqs:sendmessage action"
    assert nobody.error("SendMessage", QueueUrl=queue, MessageBody="x") == _denied(
        "sqs:sendmessage", arn(queue), refused, account=""
    )
    owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy({"Action": "sqs:SendMessage"})})
    nobody.call("SendMessage", QueueUrl=queue, MessageBody="x")


def test_a_denial_of_everybody_is_repaired_by_the_owner(client: Callable[[str], Sqs], owner: Sqs, queue: str) -> None:
    locked = policy({"Effect": "Deny"})
    owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": locked})
    assert owner.error("SendMessage", QueueUrl=queue, MessageBody="x") == _denied(
        "sqs:sendmessage", arn(queue), "with an explicit deny in a resource-based policy", OWNER
    )
    assert owner.error("DeleteQueue", QueueUrl=queue).code == "AccessDenied"
    more = {"Policy": "", "DelaySeconds": "1"}
    assert owner.error("SetQueueAttributes", QueueUrl=queue, Attributes=more).code == "AccessDenied"
    assert owner.attributes(queue, "Policy") == {"Policy": locked}
    assert client(OTHER).error("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": ""}).code == "AccessDenied"
    owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": ""})
    owner.call("SendMessage", QueueUrl=queue, MessageBody="x")


def test_a_plain_connection_is_not_secure_transport(owner: Sqs, queue: str) -> None:
    only_tls = policy({"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": only_tls})
    assert owner.error("ReceiveMessage", QueueUrl=queue).code == "AccessDenied"


def test_conditions_see_the_address_of_the_caller(client: Callable[[str], Sqs], owner: Sqs, queue: str) -> None:
    for network, is_allowed in (("127.0.0.0/8", True), ("192.0.2.0/24", False)):
        document = policy({"Condition": {"IpAddress": {"aws:SourceIp": network}}})
        owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})
        if is_allowed:
            client(OTHER).call("SendMessage", QueueUrl=queue, MessageBody="x")
        else:
            assert client(OTHER).error("SendMessage", QueueUrl=queue, MessageBody="x").code == "AccessDenied"


def test_invalid_input_of_a_caller_without_a_permission_is_denied(client: Callable[[str], Sqs], queue: str) -> None:
    assert client(OTHER).error("SendMessage", QueueUrl=queue, MessageBody="").code == "AccessDenied"
    assert client(OTHER).error("SendMessageBatch", QueueUrl=queue, Entries=[]).code == "AccessDenied"


def test_a_policy_that_cannot_be_evaluated_is_refused(owner: Sqs, queue: str) -> None:
    error = owner.error("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy({"Effect": "Perhaps"})})
    assert error == Failure(
        "InvalidAttributeValue",
        400,
        "Invalid value for the parameter Policy. Reason: Statement 1: Effect must be Allow or Deny.",
    )


@pytest.mark.parametrize("text", ['"ü €"', '"a\\nb"', '"\\u0000"'])
def test_a_policy_with_any_text_is_enforced(client: Callable[[str], Sqs], owner: Sqs, queue: str, text: str) -> None:
    [statement] = json.loads(policy({"Action": "sqs:SendMessage"}))["Statement"]
    document = f'{{\n\t"Id": {text},\r\n"Statement": {json.dumps(statement)}}}'
    owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})
    client(OTHER).call("SendMessage", QueueUrl=queue, MessageBody="x")
    assert client(OTHER).error("DeleteQueue", QueueUrl=queue).code == "AccessDenied"


def test_a_change_counts_at_every_worker(client: Callable[[str], Sqs], owner: Sqs, queue: str) -> None:
    """New connections reach both workers."""
    other = client(OTHER)
    for number in range(6):
        document = policy({"Action": "sqs:SendMessage"}) if number % 2 == 0 else ""
        owner.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})
        for _ in range(4):
            reply = requests.post(
                other.url,
                json={"QueueUrl": queue, "MessageBody": "x"},
                headers={"X-Amz-Target": "AmazonSQS.SendMessage", "Authorization": signed(OTHER)},
                timeout=10,
            )
            assert reply.status_code == (200 if document else 403)


def test_the_viewer_of_messages_needs_the_right_to_receive(enforcing: Service, client: Callable[[str], Sqs]) -> None:
    queue = client(OWNER).queue("viewed")
    for account, status in ((OWNER, 200), (OTHER, 403)):
        reply = requests.get(
            f"{enforcing.url}/_aws/sqs/messages",
            {"QueueUrl": queue},
            headers={"Authorization": signed(account)},
            timeout=10,
        )
        assert reply.status_code == status


def test_without_the_setting_policies_are_only_stored(service: Service) -> None:
    sqs = Sqs(service.url, "json", "fast", account=OWNER)
    queue = sqs.queue("stored-only")
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy({"Effect": "Deny"})})
    Sqs(service.url, "json", "fast", account=OTHER).call("SendMessage", QueueUrl=queue, MessageBody="x")
