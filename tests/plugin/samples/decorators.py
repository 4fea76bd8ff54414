"""mock_aws as decorator, context manager, fixture; clients made before, inside and nested."""

import hashlib
import json
import os
import threading
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID, patch_client

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ["AWS_ACCESS_KEY_ID"] = "testing"
os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"

MODULE_CLIENT = boto3.client("sqs", region_name="us-east-1")
REGION = "us-east-1"


def client(region=REGION):
    return boto3.client("sqs", region_name=region)


def code(error):
    return error.value.response["Error"]["Code"]


@mock_aws
def test_create_queue_url():
    url = client().create_queue(QueueName="orders")["QueueUrl"]
    assert url == f"https://sqs.us-east-1.amazonaws.com/{DEFAULT_ACCOUNT_ID}/orders"


@mock_aws()
def test_decorator_with_parentheses():
    assert "QueueUrls" not in client().list_queues()


@mock_aws
def test_send_and_receive():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == hashlib.md5(b"hello").hexdigest()


@mock_aws
def test_every_test_begins_empty_first():
    sqs = client()
    assert "QueueUrls" not in sqs.list_queues()
    sqs.create_queue(QueueName="same-name")


@mock_aws
def test_every_test_begins_empty_second():
    sqs = client()
    assert "QueueUrls" not in sqs.list_queues()
    sqs.create_queue(QueueName="same-name")


@mock_aws
def test_delete_message():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["ApproximateNumberOfMessages"] == "0"
    assert found["ApproximateNumberOfMessagesNotVisible"] == "0"


@mock_aws
def test_missing_queue():
    with pytest.raises(ClientError) as error:
        client().get_queue_url(QueueName="nothing")
    assert code(error) == "AWS.SimpleQueueService.NonExistentQueue"


@mock_aws
def test_modeled_exception():
    sqs = client()
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nothing")


@mock_aws
def test_queue_arn():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert arn == f"arn:aws:sqs:us-east-1:{DEFAULT_ACCOUNT_ID}:q"


@mock_aws
def test_message_attributes():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    given = {"n": {"DataType": "Number", "StringValue": "7"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sqs.send_message(QueueUrl=url, MessageBody="a", MessageAttributes=given)
    [message] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageAttributes"] == given


@mock_aws
def test_batch_send_and_delete():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": f"body {n}"} for n in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(one["Body"] for one in found) == sorted(one["MessageBody"] for one in entries)
    handles = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 10


@mock_aws
def test_visibility_timeout():
    sqs = client()
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert sqs.receive_message(QueueUrl=url)["Messages"]


@mock_aws
def test_purge():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@mock_aws
def test_tags():
    sqs = client()
    url = sqs.create_queue(QueueName="q", tags={"team": "a"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"stage": "test"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a", "stage": "test"}


@mock_aws
def test_redrive_to_dead_letter_queue():
    sqs = client()
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName="work", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        sqs.receive_message(QueueUrl=url)
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "poison"
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


@mock_aws
def test_fifo_order_and_deduplication():
    sqs = client()
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="q.fifo", Attributes=attributes)["QueueUrl"]
    for body in ("a", "a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [one["Body"] for one in found] == ["a", "b"]


@mock_aws
def test_list_queues_by_prefix():
    sqs = client()
    for name in ("a-1", "a-2", "b-1"):
        sqs.create_queue(QueueName=name)
    assert len(sqs.list_queues(QueueNamePrefix="a-")["QueueUrls"]) == 2


@mock_aws
def test_paginator():
    sqs = client()
    for number in range(5):
        sqs.create_queue(QueueName=f"q{number}")
    pages = sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2})
    assert sum(len(page["QueueUrls"]) for page in pages) == 5


@mock_aws
def test_set_and_get_attributes():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5", "MessageRetentionPeriod": "3600"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds", "MessageRetentionPeriod"])
    assert found["Attributes"] == {"DelaySeconds": "5", "MessageRetentionPeriod": "3600"}


@mock_aws
def test_permissions():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="share", AWSAccountIds=["111111111111"], Actions=["ReceiveMessage"])
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert json.loads(policy)["Statement"][0]["Sid"] == "share"
    sqs.remove_permission(QueueUrl=url, Label="share")


@mock_aws
def test_long_poll_gets_a_message_sent_meanwhile():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    timer = threading.Timer(0.2, lambda: sqs.send_message(QueueUrl=url, MessageBody="late"))
    timer.start()
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)
    timer.join()
    assert found["Messages"][0]["Body"] == "late"


@mock_aws
def test_delay():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    time.sleep(1.1)
    assert sqs.receive_message(QueueUrl=url)["Messages"]


@mock_aws
def test_create_again_is_the_same_queue():
    sqs = client()
    assert sqs.create_queue(QueueName="q")["QueueUrl"] == sqs.create_queue(QueueName="q")["QueueUrl"]


@mock_aws
def test_create_again_with_other_attributes():
    sqs = client()
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "10"})
    with pytest.raises(ClientError) as error:
        sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "20"})
    assert code(error) == "QueueAlreadyExists"


@mock_aws
def test_delete_queue():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="a")


@mock_aws
def test_invalid_receipt_handle():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError) as error:
        sqs.delete_message(QueueUrl=url, ReceiptHandle="no handle")
    assert code(error) == "ReceiptHandleIsInvalid"


@mock_aws
def test_batch_with_the_same_id_twice():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError) as error:
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "a", "MessageBody": "2"}])
    assert code(error) == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


@pytest.mark.parametrize("body", ["plain", "ünïcödé", "line\nbreak", '{"json": true}', "<xml/>", "x" * 200_000])
@mock_aws
def test_bodies(body):
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == body


@pytest.mark.parametrize("name", ["bad name", "x" * 81, "dots.in.it"])
@mock_aws
def test_names_that_are_refused(name):
    with pytest.raises(ClientError) as error:
        client().create_queue(QueueName=name)
    assert code(error) == "InvalidParameterValue"


def test_context_manager():
    with mock_aws():
        sqs = client()
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="a")
        assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_context_managers_one_after_the_other():
    for _ in range(2):
        with mock_aws():
            assert "QueueUrls" not in client().list_queues()
            client().create_queue(QueueName="q")


def test_nested_mocks_share_what_there_is():
    with mock_aws():
        client().create_queue(QueueName="outer")
        with mock_aws():
            client().create_queue(QueueName="inner")
            assert len(client().list_queues()["QueueUrls"]) == 2
        assert len(client().list_queues()["QueueUrls"]) == 2


def test_start_and_stop():
    mock = mock_aws()
    mock.start()
    client().create_queue(QueueName="q")
    assert client().list_queues()["QueueUrls"]
    mock.stop()


@mock_aws
def test_module_level_client():
    MODULE_CLIENT.create_queue(QueueName="q")
    assert MODULE_CLIENT.list_queues()["QueueUrls"] == client().list_queues()["QueueUrls"]


def test_client_made_before_the_mock():
    early = boto3.client("sqs", region_name=REGION)
    with mock_aws():
        early.create_queue(QueueName="q")
        assert early.list_queues()["QueueUrls"]


def test_patched_client():
    early = boto3.client("sqs", region_name=REGION)
    with mock_aws():
        patch_client(early)
        assert early.create_queue(QueueName="q")["QueueUrl"]


@mock_aws
def test_session_client():
    session = boto3.session.Session(region_name="eu-central-1")
    url = session.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    assert url.startswith("https://sqs.eu-central-1.amazonaws.com/")


@pytest.fixture
def sqs():
    with mock_aws():
        yield client()


@pytest.fixture
def queue_url(sqs):
    return sqs.create_queue(QueueName="from-a-fixture")["QueueUrl"]


def test_fixture(sqs, queue_url):
    sqs.send_message(QueueUrl=queue_url, MessageBody="a")
    assert sqs.receive_message(QueueUrl=queue_url)["Messages"]


def test_fixture_is_new_for_each_test(sqs, queue_url):
    assert sqs.list_queues()["QueueUrls"] == [queue_url]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue_url)


@pytest.fixture(params=["us-east-1", "eu-west-1", "ap-southeast-2"])
def regional(request):
    with mock_aws():
        yield client(request.param), request.param


def test_regions_in_urls(regional):
    sqs, region = regional
    assert sqs.create_queue(QueueName="q")["QueueUrl"] == (f"https://sqs.{region}.amazonaws.com/{DEFAULT_ACCOUNT_ID}/q")


@mock_aws
def test_regions_are_apart():
    client("us-east-1").create_queue(QueueName="here")
    assert "QueueUrls" not in client("eu-west-1").list_queues()


@mock_aws
def test_code_under_test_that_makes_its_own_client():
    def handler(event):
        url = boto3.client("sqs", region_name=REGION).get_queue_url(QueueName="out")["QueueUrl"]
        boto3.client("sqs", region_name=REGION).send_message(QueueUrl=url, MessageBody=json.dumps(event))

    url = client().create_queue(QueueName="out")["QueueUrl"]
    handler({"order": 1})
    assert json.loads(client().receive_message(QueueUrl=url)["Messages"][0]["Body"]) == {"order": 1}


@mock_aws
def test_threads_share_a_client():
    sqs = client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    threads = [
        threading.Thread(target=sqs.send_message, kwargs={"QueueUrl": url, "MessageBody": "a"}) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "8"
