"""The elements Principal and NotPrincipal: which callers a statement names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.principals import Principal

_ACCOUNT = re.compile(r"[0-9]{12}\Z")
#: The account of an ARN of its root user. Zaqar's projects are accounts whose ids are other texts.
_ROOT = re.compile(r"arn:[\w-]+:iam::([^:]*):root\Z")

#: Kinds of principals, in lower case: SQS's own examples write ``aws``.
_KINDS = ("aws", "service", "federated", "canonicaluser")


class Match(Enum):
    """How a statement names a caller."""

    NONE = auto()
    #: By its account only: the account decides which of its users and roles may use the permission.
    BY_ACCOUNT = auto()
    #: By its own name or by the name of its role, or together with everybody.
    DIRECT = auto()


@dataclass(frozen=True, slots=True)
class Callers:
    """The callers of a statement. ``names`` are ARNs and unique ids."""

    is_not: bool
    everybody: bool
    accounts: frozenset[str]
    names: frozenset[str]
    services: frozenset[str]

    @staticmethod
    def parse(given: Any, *, is_not: bool) -> Callers:
        """Read Principal, or NotPrincipal. Raises PolicyInvalid."""
        if given == "*":
            return Callers(is_not, everybody=True, accounts=_NONE, names=_NONE, services=_NONE)
        if not isinstance(given, dict) or not given:
            raise PolicyInvalid('Principal must be "*" or an object such as {"AWS": "123456789012"}')
        found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for kind, texts in given.items():
            listed = texts if isinstance(texts, list) else [texts]
            if kind.lower() not in found or not all(isinstance(text, str) and text for text in listed):
                raise PolicyInvalid(f"the principal {kind[:64]} must be AWS, Service, Federated or CanonicalUser")
            if not listed:
                raise PolicyInvalid(f"the principal {kind} must name a caller")
            found[kind.lower()] += listed
        accounts, names = set(), set()
        for text in found["aws"]:
            if text == "*":
                continue
            if "*" in text or "?" in text:
                raise PolicyInvalid(f"the principal {text[:64]} must not have wildcards")
            root = _ROOT.match(text)
            if root and not root[1]:
                raise PolicyInvalid(f"the principal {text[:64]} has no account")
            if root or _ACCOUNT.match(text):
                accounts.add(root[1] if root else text)
            else:
                names.add(text)
        everybody = "*" in found["aws"]
        return Callers(is_not, everybody, frozenset(accounts), frozenset(names), frozenset(found["service"]))

    def match(self, caller: Principal, *, denies: bool) -> Match:
        """Return how the statement names the caller.

        A denial to an account is one to all of its users and roles. NotPrincipal with an account leaves out only the
        root user, as in AWS's example, which names the user and its account.
        """
        found = self._named(caller)
        if self.is_not:
            return Match.NONE if found is Match.DIRECT else Match.DIRECT
        return Match.DIRECT if denies and found is Match.BY_ACCOUNT else found

    def _named(self, caller: Principal) -> Match:
        if self.everybody:
            return Match.DIRECT
        if caller.service:
            return Match.DIRECT if caller.service in self.services else Match.NONE
        if caller.is_anonymous:
            return Match.NONE
        if self.names and not self.names.isdisjoint(
            (caller.arn, caller.role_arn, caller.user_id, caller.user_id.partition(":")[0])
        ):
            return Match.DIRECT
        if caller.account in self.accounts:
            return Match.DIRECT if is_root(caller) else Match.BY_ACCOUNT
        return Match.NONE


_NONE: frozenset[str] = frozenset()


def is_root(caller: Principal) -> bool:
    """Return whether the caller is the root user of its account."""
    arn = caller.arn
    return arn.endswith(":root") and bool(caller.account) and arn == f"arn:aws:iam::{caller.account}:root"
