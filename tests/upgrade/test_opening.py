"""A data directory that an earlier release wrote is opened by this one, and nothing in it is lost.

The queues of a kept directory stand still in time (see ``writing``); a test that needs time moves their clock.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import serving
from tests.notifications.conftest import Subscriber
from tests.patience import until
from tests.upgrade.writing import ACCOUNT, TEN_YEARS_SECONDS, TWELVE_HOURS_SECONDS, sqs_client, zaqar_call

pytestmark = pytest.mark.slow

RELEASES = sorted(path.parent for path in Path(__file__).parent.glob("*/written.json"))


@dataclass
class Opened:
    """A service of this release on a copy of a kept directory. ``written``: what its clients received."""

    url: str
    written: dict[str, Any]

    @property
    def sqs(self) -> Any:
        return sqs_client(self.url)

    def queue_url(self, name: str) -> str:
        return f"{self.url}/{ACCOUNT}/{name}"

    def zaqar(self, method: str, path: str, body: Any = None) -> Any:
        return zaqar_call(self.url, method, path, body)

    def receive_all(self, name: str) -> list[dict[str, Any]]:
        """Receive until the queue returns no messages; messages in flight stay in flight."""
        found: list[dict[str, Any]] = []
        while page := self.sqs.receive_message(
            QueueUrl=self.queue_url(name), MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        ).get("Messages"):
            found += page
        return found

    def move_clock(self, seconds: float) -> None:
        """Move the clock of all queues to so many seconds after the time at which they stand still."""
        body = {"advance_seconds": TEN_YEARS_SECONDS + seconds, "account": ACCOUNT}
        requests.post(f"{self.url}/_test/clock", json=body, timeout=10).raise_for_status()


@pytest.fixture(params=RELEASES, ids=lambda folder: folder.name)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    kept: Path = request.param
    shutil.copytree(kept / "data", tmp_path / "data")
    with serving(data_dir=str(tmp_path / "data"), test_hooks="true", webhook_allowed_networks="127.0.0.0/8") as service:
        yield Opened(service.url, json.loads((kept / "written.json").read_text()))


def test_a_data_directory_of_an_earlier_release_is_kept() -> None:
    assert [folder.name for folder in RELEASES] == ["0.1.0"]


def test_both_dialects_list_every_queue(opened: Opened) -> None:
    names = ["dead", "fair", "orders.fifo", "secret", "source", "standard", "told", "work"]
    assert [urlsplit(one).path.rsplit("/", 1)[1] for one in opened.sqs.list_queues()["QueueUrls"]] == names
    assert [row["name"] for row in opened.zaqar("GET", "/queues?limit=20")["queues"]] == names


def test_a_standard_queue_keeps_its_settings_counts_tags_and_permissions(opened: Opened) -> None:
    queue_url = opened.queue_url("standard")
    found = opened.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    counts = [found[f"ApproximateNumberOfMessages{kind}"] for kind in ("", "NotVisible", "Delayed")]
    assert [*counts, found["VisibilityTimeout"]] == ["15", "4", "1", "77"]
    assert json.loads(found["Policy"])["Statement"][0]["Sid"] == "all"
    assert opened.sqs.list_queue_tags(QueueUrl=queue_url)["Tags"] == opened.written["standard"]["tags"]


def test_visible_messages_keep_their_ids_attributes_and_order(opened: Opened) -> None:
    written = opened.written["standard"]
    held = {message["MessageId"] for message in written["in_flight"]}
    found = opened.receive_all("standard")
    assert {message["MessageId"] for message in found} == {*written["sent"][1:]} - held
    for message in found:
        number = message["Body"].split()[1]
        assert message["MessageAttributes"]["number"]["StringValue"] == number
        assert message["MessageAttributes"]["bytes"]["BinaryValue"] == bytes(range(256))
    counts = {message["MessageId"]: message["Attributes"]["ApproximateReceiveCount"] for message in found}
    assert counts.pop(written["given_back"]["MessageId"]) == "2"
    assert set(counts.values()) == {"1"}


def test_receipt_handles_extend_release_and_delete(opened: Opened) -> None:
    queue_url = opened.queue_url("standard")
    first, second, third, _ = opened.written["standard"]["in_flight"]
    opened.sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=60)
    opened.sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    opened.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=third["ReceiptHandle"])
    found = {message["MessageId"] for message in opened.receive_all("standard")}
    assert second["MessageId"] in found
    assert not {first["MessageId"], third["MessageId"]} & found


def test_leases_and_delays_end_at_their_time(opened: Opened) -> None:
    opened.move_clock(TWELVE_HOURS_SECONDS)
    found = opened.receive_all("standard")
    assert len(found) == 20
    assert "delayed" in {message["Body"] for message in found}


def test_fair_queues_keep_all_messages(opened: Opened) -> None:
    assert sorted(message["Body"] for message in opened.receive_all("fair")) == sorted(opened.written["fair"])


def test_fifo_groups_keep_order_locks_and_deduplication(opened: Opened) -> None:
    queue_url = opened.queue_url("orders.fifo")
    opened.sqs.send_message(QueueUrl=queue_url, MessageBody="b 0", MessageGroupId="b")  # a duplicate
    found = [message["Body"] for message in opened.receive_all("orders.fifo")]
    assert sorted(found[:4]) == ["b 0", "b 1", "b 2", "b 3"]
    assert found == [*found[:4], "c 0", "c 1", "c 2", "c 3"]
    assert found[:4] == sorted(found[:4])


def test_a_receive_attempt_returns_its_messages_again(opened: Opened) -> None:
    again = opened.sqs.receive_message(
        QueueUrl=opened.queue_url("orders.fifo"), MaxNumberOfMessages=2, ReceiveRequestAttemptId="first"
    )["Messages"]
    written = opened.written["fifo"]["in_flight"]
    assert [message["MessageId"] for message in again] == [message["MessageId"] for message in written]


def test_deleting_a_groups_messages_by_old_handles_frees_the_group(opened: Opened) -> None:
    queue_url = opened.queue_url("orders.fifo")
    for message in opened.written["fifo"]["in_flight"]:
        opened.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert [m["Body"] for m in opened.receive_all("orders.fifo") if m["Body"].startswith("a")] == ["a 2", "a 3"]


def test_new_sequence_numbers_are_higher_than_old_ones(opened: Opened) -> None:
    queue_url = opened.queue_url("orders.fifo")
    sent = opened.sqs.send_message(QueueUrl=queue_url, MessageBody="new", MessageGroupId="new")["SequenceNumber"]
    old = [message["Attributes"]["SequenceNumber"] for message in opened.receive_all("orders.fifo")[:8]]
    assert max(old) < sent


def test_dead_letters_stay_and_moves_continue(opened: Opened) -> None:
    [dead] = opened.receive_all("dead")
    assert dead["MessageId"] == opened.written["dead_letters"]["moved"]
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == opened.written["dead_letters"]["source"]
    source = opened.queue_url("source")
    opened.sqs.send_message(QueueUrl=source, MessageBody="second")
    opened.sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)
    assert "Messages" not in opened.sqs.receive_message(QueueUrl=source)
    assert [message["Body"] for message in opened.receive_all("dead")] == ["second"]


def test_zaqar_claims_and_messages_stay_under_their_addresses(opened: Opened) -> None:
    written = opened.written["zaqar"]
    claimed = [urlsplit(href) for href in written["claimed"]]
    claim_id = claimed[0].query.removeprefix("claim_id=")
    claim = opened.zaqar("GET", f"/queues/work/claims/{claim_id}")
    assert [message["body"]["number"] for message in claim["messages"]] == [0, 1, 2]
    for href in written["hrefs"]:
        opened.zaqar("GET", href.removeprefix("/v2"))
    opened.zaqar("DELETE", written["claimed"][0].removeprefix("/v2"))
    stats = opened.zaqar("GET", "/queues/work/stats")["messages"]
    assert (stats["claimed"], stats["free"]) == (2, 7)
    assert opened.zaqar("GET", "/queues/work")["colour"] == "blue"


def test_encrypted_messages_can_be_read(opened: Opened) -> None:
    listed = opened.zaqar("GET", "/queues/secret/messages?echo=true")["messages"]
    assert [message["body"] for message in listed] == opened.written["encrypted"]


def test_undelivered_notifications_reach_the_subscriber_later(opened: Opened) -> None:
    subscriber = Subscriber()
    subscriber.start()
    try:
        subscription = f"/queues/told/subscriptions/{opened.written['subscription']['id']}"
        assert opened.zaqar("GET", subscription)["options"]["post_headers"] == {"x-kept": "yes"}
        opened.zaqar("PATCH", subscription, {"subscriber": f"http://127.0.0.1:{subscriber.port}/told"})
        opened.move_clock(3600)
        bodies = opened.written["subscription"]["bodies"]
        until(lambda: len(subscriber.seen) >= len(bodies), "all are delivered")
        assert sorted(seen.json["body"] for seen in subscriber.seen) == bodies
        assert {seen.headers["x-kept"] for seen in subscriber.seen} == {"yes"}
    finally:
        subscriber.stop()
