"""Output of findings, and the exit code that they mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from sqs_facade.commands.checks.findings import SEVERITIES, Finding, in_order

#: Exit codes: nothing that must be mended, findings that must. 2 is wrong use.
FINE, FINDINGS = 0, 1


def report(
    found: Iterable[Finding], looked_at: Sequence[str], *, as_json: bool, is_strict: bool = False
) -> tuple[str, int]:
    """Return the text and the exit code: FINDINGS for errors, and with ``is_strict`` for warnings too."""
    findings = in_order(found)
    grave = ("error", "warning") if is_strict else ("error",)
    code = FINDINGS if any(one.severity in grave for one in findings) else FINE
    if as_json:
        document = {"checked": list(looked_at), "findings": [one.document() for one in findings]}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), code
    lines = [f"Checked: {', '.join(looked_at)}."]
    for one in findings:
        where = f" [{one.where}]" if one.where and one.where not in one.problem else ""
        lines += ["", f"{one.severity}: {one.problem}{where} ({one.code})"]
        lines += [f"  why: {one.why}", f"  remedy: {one.remedy}"]
    return "\n".join([*lines, "", _total(findings)]), code


def _total(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing to mend."
    counts = {severity: sum(one.severity == severity for one in findings) for severity in SEVERITIES}
    words = [f"{number} {severity}{'s' * (number > 1)}" for severity, number in counts.items() if number]
    return f"Found {', '.join(words)}."
