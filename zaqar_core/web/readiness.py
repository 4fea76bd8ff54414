"""The page ``/health/ready``: whether the service accepts every call now, and if not, why and what to do."""

from __future__ import annotations

from typing import Any

from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.conditions import Condition, StoreCondition, worst


def report(core: Core) -> tuple[dict[str, Any], int]:
    """Return the document and the status: 503 while the main store refuses calls.

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
    return document, 200 if now.is_ready else 503


def _main_store(core: Core) -> Condition:
    """Inspect the main store, and return the worst condition of its servers."""
    found = worst(_of_main(core))
    if found.state == "gone":
        return found  # it need not be asked: the regular inspection notices its return within half a second
    try:
        core.session().store.inspect()
    except StoreUnavailable as problem:
        found = worst(_of_main(core))
        return Condition("gone", "nothing", problem.reason) if found.is_ready else found
    return worst(_of_main(core))


def _of_main(core: Core) -> list[StoreCondition]:
    return [one for one in core.store_conditions() if not one.pool]


def _words(found: Condition) -> dict[str, str]:
    if found.state == "fit":
        return {}
    words = {"code": found.code, "reason": found.reason, "remedy": found.remedy}
    return {name: text for name, text in words.items() if text}
