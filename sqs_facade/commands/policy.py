"""The command ``sqs-facade policy simulate``: what policies decide about one request, and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import orjson

from sqs_facade import addresses, startup
from sqs_facade.commands.options import read_settings
from zaqar_core.access import arns
from zaqar_core.access.contexts import GivenContext, RequestContext
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.evaluation import Decision, Question, evaluate
from zaqar_core.access.explanation import Row, explain
from zaqar_core.access.policies import Kind, Policy
from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.configuration.loading import Configuration
from zaqar_core.core import queues
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools.routing import new_core

#: The name of the queue's policy in the table.
_QUEUE_POLICY = "queue"
#: Resources of actions on no queue have no name.
_ARN_PARTS = 6


@click.group("policy")
def command() -> None:
    """Work with policies."""


@command.command("simulate")
@click.option("--principal", required=True, help="ARN of a user or session, account, service, or anonymous.")
@click.option("--action", required=True, metavar="NAME", help="Action, such as sqs:SendMessage.")
@click.option("--resource", required=True, metavar="ARN", help="ARN of the queue.")
@click.option("--context", multiple=True, metavar="KEY=VALUE", help="Condition key of the request; repeat for more.")
@click.option("--tag", multiple=True, metavar="KEY=VALUE", help="Tag of the principal; repeat for more.")
@click.option("--identity-policy", multiple=True, type=click.Path(), help="File of a policy of the principal; repeat.")
@click.option("--queue-policy", type=click.Path(), help="File of the policy of the queue.")
@click.option("--live", is_flag=True, help="Read the policy of the queue from the store.")
@click.option("--data-dir", type=click.Path(), help="Data directory of the store, for --live.")
@click.option("--redis", metavar="URL", help="Redis or Valkey server, Sentinel group or cluster, for --live.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings, for --live.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate(config: Path | None, data_dir: str | None, redis: str | None, **options: Any) -> None:
    """Explain what policies decide about one request. The exit code is 0 if it is allowed and 1 if it is denied."""
    store = partial(read_settings, config, {"data_dir": data_dir, "redis": redis})
    sys.exit(run(store, **options))


def run(
    configuration: Callable[[], Configuration],
    *,
    principal: str,
    action: str,
    resource: str,
    context: Sequence[str],
    tag: Sequence[str],
    identity_policy: Sequence[str],
    queue_policy: str | None,
    live: bool,
    as_json: bool,
) -> int:
    """Print the decision and an explanation of each statement; return the exit code.

    ``configuration`` names the store of a live queue. Raises click.UsageError.
    """
    parts = resource.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or parts[:3] != ["arn", "aws", "sqs"]:
        raise click.UsageError(f"--resource must be an ARN such as arn:aws:sqs:us-east-1:123456789012:NAME: {resource}")
    if live and queue_policy is not None:
        raise click.UsageError("use only one of --live and --queue-policy")
    region, owner = parts[3], parts[4]
    identity = [(file, _policy(file, "identity")) for file in identity_policy]
    caller = _principal(principal, dict(map(_pair, tag)), tuple(policy for _, policy in identity))
    of_queue: Policy | None = None
    if live:
        of_queue = _live(configuration(), resource)
    elif queue_policy is not None:
        of_queue = _policy(queue_policy, "resource")
    given: dict[str, str | list[str] | None] = {}
    for key, value in map(_pair, context):
        known = given.setdefault(key, [])
        assert isinstance(known, list)
        known.append(value)
    action = action.lower() if ":" in action else f"sqs:{action.lower()}"
    below = RequestContext(caller, {}, region, owner)
    question = Question(caller, action, resource, owner, GivenContext(given, below))
    decision = evaluate(question, of_queue)
    named = [*identity, *([(_QUEUE_POLICY, of_queue)] if of_queue is not None else [])]
    rows = list(explain(question, named))
    click.echo(_json(question, decision, rows) if as_json else _table(question, decision, rows))
    return 0 if decision.is_allowed else 1


def _principal(text: str, tags: dict[str, str], policies: tuple[Policy, ...]) -> Principal:
    """Build the principal that a text names. Raises click.UsageError."""
    if text == "anonymous":
        return ANONYMOUS
    if addresses.is_account(text):
        root = arns.root(text)
        return Principal(text, root.arn, text, tags=tags, policies=policies)
    if text.endswith(".amazonaws.com"):
        return Principal("", "", text, service=text)
    match text.split(":"):
        case ["arn", "aws", "iam", "", account, "root"]:
            return Principal(account, text, account, tags=tags, policies=policies)
        case ["arn", "aws", "iam", "", account, name] if name.startswith("user/"):
            return Principal(account, text, "", name.rpartition("/")[2], tags, policies)
        case ["arn", "aws", "sts", "", account, name] if name.startswith("assumed-role/") and name.count("/") == 2:
            _, role, session = name.split("/")
            role_arn = f"arn:aws:iam::{account}:role/{role}"
            return Principal(account, text, f":{session}", tags=tags, policies=policies, role_arn=role_arn)
    raise click.UsageError(
        "--principal must be an ARN (arn:aws:iam::ACCOUNT:user/NAME, arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION), "
        f"an account of 12 digits, a service such as sns.amazonaws.com, or anonymous: {text}"
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"write KEY=VALUE: {text}")
    return key, value


def _policy(file: str, kind: Kind) -> Policy:
    try:
        return Policy.parse(Path(file).read_text(), kind)
    except OSError as problem:
        raise click.UsageError(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not a text in UTF-8") from None
    except PolicyInvalid as problem:
        raise click.UsageError(f"{file} is not a valid policy: {problem}") from None


def _live(configuration: Configuration, resource: str) -> Policy | None:
    """Read the policy of a queue from the store; None if it has none. Raises click.UsageError."""
    settings = configuration.settings
    ref = addresses.of_arn(resource, settings)
    if ref is None:
        raise click.UsageError(f"--resource names no queue: {resource}")
    store = startup.EmbeddedStore(settings)
    with startup.refusals(configuration):
        store.start()
        try:
            document = _stored(configuration, store, ref)
        finally:
            store.release()
    if document is None:
        return None
    try:
        return Policy.parse(document, "resource")
    except PolicyInvalid as problem:
        raise click.UsageError(
            f"the policy of {ref.name} is not valid, so it denies every request: {problem}"
        ) from None


def _stored(configuration: Configuration, store: startup.EmbeddedStore, ref: QueueRef) -> str | None:
    url = store.url()
    # A command that only reads works with a store of any durability.
    core = new_core(msgspec.structs.replace(store.with_key(configuration.settings), durability="memory"), url)
    try:
        found = queues.get(core.session(), ref).settings.documents.get("policy")
    except QueueNotFound:
        raise click.UsageError(f"there is no queue {ref.name} of account {ref.project} in {ref.region}") from None
    finally:
        core.close()
    return None if found is None else found.decode()


def _json(question: Question, decision: Decision, rows: Sequence[Row]) -> str:
    document = {
        "allowed": decision.is_allowed,
        "reason": decision.reason.value.format(action=question.action),
        "statement": decision.statement or None,
        "principal": question.caller.arn or question.caller.service or "anonymous",
        "action": question.action,
        "resource": question.resource,
        "statements": [
            {
                "policy": row.policy,
                "statement": row.statement,
                "effect": row.effect,
                "applies": row.applies,
                "because": row.because or None,
            }
            for row in rows
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _table(question: Question, decision: Decision, rows: Sequence[Row]) -> str:
    reason = decision.reason.value.format(action=question.action)
    by = f" (statement {decision.statement})" if decision.statement else ""
    lines = [f"{'allowed' if decision.is_allowed else 'denied'}: {reason}{by}"]
    if rows:
        cells = [("policy", "statement", "effect", "applies", "because")]
        cells += [(row.policy, row.statement, row.effect, "yes" if row.applies else "no", row.because) for row in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines += ["", *("  ".join((*map(str.ljust, row[:4], widths), row[4])).rstrip() for row in cells)]
    return "\n".join(lines)
