"""The AWS CLI in a shell: every operation, its JSON, its own options for pages and queries."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients import installs
from tests.clients.conftest import Advance
from tests.clients.driver import Client

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # only for its service
CALL_SECONDS = 60


class Refused(Exception):
    """The exit status of the CLI and its error output."""

    def __init__(self, status: int, told: str) -> None:
        super().__init__(status, told)
        self.status = status
        self.told = told


class Shell:
    """Runs ``aws --endpoint-url … sqs …``: version 1 reads no variable for the endpoint."""

    def __init__(self, program: Path, folder: Path, endpoint: str) -> None:
        self._program = program
        self.endpoint = endpoint
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def text(self, *arguments: str) -> str:
        """What ``aws`` prints. Raises Refused."""
        command = [str(self._program), "--endpoint-url", self.endpoint, *arguments]
        ran = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=CALL_SECONDS
        )
        if ran.returncode:
            raise Refused(ran.returncode, ran.stderr.strip())
        return ran.stdout

    def sqs(self, operation: str, **options: Any) -> Any:
        """The JSON that ``aws sqs operation`` prints; None where it prints nothing. Options go as text or JSON."""
        given: list[str] = []
        for name, value in options.items():
            given += [f"--{name.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value)]
        printed = self.text("sqs", operation, *given)
        return json.loads(printed) if printed.strip() else None


@pytest.fixture
def shell(install_folder: Path, client: Client, tmp_path: Path) -> Shell:
    program = installs.python_with(install_folder, installs.AWS_CLI).with_name("aws")
    return Shell(program, tmp_path, client.endpoint)


def test_the_cli_manages_queues(shell: Shell, queue_name: str) -> None:
    attributes = {"VisibilityTimeout": "45", "DelaySeconds": "0"}
    url = shell.sqs("create-queue", queue_name=queue_name, attributes=attributes, tags={"team": "a"})["QueueUrl"]
    assert url == f"{shell.endpoint}/000000000000/{queue_name}"
    assert shell.sqs("get-queue-url", queue_name=queue_name) == {"QueueUrl": url}
    assert shell.sqs("list-queues", queue_name_prefix=queue_name) == {"QueueUrls": [url]}
    assert shell.sqs("set-queue-attributes", queue_url=url, attributes={"VisibilityTimeout": "46"}) is None
    found = shell.sqs("get-queue-attributes", queue_url=url, attribute_names=["VisibilityTimeout", "QueueArn"])
    assert found["Attributes"] == {
        "VisibilityTimeout": "46",
        "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{queue_name}",
    }
    assert shell.sqs("tag-queue", queue_url=url, tags={"stage": "test"}) is None
    assert shell.sqs("untag-queue", queue_url=url, tag_keys=["team"]) is None
    assert shell.sqs("list-queue-tags", queue_url=url) == {"Tags": {"stage": "test"}}
    assert shell.sqs("delete-queue", queue_url=url) is None
    with pytest.raises(Refused, match="NonExistentQueue") as refused:
        shell.sqs("get-queue-url", queue_name=queue_name)
    assert refused.value.status in (254, 255)


def test_the_cli_sends_and_receives_messages(shell: Shell, queue: str) -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "order"}}
    sent = shell.sqs("send-message", queue_url=queue, message_body="é 1", message_attributes=attributes)
    [message] = shell.sqs("receive-message", queue_url=queue, attribute_names=["All"], message_attribute_names=["All"])[
        "Messages"
    ]
    assert (message["Body"], message["MessageId"], message["MD5OfBody"]) == (
        "é 1",
        sent["MessageId"],
        sent["MD5OfMessageBody"],
    )
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    handle = message["ReceiptHandle"]
    assert shell.sqs("receive-message", queue_url=queue) is None
    assert (
        shell.sqs("change-message-visibility", queue_url=queue, receipt_handle=handle, visibility_timeout="0") is None
    )
    [again] = shell.sqs("receive-message", queue_url=queue, wait_time_seconds="5")["Messages"]
    assert shell.sqs("delete-message", queue_url=queue, receipt_handle=again["ReceiptHandle"]) is None
    shell.sqs("send-message", queue_url=queue, message_body="2")
    assert shell.sqs("purge-queue", queue_url=queue) is None
    assert shell.sqs("receive-message", queue_url=queue) is None


def test_the_cli_sends_batches(shell: Shell, queue: str) -> None:
    entries = [{"Id": str(number), "MessageBody": f"body {number}"} for number in range(3)]
    assert len(shell.sqs("send-message-batch", queue_url=queue, entries=entries)["Successful"]) == 3
    found = shell.sqs("receive-message", queue_url=queue, max_number_of_messages="10")["Messages"]
    handles = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(found)]
    longer = [{**one, "VisibilityTimeout": 100} for one in handles]
    assert len(shell.sqs("change-message-visibility-batch", queue_url=queue, entries=longer)["Successful"]) == 3
    wrong = [*handles[:2], {"Id": "wrong", "ReceiptHandle": "no handle"}]
    answer = shell.sqs("delete-message-batch", queue_url=queue, entries=wrong)
    assert [one["Id"] for one in answer["Successful"]] == ["0", "1"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("wrong", True, "ReceiptHandleIsInvalid")


def test_the_cli_manages_permissions(shell: Shell, queue: str) -> None:
    given = {"aws_account_ids": ["111111111111"], "actions": ["SendMessage"]}
    assert shell.sqs("add-permission", queue_url=queue, label="share", **given) is None
    found = shell.sqs("get-queue-attributes", queue_url=queue, attribute_names=["Policy"])
    assert json.loads(found["Attributes"]["Policy"])["Statement"][0]["Sid"] == "share"
    assert shell.sqs("remove-permission", queue_url=queue, label="share") is None
    assert shell.sqs("get-queue-attributes", queue_url=queue, attribute_names=["Policy"]) is None


def test_the_cli_manages_dead_letters_and_move_tasks(shell: Shell, queue: str, client: Client, later: Advance) -> None:
    dead = client.queue(f"{queue.rpartition('/')[2]}-dead")
    arn = client.attributes(dead, "QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    shell.sqs("set-queue-attributes", queue_url=queue, attributes={"RedrivePolicy": policy})
    assert shell.sqs("list-dead-letter-source-queues", queue_url=dead) == {"queueUrls": [queue]}
    client.send(queue, "poison")
    client.receive(queue)
    later(queue, 30)
    assert client.receive(queue) == []
    task = shell.sqs("start-message-move-task", source_arn=arn)["TaskHandle"]
    [listed] = shell.sqs("list-message-move-tasks", source_arn=arn)["Results"]
    assert listed["SourceArn"] == arn
    for _ in range(30):  # it ends within moments
        if shell.sqs("list-message-move-tasks", source_arn=arn)["Results"][0]["Status"] == "COMPLETED":
            break
    with pytest.raises(Refused, match="CancelMessageMoveTask"):
        shell.sqs("cancel-message-move-task", task_handle=task)
    assert [one["Body"] for one in client.receive(queue)] == ["poison"]


def test_a_running_move_task_is_cancelled(shell: Shell, queue: str, client: Client) -> None:
    source = client.queue(f"{queue.rpartition('/')[2]}-source")
    client.call(
        "SendMessageBatch",
        QueueUrl=source,
        Entries=[{"Id": str(number), "MessageBody": str(number)} for number in range(10)],
    )
    arn, other = (client.attributes(url, "QueueArn")["QueueArn"] for url in (source, queue))
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    shell.sqs("set-queue-attributes", queue_url=queue, attributes={"RedrivePolicy": policy})
    task = shell.sqs(
        "start-message-move-task", source_arn=arn, destination_arn=other, max_number_of_messages_per_second="1"
    )["TaskHandle"]
    assert "ApproximateNumberOfMessagesMoved" in shell.sqs("cancel-message-move-task", task_handle=task)


def test_the_cli_reads_all_pages(shell: Shell, queue_name: str, client: Client) -> None:
    """``--max-items`` and ``--starting-token`` are the CLI's own, over several requests of the API's pages."""
    urls = [client.queue(f"{queue_name}-{number}") for number in range(5)]
    first = shell.sqs("list-queues", queue_name_prefix=queue_name, max_items="2", page_size="2")
    assert first["QueueUrls"] == urls[:2]
    rest = shell.sqs("list-queues", queue_name_prefix=queue_name, page_size="2", starting_token=first["NextToken"])
    assert rest["QueueUrls"] == urls[2:]
    assert "NextToken" not in rest
    every = shell.sqs("list-queues", queue_name_prefix=queue_name, page_size="1")
    assert every["QueueUrls"] == urls
    by_hand = shell.sqs("list-queues", queue_name_prefix=queue_name, max_results="3")
    assert by_hand["QueueUrls"] == urls[:3]


def test_a_query_selects_from_the_response(shell: Shell, queue: str, queue_name: str) -> None:
    arguments = ("sqs", "get-queue-url", "--queue-name", queue_name, "--query", "QueueUrl", "--output", "text")
    assert shell.text(*arguments).strip() == queue
    shell.sqs("send-message", queue_url=queue, message_body="a")
    command = ("sqs", "receive-message", "--queue-url", queue, "--query", "Messages[*].Body")
    assert json.loads(shell.text(*command)) == ["a"]


def test_shorthand_and_files_replace_json(shell: Shell, queue: str, tmp_path: Path) -> None:
    shorthand = "kind={DataType=Number,StringValue=7}"
    (tmp_path / "body.txt").write_text("from a file\n")
    shell.text(
        "sqs", "send-message", "--queue-url", queue, "--message-attributes", shorthand,
        "--message-body", f"file://{tmp_path / 'body.txt'}",
    )  # fmt: skip
    [message] = shell.sqs("receive-message", queue_url=queue, message_attribute_names="All")["Messages"]
    assert message["Body"] == "from a file\n"
    assert message["MessageAttributes"]["kind"] == {"DataType": "Number", "StringValue": "7"}


def test_an_error_is_reported_with_code_and_operation(shell: Shell, queue: str) -> None:
    with pytest.raises(Refused, match=r"\(ReceiptHandleIsInvalid\) when calling the DeleteMessage operation"):
        shell.sqs("delete-message", queue_url=queue, receipt_handle="no handle")


def test_the_cli_reads_metrics(shell: Shell, queue_name: str, later: Advance) -> None:
    url = shell.sqs("create-queue", queue_name=queue_name)["QueueUrl"]
    shell.sqs("send-message", queue_url=url, message_body="x")
    later(url, 120)
    name = "ApproximateNumberOfMessagesVisible"
    asked = ["--namespace", "AWS/SQS", "--metric-name", name, "--dimensions", f"Name=QueueName,Value={queue_name}"]
    listed = json.loads(shell.text("cloudwatch", "list-metrics", *asked))
    assert [metric["MetricName"] for metric in listed["Metrics"]] == [name]
    now = datetime.now(UTC)
    times = ["--start-time", now.isoformat(), "--end-time", (now + timedelta(minutes=3)).isoformat()]
    times += ["--period", "60", "--statistics", "Maximum"]
    found = json.loads(shell.text("cloudwatch", "get-metric-statistics", *asked, *times))
    assert max(found["Datapoints"], key=lambda point: str(point["Timestamp"]))["Maximum"] == 1
    with pytest.raises(Refused) as refused:
        shell.text("cloudwatch", "describe-alarms")
    assert "(InvalidAction) when calling the DescribeAlarms operation" in refused.value.told
