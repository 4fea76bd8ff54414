"""Each rule finds the violation that is planted for it, and accepts what the guarantees allow."""

from __future__ import annotations

import pytest

from tests.faults import rules
from tests.faults.history import Delivery, History, Label, Left, Outcome, Sent, label


def body(number: int, kind: str = "plain") -> str:
    return Label("p", number, "p-1", kind).body()  # type: ignore[arg-type] # one of its kinds


def sent(
    number: int, queue: str = "standard", outcome: Outcome = "done", *, kind: str = "plain", post: int = 0
) -> Sent:
    is_known, is_fifo = outcome == "done", queue.endswith(".fifo")
    return Sent(
        queue,
        body(number, kind),
        outcome,
        f"id-{number}" if is_known else "",
        number if is_known and is_fifo else 0,
        post,
    )


def got(
    number: int,
    at: float,
    queue: str = "standard",
    *,
    count: int = 1,
    lease_seconds: float = 1,
    deleted_at: float | None = None,
    kind: str = "plain",
) -> Delivery:
    """A message that was received in the tenth of a second from ``at``, in a response of its own."""
    found = Delivery(queue, body(number, kind), f"id-{number}", at, at + 0.1, int(at * 10), lease_seconds, count)
    if deleted_at is not None:
        found.touched, found.deletion, found.gone = deleted_at - 0.1, "done", deleted_at
    return found


def history(*records: Sent | Delivery | Left) -> History:
    found = History()
    for one in records:
        if isinstance(one, Sent):
            found.sent.append(one)
        elif isinstance(one, Delivery):
            found.deliveries.append(one)
        else:
            found.left.append(one)
    return found


def left(number: int, queue: str = "standard") -> Left:
    return Left(queue, body(number), f"id-{number}")


FIFO, DEAD = "ordered.fifo", "standard-dead"

#: Rule, what it finds, and the history in which it finds that.
PLANTED = {
    "a message that nobody received": ("lost", history(sent(1))),
    "a message that was received, not deleted, and is gone": ("lost", history(sent(1), got(1, 0))),
    "a message whose deletion was refused": ("lost", history(sent(1), got(1, 0, deleted_at=2))),
    "a message that is left in another queue": ("lost", history(sent(1), left(1, "fair"))),
    "a received message after its deletion": ("risen", history(sent(1), got(1, 0, deleted_at=1), got(1, 2, count=2))),
    "a deleted message that is left": ("risen", history(sent(1), got(1, 0, deleted_at=1), left(1))),
    "a deleted message that another call deletes again": (
        "risen",
        history(sent(1), got(1, 0, deleted_at=1), got(1, 2, count=2, deleted_at=3)),
    ),
    "messages of a group in the wrong order": (
        "disordered",
        history(sent(1, FIFO), sent(2, FIFO), got(2, 0, FIFO, deleted_at=1), got(1, 2, FIFO, deleted_at=3)),
    ),
    "a group that two consumers have": (
        "shared",
        history(sent(1, FIFO), sent(2, FIFO), got(1, 0, FIFO, lease_seconds=9), got(2, 1, FIFO)),
    ),
    "a message that two consumers have": (
        "shared",
        history(sent(1, FIFO), got(1, 0, FIFO, lease_seconds=9), got(1, 1, FIFO, count=2)),
    ),
    "sequence numbers that fall": ("renumbered", history(sent(2, FIFO), Sent(FIFO, body(3), "done", "id-3", 1))),
    "a duplicate with a number of its own": (
        "renumbered",
        history(sent(1, FIFO), Sent(FIFO, body(1), "done", "id-1", 2), got(1, 0, FIFO, deleted_at=1)),
    ),
    "a dead letter that exists twice": ("moved_twice", history(got(1, 5, DEAD, count=4), got(1, 6, DEAD, count=4))),
    "a dead letter that its consumer deleted in time": (
        "moved_while_held",
        history(sent(1), got(1, 0, deleted_at=0.3), got(1, 5, DEAD, count=4)),
    ),
    "a receive count that does not rise": ("miscounted", history(got(1, 0, count=1), got(1, 2, count=1))),
    "a message that was received once too often": ("miscounted", history(got(1, 0, count=4))),
    "a dead letter that came too early": ("miscounted", history(got(1, 0, DEAD, count=3))),
    "half of a post": ("torn", history(sent(1, post=1), sent(2, outcome="unknown", post=1), got(1, 0, deleted_at=1))),
    "a refused message that exists": ("stored_though_refused", history(sent(1, outcome="refused"), got(1, 0))),
    "a valid message that was refused": ("refused_though_valid", history(sent(1, outcome="refused"))),
    "an invalid message that was accepted": ("refused_though_valid", history(sent(1, kind="bad"))),
    "a message that consumers were not given": ("stuck", history(sent(1), left(1))),
}
PLANTED["a message whose deletion was refused"][1].deliveries[0].deletion = "refused"


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name: str) -> None:
    rule, planted = PLANTED[name]
    assert rules.violations(planted)[rule]


def test_a_message_with_two_ids_is_found() -> None:
    """Its send was acknowledged twice, although the second one is a duplicate."""
    again = got(1, 2, FIFO, deleted_at=3)
    again.message_id = "id-9"
    assert rules.violations(history(sent(1, FIFO), got(1, 0, FIFO, deleted_at=1), again))["doubled"] == [body(1)]


def test_a_response_with_a_group_out_of_order_is_found() -> None:
    first, second = got(2, 0, FIFO, deleted_at=1), got(1, 0, FIFO, deleted_at=1)
    assert rules.disordered(history(sent(1, FIFO), sent(2, FIFO), first, second)) == [body(1)]


def test_a_batch_entry_without_an_outcome_is_found() -> None:
    assert rules.violations(History(unanswered=["0"])) == {"unanswered": ["0"]}


#: What at-least-once delivery and unknown outcomes allow.
ALLOWED = {
    "a message that is deleted": history(sent(1), got(1, 0, deleted_at=1)),
    "a repeated delivery after the lease": history(sent(1), got(1, 0), got(1, 2, count=2, deleted_at=3)),
    "a delivery during the deletion": history(sent(1), got(1, 0, deleted_at=2.05), got(1, 2, count=2, deleted_at=3)),
    "an unknown send that is not stored": history(sent(1, outcome="unknown")),
    "an unknown send that is stored": history(sent(1, outcome="unknown"), got(1, 0, deleted_at=1)),
    "an unknown post that is stored": history(
        *(sent(at, outcome="unknown", post=1) for at in (1, 2)), got(1, 0, deleted_at=1), got(2, 3, deleted_at=4)
    ),
    "a dead letter": history(
        sent(1, kind="poison"),
        *(got(1, 2.0 * at, count=at, kind="poison") for at in (1, 2, 3)),
        got(1, 9, DEAD, count=4, deleted_at=10, kind="poison"),
    ),
    "a group one after the other": history(
        sent(1, FIFO), sent(2, FIFO), got(1, 0, FIFO, deleted_at=0.5), got(2, 1, FIFO, deleted_at=1.5)
    ),
    "a duplicate that was recognised": history(sent(1, FIFO), sent(1, FIFO), got(1, 0, FIFO, deleted_at=1)),
    "an invalid message that was refused": history(sent(1, outcome="refused", kind="bad")),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_the_guarantees_allow_is_no_violation(name: str) -> None:
    assert rules.violations(ALLOWED[name]) == {}


def test_a_lost_pop_excuses_as_many_messages_as_it_asked_for() -> None:
    found = history(sent(1, "popped"), sent(2, "popped"))
    found.lost_pops.append(("popped", 1))
    assert len(rules.lost(found)) == 2
    found.lost_pops.append(("popped", 1))
    assert rules.lost(found) == []


def test_a_lost_claim_excuses_messages_that_are_left() -> None:
    found = history(sent(1), left(1))
    found.lost_claims.append(("standard", 1))
    assert rules.violations(found) == {}


def test_a_label_survives_as_a_body() -> None:
    assert label(body(7, "poison")) == Label("p", 7, "p-1", "poison")
