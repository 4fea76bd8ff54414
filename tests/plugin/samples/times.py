"""Time moved by the test itself."""

import datetime
import os

import boto3
import pytest
from freezegun import freeze_time
from moto import mock_aws

os.environ["AWS_ACCESS_KEY_ID"] = "testing"
os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
NOON = "2024-01-01 12:00:00"


@pytest.fixture
def sqs():
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


def test_a_visibility_timeout_ends(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with freeze_time(NOON) as frozen:
        sqs.send_message(QueueUrl=url, MessageBody="a")
        assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=43_200)["Messages"]
        frozen.tick(datetime.timedelta(hours=11))
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        frozen.tick(datetime.timedelta(hours=1, seconds=1))
        assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_a_delay_ends_in_another_block(sqs):
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with freeze_time(NOON):
        sqs.send_message(QueueUrl=url, MessageBody="a", DelaySeconds=900)
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
    with freeze_time("2024-01-01 12:15:01"):
        assert sqs.receive_message(QueueUrl=url)["Messages"]


@freeze_time(NOON)
@mock_aws
def test_frozen_as_a_whole():
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=1)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_deduplication_ends(sqs):
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def sent(group):
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group, MessageDeduplicationId="same")
        return [one["Body"] for one in sqs.receive_message(QueueUrl=url).get("Messages", [])]

    with freeze_time(NOON) as frozen:
        assert sent("a") == ["a"]
        frozen.tick(301)
        assert "b" in sent("b") + sent("b")


def test_what_a_topic_delivers_later_is_later(sqs):
    sns = boto3.client("sns", region_name="us-east-1")
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "60"})["QueueUrl"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q")
    with freeze_time(NOON) as frozen:
        sns.publish(TopicArn=topic, Message="a")
        sqs.list_queues()
        frozen.tick(61)
        assert sqs.receive_message(QueueUrl=url)["Messages"]
