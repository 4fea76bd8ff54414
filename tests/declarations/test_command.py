"""The command ``sqs-facade apply`` on a real store: its plan, what it prints, and its exit codes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest

from sqs_facade.commands.apply import command
from tests.conftest import STORE
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef

pytestmark = pytest.mark.skipif(STORE != "single", reason="the command is the same on every store")


@pytest.fixture
def account() -> str:
    return str(uuid.uuid4().int)[:12]


@pytest.fixture
def run(tmp_path: Path, valkey: str, account: str) -> Callable[..., click.testing.Result]:
    def run(text: str, *flags: str) -> click.testing.Result:
        file = tmp_path / "queues.toml"
        file.write_text(f'durability = "memory"\nredis = "{valkey}"\ndefault_account = "{account}"\n{text}')
        return click.testing.CliRunner().invoke(command, [str(file), *flags])

    return run


Run = Callable[..., click.testing.Result]

TEXT = """
[queue.orders]
VisibilityTimeout = 60
dead_letter_queue = "dead"
max_receive_count = 5
tags.team = "shop"
[[queue.orders.subscription]]
subscriber = "https://me:s3cret@hooks.example.org/x?token=s3cret"
[queue.dead]
"""


def test_a_plan_changes_nothing_and_the_next_one_is_empty(run: Run, session: Session, account: str) -> None:
    planned = run(TEXT, "--plan")
    assert (planned.exit_code, queues.number(session, account, "us-east-1")) == (2, 0)
    lines = planned.output.splitlines()
    assert lines[:2] == ["+ orders", "    VisibilityTimeout: 60"]
    assert lines[-1] == "2 to create, 0 to change, 0 unchanged, 0 not declared any more, 0 never declared"
    applied = run(TEXT)
    assert (applied.exit_code, queues.number(session, account, "us-east-1")) == (0, 2)
    assert "2 created" in applied.output
    again = run(TEXT, "--plan")
    assert again.exit_code == 0
    assert again.output.splitlines()[:2] == ["= orders", "= dead"]
    assert "s3cret" not in planned.output + applied.output


def test_a_plan_shows_old_and_new_values(run: Run) -> None:
    run("[queue.orders]\nVisibilityTimeout = 30\ntags.team = 'a'\n")
    planned = run("[queue.orders]\nVisibilityTimeout = 60\ntags = { team = 'b', tier = 1 }\nmetadata.x = 1\n", "--plan")
    assert planned.output.splitlines()[:5] == [
        "~ orders",
        "    VisibilityTimeout: 30 -> 60",
        "    tag team: a -> b",
        "    tag tier: not set -> 1",
        "    metadata x: not set -> 1",
    ]


def test_queues_that_are_not_declared_are_only_counted_or_named(run: Run, session: Session, account: str) -> None:
    queues.create(session, QueueRef(account, "us-east-1", "mine"), QueueSettings(), creator="sqs")
    run("[queue.a]\n[queue.b]\n")
    planned = run("[queue.b]\n", "--plan")
    assert planned.exit_code == 0
    assert "? a is not declared any more; it stays as it is" in planned.output
    assert planned.output.splitlines()[-1].endswith("1 not declared any more, 1 never declared")


def test_a_report_is_json_on_request(run: Run, account: str) -> None:
    document: dict[str, Any] = json.loads(run("[queue.orders]\nDelaySeconds = 3\n", "--json").output)
    assert (document["is_plan"], document["problems"]) == (False, [])
    assert document["queues"] == [
        {
            "queue": "orders",
            "arn": f"arn:aws:sqs:us-east-1:{account}:orders",
            "action": "create",
            "changes": [{"kind": "attribute", "name": "DelaySeconds", "before": None, "after": "3"}],
        }
    ]


def test_a_plan_names_a_dead_letter_queue_that_is_missing(run: Run) -> None:
    found = run("[queue.orders]\ndead_letter_queue = 'missing'\nmax_receive_count = 1\n", "--plan")
    assert found.exit_code == 1
    assert "! queue.orders: its dead-letter queue missing does not exist and is not declared" in found.output


def test_a_queue_that_cannot_be_as_declared_has_exit_code_1(run: Run) -> None:
    found = run("[queue.orders]\ndead_letter_queue = 'missing'\nmax_receive_count = 1\n[queue.other]\n")
    assert found.exit_code == 1
    assert "! queue.orders: Value " in found.output


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[queue.a]\nx = 1\n", "queues.toml:5: queue.a.x is not a key of a queue"),
        ("[queue.a\n", "is not valid TOML"),
        ("prot = 1\n", "prot is not a setting; did you mean port?"),
        ("prot = 1\n[queue.a]\nx = 1\n", "queue.a.x is not a key of a queue"),
    ],
)
def test_a_wrong_file_has_exit_code_1_and_a_line(
    text: str, reason: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(text)
    assert found.exit_code == 1
    assert reason in found.output


def test_an_ephemeral_service_applies_its_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    file.write_text("ephemeral = true\n[queue.a]\n")
    found = click.testing.CliRunner().invoke(command, [str(file)])
    assert found.exit_code == 1
    assert "SIGHUP" in found.output
