"""The right to administer the service as a whole: pools and flavors, the health report, the test hooks.

These concern the queues of all accounts. So the right is an action of its own, which ``sqs:*`` does not contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zaqar_core.access import arns
from zaqar_core.access.contexts import RequestContext
from zaqar_core.access.evaluation import Question, by_identity
from zaqar_core.access.principals import Principal

#: The action as policies name it.
ACTION = "zaqar:Administer"


def is_allowed(caller: Principal, environ: Mapping[str, Any], region: str) -> bool:
    """Return whether the identity-based policies of the caller allow administration. ``environ`` is that of WSGI."""
    resource = arns.of_account(caller.account, region)
    context = RequestContext(caller, environ, region, caller.account)
    return by_identity(Question(caller, ACTION.lower(), resource, caller.account, context)).is_allowed
