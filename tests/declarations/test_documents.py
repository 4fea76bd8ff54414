"""The example of docs/declaring-queues.md is one that the service accepts, and its tables say what is there."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from sqs_facade.declarations import applying, plan, reading, tables
from zaqar_core.configuration.loading import load
from zaqar_core.core import queues, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.domain.names import QueueRef

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "declaring-queues.md").read_text()


def test_the_example_is_applied(core: Core, tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    file = tmp_path / "facade.toml"
    file.write_text(found[1])
    settings = load({}, {}, file)
    assert settings.auto_create_queues == ("test-*",)
    declarations = reading.load(file, settings)
    outcome = applying.apply(core.session, declarations)
    try:
        assert outcome.problems == []
        assert plan.make(core.session(), declarations).is_done
        assert f"declared queues: {len(declarations.queues)} created, 0 changed" in PAGE
        events = QueueRef("000000000000", "us-east-1", "events")
        document = orjson.loads(queues.get(core.session(), events).settings.documents["policy"])
        assert document["Statement"][0]["Action"] == "sqs:SendMessage"
        assert len(subscriptions.list_page(core.session(), events, after="", limit=10)) == 1
    finally:
        for one in declarations.queues:
            queues.delete(core.session(), one.ref)


def test_the_page_names_every_key_of_a_table() -> None:
    section = PAGE.partition("## Keys of a table")[2].partition("\n## ")[0]
    assert {name for name in tables._OWN if name not in section} == set()
