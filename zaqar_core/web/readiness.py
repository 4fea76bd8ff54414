"""The page ``/health/ready``: whether the service accepts every call now, and if not, why and what to do."""

from __future__ import annotations

from typing import Any

from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.eventloop import Signal, current_task, spawn
from zaqar_core.store.conditions import Condition, StoreCondition, gone, worst

#: The code while declared queues are not in the store.
NOT_DECLARED = "queues-not-declared"
#: How long a request waits for an inspection.
_PATIENCE_SECONDS = 2.0


def report(core: Core) -> tuple[dict[str, Any], int]:
    """Return the document and the status: 503 while the main store refuses calls, or declared queues are not there.

    ``code`` is for programs: see ``store.conditions``. A store that is slow, and pools, only warn. Where callers need
    credentials, only the log has reasons.
    """
    now = _main_store(core)
    document: dict[str, Any] = {"status": "ready" if now.is_ready else "not ready"}
    if not core.settings.verifies_all_callers:
        document |= _words(now)
        pools = [one for one in core.store_conditions() if one.pool and one.condition.state != "fit"]
        if pools:
            document["pools"] = [{"pool": one.pool, **_words(one.condition)} for one in pools]
    if now.is_ready and (reason := next(filter(None, (ask() for ask in core.unready)), "")):
        document["status"] = "not ready"
        if not core.settings.verifies_all_callers:
            document |= {"code": NOT_DECLARED, "reason": reason}
        return document, 503
    return document, 200 if now.is_ready else 503


def is_ready(core: Core) -> bool:
    """Return whether the page has the status 200."""
    return report(core)[1] == 200


def _main_store(core: Core) -> Condition:
    """Inspect the main store, and return the worst condition of its servers."""
    found = worst(_of_main(core))
    if found.state == "gone":
        return found  # it need not be asked: the regular inspection notices its return within half a second
    problem = _inspected(core)
    found = worst(_of_main(core))
    return found if problem is None or not found.is_ready else gone(problem)


def _inspected(core: Core) -> str | None:
    """Inspect the main store; return the reason if it refuses calls, or does not answer in time.

    Probes have short time-outs. So a task does not wait for a server that hangs, and lets the inspection go on.
    """
    task = current_task()
    if task is None:
        return _problem(core)
    ended, found = Signal(), list[str | None]()

    def inspect() -> None:
        found.append(_problem(core))
        ended.wake()

    task.loop.call_soon(spawn, task.loop, inspect)
    ended.wait(_PATIENCE_SECONDS)
    return found[0] if found else f"the server has not answered for {_PATIENCE_SECONDS:.0f} s"


def _problem(core: Core) -> str | None:
    try:
        core.session().store.inspect()
    except StoreUnavailable as problem:
        return problem.reason
    return None


def _of_main(core: Core) -> list[StoreCondition]:
    return [one for one in core.store_conditions() if not one.pool]


def _words(found: Condition) -> dict[str, str]:
    if found.state == "fit":
        return {}
    words = {"code": found.code, "reason": found.reason, "remedy": found.remedy}
    return {name: text for name, text in words.items() if text}
