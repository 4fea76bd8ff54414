"""Users, sessions of roles and services at the SQS face, and what a process remembers of policies.

The calls of authenticated principals are made in this process: no client can be one of them by the network.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from tests.access.conftest import OTHER, OWNER, Worker, policy
from tests.patience import until
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

ROOT = Principal(OWNER, f"arn:aws:iam::{OWNER}:root", OWNER)


def _user(account: str, *statements: dict[str, Any], name: str = "ann") -> Principal:
    base = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    policies = (Policy.parse({"Version": "2012-10-17", "Statement": [{**base, **one} for one in statements]}),)
    return Principal(account, f"arn:aws:iam::{account}:user/{name}", "AIDAEXAMPLE", name, policies=policies)


@pytest.fixture
def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def queue(worker: Worker, name: str) -> str:
    """URL of a new queue of the owner."""
    status, document = worker.call(ROOT, "CreateQueue", QueueName=name)
    assert status == 200
    return str(document["QueueUrl"])


def _set(worker: Worker, queue: str, document: str) -> None:
    assert worker.call(ROOT, "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})[0] == 200


def test_a_user_may_do_what_an_identity_based_policy_allows(worker: Worker, queue: str, name: str) -> None:
    sender = _user(OWNER, {"Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:*:{name}"})
    assert worker.call(sender, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 200
    status, document = worker.call(sender, "ReceiveMessage", QueueUrl=queue)
    assert status == 403
    assert document["message"] == (
        f"User: arn:aws:iam::{OWNER}:user/ann is not authorized to perform: sqs:receivemessage "
        f"on resource: arn:aws:sqs:us-east-1:{OWNER}:{name} "
        "because no identity-based policy allows the sqs:receivemessage action"
    )


def test_a_name_without_account_is_a_queue_of_the_user(worker: Worker, queue: str, name: str) -> None:
    del queue
    assert worker.call(_user(OWNER, {}), "SendMessage", QueueUrl=name, MessageBody="x")[0] == 200
    assert worker.call(_user(OTHER, {}), "SendMessage", QueueUrl=name, MessageBody="x")[0] == 400


def test_across_accounts_both_must_allow(worker: Worker, queue: str) -> None:
    with_right, without = _user(OTHER, {}), _user(OTHER, {"Action": "sqs:ListQueues"})
    message = {"QueueUrl": queue, "MessageBody": "x"}
    assert [worker.call(one, "SendMessage", **message)[0] for one in (with_right, without)] == [403, 403]
    _set(worker, queue, policy({"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"}))
    assert [worker.call(one, "SendMessage", **message)[0] for one in (with_right, without)] == [200, 403]


def test_an_anonymous_caller_needs_a_permission_for_everybody(worker: Worker, queue: str) -> None:
    assert worker.call(ANONYMOUS, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 403
    _set(worker, queue, policy({"Action": "sqs:SendMessage"}))
    assert worker.call(ANONYMOUS, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 200
    assert worker.call(ANONYMOUS, "ListQueues")[0] == 403


def test_a_user_who_may_change_the_queue_repairs_its_policy(worker: Worker, queue: str) -> None:
    _set(worker, queue, policy({"Effect": "Deny"}))
    message = {"QueueUrl": queue, "MessageBody": "x"}
    assert worker.call(_user(OWNER, {}), "SendMessage", **message)[0] == 403
    repair = {"QueueUrl": queue, "Attributes": {"Policy": ""}}
    assert worker.call(_user(OWNER, {"Action": "sqs:SendMessage"}), "SetQueueAttributes", **repair)[0] == 403
    assert worker.call(_user(OTHER, {}), "SetQueueAttributes", **repair)[0] == 403
    assert worker.call(_user(OWNER, {}), "SetQueueAttributes", **repair)[0] == 200
    assert worker.call(_user(OWNER, {}), "SendMessage", **message)[0] == 200


@pytest.mark.parametrize(
    ("operation", "members", "action"),
    [
        ("CreateQueue", {"QueueName": "NAME"}, "sqs:createqueue"),
        ("GetQueueUrl", {"QueueName": "NAME"}, "sqs:getqueueurl"),
        ("ListQueues", {}, "sqs:listqueues"),
        ("GetQueueAttributes", {"QueueUrl": "URL"}, "sqs:getqueueattributes"),
        ("SetQueueAttributes", {"QueueUrl": "URL", "Attributes": {"DelaySeconds": "1"}}, "sqs:setqueueattributes"),
        ("DeleteQueue", {"QueueUrl": "URL"}, "sqs:deletequeue"),
        ("PurgeQueue", {"QueueUrl": "URL"}, "sqs:purgequeue"),
        ("TagQueue", {"QueueUrl": "URL", "Tags": {"a": "b"}}, "sqs:tagqueue"),
        ("UntagQueue", {"QueueUrl": "URL", "TagKeys": ["a"]}, "sqs:untagqueue"),
        ("ListQueueTags", {"QueueUrl": "URL"}, "sqs:listqueuetags"),
        ("ListDeadLetterSourceQueues", {"QueueUrl": "URL"}, "sqs:listdeadlettersourcequeues"),
        ("SendMessage", {"QueueUrl": "URL", "MessageBody": "x"}, "sqs:sendmessage"),
        ("SendMessageBatch", {"QueueUrl": "URL", "Entries": [{"Id": "a", "MessageBody": "x"}]}, "sqs:sendmessage"),
        ("ReceiveMessage", {"QueueUrl": "URL"}, "sqs:receivemessage"),
        ("DeleteMessage", {"QueueUrl": "URL", "ReceiptHandle": "x"}, "sqs:deletemessage"),
        (
            "DeleteMessageBatch",
            {"QueueUrl": "URL", "Entries": [{"Id": "a", "ReceiptHandle": "x"}]},
            "sqs:deletemessage",
        ),
        (
            "ChangeMessageVisibility",
            {"QueueUrl": "URL", "ReceiptHandle": "x", "VisibilityTimeout": 1},
            "sqs:changemessagevisibility",
        ),
        (
            "ChangeMessageVisibilityBatch",
            {"QueueUrl": "URL", "Entries": [{"Id": "a", "ReceiptHandle": "x", "VisibilityTimeout": 1}]},
            "sqs:changemessagevisibility",
        ),
        (
            "AddPermission",
            {"QueueUrl": "URL", "Label": "l", "AWSAccountIds": [OTHER], "Actions": ["*"]},
            "sqs:addpermission",
        ),
        ("RemovePermission", {"QueueUrl": "URL", "Label": "l"}, "sqs:removepermission"),
        ("StartMessageMoveTask", {"SourceArn": "ARN"}, "sqs:startmessagemovetask"),
        ("ListMessageMoveTasks", {"SourceArn": "ARN"}, "sqs:listmessagemovetasks"),
    ],
)
def test_each_operation_needs_its_right(
    worker: Worker, queue: str, name: str, operation: str, members: dict[str, Any], action: str
) -> None:
    places = {"URL": queue, "NAME": name, "ARN": f"arn:aws:sqs:us-east-1:{OWNER}:{name}"}
    given = {key: places.get(value, value) if isinstance(value, str) else value for key, value in members.items()}
    everything_else = _user(OWNER, {"Action": "*"}, {"Effect": "Deny", "Action": action})
    status, document = worker.call(everything_else, operation, **given)
    assert status == 403
    assert f"is not authorized to perform: {action} on resource: arn:aws:sqs:us-east-1:{OWNER}:" in document["message"]
    assert document["message"].endswith("with an explicit deny in an identity-based policy")
    allowed = _user(OWNER, {"Action": [action, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]})
    assert worker.call(allowed, operation, **given)[0] != 403


def test_a_queue_with_tags_needs_the_right_to_tag(worker: Worker, name: str) -> None:
    creator = _user(OWNER, {"Action": "sqs:CreateQueue"})
    status, document = worker.call(creator, "CreateQueue", QueueName=name, tags={"a": "b"})
    assert (status, "sqs:tagqueue" in document["message"]) == (403, True)
    assert worker.call(creator, "CreateQueue", QueueName=name)[0] == 200


def test_a_move_task_needs_rights_on_both_queues(worker: Worker, queue: str, name: str) -> None:
    arn = f"arn:aws:sqs:us-east-1:{OWNER}:{name}"
    worker.call(ROOT, "CreateQueue", QueueName=f"{name}-target")
    wanted = {"SourceArn": arn, "DestinationArn": f"{arn}-target"}
    mover = _user(OWNER, {}, {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": f"{arn}-target"})
    status, document = worker.call(mover, "StartMessageMoveTask", **wanted)
    assert (status, "sqs:sendmessage" in document["message"]) == (403, True)
    mover = _user(OWNER, {}, {"Effect": "Deny", "Action": "sqs:DeleteMessage", "Resource": arn})
    status, document = worker.call(mover, "StartMessageMoveTask", **wanted)
    assert (status, "sqs:deletemessage" in document["message"]) == (403, True)
    assert worker.call(_user(OWNER, {}), "StartMessageMoveTask", **wanted)[0] == 400  # it is no dead-letter queue


def test_a_missing_queue_is_reported_only_to_callers_with_a_right(worker: Worker, name: str) -> None:
    url = f"http://localhost/{OWNER}/{name}"
    status, document = worker.call(_user(OWNER, {}), "SendMessage", QueueUrl=url, MessageBody="x")
    assert (status, document["__type"]) == (400, "com.amazonaws.sqs#QueueDoesNotExist")
    assert worker.call(_user(OTHER, {}), "SendMessage", QueueUrl=url, MessageBody="x")[0] == 403
    assert worker.call(_user(OWNER), "SendMessage", QueueUrl=url, MessageBody="x")[0] == 403


# -- what a process remembers ------------------------------------------------------------------------------------------


def test_a_known_policy_costs_no_round_trip(worker: Worker, queue: str) -> None:
    _set(worker, queue, policy({"Action": "sqs:SendMessage"}))
    sender = _user(OTHER, {})
    trips = []
    for _ in range(3):
        assert worker.call(sender, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 200
        trips.append(worker.round_trips)
    assert trips[1:] == [1, 1]


def test_a_queue_without_policy_costs_no_round_trip(second_worker: Worker, worker: Worker, queue: str) -> None:
    assert worker.call(_user(OWNER, {}), "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 200
    assert second_worker.call(_user(OWNER, {}), "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 200
    assert (worker.round_trips, second_worker.round_trips) == (1, 1)


def test_a_changed_policy_counts_at_once_at_another_process(worker: Worker, second_worker: Worker, queue: str) -> None:
    sender = _user(OTHER, {})
    for document, status in ((policy({}), 200), ("", 403), (policy({}), 200), (policy({}, {"Effect": "Deny"}), 403)):
        _set(worker, queue, document)
        assert second_worker.call(sender, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == status
        assert second_worker.call(sender, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == status


def test_nothing_is_stored_by_a_call_that_a_new_policy_denies(
    worker: Worker, second_worker: Worker, queue: str
) -> None:
    user = _user(OWNER, {})
    assert second_worker.call(user, "SendMessage", QueueUrl=queue, MessageBody="first")[0] == 200
    _set(worker, queue, policy({"Effect": "Deny", "Action": "sqs:SendMessage"}))
    assert second_worker.call(user, "SendMessage", QueueUrl=queue, MessageBody="second")[0] == 403
    wanted = {"QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"]}
    found = worker.call(user, "GetQueueAttributes", **wanted)[1]
    assert found["Attributes"] == {"ApproximateNumberOfMessages": "1"}


def test_a_waiting_receive_ends_when_a_policy_denies_it(
    core: Core, worker: Worker, second_worker: Worker, queue: str, name: str
) -> None:
    found: list[int] = []
    waiters = keys.queue(QueueRef(OWNER, "us-east-1", name)) + b":w"

    def receive() -> None:
        found.append(second_worker.call(_user(OWNER, {}), "ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20)[0])

    waiting = threading.Thread(target=receive)
    waiting.start()
    until(lambda: core.store.command("ZCARD", waiters) == 1, "a waiting receive")
    _set(worker, queue, policy({"Effect": "Deny", "Action": "sqs:ReceiveMessage"}))
    waiting.join()
    assert found == [403]
    assert core.store.command("ZCARD", waiters) == 0


def test_a_queue_that_is_created_again_has_no_policy(worker: Worker, second_worker: Worker, queue: str) -> None:
    _set(worker, queue, policy({}))
    sender = _user(OTHER, {})
    assert second_worker.call(sender, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 200
    assert worker.call(ROOT, "DeleteQueue", QueueUrl=queue)[0] == 200
    assert worker.call(ROOT, "CreateQueue", QueueName=queue.rpartition("/")[2])[0] == 200
    assert second_worker.call(sender, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == 403


def test_a_policy_that_was_stored_unchecked_denies_everything_but_its_repair(
    core: Core, worker: Worker, name: str
) -> None:
    settings = QueueSettings(documents={"policy": b'{"Statement": [{"Effect": "Perhaps"}]}'})
    queues.create(core.session(), QueueRef(OWNER, "us-east-1", name), settings, creator="sqs")
    url = f"http://localhost/{OWNER}/{name}"
    status, document = worker.call(_user(OWNER, {}), "SendMessage", QueueUrl=url, MessageBody="x")
    assert status == 403
    assert document["message"].endswith("because the resource-based policy is not valid")
    _set(worker, url, "")
    assert worker.call(_user(OWNER, {}), "SendMessage", QueueUrl=url, MessageBody="x")[0] == 200
