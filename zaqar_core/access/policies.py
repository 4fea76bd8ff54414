"""Policies: documents of IAM's language, checked and compiled. :mod:`zaqar_core.access.evaluation` decides by them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import orjson

from zaqar_core.access import conditions, patterns
from zaqar_core.access.callers import Callers, Match
from zaqar_core.access.conditions import Condition
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.patterns import Pattern, Values
from zaqar_core.access.principals import Principal

#: The version that has policy variables. Every other one is read as 2008-10-17, in which ``${`` is plain text.
_WITH_VARIABLES = "2012-10-17"
_VERSIONS = (_WITH_VARIABLES, "2008-10-17")
#: What documents consist of. An unknown element may be a misspelt condition, without which a permission is for all.
_OF_POLICY = frozenset(("Version", "Id", "Statement"))
_OF_STATEMENT = frozenset((
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
))  # fmt: skip
_ARN_COLONS = 5
#: Results of a policy that are kept, by caller, action and resource. The cache is cleared when it is full.
_MOST_RESULTS = 8192

#: Variables that are the same in all requests of a caller.
_OF_CALLER = frozenset(("aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:userid", "aws:username"))

Kind = Literal["identity", "resource"]


def form(document: str) -> dict[str, Any]:
    """Read a document and check its form: an object whose statements are objects. Raises PolicyInvalid.

    This is all that is required of a policy that is stored and not enforced.
    """
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise PolicyInvalid("It must be a JSON object.")
    if not all(isinstance(one, dict) for one in statements(found)):
        raise PolicyInvalid("Its statements must be JSON objects.")
    return found


def statements(document: dict[str, Any]) -> list[Any]:
    """Return the statements of a document; a single one may stand without a list."""
    given = document.get("Statement", [])
    return given if isinstance(given, list) else [given]


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement. ``label`` is its Sid, or its number from 1 on."""

    label: str
    denies: bool
    #: None in an identity-based policy.
    callers: Callers | None
    actions: tuple[Pattern, ...]
    is_not_action: bool
    #: None for a resource-based policy without Resource: it means the resource that the policy belongs to.
    resources: tuple[Pattern, ...] | None
    is_not_resource: bool
    conditions: tuple[Condition, ...]
    #: Whether its resources depend on more of the request than its caller.
    has_variable_resources: bool
    #: The keys of the request that conditions and resources depend on.
    keys: frozenset[str]
    #: Whether it applies to every request about its callers, actions and resources.
    is_unconditional: bool

    def applies(self, resource: str, context: Values) -> bool:
        """Return whether a statement about the caller and the action is also about this request."""
        if self.has_variable_resources and not self.covers_resource(resource, context):
            return False
        for condition in self.conditions:  # noqa: SIM110 - all() takes twice the time
            if not condition.holds(context):
                return False
        return True

    def covers_action(self, action: str) -> bool:
        """Return whether the statement is about the action, which is in lower case."""
        return any(pattern.matches(action, _NOTHING) for pattern in self.actions) is not self.is_not_action

    def covers_resource(self, resource: str, context: Values) -> bool:
        """Return whether the statement is about the resource.

        NotResource with a variable that has no value leaves out nobody knows what: then nothing is allowed by it.
        """
        if self.resources is None:
            return True
        if self.is_not_resource and not self.denies and not all(one.has_values(context) for one in self.resources):
            return False
        return any(pattern.matches(resource, context) for pattern in self.resources) is not self.is_not_resource


class _Nothing:
    def get(self, key: str) -> None:
        del key


_NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Relevant:
    """The statements of a policy about one caller, action and resource, each with how it names the caller.

    Their conditions are still to be checked, and so are resources with variables.
    """

    denials: tuple[tuple[Statement, Match], ...]
    permissions: tuple[tuple[Statement, Match], ...]
    #: The keys of the request that they depend on.
    keys: frozenset[str]


class Policy:
    """A compiled policy. It never changes; equal documents are equal policies."""

    __slots__ = ("_relevant", "document", "statements")

    #: The policy that allows everything, for callers whose rights are decided elsewhere.
    ADMINISTRATOR: ClassVar[Policy]

    def __init__(self, document: str, compiled: Sequence[Statement]) -> None:
        self.document = document
        self.statements = tuple(compiled)
        self._relevant: dict[tuple[str, ...], Relevant] = {}

    @staticmethod
    def parse(document: str | dict[str, Any], kind: Kind = "identity") -> Policy:
        """Compile a document. Raises PolicyInvalid with the reason and the statement.

        A policy of the kind ``resource`` names callers in each statement, one of the kind ``identity`` in none.
        """
        text = document if isinstance(document, str) else orjson.dumps(document).decode()
        read = form(text)
        _require_unique_members(text)
        for name in read.keys() - _OF_POLICY:
            raise PolicyInvalid(f"{name[:64]} is not an element of a policy.")
        version = read.get("Version", _VERSIONS[1])
        if version not in _VERSIONS:
            raise PolicyInvalid(f"Its Version must be one of {', '.join(_VERSIONS)}.")
        compiled = []
        for number, one in enumerate(statements(read), 1):
            sid = one.get("Sid")
            label = sid if isinstance(sid, str) and sid else str(number)
            try:
                compiled.append(_statement(one, label, kind, has_variables=version == _WITH_VARIABLES))
            except PolicyInvalid as problem:
                raise PolicyInvalid(f"Statement {label[:64]}: {problem}.") from None
        return Policy(text, compiled)

    def relevant(self, caller: Principal, action: str, resource: str, context: Values) -> Relevant:
        """Return the statements about this caller, action (in lower case) and resource. Remembers results."""
        key = (caller.arn, caller.user_id, caller.service, action, resource)
        found = self._relevant.get(key)
        if found is None:
            found = self._find(caller, action, resource, context)
            if len(self._relevant) >= _MOST_RESULTS:
                self._relevant.clear()
            self._relevant[key] = found
        return found

    def _find(self, caller: Principal, action: str, resource: str, context: Values) -> Relevant:
        found: dict[bool, list[tuple[Statement, Match]]] = {True: [], False: []}
        for one in self.statements:
            match = Match.DIRECT if one.callers is None else one.callers.match(caller, denies=one.denies)
            if match is Match.NONE or not one.covers_action(action):
                continue
            if one.has_variable_resources or one.covers_resource(resource, context):
                found[one.denies].append((one, match))
        keys = frozenset[str]().union(*(one.keys for one, _ in (*found[True], *found[False])))
        return Relevant(tuple(found[True]), tuple(found[False]), keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and other.document == self.document

    def __hash__(self) -> int:
        return hash(self.document)


def _require_unique_members(document: str) -> None:
    """Refuse a document that repeats a member of an object: one of them would not count. Raises PolicyInvalid."""

    def check(members: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in members]
        for name in names if len(set(names)) < len(names) else ():
            if names.count(name) > 1:
                raise PolicyInvalid(f"Its member {name[:64]} is repeated.")

    json.loads(document, object_pairs_hook=check, parse_int=str, parse_float=str)


def _statement(one: dict[str, Any], label: str, kind: Kind, *, has_variables: bool) -> Statement:
    for name in one.keys() - _OF_STATEMENT:
        raise PolicyInvalid(f"{name[:64]} is not an element of a statement")
    effect = one.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyInvalid("Effect must be Allow or Deny")
    callers = _callers(one, kind)
    is_not_action, actions = _either(one, "Action")
    if actions is None:
        raise PolicyInvalid("Action or NotAction is missing")
    is_not_resource, resources = _either(one, "Resource")
    if resources is None and kind == "identity":
        raise PolicyInvalid("Resource or NotResource is missing")
    for action in actions:
        if action != "*" and ":" not in action:
            raise PolicyInvalid(f"the action {action[:64]} lacks the prefix of its service, such as sqs:")
    where = None if resources is None else tuple(_resource(text, has_variables=has_variables) for text in resources)
    has_variable_resources = where is not None and any(pattern.variables - _OF_CALLER for pattern in where)
    checked = conditions.compiled(one["Condition"], has_variables=has_variables) if "Condition" in one else ()
    return Statement(
        label,
        effect == "Deny",
        callers,
        tuple(Pattern(patterns.tokens(text.lower(), has_variables=False, has_wildcards=True)) for text in actions),
        is_not_action,
        where,
        is_not_resource,
        checked,
        has_variable_resources,
        frozenset().union(*(one.keys for one in checked), *(pattern.variables for pattern in where or ())),
        not checked and not has_variable_resources,
    )


def _callers(one: dict[str, Any], kind: Kind) -> Callers | None:
    given = [name for name in ("Principal", "NotPrincipal") if name in one]
    if kind == "identity":
        if given:
            raise PolicyInvalid(f"an identity-based policy has no {given[0]}")
        return None
    if len(given) != 1:
        raise PolicyInvalid("it needs Principal or NotPrincipal, and not both")
    return Callers.parse(one[given[0]], is_not=given[0] == "NotPrincipal")


def _either(one: dict[str, Any], name: str) -> tuple[bool, list[str] | None]:
    """Return the texts of an element or of its opposite, and whether it is the opposite. None if there is neither."""
    opposite = f"Not{name}"
    if name in one and opposite in one:
        raise PolicyInvalid(f"it must not have both {name} and {opposite}")
    if name not in one and opposite not in one:
        return False, None
    chosen = name if name in one else opposite
    texts = one[chosen] if isinstance(one[chosen], list) else [one[chosen]]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise PolicyInvalid(f"{chosen} must be a string, or a list of strings")
    return chosen == opposite, texts


def _resource(text: str, *, has_variables: bool) -> Pattern:
    """Compile a resource. An ARN with fewer parts goes on with wildcards, as in IAM.

    ``/ACCOUNT/NAME`` is the form of SQS's first policies.
    """
    if text.startswith("/"):
        text = f"arn:aws:sqs:*{text.replace('/', ':')}"
    elif text.startswith("arn:"):
        text += ":*" * max(0, _ARN_COLONS - text.count(":"))
    elif text != "*" and not text.startswith(("*", "?", "${")):
        raise PolicyInvalid(f"the resource {text[:64]} is neither an ARN nor *")
    return Pattern(patterns.tokens(text, has_variables=has_variables, has_wildcards=True))


Policy.ADMINISTRATOR = Policy.parse(
    {
        "Version": _WITH_VARIABLES,
        "Statement": {"Sid": "administrator", "Effect": "Allow", "Action": "*", "Resource": "*"},
    }
)
