"""AddPermission, RemovePermission: edit the statements of a queue's Policy document."""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from msgspec import field

from sqs_facade import addresses, attributes, bounds
from sqs_facade.codecs.query import listed
from sqs_facade.errors import SqsError, invalid, missing
from sqs_facade.registry import OF_A_QUEUE, OPERATIONS, QueueUrl, Shape, SqsCall, operation
from zaqar_core.core import queues
from zaqar_core.domain import limits
from zaqar_core.domain.model import Queue, SettingsChange

_OWNER_ONLY = frozenset(
    {
        "AddPermission", "CreateQueue", "DeleteQueue", "ListQueues", "ListQueueTags", "RemovePermission",
        "SetQueueAttributes", "TagQueue", "UntagQueue", "StartMessageMoveTask", "CancelMessageMoveTask",
        "ListMessageMoveTasks",
    }
)  # fmt: skip


_LABEL = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.LABEL_CHARACTERS}}}\Z")
Label = Annotated[str, bounds.LABEL]


class AddPermission(Shape):
    queue_url: QueueUrl | None = None
    label: Label | None = None
    accounts: Annotated[list[str], listed("AWSAccountId", "12 digits each")] = field(
        default_factory=list, name="AWSAccountIds"
    )
    actions: Annotated[list[str], listed("ActionName", f"at most {limits.STATEMENT_ACTIONS}")] = []


class RemovePermission(Shape):
    queue_url: QueueUrl | None = None
    label: Label | None = None


def _policy(queue: Queue) -> dict[str, Any]:
    document = queue.settings.documents.get("policy")
    if document is None:
        return {"Version": "2008-10-17", "Id": f"{addresses.arn(queue.ref)}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = orjson.loads(document)
    statements = policy.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    policy["Statement"] = [statement for statement in statements if isinstance(statement, dict)]
    return policy


def _one_or_list(items: list[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else items


@operation(raises=(*OF_A_QUEUE, "MissingParameter", "OverLimit"))
def add_permission(call: SqsCall, parameters: AddPermission) -> None:
    """Add a statement with this label to the queue's policy."""
    ref = call.queue(parameters.queue_url)
    if not parameters.label:
        raise missing("Label")
    if not _LABEL.match(parameters.label):
        length = f"1 to {limits.LABEL_CHARACTERS} in length"
        reason = f"Can only include alphanumeric characters, hyphens, or underscores. {length}"
        raise invalid(parameters.label, "Label", reason)
    if not parameters.actions:
        raise missing("Actions")
    most = limits.STATEMENT_ACTIONS
    if len(parameters.actions) > most:
        raise SqsError("OverLimit", f"{len(parameters.actions)} Actions were found, maximum allowed is {most}.")
    for action in parameters.actions:
        if action in _OWNER_ONLY:
            reason = "Only the queue owner is allowed to invoke this action."
            raise invalid(f"SQS:{action}", "ActionName", reason)
        # A permission for one message includes the batch operation; AWS accepts no names of batch operations.
        if action != "*" and (action not in OPERATIONS or action.endswith("Batch")):
            raise invalid(
                f"SQS:{action}", "ActionName", "Please refer to the appropriate WSDL for a list of valid actions."
            )
    if not parameters.accounts or not all(map(addresses.is_account, parameters.accounts)):
        raise invalid(f"[{', '.join(parameters.accounts)}]", "PrincipalId", "Unable to verify.")
    statement = {
        "Sid": parameters.label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_list([f"arn:aws:iam::{account}:root" for account in parameters.accounts])},
        "Action": _one_or_list([f"SQS:{action}" for action in parameters.actions]),
        "Resource": addresses.arn(ref),
    }

    def edit(queue: Queue) -> SettingsChange:
        policy = _policy(queue)
        if any(one.get("Sid") == parameters.label for one in policy["Statement"]):
            raise invalid(parameters.label, "Label", "Already exists.")
        policy["Statement"].append(statement)
        found = len(policy["Statement"])
        if found > limits.POLICY_STATEMENTS:
            limit = limits.POLICY_STATEMENTS
            raise SqsError("OverLimit", f"{found} Statements were found, maximum allowed is {limit}.")
        return SettingsChange(documents={"policy": attributes.policy_document(policy)})

    queues.revise(call.session, ref, edit)


@operation(raises=(*OF_A_QUEUE, "MissingParameter"))
def remove_permission(call: SqsCall, parameters: RemovePermission) -> None:
    """Remove the statement with this label; with the last statement the policy is removed too."""
    ref = call.queue(parameters.queue_url)
    if not parameters.label:
        raise missing("Label")

    def edit(queue: Queue) -> SettingsChange:
        policy = _policy(queue)
        kept = [one for one in policy["Statement"] if one.get("Sid") != parameters.label]
        if len(kept) == len(policy["Statement"]):
            raise invalid(parameters.label, "Label", "can't find label.")
        policy["Statement"] = kept
        return SettingsChange(documents={"policy": orjson.dumps(policy) if kept else None})

    queues.revise(call.session, ref, edit)
