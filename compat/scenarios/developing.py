"""Features of LocalStack for developers that sqs-facade has too: the peek endpoint and lifted limits."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import requests

from ..bench import Bench
from ..scenario import scenario

_PEEK = "/_aws/sqs/messages"


def _peek(bench: Bench, url: str, **more: str) -> list[dict[str, Any]]:
    """Return the messages of a queue from the peek endpoint, whose JSON has a single message as an object."""
    response = bench.get(_PEEK, accept="application/json", QueueUrl=url, **more)
    found = (response.json()["ReceiveMessageResponse"].get("ReceiveMessageResult") or {}).get("Message", [])
    return found if isinstance(found, list) else [found]


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in message["Attribute"]}


@scenario("ReceiveMessage", "L109 L110", [["1", "2"], ["2", "0", "0"], "0"])
def looking_has_no_effect(sqs: Any, bench: Bench) -> Any:
    """The peek endpoint shows all messages and receives none."""
    url = bench.queue()
    for body in "12":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    found = _peek(bench, url)
    return [[one["Body"] for one in found], bench.counts(url), _attributes(found[0])["ApproximateReceiveCount"]]


@scenario("ReceiveMessage", "L110", [["visible"], ["in flight", "visible"], ["delayed", "visible"]])
def looking_at_what_is_hidden(sqs: Any, bench: Bench) -> Any:
    """The peek endpoint shows messages in flight and delayed ones on request."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    bench.receive(url)
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=60)
    queries: list[dict[str, str]] = [{}, {"ShowInvisible": "true"}, {"ShowDelayed": "true"}]
    return [sorted(one["Body"] for one in _peek(bench, url, **more)) for more in queries]


def _code(response: requests.Response) -> list[Any]:
    return [response.status_code, response.json()["ErrorResponse"]["Error"]["Code"]]


@scenario("ReceiveMessage", "L113", [400, "AWS.SimpleQueueService.NonExistentQueue"])
def looking_into_a_missing_queue(sqs: Any, bench: Bench) -> Any:
    """The peek endpoint needs a queue that exists."""
    return _code(bench.get(_PEEK, accept="application/json"))


@scenario("ReceiveMessage", "L113", [404, "InvalidAddress"])
def looking_at_what_is_no_queue(sqs: Any, bench: Bench) -> Any:
    """The peek endpoint refuses a URL that is not the URL of a queue."""
    return _code(bench.get(_PEEK, accept="application/json", QueueUrl=f"{bench.target.address}/not/a/queue/at/all"))


@scenario("ReceiveMessage", "L114", "waited", protocol="json", needs_seconds=1.2)
def waiting_longer(sqs: Any, bench: Bench) -> Any:
    """With a header for the wait time, a receive waits until it has the requested number of messages."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    started = time.monotonic()
    body = json.dumps({"QueueUrl": url, "MaxNumberOfMessages": 2}).encode()
    response = bench.json("ReceiveMessage", body, **{"x-localstack-sqs-override-wait-time-seconds": "1"})
    found = [one["Body"] for one in response.json().get("Messages", [])]
    return "waited" if found == ["x"] and time.monotonic() - started >= 0.9 else found


@scenario("ReceiveMessage", "L114", 12, protocol="json")
def more_than_ten(sqs: Any, bench: Bench) -> Any:
    """A header lifts the limit of ten messages for one receive."""
    url = bench.queue()
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    body = json.dumps({"QueueUrl": url}).encode()
    response = bench.json("ReceiveMessage", body, **{"x-localstack-sqs-override-message-count": "20"})
    return len(response.json().get("Messages", []))


@scenario("SendMessage", "L37", [["x"], "listed apart"])
def second_account(sqs: Any, bench: Bench) -> Any:
    """Another account can use a queue by its URL, but lists only its own queues."""
    url = bench.queue()
    other = bench.target.client(bench.target.own_account())
    other.send_message(QueueUrl=url, MessageBody="x")
    listed = other.list_queues(QueueNamePrefix=bench.prefix).get("QueueUrls", [])
    return [bench.bodies(url, 1), "listed together" if listed else "listed apart"]


@scenario("ReceiveMessage", "L111", [[], [["1", "false"], ["2", "true"]]])
def peek_at_a_locked_group(sqs: Any, bench: Bench) -> Any:
    """Messages of a locked group are shown only with ShowInvisible; only the one in flight is invisible."""
    url = bench.queue(fifo=True)
    for body in "12":
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    bench.receive(url)
    shown = [[one["Body"], _attributes(one)["IsVisible"]] for one in _peek(bench, url, ShowInvisible="true")]
    return [_peek(bench, url), shown]


@scenario("SendMessage", "L112", [400, "InvalidRequest", "This endpoint only accepts ReceiveMessage calls"])
def peek_endpoint_only_receives(sqs: Any, bench: Bench) -> Any:
    """As an SDK's endpoint, the peek endpoint accepts ReceiveMessage only."""
    response = bench.form(_PEEK, Action="SendMessage", QueueUrl=bench.queue(), MessageBody="x")
    found = [re.search(f"<{name}>([^<]*)</{name}>", response.text) for name in ("Code", "Message")]
    return [response.status_code, *(one[1].rstrip(".") if one else "(absent)" for one in found)]


@scenario("GetQueueUrl", "L37", "the same queue")
def queue_of_another_owner(sqs: Any, bench: Bench) -> Any:
    """GetQueueUrl with the owner's account id finds another account's queue."""
    url = bench.queue()
    other = bench.target.client(bench.target.own_account())
    owner = bench.arn(url).split(":")[4]
    found = other.get_queue_url(QueueName=bench.name(), QueueOwnerAWSAccountId=owner)["QueueUrl"]
    return "the same queue" if found == url else found
