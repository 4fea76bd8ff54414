"""Tables of declared queues: how they are read, and the mistakes in them, with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqs_facade.declarations import positions, reading, tables
from sqs_facade.declarations.model import ENDLESS_SECONDS, Declared
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef

HOME = "000000000000"


def declared(text: str, folder: Path, **others: Any) -> dict[str, Declared]:
    file = folder / "facade.toml"
    file.write_text(text)
    return {one.table: one for one in reading.load(file, Settings(**others)).queues}


def refused(text: str, folder: Path, **others: Any) -> list[str]:
    with pytest.raises(SettingsInvalid) as problem:
        declared(text, folder, **others)
    return [line.removeprefix(f"{folder}/") for line in problem.value.problems]


def test_attributes_are_numbers_booleans_or_texts(tmp_path: Path) -> None:
    text = """
    [queue."orders.fifo"]
    VisibilityTimeout = 60
    DelaySeconds = "5"
    ContentBasedDeduplication = true
    """
    [one] = declared(text, tmp_path).values()
    assert one.ref == QueueRef(HOME, "us-east-1", "orders.fifo")
    assert one.attributes == {
        "FifoQueue": "true",
        "VisibilityTimeout": "60",
        "DelaySeconds": "5",
        "ContentBasedDeduplication": "true",
    }


def test_a_table_names_account_region_and_name(tmp_path: Path) -> None:
    text = """
    [queue.eu]
    name = "orders"
    region = "eu-west-1"
    account = "111122223333"
    [account.444455556666.queue.orders]
    """
    found = declared(text, tmp_path)
    assert found["queue.eu"].ref == QueueRef("111122223333", "eu-west-1", "orders")
    assert found["account.444455556666.queue.orders"].ref == QueueRef("444455556666", "us-east-1", "orders")


def test_a_table_may_name_a_project_of_zaqar(tmp_path: Path) -> None:
    text = """
    [queue.a]
    project = "8f3e5c1d"
    dead_letter_queue = "a"
    max_receive_count = 1
    [queue.b]
    project = "shop"
    """
    found = declared(text, tmp_path, project_accounts={"shop": "111122223333"})
    assert [one.ref.project for one in found.values()] == ["8f3e5c1d", "111122223333"]
    assert ":8f3e5c1d:a" in found["queue.a"].attributes["RedrivePolicy"]


def test_a_dead_letter_queue_is_named_without_its_arn(tmp_path: Path) -> None:
    text = """
    [queue.orders]
    dead_letter_queue = "dead"
    max_receive_count = 5
    [queue.other]
    RedrivePolicy = { deadLetterTargetArn = "dead", maxReceiveCount = 3 }
    [queue.dead]
    RedriveAllowPolicy = { redrivePermission = "byQueue", sourceQueueArns = ["orders", "other"] }
    """
    found = declared(text, tmp_path)
    arn = f"arn:aws:sqs:us-east-1:{HOME}:"
    policies = [orjson.loads(found[f"queue.{name}"].attributes["RedrivePolicy"]) for name in ("orders", "other")]
    assert policies == [
        {"deadLetterTargetArn": f"{arn}dead", "maxReceiveCount": 5},
        {"deadLetterTargetArn": f"{arn}dead", "maxReceiveCount": 3},
    ]
    allowed = orjson.loads(found["queue.dead"].attributes["RedriveAllowPolicy"])
    assert allowed["sourceQueueArns"] == [f"{arn}orders", f"{arn}other"]


POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}'


@pytest.mark.parametrize(
    "written",
    [
        f"policy = '{POLICY}'",
        f"Policy = '{POLICY}'",
        'policy = "policy.json"',
        'policy = {Version = "2012-10-17", Statement = '
        '[{Effect = "Allow", Principal = "*", Action = "sqs:*", Resource = "*"}]}',
    ],
)
def test_a_policy_is_a_table_a_text_or_a_file(written: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(POLICY)
    [one] = declared(f"[queue.orders]\n{written}\n", tmp_path).values()
    assert orjson.loads(one.attributes["Policy"]) == orjson.loads(POLICY)


def test_zaqars_parts_are_metadata_flavor_and_subscriptions(tmp_path: Path) -> None:
    text = """
    [queue.orders]
    flavor = "fast"
    metadata = { owner = "shop", _default_message_ttl = 600 }
    tags = { team = "shop", tier = 1 }
    [[queue.orders.subscription]]
    subscriber = "https://hooks.example.org/a"
    options = { post_headers = { X-Key = "k" } }
    [[queue.orders.subscription]]
    subscriber = "mailto:shop@example.org"
    ttl = 3600
    """
    [one] = declared(text, tmp_path).values()
    assert one.metadata == {"owner": "shop", "_default_message_ttl": 600, "_flavor": "fast"}
    assert (one.flavor, one.tags) == ("fast", {"team": "shop", "tier": "1"})
    assert [(each.uri, each.ttl_seconds, each.options) for each in one.subscribers] == [
        ("https://hooks.example.org/a", ENDLESS_SECONDS, {"post_headers": {"X-Key": "k"}}),
        ("mailto:shop@example.org", 3600, None),
    ]


def test_defaults_are_attributes_of_queues_that_do_not_name_them(tmp_path: Path) -> None:
    text = """
    [queue_defaults]
    VisibilityTimeout = 45
    ContentBasedDeduplication = true
    tags = { team = "shop" }
    [queue.a]
    [queue.b]
    VisibilityTimeout = 5
    tags = { team = "billing" }
    [queue."c.fifo"]
    """
    found = declared(text, tmp_path)
    assert found["queue.a"].attributes == {"VisibilityTimeout": "45"}
    assert (found["queue.b"].attributes, found["queue.b"].tags) == ({"VisibilityTimeout": "5"}, {"team": "billing"})
    assert found['queue."c.fifo"'].attributes["ContentBasedDeduplication"] == "true"


def test_fifo_queue_false_is_allowed_on_a_queue_that_is_none(tmp_path: Path) -> None:
    [one] = declared("[queue.orders]\nFifoQueue = false\n", tmp_path).values()
    assert one.attributes == {}


# ruff: noqa: E501 - a row is a text and the finding in it
MISTAKES = {
    "[queue.a]\nVisibilityTimout = 1": "2: queue.a.VisibilityTimout is not a key of a queue; did you mean VisibilityTimeout?",
    "[queue.a]\nvisibility_timeout = 1": "2: queue.a.visibility_timeout is not a key of a queue; did you mean VisibilityTimeout?",
    "[queue.a]\nzzz = 1": "2: queue.a.zzz is not a key of a queue",
    "[queue.a]\nQueueArn = 'x'": "2: queue.a.QueueArn cannot be set: it is read-only",
    "[queue.a]\n\nVisibilityTimeout = 43201": "3: queue.a.VisibilityTimeout: Invalid value for the parameter VisibilityTimeout.",
    "[queue.a]\nDelaySeconds = 1.5": "2: queue.a.DelaySeconds must be a number, true, false or a text",
    "[queue.a]\nDelaySeconds = [1]": "2: queue.a.DelaySeconds must be a number, true, false or a text",
    "[queue.a]\nContentBasedDeduplication = true": "2: queue.a.ContentBasedDeduplication: Unknown Attribute ContentBasedDeduplication.",
    '[queue."a.fifo"]\nFifoQueue = false': '2: queue."a.fifo".FifoQueue: Invalid value for the parameter FifoQueue. '
    "Reason: Modifying queue type is not supported.",
    "[queue.a]\nFifoQueue = true": "2: queue.a.FifoQueue: Unknown Attribute FifoQueue.",
    '[queue."a b"]': '1: queue."a b": Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
    "[queue.orders.fifo]": "1: queue.orders.fifo is not a key of a queue; write a name with a dot in quotes: "
    '[queue."orders.fifo"]',
    "[queue]\nVisibilityTimeout = 1": "2: queue.VisibilityTimeout must be a table of a queue, such as [queue.orders]",
    "queue = 1": "1: queue must be a table",
    "[[queue]]": "1: queue must be a table",
    "[account.1.queue.a]": "1: account.1: an account must be a text of 12 digits",
    "[queue.a]\naccount = 111122223333": "2: queue.a.account must be a text of 12 digits",
    "[queue.a]\naccount = '1'": "2: queue.a.account: an account must be a text of 12 digits",
    "[account.111122223333.queues.a]": "1: account.111122223333.queues is not a key of an account; did you mean queue?",
    "[queue.a]\n[queue.b]\nname = 'a'": "2: queue.b declares the same queue as queue.a",
    f"[queue.a]\n[account.{HOME}.queue.a]": f"2: account.{HOME}.queue.a declares the same queue as queue.a",
    "[account.111122223333.queue.a]\naccount = '444455556666'": "2: account.111122223333.queue.a.account contradicts the "
    "account 111122223333 of the table",
    "[queue.a]\naccount = '111122223333'\nproject = 'x'": "3: queue.a.project contradicts account",
    "[account.111122223333.queue.a]\nproject = 'x'": "2: account.111122223333.queue.a.project contradicts the account 111122223333 of the table",
    "[queue.a]\nmax_receive_count = 3": "2: queue.a.max_receive_count needs a dead_letter_queue",
    "[queue.a]\ndead_letter_queue = 'b'": "2: queue.a.dead_letter_queue needs a max_receive_count",
    "[queue.a]\ndead_letter_queue = 'b'\nmax_receive_count = 0": "2: queue.a.dead_letter_queue: Value "
    f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:{HOME}:b","maxReceiveCount":0}} for parameter RedrivePolicy is '
    "invalid. Reason: Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
    "[queue.a]\npolicy = 'missing.json'": "2: queue.a.policy: cannot read FOLDER/missing.json: No such file or directory",
    "[queue.a]\npolicy = '{'": "2: queue.a.policy: Invalid value for the parameter Policy. Reason: It must be a JSON object.",
    "[queue.a.tags]\nx = [1]": "2: queue.a.tags.x must be a text",
    "[queue.a.metadata]\n_default_message_ttl = 1": '1: queue.a.metadata: "_default_message_ttl"',
    "[queue.a]\nMessageRetentionPeriod = 60\nmetadata = {_default_message_ttl = 60}": "3: queue.a.metadata._default_message_ttl "
    "and MessageRetentionPeriod set the same: use only one",
    "[queue.a]\nsubscription = {}": "2: queue.a.subscription must be an array of tables: [[queue.a.subscription]]",
    "[[queue.a.subscription]]\nttl = 60": "1: queue.a.subscription[1] needs a subscriber",
    "[[queue.a.subscription]]\nsubscriber = 'https://x.org'\n[[queue.a.subscription]]\nsubscriber = 'ftp://x'": "3: "
    "queue.a.subscription[2]: The subscriber's scheme must be one of: http, https, mailto, trust+http, trust+https.",
    "[[queue.a.subscription]]\nsubscriber = 'https://x.org'\nurl = 1": "3: queue.a.subscription[1].url is not a key of a subscription",
    "[queue_defaults]\nVisibilityTimeot = 1": "2: queue_defaults.VisibilityTimeot is not a key of the defaults of queues; did you "
    "mean VisibilityTimeout?",
}


@pytest.mark.parametrize(("text", "line"), MISTAKES.items(), ids=[str(at) for at in range(len(MISTAKES))])
def test_a_mistake_is_named_with_its_line(text: str, line: str, tmp_path: Path) -> None:
    [found] = refused(text, tmp_path)
    assert found.replace(str(tmp_path), "FOLDER").startswith(f"facade.toml:{line}")


def test_every_mistake_of_a_file_is_named(tmp_path: Path) -> None:
    text = "[queue.a]\nDelaySeconds = 901\nVisibilityTimeout = -1\n[queue.b]\nx = 1\n"
    assert [line.split(":")[1] for line in refused(text, tmp_path)] == ["2", "3", "5"]


def test_values_that_span_lines_do_not_mislead_about_lines(tmp_path: Path) -> None:
    text = 'x = """\n[queue.b]\nDelaySeconds = 1\n"""\n[queue.b]\nDelaySeconds = 1\n[queue.b.tags]\na = "1"\n'
    assert positions.lines(text) == {
        ("x",): 1, ("queue",): 5, ("queue", "b"): 5, ("queue", "b", "DelaySeconds"): 6, ("queue", "b", "tags"): 7,
        ("queue", "b", "tags", "a"): 8,
    }  # fmt: skip


def test_an_account_without_users_is_refused_with_a_credentials_file(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.toml"
    credentials.write_text('[[users]]\nname = "shop"\naccount = "111122223333"\n')
    credentials.chmod(0o600)
    text = '[account.111122223333.queue.a]\n[queue.b]\naccount = "999999999999"\n'
    assert refused(text, tmp_path, credentials_file=credentials) == [
        "facade.toml:3: queue.b.account: no user and no role of the credentials file is in the account 999999999999; "
        "add one (sqs-facade credentials add), or declare the queue in another account"
    ]


def test_a_document_is_checked_without_a_file() -> None:
    [finding] = reading.check({"queue": {"a": {"DelaySeconds": 901}}, "port": "?"})
    assert str(finding) == "queue.a.DelaySeconds: Invalid value for the parameter DelaySeconds."
    assert reading.check({"queue": {"a": {"DelaySeconds": 900}}}) == []


def test_a_secret_of_a_subscriber_is_not_in_a_finding(tmp_path: Path) -> None:
    text = "[[queue.a.subscription]]\nsubscriber = 'ftp://me:s3cret@x.org/?token=s3cret'\n"
    assert "s3cret" not in "".join(refused(text, tmp_path))


_SCALARS = st.one_of(st.integers(), st.booleans(), st.floats(), st.text(max_size=8), st.dates(), st.just("dead"))
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(sorted(tables._QUEUE_KEYS)) | st.text(max_size=6)
_TABLES = st.dictionaries(_KEYS, _VALUES, max_size=5) | _VALUES
_NAMES = st.sampled_from(["orders", "dead", "a.fifo", ".fifo", "111122223333"]) | st.text(max_size=5)


@given(
    st.dictionaries(
        st.sampled_from(["queue", "account", "queue_defaults"]),
        st.dictionaries(_NAMES, _TABLES | st.dictionaries(_NAMES, st.dictionaries(_NAMES, _TABLES)), max_size=3)
        | _VALUES,
    )
)
def test_any_document_is_read_or_has_findings(document: dict[str, Any]) -> None:
    for finding in reading.check(document):
        assert "\n" not in str(finding)
