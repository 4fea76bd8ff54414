"""Generate the list of docs/migrating-from-moto.md: behaviours in which moto differs from AWS and sqs-facade."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from . import judging, scenario
from .comparing import Difference
from .running import Outcome, run
from .targets import Facades, opened

DOCUMENT: Final = Path("docs/migrating-from-moto.md")
_BEGIN: Final = "<!-- begin: written by python -m compat migrating --write -->\n"
_END: Final = "<!-- end -->\n"
_MOST: Final = 110


def section() -> str:
    """Run every scenario on moto in this process and return the list."""
    known = judging.accepted()
    declared = scenario.every()
    chosen = [one for one in declared if one.name not in known and not one.is_foreign_to_aws]
    with Facades() as facades, opened("moto", facades) as moto:
        outcomes = run(moto, chosen, lambda _: None)
    return "\n".join(_lines(outcomes, moto.version)) + "\n"


def written(document: str) -> str:
    """Return the generated part of a document."""
    return document.partition(_BEGIN)[2].partition(_END)[0]


def version_of(text: str) -> str:
    """Return the version of moto that a list was generated with."""
    found = re.search(r"moto (\d[\w.]*)", text)
    return found[1] if found else ""


def write(text: str, document: Path = DOCUMENT) -> None:
    """Replace the generated part of the document by this list."""
    found = document.read_text()
    before, _, rest = found.partition(_BEGIN)
    after = rest.partition(_END)[2]
    document.write_text(before + _BEGIN + text + _END + after)


def _lines(outcomes: list[Outcome], version: str) -> Iterator[str]:
    differing = [outcome for outcome in outcomes if outcome.difference]
    ran = sum(outcome.status != "skipped" for outcome in outcomes)
    yield f"Of {ran} behaviours tested, moto {version} differs in {len(differing)} from AWS and from sqs-facade."
    yield "“Known by” is the source of AWS's behaviour; a behaviour known only from peers' tests is not proved."
    theme = None
    for outcome in differing:
        one = outcome.scenario
        if one.theme != theme:
            theme = one.theme
            yield f"\n### {theme.replace('_', ' ').capitalize()}\n"
            yield "| behaviour of AWS and sqs-facade | operation | moto | known by |"
            yield "| --- | --- | --- | --- |"
        assert outcome.difference is not None
        known_by = one.authority.replace("|", "\\|")
        yield f"| {_safe(one.title)} | {one.operation} | {_difference(outcome.difference)} | {known_by} |"


def _difference(difference: Difference) -> str:
    """Return the difference as a short text."""
    where = f"`{_short(difference.path)}`: " if difference.path else ""
    return f"{where}expected `{_short(difference.expected)}`, got `{_short(difference.got)}`"


def _short(text: str) -> str:
    text = _safe(text).replace("`", "'")
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _safe(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
