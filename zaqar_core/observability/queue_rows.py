"""The row of a queue in a file of counters: what was counted, and how much of it was taken for its samples.

What was taken is in the file, too, so the next owner of a file takes what a killed process has left.
"""

from __future__ import annotations

from collections.abc import Iterable

from zaqar_core.core.traffic import Event, Row

#: Counters: one for each event, then the bytes of SENT and RECEIVED.
SIZES = Event.NUMBER
COUNTERS = SIZES + 2
#: The smallest and the largest size of the messages sent since something was last taken; 0 without any.
SMALLEST, LARGEST = COUNTERS, COUNTERS + 1
#: How much of these counters was taken, in the order of ``traffic.Row``.
TAKEN = (Event.SENT, Event.RECEIVED, Event.DELETED, Event.EMPTY_RECEIVE, SIZES + Event.SENT)
_TAKEN = COUNTERS + 2
WIDTH = _TAKEN + len(TAKEN)


def take(cells: memoryview) -> Row | None:
    """Return what was counted and not taken, which counts as taken from now on; None if there is nothing."""
    row = cells.tolist()
    found = [max(row[index] - taken, 0) for index, taken in zip(TAKEN, row[_TAKEN:], strict=True)]
    for number, index in enumerate(TAKEN, _TAKEN):
        cells[number] = row[index]
    if not any(found):
        return None
    return found + (row[SMALLEST : LARGEST + 1] if found[0] else [0, 0])


def of_event(event: int, number: int, size_bytes: int) -> Row:
    """Return one event as it would be taken."""
    found = [number if event == index else 0 for index in TAKEN]
    sizes = [size_bytes // number, size_bytes // number] if event == Event.SENT and number else [0, 0]
    found[-1] = size_bytes if event == Event.SENT else 0
    return found + sizes


def subtract(cells: memoryview, numbers: Iterable[int]) -> None:
    """Subtract from the counters. What is taken next stays the same.

    The counters change first: if the process is killed before the rest, nothing is taken twice.
    """
    for index, number in enumerate(numbers):
        cells[index] -= number
        if index in TAKEN:
            cells[_TAKEN + TAKEN.index(index)] -= number
