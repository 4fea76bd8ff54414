"""The rules for a history. Each function returns the violations of one rule."""

from __future__ import annotations

from collections import defaultdict

from tests.attack.histories import VISIBILITY_SECONDS, Delivery, History

#: After a kill, calls may take as long as the service needs to come back.
RECOVERY_SECONDS = 6.0
#: Between the deletion of a dead letter by its late consumer and its move there is no order; within this part of the
#: lease the message was the consumer's own for certain.
SAFE_SECONDS = VISIBILITY_SECONDS / 2


def lost(history: History, dead: list[Delivery]) -> list[str]:
    """Return acknowledged messages that were never received. A poison message must have become a dead letter."""
    seen = {(one.queue, one.body) for one in history.deliveries}
    dead_letters = {one.body for one in dead}
    return [
        one.body
        for one in history.sent
        if (one.queue, one.body) not in seen or (one.body.startswith("poison") and one.body not in dead_letters)
    ]


def risen(history: History) -> list[str]:
    """Return messages that were received by a call that began after their deletion was acknowledged."""
    gone: dict[tuple[str, str], float] = {}
    for one in history.deliveries:
        if one.gone is not None:
            key = one.queue, one.message_id
            gone[key] = min(one.gone, gone.get(key, one.gone))
    return [one.body for one in history.deliveries if one.began > gone.get((one.queue, one.message_id), float("inf"))]


def doubled(history: History) -> list[str]:
    """Return bodies of several messages, although each was acknowledged once or deduplicated."""
    ids: dict[str, set[str]] = defaultdict(set)
    for one in history.deliveries:
        ids[one.body].add(one.message_id)
    for sent in history.sent:
        ids[sent.body].add(sent.message_id)
    return [body for body, found in ids.items() if len(found) > 1]


def shared(history: History) -> list[str]:
    """FIFO: return messages that were received while another consumer surely held them or an earlier one of their
    group."""
    found = []
    for one, earlier in _pairs(history):
        if one.answer == earlier.answer or earlier.sequence > one.sequence:
            continue
        until = min(earlier.began + earlier.visibility, earlier.touched or float("inf"))
        if earlier.ended < one.began and one.ended < until:
            found.append(f"{one.body} while {earlier.body} of {one.group} was in flight")
    return found


def disordered(history: History) -> list[str]:
    """FIFO: return messages that were first received after a later message of their group."""
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
    """Return responses that have the messages of a group out of order."""
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
    """FIFO: return messages of one producer and group whose numbers are not in the order of their acknowledgements."""
    last: dict[str, int] = {}
    found = []
    for one in history.sent:
        if one.queue.endswith(".fifo"):
            if one.sequence <= last.get(one.group, 0):
                found.append(one.body)
            last[one.group] = one.sequence
    return found


def moved_twice(dead: list[Delivery]) -> list[str]:
    """Return dead letters that exist more than once; all of them were received once, and held."""
    bodies = [one.body for one in dead]
    return [body for body in set(bodies) if bodies.count(body) > 1]


def moved_while_held(history: History, dead: list[Delivery]) -> list[str]:
    """Return dead letters that had been deleted while their consumer certainly held them."""
    deleted = {
        one.message_id for one in history.deliveries if one.gone is not None and one.gone - one.began < SAFE_SECONDS
    }
    return [one.body for one in dead if one.message_id in deleted]


def late(history: History, seconds: float) -> list[float]:
    """Return the delays of empty long polls that ended late, except shortly after a kill."""
    return [
        by
        for by, began in history.late
        if by > seconds and not any(began - RECOVERY_SECONDS < at < began + by + 2 for at, _ in history.kills)
    ]


def _pairs(history: History) -> list[tuple[Delivery, Delivery]]:
    """Return pairs of FIFO deliveries of one group, the second of which began up to a lease before the first."""
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
