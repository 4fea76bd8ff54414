"""Write the data directory that ``test_opening`` opens: ``python -m tests.upgrade.writing FOLDER``.

Run it with the code of a release; the result is kept as it is in ``tests/upgrade/<version>/``. ``data`` is the data
directory, ``written.json`` lists what clients were told while it was written. The time of its queues is ten years ahead
and stands still, so that nothing in it expires before then.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import boto3
import redis
import requests
from botocore.config import Config

from tests.conftest import serving
from tests.patience import until
from zaqar_core.store import keys

ACCOUNT = "000000000000"
TEN_YEARS_SECONDS = 10 * 365 * 86_400
TWELVE_HOURS_SECONDS = 43_200
CLIENT_ID = str(uuid.UUID(int=1))
#: Where the subscriber of the queue ``told`` cannot be reached.
NOWHERE = "http://subscriber.invalid/told"


def sqs_client(url: str) -> Any:
    """A boto3 client that never repeats a call."""
    return boto3.client(
        "sqs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def zaqar_call(url: str, method: str, path: str, body: Any = None) -> Any:
    """Return the document of the response, None without one. Fails on an error."""
    headers = {"Client-ID": CLIENT_ID, "X-Project-Id": ACCOUNT}
    answer = requests.request(method, f"{url}/v2{path}", json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def write(url: str) -> dict[str, Any]:
    """Fill an empty service; return what its clients received."""
    advance = {"advance_seconds": TEN_YEARS_SECONDS, "account": ACCOUNT}
    requests.post(f"{url}/_test/clock", json=advance, timeout=10).raise_for_status()
    sqs = sqs_client(url)
    return {
        "standard": _standard(sqs),
        "fair": _fair(sqs),
        "fifo": _fifo(sqs),
        "dead_letters": _dead_letters(sqs),
        "zaqar": _zaqar(url),
        "encrypted": _encrypted(url),
        "subscription": _subscription(url),
    }


def _received(sqs: Any, queue_url: str, number: int, **parameters: Any) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=number, **parameters)
    return [{name: message[name] for name in ("MessageId", "ReceiptHandle", "Body")} for message in answer["Messages"]]


def _standard(sqs: Any) -> dict[str, Any]:
    tags = {"owner": "tests"}
    queue_url = sqs.create_queue(QueueName="standard", Attributes={"VisibilityTimeout": "77"}, tags=tags)["QueueUrl"]
    sqs.add_permission(QueueUrl=queue_url, Label="all", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    sent = []
    for number in range(20):
        attribute = {"DataType": "Number", "StringValue": str(number)}
        binary = {"DataType": "Binary", "BinaryValue": bytes(range(256))}
        answer = sqs.send_message(
            QueueUrl=queue_url, MessageBody=f"body {number} \N{SNOWMAN}",
            MessageAttributes={"number": attribute, "bytes": binary},
        )  # fmt: skip
        sent.append(answer["MessageId"])
    sqs.send_message(QueueUrl=queue_url, MessageBody="delayed", DelaySeconds=900)
    in_flight = _received(sqs, queue_url, 5, VisibilityTimeout=TWELVE_HOURS_SECONDS)
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=in_flight[0]["ReceiptHandle"])
    [given_back] = _received(sqs, queue_url, 1, VisibilityTimeout=0)
    return {"tags": tags, "sent": sent, "in_flight": in_flight[1:], "given_back": given_back}


def _fair(sqs: Any) -> list[str]:
    queue_url = sqs.create_queue(QueueName="fair")["QueueUrl"]
    bodies = [f"{tenant} {number}" for tenant in ("noisy", "quiet") for number in range(6)]
    for body in bodies:
        sqs.send_message(QueueUrl=queue_url, MessageBody=body, MessageGroupId=body.split()[0])
    return bodies


def _fifo(sqs: Any) -> dict[str, Any]:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    queue_url = sqs.create_queue(QueueName="orders.fifo", Attributes=attributes)["QueueUrl"]
    bodies = [f"{group} {number}" for group in ("a", "b", "c") for number in range(4)]
    for body in bodies:
        sqs.send_message(QueueUrl=queue_url, MessageBody=body, MessageGroupId=body.split()[0])
    in_flight = _received(sqs, queue_url, 2, VisibilityTimeout=TWELVE_HOURS_SECONDS, ReceiveRequestAttemptId="first")
    return {"bodies": bodies, "in_flight": in_flight}


def _dead_letters(sqs: Any) -> dict[str, Any]:
    dead_url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    queue_url = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=queue_url, MessageBody="poison")
    [moved] = _received(sqs, queue_url, 1, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue_url)
    return {"moved": moved["MessageId"], "source": arn.replace(":dead", ":source")}


def _zaqar(url: str) -> dict[str, Any]:
    zaqar_call(url, "PUT", "/queues/work", {"_default_message_delay": 5, "colour": "blue"})
    posted = {"messages": [{"body": {"number": number}, "ttl": 1_209_600, "delay": 0} for number in range(10)]}
    hrefs = zaqar_call(url, "POST", "/queues/work/messages", posted)["resources"]
    claim = zaqar_call(url, "POST", "/queues/work/claims?limit=3", {"ttl": TWELVE_HOURS_SECONDS, "grace": 60})
    return {"hrefs": hrefs, "claimed": [message["href"] for message in claim["messages"]]}


def _encrypted(url: str) -> list[Any]:
    zaqar_call(url, "PUT", "/queues/secret", {"_enable_encrypt_messages": True})
    bodies = [{"secret": number} for number in range(3)]
    posted = {"messages": [{"body": body, "ttl": 1_209_600} for body in bodies]}
    zaqar_call(url, "POST", "/queues/secret/messages", posted)
    return bodies


def _subscription(url: str) -> dict[str, Any]:
    asked = {"subscriber": NOWHERE, "ttl": 30 * 365 * 86_400, "options": {"post_headers": {"x-kept": "yes"}}}
    made = zaqar_call(url, "POST", "/queues/told/subscriptions", asked)
    bodies = [f"notice {number}" for number in range(3)]
    posted = {"messages": [{"body": body, "ttl": 1_209_600} for body in bodies]}
    zaqar_call(url, "POST", "/queues/told/messages", posted)
    return {"id": made["subscription_id"], "bodies": bodies}


def _stop_time(data: Path) -> None:
    """Leave the queues at the time they have, and no release's functions in the store."""
    with redis.Redis.from_url(f"unix://{json.loads((data / 'info.json').read_text())['socket']}") as client:
        for key in client.scan_iter(f"{keys.PREFIX}{{*:{keys.PARTITION}}}"):
            if client.type(key) == b"hash":
                client.hset(key, "off", 0)
        client.delete(keys.TEST_CLOCK)
        client.execute_command("FUNCTION", "FLUSH")
        client.bgrewriteaof()
        until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the log is rewritten")


def main(folder: Path) -> None:
    """Write ``folder/data`` and ``folder/written.json``."""
    with tempfile.TemporaryDirectory(prefix="sf") as working:
        data = Path(working) / "data"
        with serving(data_dir=str(data), test_hooks="true", workers="1") as service:
            written = write(service.url)
            _stop_time(data)
        folder.mkdir(parents=True)
        (folder / "written.json").write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
        shutil.copytree(data / "appendonlydir", folder / "data" / "appendonlydir")
        shutil.copy(data / "encryption.key", folder / "data")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
