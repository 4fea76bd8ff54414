"""The rights that each SQS operation needs, as AWS's service authorization reference lists them.

A batch operation needs the right of the single one.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sqs_facade import addresses
from sqs_facade.registry import Operation, SqsCall
from zaqar_core.access import arns
from zaqar_core.access.contexts import RequestContext
from zaqar_core.access.evaluation import Question
from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.core.authorization import Authorizer
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.envelope import Request

#: Actions that a move task needs on its source, beside its own.
_OF_A_SOURCE = ("sqs:receivemessage", "sqs:deletemessage", "sqs:getqueueattributes")


def principal(request: Request, caller: addresses.Caller) -> Principal:
    """Return who makes the request: whom the authentication found, or else the account of the access key."""
    if request.principal is not None:
        return request.principal
    return arns.root(caller.account) if addresses.has_credential(request.environ) else ANONYMOUS


def require(authorizer: Authorizer, operation: Operation, call: SqsCall, parameters: Any) -> None:
    """Require all rights that the operation needs. Raises AccessDenied, SqsError for an address that is not valid."""
    name = operation.name
    is_repair = False
    if name in _UNUSUAL:
        special = _SPECIAL.get(name)
        if special is not None:
            special(_Asking(authorizer, call), parameters)
            return
        is_repair = _REPAIRS[name](parameters)
    request = call.request
    caller = request.principal or principal(request, call.caller)
    ref = call.queue(parameters.queue_url)
    authorizer.require(call.session, ref, caller, _ACTIONS[name], request.environ, is_repair)


def require_on_queue(authorizer: Authorizer, call: SqsCall, ref: QueueRef, name: str) -> None:
    """Require the right to an operation on a queue. Whoever lists messages reads them too, as ReceiveMessage does.

    Raises AccessDenied.
    """
    _Asking(authorizer, call).of_queue(ref, *_ACTIONS[name])


def question(call: SqsCall, ref: QueueRef, name: str) -> Question:
    """Return the question whether the caller may run an operation on a queue: for ``Authorizer.allows``."""
    caller = principal(call.request, call.caller)
    context = RequestContext(caller, call.request.environ, ref.region, ref.project)
    return Question(caller, _ACTIONS[name][0], arns.of_queue(ref), ref.project, context)


def require_creation(authorizer: Authorizer, call: SqsCall, name: str, *, has_tags: bool) -> None:
    """Require the rights to create a queue of the caller's account. Raises AccessDenied."""
    _Asking(authorizer, call).of_account(name, "sqs:createqueue", *(("sqs:tagqueue",) if has_tags else ()))


class _Actions(dict[str, tuple[str]]):
    """Operation -> its one action. The names of batch operations lose their suffix."""

    def __missing__(self, name: str) -> tuple[str]:
        found = self[name] = (f"sqs:{name.removesuffix('Batch').lower()}",)
        return found


_ACTIONS = _Actions()


class _Asking:
    """The questions of one request."""

    __slots__ = ("_authorizer", "call", "caller")

    def __init__(self, authorizer: Authorizer, call: SqsCall) -> None:
        self._authorizer = authorizer
        self.call = call
        self.caller = principal(call.request, call.caller)

    def of_queue(self, ref: QueueRef, *actions: str, is_repair: bool = False) -> None:
        """Require actions on a queue."""
        call = self.call
        self._authorizer.require(call.session, ref, self.caller, actions, call.request.environ, is_repair)

    def of_account(self, name: str, *actions: str) -> None:
        """Require actions that no queue's policy concerns: on the account, or on its queue that is to be created."""
        account, region = self.call.caller
        request, resource = self.call.request, arns.of_account(account, region) + name
        request.note.rule = self._authorizer.require_on_account(
            self.caller, actions, resource, account, region, request.environ
        )


def _create(asking: _Asking, parameters: Any) -> None:
    asking.of_account(parameters.queue_name, "sqs:createqueue", *(("sqs:tagqueue",) if parameters.tags else ()))


def _list(asking: _Asking, _: Any) -> None:
    asking.of_account("", "sqs:listqueues")


def _get_url(asking: _Asking, parameters: Any) -> None:
    caller = asking.call.caller
    account = parameters.owner_account or caller.account
    if addresses.is_addressed(parameters.queue_name) and addresses.is_account(account):
        asking.of_queue(QueueRef(account, caller.region, parameters.queue_name), "sqs:getqueueurl", is_repair=True)


def _start_task(asking: _Asking, parameters: Any) -> None:
    _of_arn(asking, parameters.source_arn, "sqs:startmessagemovetask", *_OF_A_SOURCE)
    _of_arn(asking, parameters.destination_arn, "sqs:sendmessage")


def _list_tasks(asking: _Asking, parameters: Any) -> None:
    _of_arn(asking, parameters.source_arn, "sqs:listmessagemovetasks", *_OF_A_SOURCE)


def _cancel_task(asking: _Asking, parameters: Any) -> None:
    try:
        source = orjson.loads(b64decode(parameters.task_handle or "", validate=True))["sourceArn"]
    except (ValueError, KeyError, TypeError):
        return  # the operation refuses it
    _of_arn(asking, source, "sqs:cancelmessagemovetask", *_OF_A_SOURCE)


def _of_arn(asking: _Asking, arn: Any, *actions: str) -> None:
    """Require actions on the queue of an ARN. The operation itself refuses a text that is no ARN."""
    ref = addresses.of_arn(arn, asking.call.session.settings) if isinstance(arn, str) else None
    if ref is not None:
        asking.of_queue(ref, *actions)


#: Operations whose queue is not in the parameter QueueUrl.
_SPECIAL: Mapping[str, Callable[[_Asking, Any], None]] = {
    "CreateQueue": _create,
    "ListQueues": _list,
    "GetQueueUrl": _get_url,
    "StartMessageMoveTask": _start_task,
    "ListMessageMoveTasks": _list_tasks,
    "CancelMessageMoveTask": _cancel_task,
}
#: Operations with which the owner repairs the policy of a queue, and whether these parameters do only that.
_REPAIRS: Mapping[str, Callable[[Any], bool]] = {
    "SetQueueAttributes": lambda parameters: parameters.attributes.keys() == {"Policy"},
    "GetQueueAttributes": lambda parameters: set(parameters.attribute_names) <= {"Policy", "QueueArn"},
    "RemovePermission": lambda _: True,
}
_UNUSUAL = _SPECIAL.keys() | _REPAIRS.keys()
