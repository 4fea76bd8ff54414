"""The guarantees as rules for a history. Each rule returns its violations as text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from tests.faults.history import DEAD, MOST_RECEIVES, QUEUES, VISIBILITY_SECONDS, Delivery, History, Sent, label

#: Between the deletion of a message by a late consumer and its move to the dead-letter queue there is no order. Within
#: this part of the lease the message was the consumer's own for certain.
SAFE_SECONDS = VISIBILITY_SECONDS / 2
#: Refusals of a valid request that say nothing about the request.
THROTTLES = ("RequestThrottled", "ThrottlingException", "429")

Rule = Callable[[History], list[str]]


def violations(history: History) -> dict[str, list[str]]:
    """Check every rule. Return those that are violated, with what violates them."""
    found = {rule.__name__: rule(history) for rule in RULES}
    return {name: bodies for name, bodies in found.items() if bodies}


def summary(history: History) -> str:
    """Return the violations as text, the first five of each rule; empty if every guarantee held."""
    found = violations(history).items()
    return "\n".join(f"{len(bodies)} {name}: {'; '.join(bodies[:5])}" for name, bodies in found)


def lost(history: History) -> list[str]:
    """Return acknowledged messages that nobody deleted, and that are neither in their queue nor dead letters.

    A pop without a known outcome excuses as many missing messages of its queue as it asked for.
    """
    excused: Counter[str] = Counter()
    for queue, limit in history.lost_pops:
        excused[queue] += limit
    missing = missing_messages(history)
    number = Counter(one.queue for one in missing)
    return [f"{one.body} of {one.queue}" for one in missing if number[one.queue] > excused[one.queue]]


def missing_messages(history: History) -> list[Sent]:
    """Return the acknowledged messages of which there is no trace, without any excuse."""
    there = {(one.queue, one.body) for one in history.left}
    there |= {(one.queue, one.body) for one in history.deliveries if one.queue not in QUEUES}
    removed = {(one.queue, one.body) for one in history.deliveries if one.deletion in ("done", "unknown")}
    return [
        one
        for one in history.sent
        if one.outcome == "done"
        and (one.queue, one.body) not in removed | there
        and (DEAD.get(one.queue), one.body) not in there
    ]


def stuck(history: History) -> list[str]:
    """Return messages that consumers were not given although no lost claim can hold them."""
    held = {queue for queue, _ in history.lost_claims}
    return [f"{one.body} of {one.queue}" for one in history.left if one.queue in QUEUES and one.queue not in held]


def risen(history: History) -> list[str]:
    """Return messages that a call received that began after their deletion was acknowledged, or that are left."""
    gone: dict[tuple[str, str], float] = {}
    for one in history.deliveries:
        if one.gone is not None:
            key = one.queue, one.message_id
            gone[key] = min(one.gone, gone.get(key, one.gone))
    again = [one.body for one in history.deliveries if one.began > gone.get((one.queue, one.message_id), float("inf"))]
    return again + [f"{one.body} is left" for one in history.left if (one.queue, one.message_id) in gone]


def doubled(history: History) -> list[str]:
    """Return bodies of several messages, although each was acknowledged once or deduplicated."""
    ids: dict[str, set[str]] = defaultdict(set)
    for body, message_id in _ids(history):
        ids[body].add(message_id)
    return [body for body, found in ids.items() if len(found) > 1]


def stored_though_refused(history: History) -> list[str]:
    """Return messages that exist although their send was refused."""
    there = {body for body, _ in _seen(history)}
    return [one.body for one in history.sent if one.outcome == "refused" and one.body in there]


def refused_though_valid(history: History) -> list[str]:
    """Return valid messages that were refused, and invalid ones that were not: faults must not change that."""
    return [
        f"{one.body}: {one.reason or 'accepted'}"
        for one in history.sent
        if (one.outcome == "refused" and label(one.body).kind != "bad" and one.reason not in THROTTLES)
        or (one.outcome == "done" and label(one.body).kind == "bad")
    ]


def unanswered(history: History) -> list[str]:
    """Return entries of batches that the response omits or repeats."""
    return list(history.unanswered)


def torn(history: History) -> list[str]:
    """Return messages of one Zaqar POST of which others do not exist."""
    there = {body for body, _ in _seen(history)}
    excused = {queue for queue, _ in history.lost_pops}
    posts: dict[int, list[Sent]] = defaultdict(list)
    for one in history.sent:
        if one.post and one.queue not in excused:
            posts[one.post].append(one)
    found = []
    for members in posts.values():
        absent = [one.body for one in members if one.body not in there]
        if 0 < len(absent) < len(members):
            found += absent
    return found


def shared(history: History) -> list[str]:
    """Return FIFO messages that were received while another consumer held them or an earlier one of the group."""
    found = []
    for one, earlier in _pairs(history):
        if one.answer == earlier.answer or label(earlier.body).number > label(one.body).number:
            continue
        until = min(earlier.began + earlier.lease_seconds, earlier.touched or float("inf"))
        if earlier.ended < one.began and one.ended < until:
            found.append(f"{one.body} while {earlier.body} was in flight")
    return found


def disordered(history: History) -> list[str]:
    """Return FIFO messages that were first received after a later message of their group."""
    first: dict[tuple[str, str], Delivery] = {}
    for one in _fifo(history):
        key = one.queue, one.body
        if key not in first or one.began < first[key].began:
            first[key] = one
    groups: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for one in first.values():
        groups[one.queue, label(one.body).group].append(one)
    found = []
    for members in groups.values():
        members.sort(key=lambda one: label(one.body).number)
        soonest = float("inf")
        for one in reversed(members):
            if one.began > soonest:
                found.append(one.body)
            soonest = min(soonest, one.ended)
    return found + _mixed_answers(history)


def _mixed_answers(history: History) -> list[str]:
    """Return messages that one response has out of the order of their group."""
    last: dict[tuple[int, str], int] = {}
    found = []
    for one in _fifo(history):
        key, number = (one.answer, label(one.body).group), label(one.body).number
        if number < last.get(key, 0):
            found.append(one.body)
        last[key] = number
    return found


def renumbered(history: History) -> list[str]:
    """Return FIFO messages whose SequenceNumber is not in the order of their group, or not always the same."""
    sent = [(one.body, one.sequence) for one in history.sent if one.sequence]
    received = [(one.body, one.sequence) for one in history.deliveries if one.sequence and one.queue in QUEUES]
    numbers = dict(sent)
    found = [f"{body} has several numbers" for body, number in sent + received if numbers.get(body, number) != number]
    last: dict[str, int] = {}
    for body in sorted(numbers, key=lambda body: label(body).number):
        group = label(body).group
        if numbers[body] <= last.get(group, 0):
            found.append(body)
        last[group] = numbers[body]
    return found


def moved_twice(history: History) -> list[str]:
    """Return dead letters that exist more than once. Each dead-letter queue is read once, and each message deleted."""
    number = Counter((one.queue, one.body) for one in history.deliveries if one.queue in DEAD.values())
    return [body for (_, body), times in number.items() if times > 1]


def moved_while_held(history: History) -> list[str]:
    """Return dead letters whose deletion was acknowledged while their consumer certainly held them."""
    deleted = {
        one.message_id for one in history.deliveries if one.gone is not None and one.gone - one.began < SAFE_SECONDS
        and one.queue in DEAD
    }  # fmt: skip
    return [one.body for one in history.deliveries if one.queue in DEAD.values() and one.message_id in deleted]


def miscounted(history: History) -> list[str]:
    """Return messages whose receive count does not rise, is less than what was seen, or exceeds the limit.

    A dead letter keeps its count: it is one more than the limit when it is received first.
    """
    found = []
    messages: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for one in history.deliveries:
        messages[one.queue, one.message_id].append(one)
    for (queue, _), members in messages.items():
        members.sort(key=lambda one: one.began)
        for at, one in enumerate(members):
            before = [other for other in members[:at] if other.ended < one.began]
            least = max([len(before), *(other.count for other in before)]) + 1
            most = MOST_RECEIVES if queue in DEAD else float("inf")
            if queue in DEAD.values():
                least = most = MOST_RECEIVES + 1
            if one.count and not least <= one.count <= most:
                found.append(f"{one.body} of {queue}: {one.count}, not {least} to {most}")
    return found


#: All rules, the gravest first.
RULES: tuple[Rule, ...] = (
    lost, risen, disordered, shared, doubled, renumbered, moved_twice, moved_while_held, miscounted, torn, unanswered,
    stored_though_refused, refused_though_valid, stuck,
)  # fmt: skip


def duplicates(history: History) -> int:
    """Return the number of repeated deliveries, which the guarantees allow."""
    number = Counter((one.queue, one.message_id) for one in history.deliveries if one.queue in QUEUES)
    return sum(number.values()) - len(number)


def _seen(history: History) -> Iterator[tuple[str, str]]:
    """Yield body and message id of everything that was in a queue."""
    for one in history.deliveries:
        yield one.body, one.message_id
    for left in history.left:
        yield left.body, left.message_id


def _ids(history: History) -> Iterator[tuple[str, str]]:
    """Yield body and message id of everything that the service mentioned."""
    yield from _seen(history)
    for one in history.sent:
        if one.message_id:
            yield one.body, one.message_id


def _fifo(history: History) -> Iterable[Delivery]:
    return (one for one in history.deliveries if one.queue.endswith(".fifo"))


def _pairs(history: History) -> list[tuple[Delivery, Delivery]]:
    """Return pairs of FIFO deliveries of one group, the second of which began up to a lease before the first."""
    groups: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for one in _fifo(history):
        groups[one.queue, label(one.body).group].append(one)
    found = []
    for members in groups.values():
        members.sort(key=lambda one: one.began)
        start = 0
        for at, one in enumerate(members):
            while members[start].began + members[start].lease_seconds < one.began:
                start += 1
            found += [(one, earlier) for earlier in members[start:at]]
    return found
