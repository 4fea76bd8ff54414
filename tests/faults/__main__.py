"""The long form: ``python -m tests.faults --kills 1000 --seed 7``. Prints a table and a verdict."""

from __future__ import annotations

import argparse
import math
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tests.faults import control, rules, shim
from tests.faults.history import History
from tests.faults.table import ROWS, Row
from tests.faults.workload import attack

#: Faults that one group of services meets before it is replaced by another, with empty queues.
_FAULTS_OF_AN_EPISODE = 25
_COLUMNS = ("faults", "kills", "sends", "deliveries", "repeated", "unknown", "lost", "FIFO", "other", "seconds")
_FIFO_RULES = ("disordered", "shared", "renumbered")


@dataclass
class Total:
    """The figures of all episodes on one kind of services."""

    figures: Counter[str] = field(default_factory=Counter)

    def add(self, faults: list[Row[Any]], history: History, seconds: float) -> None:
        found = rules.violations(history)
        fifo = sum(len(found.get(rule, ())) for rule in _FIFO_RULES)
        self.figures.update(
            {
                "faults": len(faults),
                "kills": sum(row.is_kill for row in faults),
                "sends": history.acknowledged(),
                "deliveries": len(history.deliveries),
                "repeated": rules.duplicates(history),
                "unknown": len(history.unknown),
                "lost": len(found.get("lost", ())),
                "FIFO": fifo,
                "other": sum(map(len, found.values())) - len(found.get("lost", ())) - fifo,
                "seconds": round(seconds),
            }
        )


def main() -> int:
    """Run all rows. Returns the exit code: 1 if a guarantee was violated or a service did not come back."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="times that a process is killed, in all rows together")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default="", help="the rows whose names contain this text, and the control likewise")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rng = random.Random(asked.seed)
    totals: dict[str, Total] = {}
    injected: Counter[str] = Counter()
    failed: list[int] = []
    episodes = _episodes(asked.kills, asked.only, rng)
    for at, (name, faults) in enumerate(episodes, 1):
        began = time.monotonic()
        try:
            history = _episode(faults, f"{asked.seed}-{at}")
        except KeyboardInterrupt:
            _print(f"stopped in episode {at} of {len(episodes)}")
            break
        except (Exception, pytest.fail.Exception) as problem:
            _print(f"episode {at} on {name} ended early: {problem!r}")
            failed.append(at)
            continue
        if problems := rules.summary(history):
            _print(f"episode {at} on {name}:\n{problems}")
            failed.append(at)
        injected.update(row.name for row in faults)
        totals.setdefault(name, Total()).add(faults, history, time.monotonic() - began)
        _print(f"{at} of {len(episodes)}: {name}, {len(faults)} faults, {history.acknowledged()} sends acknowledged")
    if asked.only in control.NAME and not _finds_loss():
        failed.append(0)
    _report(totals, injected)
    _print(f"seed {asked.seed}: {f'FAILED in episodes {failed}' if failed else 'every guarantee held'}")
    return int(bool(failed))


def _episodes(kills: int, only: str, rng: random.Random) -> list[tuple[str, list[Row[Any]]]]:
    """Return the name of the services and the faults of each episode, with at least so many kills in all.

    Rows that this machine cannot do are named.
    """
    rows = [row for row in ROWS if only in row.name]
    each = kills / (sum(row.weight for row in rows if row.is_kill) or 1)
    groups: dict[Callable[[], Any], list[Row[Any]]] = {}
    for row in rows:
        if reason := row.missing():
            _print(f"skipped: {row.name}: {reason}")
        else:
            groups.setdefault(row.open_rig, []).extend([row] * math.ceil(row.weight * each))
    found = []
    for open_rig, faults in groups.items():
        rng.shuffle(faults)
        name = open_rig.__name__.replace("_", " ")
        found += [
            (name, faults[at : at + _FAULTS_OF_AN_EPISODE]) for at in range(0, len(faults), _FAULTS_OF_AN_EPISODE)
        ]
    rng.shuffle(found)
    return found


def _finds_loss() -> bool:
    """Return whether the rules find the loss of the control, without which the other figures prove nothing."""
    if reason := shim.missing():
        _print(f"skipped: {control.NAME}: {reason}")
        return True
    try:
        lost = len(rules.lost(control.cut_power_of_careless_server()))
    except (Exception, pytest.fail.Exception) as problem:
        _print(f"{control.NAME} ended early: {problem!r}")
        return False
    _print(f"{control.NAME}: {lost} messages lost, {'as they must be' if lost else 'BUT SOME MUST BE'}")
    return lost > 0


def _episode(faults: list[Row[Any]], seed: str) -> History:
    rng = random.Random(seed)
    with faults[0].open_rig() as rig:
        return attack(rig.urls, [partial(row.inject, rig, rng) for row in faults], seed=seed)


def _report(totals: dict[str, Total], injected: Counter[str]) -> None:
    whole: Counter[str] = Counter()
    lines: list[tuple[str, ...]] = [("services", *_COLUMNS)]
    for name, total in totals.items():
        whole.update(total.figures)
        lines.append((name, *(str(total.figures[column]) for column in _COLUMNS)))
    lines.append(("all", *(str(whole[column]) for column in _COLUMNS)))
    for line in lines:
        _print("  ".join(f"{word:>10}" for word in line))
    for fault, times in injected.most_common():
        _print(f"{times:6} {fault}")


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the long form's output


if __name__ == "__main__":
    sys.exit(main())
