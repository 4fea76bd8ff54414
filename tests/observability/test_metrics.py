"""The page of metrics: what clients did, and the state of their queues."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from tests.observability.conftest import URL, Measured, Page
from tests.patience import until
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.traffic import Uncounted
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.observability import definitions
from zaqar_core.observability import face as metrics_face
from zaqar_core.observability.scraping import Scraper


@pytest.mark.parametrize("lane", ["fast", "flask"])
@pytest.mark.parametrize("protocol", ["json", "query"])
def test_the_messages_of_a_queue_are_counted(measured: Measured, queue_name: str, protocol: str, lane: str) -> None:
    way = {"protocol": protocol, "lane": lane}
    assert measured.sqs("CreateQueue", **way, QueueName=queue_name).status_code == 200
    for body in ("a", "bb", "ccc"):
        measured.sqs("SendMessage", **way, QueueUrl=queue_name, MessageBody=body)
    measured.sqs("SendMessage", **way, QueueUrl=queue_name, MessageBody="dd", DelaySeconds=900)
    first, _ = measured.received(queue_name, MaxNumberOfMessages=2)
    measured.sqs("DeleteMessage", **way, QueueUrl=queue_name, ReceiptHandle=first["ReceiptHandle"])
    measured.sqs("ReceiveMessage", **way, QueueUrl=queue_name)
    measured.sqs("ReceiveMessage", **way, QueueUrl=queue_name)
    assert measured.page().queue(queue_name) == {
        "messages_in_flight": 2,
        "messages_delayed": 1,
        "messages_sent_total": 4,
        "messages_received_total": 3,
        "empty_receives_total": 1,
        "messages_deleted_total": 1,
        "sent_bytes_total": 8,
        "received_bytes_total": 6,
    }


def test_batches_count_the_entries_that_succeed(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": ""}, {"Id": "3", "MessageBody": "b"}]
    measured.sqs("SendMessageBatch", QueueUrl=queue_name, Entries=entries)
    found = measured.received(queue_name, MaxNumberOfMessages=10)
    handles = [*(one["ReceiptHandle"] for one in found), "none"]
    entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
    measured.sqs("DeleteMessageBatch", QueueUrl=queue_name, Entries=entries)
    shown = measured.page().queue(queue_name)
    assert (shown["messages_sent_total"], shown["messages_deleted_total"]) == (2, 2)


def test_a_fifo_duplicate_is_counted_as_sent(measured: Measured, queue_name: str) -> None:
    name = f"{queue_name}.fifo"
    measured.sqs("CreateQueue", QueueName=name, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})
    for _ in range(2):
        measured.sqs("SendMessage", QueueUrl=name, MessageBody="a", MessageGroupId="g")
    page = measured.page()
    assert (page.queue(name)["messages_sent_total"], page.queue(name)["messages_visible"]) == (2, 1)
    assert page.has("queue_info", queue=name, kind="fifo")


def test_zaqars_messages_are_counted(measured: Measured, queue_name: str) -> None:
    headers = {"Client-ID": str(uuid.UUID(int=1)), "X-Project-ID": "a-project"}
    path = f"/v2/queues/{queue_name}"
    bodies = {"messages": [{"body": 1}, {"body": 2}, {"body": 3}]}
    assert measured.http.post(f"{path}/messages", base_url=URL, headers=headers, json=bodies).status_code == 201
    measured.http.post(f"{path}/claims?limit=1", base_url=URL, headers=headers, json={"ttl": 100, "grace": 100})
    measured.http.delete(f"{path}/messages?pop=2", base_url=URL, headers=headers)
    measured.http.post(f"{path}/claims", base_url=URL, headers=headers, json={"ttl": 100, "grace": 100})
    page = measured.page()
    assert page.queue(queue_name) == {
        "messages_in_flight": 1,
        "messages_sent_total": 3,
        "messages_received_total": 3,
        "messages_deleted_total": 2,
        "empty_receives_total": 1,
        "sent_bytes_total": 3,
        "received_bytes_total": 3,
    }
    assert page.value("queue_messages_sent_total", account="a-project", queue=queue_name) == 3


def test_moves_of_dead_letters_are_counted_and_their_age_begins_again(measured: Measured, queue_name: str) -> None:
    dead = f"{queue_name}-dead"
    measured.sqs("CreateQueue", QueueName=dead)
    arn = f"arn:aws:sqs:us-east-1:000000000000:{dead}"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    measured.sqs("CreateQueue", QueueName=queue_name, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    measured.sqs("SendMessage", QueueUrl=queue_name, MessageBody="a")
    measured.advance(100)
    age = measured.page().value("queue_oldest_message_age_seconds", queue=queue_name)
    assert age >= 100
    assert measured.received(queue_name)
    assert not measured.received(queue_name)
    page = measured.page()
    assert page.queue(queue_name)["messages_dead_lettered_total"] == 1
    assert page.queue(dead) == {"messages_visible": 1}
    assert page.value("queue_oldest_message_age_seconds", queue=dead) < 100
    assert page.has("queue_info", queue=queue_name, dead_letter_queue=dead)
    measured.sqs("StartMessageMoveTask", SourceArn=arn)
    until(lambda: "messages_redriven_total" in measured.page().queue(dead), "the move task has moved the message")
    assert measured.page().queue(dead) == {"messages_redriven_total": 1}


def test_the_age_passes_over_messages_that_were_received_three_times(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    measured.sqs("SendMessage", QueueUrl=queue_name, MessageBody="poison")
    measured.advance(50)
    for _ in range(3):
        assert measured.page().value("queue_oldest_message_age_seconds", queue=queue_name) >= 50
        measured.received(queue_name, VisibilityTimeout=0)
    assert measured.page().value("queue_oldest_message_age_seconds", queue=queue_name) == 0
    measured.sqs("SendMessage", QueueUrl=queue_name, MessageBody="younger")
    measured.advance(10)
    assert 10 <= measured.page().value("queue_oldest_message_age_seconds", queue=queue_name) < 50


def test_requests_are_counted_by_dialect_operation_and_error(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    before = measured.page()
    for protocol in ("json", "query"):
        measured.sqs("SendMessage", protocol=protocol, QueueUrl=queue_name, MessageBody="x")
        measured.sqs("SendMessage", protocol=protocol, QueueUrl=queue_name)
        measured.sqs("Secret", protocol=protocol)
    measured.http.get("/v2/secret", base_url=URL)
    after = measured.page()

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    for protocol in ("json", "query"):
        sent = {"dialect": f"sqs-{protocol}", "operation": "SendMessage"}
        assert more("request_duration_seconds_count", **sent) == 2
        assert more("request_duration_seconds_bucket", **sent, le="+Inf") == 2
        assert more("request_errors_total", **sent, code="MissingParameter", status="400") == 1
        unknown = {"dialect": f"sqs-{protocol}", "operation": ""}
        assert more("request_errors_total", **unknown, code="InvalidAction", status="400") == 1
    assert more("request_errors_total", dialect="zaqar", code="NO_SUCH_PATH", status="404") == 1
    assert "ecret" not in after.text


def test_the_buckets_of_a_histogram_rise_to_the_count(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    family = measured.page().families["sqs_facade_request_duration_seconds"]
    by_operation: dict[str, list[float]] = {}
    counts = {}
    for sample in family.samples:
        name = f"{sample.labels['dialect']} {sample.labels['operation']}"
        if sample.name.endswith("_bucket"):
            by_operation.setdefault(name, []).append(sample.value)
        elif sample.name.endswith("_count"):
            counts[name] = sample.value
    assert counts
    for name, buckets in by_operation.items():
        assert buckets == sorted(buckets)
        assert buckets[-1] == counts[name]


def test_the_wait_of_a_receive_is_not_part_of_its_latency(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    before = measured.page()
    measured.sqs("ReceiveMessage", QueueUrl=queue_name, WaitTimeSeconds=1)
    after = measured.page()
    of = {"dialect": "sqs-json", "operation": "ReceiveMessage"}
    waited = after.value("request_wait_seconds_total", **of) - before.value("request_wait_seconds_total", **of)
    served = after.value("request_duration_seconds_sum", **of) - before.value("request_duration_seconds_sum", **of)
    assert waited > served > 0
    assert after.queue(queue_name) == {"empty_receives_total": 1}


def test_a_deleted_queue_has_no_rows_and_begins_again_at_0(measured: Measured, queue_name: str) -> None:
    for _ in range(2):
        measured.sqs("CreateQueue", QueueName=queue_name)
        measured.sqs("SendMessage", QueueUrl=queue_name, MessageBody="x")
        assert measured.page().queue(queue_name)["messages_sent_total"] == 1
        measured.sqs("DeleteQueue", QueueUrl=queue_name)
        assert queue_name not in measured.page().text
    measured.sqs("CreateQueue", QueueName=queue_name)
    assert measured.page().queue(queue_name) == {}


def test_a_queue_that_another_node_has_deleted_begins_again_at_0(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    measured.sqs("SendMessage", QueueUrl=queue_name, MessageBody="x")
    assert measured.page().queue(queue_name)["messages_sent_total"] == 1
    other = measured.core.session()
    other.traffic = Uncounted()
    queues.delete(other, QueueRef("000000000000", "us-east-1", queue_name))
    assert queue_name not in measured.page().text
    measured.sqs("CreateQueue", QueueName=queue_name)
    assert measured.page().queue(queue_name) == {}


@pytest.mark.parametrize("is_open", [False, True])
def test_names_are_escaped(measured: Measured, queue_name: str, is_open: bool) -> None:
    project = 'a "quoted" \\ project,{x="y"}'
    ref = QueueRef(project, "us-east-1", queue_name)
    queues.create(measured.core.session(), ref, QueueSettings(), creator="zaqar")
    page = measured.page(is_open=is_open)
    assert page.has("queue_messages_visible", account=project, queue=queue_name)


def test_queues_beyond_the_limit_are_summed(measured: Measured) -> None:
    session = measured.core.session()
    # The first ones in the order of the page.
    refs = [QueueRef("!", "us-east-1", f"{number}{uuid.uuid4().hex}") for number in range(4)]
    for number, ref in enumerate(refs):
        queues.create(session, ref, QueueSettings(), creator="sqs")
        session.traffic.count(ref, 0, number + 1)
    all_queues = measured.page()
    scraper = Scraper(measured.core, measured.metrics, Settings(metrics_queues=3))
    page = Page("".join(scraper.write(scraper.collect(session), is_open=False)))
    for name in ("queue_messages_sent_total", "queue_messages_visible", "queue_messages_in_flight", "queues"):
        assert page.value(name) == all_queues.value(name), name
    assert page.value("queue_messages_sent_total", account="!") == 1 + 2 + 3
    assert page.value("queue_messages_sent_total", queue=definitions.OTHERS) > 0
    assert not page.has("queue_messages_visible", queue=refs[3].name)
    assert page.value("queues_summed") == all_queues.value("queues") - 3


def test_prometheus_reads_both_formats_alike(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    text, is_open = measured.page(), measured.page(is_open=True)
    moving = re.compile("seconds|scrape|round_trips|total|bucket|count|memory")
    stable = {key: value for key, value in text.samples.items() if not moving.search(key[0])}
    assert stable.items() <= is_open.samples.items()
    assert {key[0] for key in text.samples} <= {key[0] for key in is_open.samples}


def test_the_aliases_have_the_values_and_labels_of_other_exporters(measured: Measured, queue_name: str) -> None:
    measured.sqs("CreateQueue", QueueName=queue_name)
    measured.sqs("SendMessage", QueueUrl=queue_name, MessageBody="x")
    assert "aws_sqs" not in measured.page().text
    scraper = Scraper(measured.core, measured.metrics, Settings(metrics_aliases=True))
    session = measured.core.session()
    for is_open in (False, True):
        page = Page("".join(scraper.write(scraper.collect(session), is_open=is_open)), is_open=is_open)
        named = {"queue_name": queue_name, "dimension_QueueName": queue_name, "queue": queue_name}
        key = frozenset({"account": "000000000000", **named}.items())
        for name in ("approximate_number_of_messages_visible_average", "approximate_number_of_messages_visible_sum"):
            assert page.samples[f"aws_sqs_{name}", key] == 1
        assert page.samples["sqs_messages_visible", key] == 1


def test_every_metric_has_a_name_and_unit_as_prometheus_wants_them() -> None:
    for metric in definitions.METRICS:
        assert re.fullmatch(r"sqs_facade_[a-z]+(_[a-z]+)*", metric.name), metric.name
        assert not metric.name.endswith(("_total", "_count", "_sum", "_info")), metric.name
        assert not re.search(r"_(ms|kb|mb|minutes|percent)\b", metric.name), metric.name
        assert metric.help.endswith("."), metric.name
    assert len({metric.name for metric in definitions.METRICS}) == len(definitions.METRICS)


def test_a_call_of_sqs_at_the_path_of_the_page_is_one_of_sqs(measured: Measured) -> None:
    answer = measured.http.get("/metrics?Action=ListQueues&Version=2012-11-05", base_url=URL)
    assert answer.headers["Content-Type"] == "text/xml"
    assert measured.http.head("/metrics", base_url=URL).status_code == 200


def test_a_long_page_is_sent_in_pieces(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Megabytes that are copied in one turn of the event loop would delay every other request."""
    monkeypatch.setattr(metrics_face, "_PIECE_CHARACTERS", 1024)
    answer = measured.http.get("/metrics", base_url="http://localhost", buffered=False)
    pieces = [len(one) for one in answer.iter_encoded()]
    assert len(pieces) > 3
    assert sum(pieces) > 3_000
    assert b"".join(measured.http.get("/metrics", base_url="http://localhost").iter_encoded()).endswith(b"\n")


def test_another_dead_letter_queue_is_shown_at_the_next_scrape(measured: Measured, queue_name: str) -> None:
    """Although nothing is counted again in a queue without traffic."""
    dead = f"{queue_name}-dead"
    for name in (queue_name, dead):
        measured.sqs("CreateQueue", QueueName=name)
    assert measured.page().has("queue_info", queue=queue_name, dead_letter_queue="")
    arn = f"arn:aws:sqs:us-east-1:000000000000:{dead}"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    measured.sqs("SetQueueAttributes", QueueUrl=queue_name, Attributes={"RedrivePolicy": policy})
    assert measured.page().has("queue_info", queue=queue_name, dead_letter_queue=dead)
