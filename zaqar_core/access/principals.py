"""Who makes a request: a user, the session of a role, or nobody known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zaqar_core.access.policies import Policy


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request, as AWS names it."""

    #: 12 digits; "" for an anonymous caller.
    account: str
    #: ``arn:aws:iam::ACCOUNT:user/PATH/NAME``, ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION``; "" if anonymous.
    arn: str
    #: AWS's ``aws:userid``: ``AIDA…``, ``AROA…:SESSION``, the account for its root user, "anonymous".
    user_id: str
    #: AWS's ``aws:username``; "" for roles, root users and anonymous callers.
    user_name: str = ""
    #: AWS's ``aws:PrincipalTag/KEY``.
    tags: Mapping[str, str] = field(default_factory=dict)
    #: The identity-based policies that apply to the caller.
    policies: tuple[Policy, ...] = ()
    #: The ARN of the role for a role's session, "" otherwise.
    role_arn: str = ""
    #: An AWS service that this process plays, such as ``sns.amazonaws.com``; "" for every caller over the network.
    service: str = ""

    @property
    def is_anonymous(self) -> bool:
        """Return whether nobody signed the request."""
        return not self.account


#: A request without credentials.
ANONYMOUS = Principal(account="", arn="", user_id="anonymous")
