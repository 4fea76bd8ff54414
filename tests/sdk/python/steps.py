"""The steps of the matrix for clients of Python, written once: each client says how it calls an operation.

Runs with the packages of the client's own environment, so it imports nothing else of this repository. Each step prints
one line of JSON: ``{"step": "send"}``, with ``"error"`` if it failed or ``"skip"`` if the client has no such call.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

ENDPOINT = os.environ["SDK_ENDPOINT"]
PREFIX = os.environ["SDK_PREFIX"]
IS_SIGNED = bool(os.environ.get("SDK_SIGNED"))
TEXT = 'é ☃ 😀 <&> "quoted" a+b%20\ttab\r\nline'
BYTES = bytes(range(256))
SYSTEM_NAMES = "AttributeNames"  # also clients of 2023 know it


class Refused(Exception):
    """An error of the service. ``name`` is the class that users of the client catch."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(f"{name}: {told}")
        self.name = name


class Skipped(Exception):
    """The client has no such call."""


class Client(Protocol):
    """How a client calls the service."""

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation and return its result. Raises Refused."""

    async def pages(self, prefix: str, size: int) -> list[str]:
        """Return the URLs of all queues with a prefix, by the client's own paginator."""

    async def refused_with(self, key: str, secret: str) -> str:
        """Return the name of the error that a client with this key gets."""

    def presigned(self, url: str) -> str:
        """Return the URL with a signature in its query."""


class Steps:
    """The steps; each has queues of its own."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def _queue(self, name: str, **attributes: str) -> str:
        found = await self.client.call("CreateQueue", QueueName=f"{PREFIX}-{name}", Attributes=attributes)
        return str(found["QueueUrl"])

    async def _receive(self, url: str, **more: Any) -> list[dict[str, Any]]:
        members = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, **more}
        return list((await self.client.call("ReceiveMessage", QueueUrl=url, **members)).get("Messages") or [])

    async def _attributes(self, url: str, *names: str) -> dict[str, str]:
        found = await self.client.call("GetQueueAttributes", QueueUrl=url, AttributeNames=list(names or ["All"]))
        return dict(found["Attributes"])

    async def _error(self, operation: str, **members: Any) -> str:
        try:
            await self.client.call(operation, **members)
        except Refused as error:
            return error.name
        return "no error"

    async def queue(self) -> None:
        url = await self._queue("queue", VisibilityTimeout="45")
        assert (await self.client.call("GetQueueUrl", QueueName=f"{PREFIX}-queue"))["QueueUrl"] == url
        await self.client.call("SetQueueAttributes", QueueUrl=url, Attributes={"DelaySeconds": "0"})
        found = await self._attributes(url)
        assert found["VisibilityTimeout"] == "45"
        assert found["QueueArn"].endswith(f":{PREFIX}-queue")
        await self.client.call("DeleteQueue", QueueUrl=url)

    async def send(self) -> None:
        url = await self._queue("send")
        attributes = {
            "text": {"DataType": "String", "StringValue": TEXT},
            "number": {"DataType": "Number", "StringValue": "-12.50"},
            "bytes": {"DataType": "Binary", "BinaryValue": BYTES},
            "label": {"DataType": "String.label", "StringValue": "x"},
        }
        sent = await self.client.call("SendMessage", QueueUrl=url, MessageBody=TEXT, MessageAttributes=attributes)
        assert sent["MD5OfMessageBody"] == hashlib.md5(TEXT.encode()).hexdigest()
        [message] = await self._receive(url, MessageAttributeNames=["All"], **{SYSTEM_NAMES: ["All"]})
        assert message["Body"] == TEXT
        assert message["MessageAttributes"] == attributes
        assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    async def batch(self) -> None:
        url = await self._queue("batch")
        entries = [{"Id": f"e{number}", "MessageBody": f"body {number}"} for number in range(3)]
        sent = await self.client.call("SendMessageBatch", QueueUrl=url, Entries=entries)
        assert len(sent["Successful"]) == 3
        assert not sent.get("Failed")
        handles: list[str] = []
        while len(handles) < 3:
            handles += [message["ReceiptHandle"] for message in await self._receive(url)]
        deleting = [{"Id": str(at), "ReceiptHandle": handle} for at, handle in enumerate([*handles, "wrong"])]
        deleted = await self.client.call("DeleteMessageBatch", QueueUrl=url, Entries=deleting)
        assert len(deleted["Successful"]) == 3
        assert [one["Code"] for one in deleted["Failed"]] == ["ReceiptHandleIsInvalid"]

    async def poll(self) -> None:
        url = await self._queue("poll")
        waiting = asyncio.ensure_future(self._receive(url, WaitTimeSeconds=20))
        await asyncio.sleep(0.3)
        await self.client.call("SendMessage", QueueUrl=url, MessageBody="wake up")
        assert [message["Body"] for message in await waiting] == ["wake up"]

    async def visibility(self) -> None:
        url = await self._queue("visibility")
        await self.client.call("SendMessage", QueueUrl=url, MessageBody="again")
        [message] = await self._receive(url)
        handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
        await self.client.call("ChangeMessageVisibility", VisibilityTimeout=0, **handle)
        [message] = await self._receive(url, **{SYSTEM_NAMES: ["ApproximateReceiveCount"]})
        assert message["Attributes"] == {"ApproximateReceiveCount": "2"}
        await self.client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found = await self._attributes(url)
        assert {found["ApproximateNumberOfMessages"], found["ApproximateNumberOfMessagesNotVisible"]} == {"0"}

    async def fifo(self) -> None:
        url = await self._queue("fifo.fifo", FifoQueue="true")
        sent = []
        for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("a1", "a")):
            members = {"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body}
            sent.append(await self.client.call("SendMessage", QueueUrl=url, **members))
        assert sent[0]["MessageId"] == sent[3]["MessageId"]
        assert int(sent[0]["SequenceNumber"]) < int(sent[2]["SequenceNumber"])
        messages = await self._receive(url, **{SYSTEM_NAMES: ["MessageGroupId"]})
        bodies = [message["Body"] for message in messages]
        assert sorted(bodies) == ["a1", "a2", "b1"]
        assert bodies.index("a1") < bodies.index("a2")

    async def dlq(self) -> None:
        dead = await self._queue("dlq-dead")
        arn = (await self._attributes(dead, "QueueArn"))["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        url = await self._queue("dlq", RedrivePolicy=policy)
        await self.client.call("SendMessage", QueueUrl=url, MessageBody="poison")
        [message] = await self._receive(url, VisibilityTimeout=0)
        assert await self._receive(url) == []
        [moved] = await self._receive(dead, **{SYSTEM_NAMES: ["All"]})
        assert moved["MessageId"] == message["MessageId"]
        assert moved["Attributes"]["DeadLetterQueueSourceArn"].endswith(f":{PREFIX}-dlq")
        sources = await self.client.call("ListDeadLetterSourceQueues", QueueUrl=dead)
        assert sources["queueUrls"] == [url]

    async def errors(self) -> None:
        url = await self._queue("errors", DelaySeconds="0")
        found = [
            await self._error("GetQueueUrl", QueueName=f"{PREFIX}-none"),
            await self._error("SendMessage", QueueUrl=f"{url}-none", MessageBody="x"),
            await self._error("CreateQueue", QueueName=f"{PREFIX}-errors", Attributes={"DelaySeconds": "9"}),
            await self._error("DeleteMessage", QueueUrl=url, ReceiptHandle="wrong"),
        ]
        assert found == ["QueueDoesNotExist", "QueueDoesNotExist", "QueueNameExists", "ReceiptHandleIsInvalid"], found

    async def purge(self) -> None:
        url = await self._queue("purge")
        await self.client.call("SendMessage", QueueUrl=url, MessageBody="x")
        await self.client.call("PurgeQueue", QueueUrl=url)
        assert await self._receive(url, WaitTimeSeconds=0) == []
        name = await self._error("PurgeQueue", QueueUrl=url)
        assert name == "PurgeQueueInProgress", name

    async def list(self) -> None:
        urls = [await self._queue(f"list-{number}") for number in range(5)]
        assert sorted(await self.client.pages(f"{PREFIX}-list-", 2)) == sorted(urls)

    async def tags(self) -> None:
        url = await self._queue("tags")
        await self.client.call("TagQueue", QueueUrl=url, Tags={"team": TEXT[:20], "stage": "test"})
        await self.client.call("UntagQueue", QueueUrl=url, TagKeys=["stage"])
        assert (await self.client.call("ListQueueTags", QueueUrl=url))["Tags"] == {"team": TEXT[:20]}

    async def large(self) -> None:
        url = await self._queue("large")
        body = "é" * (512 * 1024)
        await self.client.call("SendMessage", QueueUrl=url, MessageBody=body)
        [message] = await self._receive(url)
        assert message["Body"] == body

    async def presigned(self) -> None:
        url = await self._queue("presigned")
        signed = self.client.presigned(f"{url}?Action=SendMessage&MessageBody=by%20URL")

        def get() -> bytes:
            with urllib.request.urlopen(signed, timeout=20) as response:
                return bytes(response.read())

        assert b"<MessageId>" in await asyncio.to_thread(get)
        [message] = await self._receive(url)
        assert message["Body"] == "by URL"

    async def refused(self) -> None:
        if not IS_SIGNED:
            raise Skipped("only with --signed")
        key = os.environ["AWS_ACCESS_KEY_ID"]
        assert "Signature" in (found := await self.client.refused_with(key, "x" * 40)), found
        found = await self.client.refused_with("AKIDUNKNOWN", "x" * 40)
        assert found in ("InvalidClientTokenId", "UnrecognizedClientException"), found


def _say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def run(client: Client, versions: dict[str, str]) -> None:
    """Run all steps; a failed one does not end the run."""
    _say({"versions": versions})
    steps = Steps(client)
    for name in os.environ["SDK_STEPS"].split(","):
        step: Callable[[], Awaitable[None]] = getattr(steps, name)
        try:
            await step()
        except Skipped as reason:
            _say({"step": name, "skip": str(reason)})
        except Exception:
            _say({"step": name, "error": traceback.format_exc()[-1500:]})
        else:
            _say({"step": name})
