"""Apply declarations to a real store: what is created, changed, left alone and refused."""

from __future__ import annotations

import tomllib
import uuid
from collections.abc import Callable

import orjson
import pytest

from sqs_facade import attributes
from sqs_facade.declarations import applying, plan
from sqs_facade.declarations.applying import Outcome
from sqs_facade.declarations.findings import Findings
from sqs_facade.declarations.model import Declarations
from sqs_facade.declarations.tables import Reading
from sqs_facade.operations import queue_attributes, tags
from zaqar_core.core import queues, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest import metadata

Apply = Callable[[str], Outcome]


@pytest.fixture
def account() -> str:
    """An account that no other test uses."""
    return str(uuid.uuid4().int)[:12]


@pytest.fixture
def read(session: Session, account: str) -> Callable[[str], Declarations]:
    """Reads tables; their account is one of its own."""

    def read(text: str) -> Declarations:
        findings = Findings()
        document = {"account": {account: tomllib.loads(text)}}
        if "queue_defaults" in document["account"][account]:
            document["queue_defaults"] = document["account"][account].pop("queue_defaults")
        found = Reading(document, session.settings, findings, None).declarations()
        assert not findings.found, findings.found
        return found

    return read


@pytest.fixture
def apply(core: Core, read: Callable[[str], Declarations]) -> Apply:
    return lambda text: applying.apply(core.session, read(text))


def made(outcome: Outcome) -> set[tuple[str, str, str | None, str | None]]:
    assert outcome.problems == []
    return {
        (one.declared.ref.name, change.name, change.before, change.after)
        for one in outcome.first.queues
        for change in one.changes
    }


@pytest.fixture
def shown(session: Session, account: str) -> Callable[[str], dict[str, str]]:
    return lambda name: attributes.shown(queues.get(session, QueueRef(account, "us-east-1", name)), None)


Shown = Callable[[str], dict[str, str]]


def test_a_declared_queue_is_created_with_all_that_is_declared(
    apply: Apply, shown: Shown, session: Session, account: str
) -> None:
    apply("""
    [queue.orders]
    VisibilityTimeout = 60
    tags = { team = "shop" }
    metadata = { owner = "shop", _dead_letter_queue_messages_ttl = 600 }
    [[queue.orders.subscription]]
    subscriber = "https://hooks.example.org/orders"
    """)
    ref = QueueRef(account, "us-east-1", "orders")
    queue = queues.get(session, ref)
    assert shown("orders")["VisibilityTimeout"] == "60"
    assert tags.of_queue(queue) == {"team": "shop"}
    assert metadata.joined(queue)["owner"] == "shop"
    assert queue.settings.dead_letter_ttl_seconds == 600
    [found] = subscriptions.list_page(session, ref, after="", limit=10)
    assert (found.subscriber, found.is_confirmed) == ("https://hooks.example.org/orders", True)


ALL = """
[queue.orders]
VisibilityTimeout = 60
KmsMasterKeyId = "alias/aws/sqs"
dead_letter_queue = "dead"
max_receive_count = 5
Policy = { Version = "2012-10-17", Statement = [] }
tags = { team = "shop" }
metadata = { owner = { name = "shop" }, _max_messages_post_size = 1000 }
[[queue.orders.subscription]]
subscriber = "https://hooks.example.org/orders"
ttl = 600
options = { post_data = "x" }
[queue.dead]
RedriveAllowPolicy = { redrivePermission = "byQueue", sourceQueueArns = ["orders"] }
SqsManagedSseEnabled = false
[queue."a.fifo"]
ContentBasedDeduplication = true
DeduplicationScope = "messageGroup"
FifoThroughputLimit = "perMessageGroupId"
dead_letter_queue = "a.fifo"
max_receive_count = 2
[queue.b]
dead_letter_queue = "c"
max_receive_count = 1
[queue.c]
dead_letter_queue = "b"
max_receive_count = 1
[queue."zaqar.name"]
"""


def test_a_second_run_changes_nothing(apply: Apply, read: Callable[[str], Declarations], session: Session) -> None:
    """Also a cycle of dead-letter queues, and one that is declared after its source."""
    assert made(apply(ALL))
    assert plan.make(session, read(ALL)).is_done
    assert made(apply(ALL)) == set()


def test_a_queue_keeps_all_that_its_table_does_not_name(
    apply: Apply, shown: Shown, session: Session, account: str
) -> None:
    ref = QueueRef(account, "us-east-1", "orders")
    queues.create(session, ref, QueueSettings(documents={"metadata": b'{"mine":1}'}), creator="zaqar")
    queue_attributes.assign(session, ref, {"DelaySeconds": "7", "VisibilityTimeout": "8"})
    tags.put(session, ref, {"mine": "1", "team": "none"})
    subscriptions.create(session, ref, subscriber="https://x.org", options=b"{}", ttl_seconds=600)
    assert made(apply('[queue.orders]\nVisibilityTimeout = 60\ntags.team = "shop"\nmetadata.owner = "shop"\n')) == {
        ("orders", "VisibilityTimeout", "8", "60"),
        ("orders", "team", "none", "shop"),
        ("orders", "owner", None, '"shop"'),
    }
    queue = queues.get(session, ref)
    assert (shown("orders")["DelaySeconds"], shown("orders")["VisibilityTimeout"]) == ("7", "60")
    assert tags.of_queue(queue) == {"mine": "1", "team": "shop"}
    assert metadata.kept(queue) == {"mine": 1, "owner": "shop"}
    assert len(subscriptions.list_page(session, ref, after="", limit=10)) == 1


def test_an_empty_value_removes_an_attribute(apply: Apply, shown: Shown) -> None:
    apply("[queue.dead]\n[queue.orders]\nDelaySeconds = 5\ndead_letter_queue = 'dead'\nmax_receive_count = 1")
    apply("[queue.orders]\nDelaySeconds = ''\ndead_letter_queue = ''")
    assert shown("orders")["DelaySeconds"] == "0"
    assert "RedrivePolicy" not in shown("orders")


def test_a_reserved_entry_of_0_is_removed(apply: Apply, session: Session, account: str) -> None:
    apply("[queue.orders]\nmetadata = { _max_claim_count = 3, _enable_encrypt_messages = false }")
    text = "[queue.orders]\nmetadata = { _max_claim_count = 0, _default_message_delay = 0 }"
    assert made(apply(text)) == {("orders", "_max_claim_count", "3", None)}
    queue = queues.get(session, QueueRef(account, "us-east-1", "orders"))
    assert metadata.joined(queue) == {"_enable_encrypt_messages": False}
    assert made(apply(text)) == set()


def test_a_subscription_is_changed_in_place(apply: Apply, session: Session, account: str) -> None:
    text = "[[queue.orders.subscription]]\nsubscriber = 'https://x.org'\n"
    apply(text)
    apply(f"{text}ttl = 900\noptions = {{ post_data = 'a' }}\n")
    ref = QueueRef(account, "us-east-1", "orders")
    [found] = subscriptions.list_page(session, ref, after="", limit=10)
    assert (found.ttl_seconds, orjson.loads(found.options)) == (900, {"post_data": "a"})
    assert made(apply(text + "ttl = 900\n")) == set()


def test_a_queue_that_is_declared_no_more_is_reported_and_stays(apply: Apply, shown: Shown, account: str) -> None:
    apply("[queue.a]\n[queue.b]\n")
    outcome = apply("[queue.b]\n")
    assert [ref.name for ref in outcome.first.forgotten if ref.project == account] == ["a"]
    assert shown("a")


def test_a_policy_with_other_white_space_is_the_same(apply: Apply, session: Session, account: str) -> None:
    text = '[queue.orders]\nPolicy = { Version = "2012-10-17", Statement = [] }\n'
    apply(text)
    ref = QueueRef(account, "us-east-1", "orders")
    queue_attributes.assign(session, ref, {"Policy": '{ "Statement": [],  "Version": "2012-10-17" }'})
    assert made(apply(text)) == set()


REFUSED = {
    "a dead-letter queue that does not exist": (
        "[queue.orders]\ndead_letter_queue = 'missing'\nmax_receive_count = 1",
        "Dead letter target does not exist.",
    ),
    "a dead-letter queue that refuses its source": (
        "[queue.orders]\ndead_letter_queue = 'dead'\nmax_receive_count = 1\n"
        "[queue.dead]\nRedriveAllowPolicy = { redrivePermission = 'denyAll' }",
        "The dead letter target's RedriveAllowPolicy does not allow this source queue.",
    ),
    "encryption without a key": (
        "[queue.orders]\nSqsManagedSseEnabled = true",
        "The setting encryption_keys of this service contains no key.",
    ),
    "encryption by Zaqar without a key": (
        "[queue.orders]\nmetadata._enable_encrypt_messages = true",
        "the setting encryption_keys contains no key.",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_queue_that_cannot_be_as_declared_is_one_problem_and_stops_no_other_queue(
    text: str, reason: str, apply: Apply, shown: Shown
) -> None:
    outcome = apply(f"{text}\n[queue.zz]\nDelaySeconds = 3\n")
    [problem] = outcome.problems
    assert problem.endswith(reason)
    assert ".queue.orders: " in problem
    assert shown("zz")["DelaySeconds"] == "3"


def test_an_allow_policy_is_changed_before_the_redrive_policy_that_needs_it(apply: Apply, shown: Shown) -> None:
    apply("[queue.orders]\n[queue.dead]\nRedriveAllowPolicy = { redrivePermission = 'denyAll' }")
    text = "[queue.orders]\ndead_letter_queue = 'dead'\nmax_receive_count = 1\n"
    assert apply(f"{text}[queue.dead]\nRedriveAllowPolicy = {{ redrivePermission = 'allowAll' }}").problems == []
    assert "dead" in shown("orders")["RedrivePolicy"]


def test_a_process_that_lost_its_turn_changes_nothing_more(
    core: Core, session: Session, read: Callable[[str], Declarations], account: str
) -> None:
    with pytest.raises(StoreUnavailable):
        applying.apply(core.session, read("[queue.orders]"), goes_on=lambda: False)
    assert queues.number(session, account, "us-east-1") == 0


def test_the_next_run_finishes_an_interrupted_one(
    core: Core, session: Session, read: Callable[[str], Declarations], account: str
) -> None:
    steps = iter([True] * 5)
    declarations = read(ALL)
    with pytest.raises(StoreUnavailable):
        applying.apply(core.session, declarations, goes_on=lambda: next(steps, False))
    assert 0 < queues.number(session, account, "us-east-1") < len(declarations.queues)
    assert applying.apply(core.session, declarations).problems == []
    assert plan.make(session, declarations).is_done


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("https://me:s3cret@hooks.example.org/x?token=s3cret", "https://hooks.example.org/***"),
        ("https://hooks.example.org/services/T/B/s3cret", "https://hooks.example.org/***"),
        ("https://hooks.example.org", "https://hooks.example.org"),
        ("mailto:shop@example.org?subject=s3cret", "mailto:shop@example.org"),
    ],
)
def test_a_plan_shows_no_secret_of_a_subscriber(uri: str, text: str) -> None:
    assert plan.shown_subscriber(uri) == text
