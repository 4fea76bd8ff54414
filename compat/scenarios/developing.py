"""What LocalStack has for developers in addition to AWS, and sqs-facade has too: looking into queues, lifted limits."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import requests

from ..bench import Bench
from ..scenario import scenario

_PEEK = "/_aws/sqs/messages"


def _peek(at: Bench, url: str, **more: str) -> list[dict[str, Any]]:
    """Messages of a queue without receiving them: an XML-to-JSON conversion has one as an object, several as a list."""
    answer = at.get(_PEEK, accept="application/json", QueueUrl=url, **more)
    found = (answer.json()["ReceiveMessageResponse"].get("ReceiveMessageResult") or {}).get("Message", [])
    return found if isinstance(found, list) else [found]


def _attributes(message: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in message["Attribute"]}


@scenario("ReceiveMessage", "L109 L110", [["1", "2"], ["2", "0", "0"], "0"])
def looking_has_no_effect(sqs: Any, at: Bench) -> Any:
    """The peek endpoint shows all messages and receives none."""
    url = at.queue()
    for body in "12":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    found = _peek(at, url)
    return [[one["Body"] for one in found], at.counts(url), _attributes(found[0])["ApproximateReceiveCount"]]


@scenario("ReceiveMessage", "L110", [["visible"], ["in flight", "visible"], ["delayed", "visible"]])
def looking_at_what_is_hidden(sqs: Any, at: Bench) -> Any:
    """The peek endpoint shows messages in flight and delayed ones where it is asked to."""
    url = at.queue()
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    at.receive(url)
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=60)
    asked: list[dict[str, str]] = [{}, {"ShowInvisible": "true"}, {"ShowDelayed": "true"}]
    return [sorted(one["Body"] for one in _peek(at, url, **more)) for more in asked]


def _code(answer: requests.Response) -> list[Any]:
    return [answer.status_code, answer.json()["ErrorResponse"]["Error"]["Code"]]


@scenario("ReceiveMessage", "L113", [400, "AWS.SimpleQueueService.NonExistentQueue"])
def looking_into_a_missing_queue(sqs: Any, at: Bench) -> Any:
    """The peek endpoint needs a queue that exists."""
    return _code(at.get(_PEEK, accept="application/json"))


@scenario("ReceiveMessage", "L113", [404, "InvalidAddress"])
def looking_at_what_is_no_queue(sqs: Any, at: Bench) -> Any:
    """The peek endpoint refuses a URL that is none of a queue."""
    return _code(at.get(_PEEK, accept="application/json", QueueUrl=f"{at.target.address}/not/a/queue/at/all"))


@scenario("ReceiveMessage", "L114", "waited", protocol="json", needs_seconds=1.2)
def waiting_longer(sqs: Any, at: Bench) -> Any:
    """With a header for the time a receive waits until it has what was asked for."""
    url = at.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    started = time.monotonic()
    body = json.dumps({"QueueUrl": url, "MaxNumberOfMessages": 2}).encode()
    answer = at.json("ReceiveMessage", body, **{"x-localstack-sqs-override-wait-time-seconds": "1"})
    found = [one["Body"] for one in answer.json().get("Messages", [])]
    return "waited" if found == ["x"] and time.monotonic() - started >= 0.9 else found


@scenario("ReceiveMessage", "L114", 12, protocol="json")
def more_than_ten(sqs: Any, at: Bench) -> Any:
    """A header lifts the limit of ten messages for one receive."""
    url = at.queue()
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    body = json.dumps({"QueueUrl": url}).encode()
    answer = at.json("ReceiveMessage", body, **{"x-localstack-sqs-override-message-count": "20"})
    return len(answer.json().get("Messages", []))


@scenario("SendMessage", "L37", [["x"], "listed apart"])
def second_account(sqs: Any, at: Bench) -> Any:
    """Another account reaches a queue by its URL, and lists only its own queues."""
    url = at.queue()
    other = at.target.client(at.target.own_account())
    other.send_message(QueueUrl=url, MessageBody="x")
    listed = other.list_queues(QueueNamePrefix=at.prefix).get("QueueUrls", [])
    return [at.bodies(url, 1), "listed together" if listed else "listed apart"]


@scenario("ReceiveMessage", "L111", [[], [["1", "false"], ["2", "true"]]])
def looking_at_a_locked_group(sqs: Any, at: Bench) -> Any:
    """A locked group's messages are left out unless hidden ones are asked for; only the one in flight is invisible."""
    url = at.queue(fifo=True)
    for body in "12":
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    at.receive(url)
    shown = [[one["Body"], _attributes(one)["IsVisible"]] for one in _peek(at, url, ShowInvisible="true")]
    return [_peek(at, url), shown]


@scenario("SendMessage", "L112", [400, "InvalidRequest", "This endpoint only accepts ReceiveMessage calls"])
def peek_endpoint_only_receives(sqs: Any, at: Bench) -> Any:
    """As an SDK's endpoint the peek endpoint takes ReceiveMessage alone."""
    answer = at.form(_PEEK, Action="SendMessage", QueueUrl=at.queue(), MessageBody="x")
    found = [re.search(f"<{name}>([^<]*)</{name}>", answer.text) for name in ("Code", "Message")]
    return [answer.status_code, *(one[1].rstrip(".") if one else "(absent)" for one in found)]


@scenario("GetQueueUrl", "L37", "the same queue")
def queue_of_another_owner(sqs: Any, at: Bench) -> Any:
    """GetQueueUrl with the owner's id finds another account's queue."""
    url = at.queue()
    other = at.target.client(at.target.own_account())
    owner = at.arn(url).split(":")[4]
    found = other.get_queue_url(QueueName=at.name(), QueueOwnerAWSAccountId=owner)["QueueUrl"]
    return "the same queue" if found == url else found
