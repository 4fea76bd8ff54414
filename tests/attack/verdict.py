"""What must hold of a history, each rule as a list of its violations."""

from __future__ import annotations

from collections import defaultdict

from tests.attack.histories import VISIBILITY_SECONDS, Delivery, History

#: After a kill, calls may take as long as the service needs to come back.
RECOVERY_SECONDS = 6.0
#: Between the deletion of a dead letter by its late consumer and its move there is no order; within this part of the
#: lease the message was the consumer's own for certain.
SAFE_SECONDS = VISIBILITY_SECONDS / 2


def lost(history: History, dead: list[Delivery]) -> list[str]:
    """Acknowledged sends that nobody ever received. Poison must have ended as a dead letter."""
    seen = {(one.queue, one.body) for one in history.deliveries}
    buried = {one.body for one in dead}
    return [
        one.body
        for one in history.sent
        if (one.queue, one.body) not in seen or (one.body.startswith("poison") and one.body not in buried)
    ]


def risen(history: History) -> list[str]:
    """Messages received by a call that began after their deletion had been acknowledged."""
    gone: dict[tuple[str, str], float] = {}
    for one in history.deliveries:
        if one.gone is not None:
            key = one.queue, one.message_id
            gone[key] = min(one.gone, gone.get(key, one.gone))
    return [one.body for one in history.deliveries if one.began > gone.get((one.queue, one.message_id), float("inf"))]


def doubled(history: History) -> list[str]:
    """Bodies that exist as several messages, though each was acknowledged once, or was deduplicated."""
    ids: dict[str, set[str]] = defaultdict(set)
    for one in history.deliveries:
        ids[one.body].add(one.message_id)
    for sent in history.sent:
        ids[sent.body].add(sent.message_id)
    return [body for body, found in ids.items() if len(found) > 1]


def shared(history: History) -> list[str]:
    """FIFO: messages handed out while another answer's consumer surely held them or an earlier one of their group."""
    found = []
    for one, earlier in _pairs(history):
        if one.answer == earlier.answer or earlier.sequence > one.sequence:
            continue
        until = min(earlier.began + earlier.visibility, earlier.touched or float("inf"))
        if earlier.ended < one.began and one.ended < until:
            found.append(f"{one.body} while {earlier.body} of {one.group} was in flight")
    return found


def disordered(history: History) -> list[str]:
    """FIFO: messages given for the first time after a later one of their group had been given."""
    first: dict[str, Delivery] = {}
    for one in history.deliveries:
        if one.queue.endswith(".fifo") and (one.body not in first or one.began < first[one.body].began):
            first[one.body] = one
    groups: dict[str, list[Delivery]] = defaultdict(list)
    for one in first.values():
        groups[one.group].append(one)
    found = []
    for members in groups.values():
        members.sort(key=lambda one: one.sequence)
        soonest = float("inf")
        for one in reversed(members):
            if one.began > soonest:
                found.append(one.body)
            soonest = min(soonest, one.ended)
    return found + _mixed_answers(history)


def _mixed_answers(history: History) -> list[str]:
    """Answers that give a group's messages out of order."""
    last: dict[tuple[int, str], int] = {}
    found = []
    for one in history.deliveries:
        if one.queue.endswith(".fifo"):
            key = one.answer, one.group
            if one.sequence < last.get(key, 0):
                found.append(one.body)
            last[key] = one.sequence
    return found


def renumbered(history: History) -> list[str]:
    """FIFO: a producer's messages of one group whose numbers are not in the order of their acknowledgements."""
    last: dict[str, int] = {}
    found = []
    for one in history.sent:
        if one.queue.endswith(".fifo"):
            if one.sequence <= last.get(one.group, 0):
                found.append(one.body)
            last[one.group] = one.sequence
    return found


def buried_twice(dead: list[Delivery]) -> list[str]:
    """Dead letters that are there more than once; all of them were received once, and held."""
    bodies = [one.body for one in dead]
    return [body for body in set(bodies) if bodies.count(body) > 1]


def buried_alive(history: History, dead: list[Delivery]) -> list[str]:
    """Dead letters that had been deleted while their consumer certainly held them."""
    deleted = {
        one.message_id for one in history.deliveries if one.gone is not None and one.gone - one.began < SAFE_SECONDS
    }
    return [one.body for one in dead if one.message_id in deleted]


def late(history: History, seconds: float) -> list[float]:
    """Empty long polls that came so much too late, outside the time after a kill."""
    return [
        by
        for by, began in history.late
        if by > seconds and not any(began - RECOVERY_SECONDS < at < began + by + 2 for at, _ in history.kills)
    ]


def _pairs(history: History) -> list[tuple[Delivery, Delivery]]:
    """FIFO deliveries with those of their group that began up to a lease before."""
    groups: dict[str, list[Delivery]] = defaultdict(list)
    for one in history.deliveries:
        if one.queue.endswith(".fifo"):
            groups[one.group].append(one)
    found = []
    for members in groups.values():
        members.sort(key=lambda one: one.began)
        start = 0
        for at, one in enumerate(members):
            while members[start].began + members[start].visibility < one.began:
                start += 1
            found += [(one, earlier) for earlier in members[start:at]]
    return found
