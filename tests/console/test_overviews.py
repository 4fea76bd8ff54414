"""Overviews of many accounts and of many queues stay within their bounds."""

from __future__ import annotations

import random

import pytest

from sqs_facade.console import overview
from sqs_facade.console.overview import Overviews, Row, Seen, Sums
from zaqar_core.access.principals import Principal
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable


@pytest.mark.parametrize("problem", [StoreUnavailable("gone"), RuntimeError("the client is gone")])
def test_accounts_whose_queues_cannot_be_read_are_forgotten(
    session: Session, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def fails(*_: object, **__: object) -> list[str]:
        raise problem

    monkeypatch.setattr(queues, "names", fails)
    overviews = Overviews()
    for number in range(100):
        with pytest.raises(type(problem)):
            overviews.get(session, f"{number:012}", "us-east-1")
    assert all(len(one) <= 32 for one in vars(overviews).values())


def test_an_overview_that_failed_is_read_when_the_store_is_back(
    session: Session, queue_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    overviews = Overviews()
    with monkeypatch.context() as broken:
        broken.setattr(queues, "names", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("gone")))
        with pytest.raises(StoreUnavailable):
            overviews.get(session, queue_name, "us-east-1")
    assert overviews.get(session, queue_name, "us-east-1").rows == {}


@pytest.mark.parametrize("order", ["name", "visible"])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("search", ["", "1", "q tag=1"])
@pytest.mark.parametrize(("offset", "limit"), [(0, 50), (1_100, 300), (5_000, 50)])
def test_a_page_of_many_rows_is_a_part_of_them_all_in_order(
    order: str, is_descending: bool, search: str, offset: int, limit: int
) -> None:
    numbers = random.Random(7)
    rows = [Row(f"q{at:04}", visible=numbers.randrange(20), tags={"Tag": str(at % 2)}) for at in range(1_777)]
    matching = [row for row in rows if all(word in f"{row.name} tag={row.tags['Tag']}" for word in search.split())]
    in_order = sorted(matching, key=lambda row: getattr(row, order), reverse=is_descending)
    found, number = overview.page(
        Seen(Principal("000000000000", "", ""), rows, Sums(0, 0, 0, 0, 0)),
        search=search,
        order=order,
        is_descending=is_descending,
        offset=offset,
        limit=limit,
    )
    assert found == [row.name for row in in_order[offset : offset + limit]]
    assert number == len(matching)
