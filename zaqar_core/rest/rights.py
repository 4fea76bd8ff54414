"""The rights that Zaqar's operations need, as actions of SQS: policies speak of both dialects in the same words.

Operations have the rights of their policy rules (see ``routes``). A rule that is not in the table needs no right.
Administrators' resources need a right of their own. Callers of Keystone have all rights here: their roles decide.
"""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.access import administration, arns
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.core import queues
from zaqar_core.core.authorization import Authorizer
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.parameters import Query
from zaqar_core.rest.policy import ADMIN_RULES
from zaqar_core.rest.route import Route
from zaqar_core.web.envelope import Reply, Request

#: Rules whose operations the audit log has: those that change queues, what is published, pools and flavors.
ADMINISTRATIVE = frozenset((
    *(f"{kind}:{name}" for kind in ("queues", "topics") for name in ("create", "update", "delete", "purge")),
    *(f"{kind}:{name}" for kind in ("pools", "flavors") for name in ("create", "update", "delete")),
    *(f"subscription:{name}" for name in ("create", "update", "delete", "confirm")),
    "queues:share",
))  # fmt: skip
_SHOW, _CHANGE, _RECEIVE = "GetQueueAttributes", "SetQueueAttributes", "ReceiveMessage"

_OF_QUEUES = {
    "get_all": ("ListQueues",),
    "create": ("CreateQueue",),
    "get": (_SHOW,),
    "update": (_CHANGE,),
    "delete": ("DeleteQueue",),
    "stats": (_SHOW,),
    "purge": ("PurgeQueue",),
}
#: Rule -> actions, of SQS where they have no prefix. Listing messages shows their bodies, as receiving does. A
#: subscriber gets the bodies of all messages. A share lets others use the queue, as AddPermission does.
RIGHTS: Mapping[str, tuple[str, ...]] = {
    **{f"queues:{name}": actions for name, actions in _OF_QUEUES.items()},
    **{f"topics:{name}": actions for name, actions in _OF_QUEUES.items()},
    "queues:share": ("AddPermission",),
    "messages:get_all": (_RECEIVE,),
    "messages:get": (_RECEIVE,),
    "messages:create": ("SendMessage",),
    "messages:delete": ("DeleteMessage",),
    "messages:delete_all": ("DeleteMessage",),
    "claims:create": (_RECEIVE,),
    "claims:get": (_RECEIVE,),
    "claims:update": ("ChangeMessageVisibility",),
    "claims:delete": ("ChangeMessageVisibility",),
    "subscription:get_all": (_SHOW,),
    "subscription:get": (_SHOW,),
    "subscription:create": (_CHANGE, _RECEIVE),
    "subscription:update": (_CHANGE, _RECEIVE),
    "subscription:delete": (_CHANGE,),
    "subscription:confirm": (_CHANGE,),
    **dict.fromkeys(ADMIN_RULES, (administration.ACTION,)),
}
#: Relations that need more than the other paths of their rule: they show messages.
_SHOWING_MESSAGES = frozenset(("undelivered", "topic_undelivered"))


def of(route: Route, query: str = "") -> tuple[str, ...]:
    """Return the actions that an operation needs; with ``pop`` in its query a deletion also receives.

    A subscriber confirms by a pre-signed URL, whose signature is enough: see ``_require``.
    """
    found = RIGHTS.get(route.rule, ())
    if route.relation in _SHOWING_MESSAGES:
        return (*found, _RECEIVE)
    if route.rule == "messages:delete_all" and query and Query(query).text("pop") is not None:
        return (*found, _RECEIVE)
    return found


def run(authorizer: Authorizer, route: Route, call: RestCall) -> Reply:
    """Run the operation if the caller has all rights that it needs. Raises AccessDenied, and what the operation raises.

    The store confirms the decision at the first call on the queue, which in operations on messages and claims is the
    operation itself. Others do something else before, so they are confirmed first.
    """
    call.session.guards = None
    _require(authorizer, route, call)
    if not route.rule.startswith(_CONFIRMED_ON_THE_WAY):
        queues.confirm_all(call.session)
    return queues.confirmed(call.session, route.run, call)


_CONFIRMED_ON_THE_WAY = ("messages:", "claims:")


def _require(authorizer: Authorizer, route: Route, call: RestCall) -> None:
    session, request, project = call.session, call.request, call.project
    if route.rule == "subscription:confirm" and request.principal is None:
        return
    caller = principal(request, project, is_authenticated=call.settings.authenticates_zaqar)
    actions = [_action(name) for name in of(route, request.query)]
    if call.queue is not None:
        authorizer.require(session, call.queue, caller, actions, request.environ)
        return
    region = call.settings.region
    resource = arns.of_account(project, region)
    request.note.rule = authorizer.require_on_account(caller, actions, resource, project, region, request.environ)


_ALL = (Policy.ADMINISTRATOR,)


def _action(name: str) -> str:
    return name.lower() if ":" in name else f"sqs:{name.lower()}"


def principal(request: Request, project: str, *, is_authenticated: bool) -> Principal:
    """Return who makes a request for a project.

    A caller that Keystone has authenticated is a user of the project, and so is the bearer of a pre-signed URL: their
    rights are decided by policy.yaml and by the signature, so the policy of the queue can only deny. Without
    authentication the caller is the root user.
    """
    if request.principal is not None:
        return request.principal
    environ = request.environ
    name, user_id = "root", project
    if is_authenticated:
        user_id = environ.get("HTTP_X_USER_ID", "pre-signed-url")
        name = f"user/{user_id}"
    user_name = environ.get("HTTP_X_USER_NAME", "") if is_authenticated else ""
    return Principal(project, f"arn:aws:iam::{project}:{name}", user_id, user_name, policies=_ALL)
