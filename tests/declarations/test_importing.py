"""Files of ElasticMQ, GoAWS and fauxqs become settings files, and what is lost is listed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click.testing
import pytest

from sqs_facade.commands.import_config import command
from sqs_facade.declarations import reading
from zaqar_core.configuration.loading import load

ELASTICMQ = """
include classpath("application.conf")

// the address in queue URLs
node-address {
  protocol = http
  host = "*"
  port = 9400
  context-path = ""
}
rest-sqs {
  enabled = true
  bind-port = 9400
  bind-hostname = "0.0.0.0"
  sqs-limits = relaxed
}
generate-node-address = false
aws {
  region = eu-central-1
  accountId = 000000000042
}
slow { defaultVisibilityTimeout = 2 minutes }
queues {
  parcels = ${slow} {
    delay = 3 seconds
    receiveMessageWait = 1500 milliseconds
    deadLettersQueue {
      name = "parcels-failed"
      maxReceiveCount = 4 // tries
    }
    copyTo = "audit"
    tags { depot = north, lanes = 7 }
  }
  parcels-failed { }
  "invoices.fifo" { fifo = true, contentBasedDeduplication = true }
  letters {
    fifo = true
    deadLettersQueue { name = "lost", maxReceiveCount = 2 }
    visibility-timeout = 4 seconds
  }
  lost { fifo = true }
  audit { moveTo = parcels }
}
auto-create-queues {
  enabled = true
  template {
    defaultVisibilityTimeout = 20 seconds
    deadLettersQueue { name = "lost", maxReceiveCount = 2 }
    tags { made = automatically }
  }
}
"""

GOAWS = """
Local:
  Host: queues
  Port: 4105
  Region: eu-west-3
  AccountId: "000000000042"
  LogToFile: false
  QueueAttributeDefaults:
    VisibilityTimeout: 12
    ReceiveMessageWaitTimeSeconds: 2
    MaximumMessageSize: 0
  Queues:
    - Name: parcels
      VisibilityTimeout: 45
      RedrivePolicy: '{"maxReceiveCount": 6, "deadLetterTargetArn":"arn:aws:sqs:eu-west-3:000000000042:parcels-failed"}'
    - Name: parcels-failed
    - Name: letters.fifo
      IsFIFO: true
  Topics:
    - Name: arrivals
      Subscriptions:
        - QueueName: arrivals-mail
          Raw: true
        - Protocol: https
  RandomLatency:
    Min: 1
    Max: 2
Staging:
  Port: 4106
"""

FAUXQS = """
{
  "region": "eu-west-3",
  "queues": [
    {"name": "parcels-failed"},
    {"name": "parcels", "tags": {"depot": "north"}, "attributes": {
      "VisibilityTimeout": "45",
      "RedrivePolicy":
        "{\\"deadLetterTargetArn\\":\\"arn:aws:sqs:eu-west-3:000000000000:parcels-failed\\",\\"maxReceiveCount\\":\\"6\\"}"
    }},
    {"name": "parcels", "region": "us-west-2"},
    {"name": "letters.fifo", "attributes": {"FifoQueue": "true", "ContentBasedDeduplication": "true"}}
  ],
  "topics": [{"name": "arrivals"}],
  "subscriptions": [{"topic": "arrivals", "queue": "parcels", "attributes": {"RawMessageDelivery": "true"}}],
  "buckets": ["photos"]
}
"""


def imported(folder: Path, name: str, text: str, *flags: str) -> tuple[dict[str, Any], list[str], int]:
    """The settings file, the lines about what was lost, and the exit code. The service reads the file."""
    file = folder / name
    file.write_text(text)
    found = click.testing.CliRunner().invoke(command, [str(file), *flags])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    written = folder / "facade.toml"
    written.write_text(found.stdout)
    if found.exit_code == 0:
        reading.load(written, load({}, {}, written))
    return tomllib.loads(found.stdout), found.stderr.splitlines(), found.exit_code


def test_an_elasticmq_conf_is_carried_over(tmp_path: Path) -> None:
    document, lines, code = imported(tmp_path, "elasticmq.conf", ELASTICMQ)
    assert document == {
        "port": 9400,
        "region": "eu-central-1",
        "default_account": "000000000042",
        "auto_create_queues": ["*"],
        "queue_defaults": {"VisibilityTimeout": 20, "tags": {"made": "automatically"}},
        "queue": {
            "parcels": {
                "VisibilityTimeout": 120,
                "DelaySeconds": 3,
                "ReceiveMessageWaitTimeSeconds": 2,
                "tags": {"depot": "north", "lanes": "7"},
                "dead_letter_queue": "parcels-failed",
                "max_receive_count": 4,
            },
            "parcels-failed": {},
            "invoices.fifo": {"ContentBasedDeduplication": True},
            "letters.fifo": {"dead_letter_queue": "lost.fifo", "max_receive_count": 2},
            "lost.fifo": {},
            "audit": {},
        },
    }
    assert lines == [
        "changed: queues.parcels.receiveMessageWait: 1500 ms became 2 s: SQS has whole seconds",
        "not carried over: queues.parcels.copyTo: messages are not copied to other queues",
        "changed: queues.letters: a FIFO queue has a name that ends in .fifo: it became letters.fifo",
        "not carried over: queues.letters.visibility-timeout: no such entry is known",
        "changed: queues.lost: a FIFO queue has a name that ends in .fifo: it became lost.fifo",
        "not carried over: queues.audit.moveTo: messages are not moved to other queues",
        "not carried over: rest-sqs.bind-hostname: the service listens on 127.0.0.1 unless host is 0.0.0.0",
        "not carried over: rest-sqs.sqs-limits: the limits of SQS hold always",
        "not carried over: auto-create-queues.template.deadLettersQueue: defaults have no dead-letter queue",
        "not carried over: node-address: queue URLs begin with the called host; the setting public_url fixes another",
        "not carried over: generate-node-address: queue URLs begin with the called host",
        "not carried over: slow: no such entry is known",
    ]
    assert code == 0


def test_a_goaws_yaml_is_carried_over(tmp_path: Path) -> None:
    document, lines, code = imported(tmp_path, "goaws.yaml", GOAWS)
    assert document == {
        "port": 4105,
        "region": "eu-west-3",
        "default_account": "000000000042",
        "queue_defaults": {"VisibilityTimeout": 12, "ReceiveMessageWaitTimeSeconds": 2},
        "queue": {
            "parcels": {"VisibilityTimeout": 45, "dead_letter_queue": "parcels-failed", "max_receive_count": 6},
            "parcels-failed": {},
            "letters.fifo": {},
            "arrivals-mail": {},
        },
    }
    assert [line.removeprefix("not carried over: ").partition(":")[0] for line in lines] == [
        "Topics.arrivals",
        "Topics.arrivals.Subscriptions",
        "Topics.arrivals.Subscriptions",
        "Host",
        "LogToFile",
        "RandomLatency",
        "Staging",
    ]
    assert code == 0


def test_another_environment_of_a_goaws_yaml_is_chosen_by_name(tmp_path: Path) -> None:
    document, _, _ = imported(tmp_path, "goaws.yaml", GOAWS, "--environment", "Staging")
    assert document == {"port": 4106}


def test_an_init_file_of_fauxqs_is_carried_over(tmp_path: Path) -> None:
    document, lines, code = imported(tmp_path, "init.json", FAUXQS)
    assert document == {
        "region": "eu-west-3",
        "queue": {
            "parcels-failed": {},
            "parcels": {
                "VisibilityTimeout": 45,
                "dead_letter_queue": "parcels-failed",
                "max_receive_count": 6,
                "tags": {"depot": "north"},
            },
            "parcels-us-west-2": {"region": "us-west-2", "name": "parcels"},
            "letters.fifo": {"ContentBasedDeduplication": True},
        },
    }
    assert lines == [
        "not carried over: topics.arrivals: the service has no SNS",
        "not carried over: subscriptions.arrivals: the service has no SNS: queue parcels is not subscribed",
        "not carried over: buckets.photos: the service has no S3",
    ]
    assert code == 0


def test_a_result_that_the_service_would_refuse_has_exit_code_1(tmp_path: Path) -> None:
    _, lines, code = imported(tmp_path, "elasticmq.conf", "queues { a { delay = 20 minutes } }")
    assert lines == [
        "must be changed: queue.a.DelaySeconds: Invalid value for the parameter DelaySeconds.",
    ]
    assert code == 1


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("elasticmq.conf", "queues { a { ", "elasticmq.conf:1: expected"),
        ("elasticmq.conf", "queues { a { delay = 5 parsecs } }", "invalid duration"),
        ("elasticmq.conf", "queues = 3", "does not have the form of a configuration of elasticmq"),
        ("goaws.yaml", "a: [", "goaws.yaml: while parsing"),
        ("goaws.yaml", "- a", "has no environments such as Local"),
        ("goaws.yaml", "A: {}\nB: {}", "has no environment Local: choose one of A, B with --environment"),
        ("goaws.yaml", "Local: {Queues: 3}", "does not have the form of a configuration of goaws"),
        ("init.json", "{", "init.json:1: Expecting"),
        ("init.json", "[]", "must be a JSON object"),
        ("init.txt", "", "with --from"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_one_line(name: str, text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text)
    found = click.testing.CliRunner().invoke(command, [str(file)])
    assert found.exit_code in (1, 2)
    assert reason in found.output


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "init.json").write_text(FAUXQS)
    flags = [str(tmp_path / "init.json"), "--output", str(tmp_path / "facade.toml")]
    assert click.testing.CliRunner().invoke(command, flags).exit_code == 0
    again = click.testing.CliRunner().invoke(command, flags)
    assert again.exit_code == 1
    assert "cannot write" in again.output
