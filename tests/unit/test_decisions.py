"""Every decision record has a number, a date and a status, and is listed."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
LISTED = (FOLDER / "README.md").read_text()


HEAD = re.compile(r"# (\d{4}): (.+)\n\nDate: (\d{4}-\d\d-\d\d)\n\nStatus: (accepted|superseded.*)(.*)\n")


def test_a_decision_has_a_number_a_date_and_a_status_and_is_listed_with_them() -> None:
    for record in RECORDS:
        head = HEAD.match(record.read_text())
        assert head is not None, record.name
        number, title, date, status, more = head.groups()
        assert record.name.startswith(f"{number}-")
        assert f"| [{number}]({record.name}) | {title} | {date} | {status}{more} |\n" in LISTED


def test_no_number_is_used_twice_and_the_list_names_no_other_record() -> None:
    numbers = [record.name[:4] for record in RECORDS]
    assert len(set(numbers)) == len(numbers)
    assert re.findall(r"^\| \[(\d{4})\]", LISTED, re.MULTILINE) == numbers
