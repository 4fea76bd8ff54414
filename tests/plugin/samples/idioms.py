"""Fixtures for the environment, default and other sessions, resources, polling, and mocks that are started by hand."""

import json
import os
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")

# As the code under test has them: made at import, before any mock.
IMPORTED_CLIENT = boto3.client("sqs", region_name="eu-west-1")
IMPORTED_RESOURCE = boto3.resource("sqs", region_name="eu-west-1")


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """As moto's documentation has it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_SECURITY_TOKEN", "testing")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def mocked(credentials):
    with mock_aws():
        yield


@pytest.fixture
def queue(mocked):
    """A resource."""
    return boto3.resource("sqs").create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "30"})


def arn_of(queue):
    return queue.attributes["QueueArn"]


# -- the environment and sessions


def test_region_of_the_environment(mocked):
    url = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    assert url == "https://sqs.eu-west-1.amazonaws.com/123456789012/q"


@pytest.mark.usefixtures("mocked")
def test_a_fixture_by_name_only():
    assert "QueueUrls" not in boto3.client("sqs").list_queues()


def test_region_of_the_call_goes_before_the_environments(mocked):
    there = boto3.client("sqs", region_name="us-west-2")
    there.create_queue(QueueName="q")
    assert "QueueUrls" not in boto3.client("sqs").list_queues()
    assert there.list_queues()["QueueUrls"] == ["https://sqs.us-west-2.amazonaws.com/123456789012/q"]


def test_session_without_a_profile(mocked):
    session = boto3.Session()
    url = session.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    assert session.resource("sqs").Queue(url).attributes["QueueArn"] == "arn:aws:sqs:eu-west-1:123456789012:q"


def test_session_with_credentials_and_a_region(mocked):
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name="ca-central-1")
    url = session.resource("sqs").create_queue(QueueName="q").url
    assert url == "https://sqs.ca-central-1.amazonaws.com/123456789012/q"


@pytest.fixture
def default_session():
    boto3.setup_default_session(region_name="ap-south-1")
    yield
    boto3.DEFAULT_SESSION = None


@mock_aws(config={"core": {"reset_boto3_session": False}})
def test_default_session_made_before_the_mock(default_session):
    assert boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"].startswith("https://sqs.ap-south-1.")
    assert boto3.resource("sqs").get_queue_by_name(QueueName="q").attributes["QueueArn"].split(":")[3] == "ap-south-1"


def test_default_session_made_inside_the_mock(mocked):
    boto3.setup_default_session(aws_access_key_id="a", aws_secret_access_key="b", region_name="sa-east-1")
    try:
        assert boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"].startswith("https://sqs.sa-east-1.")
    finally:
        boto3.DEFAULT_SESSION = None


def test_client_with_a_config_of_its_own(mocked):
    config = Config(retries={"max_attempts": 1, "mode": "standard"}, connect_timeout=30, read_timeout=30)
    sqs = boto3.client("sqs", config=config)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a"


# -- mocks


@mock_aws(config={"core": {"reset_boto3_session": False}})
def test_decorator_with_a_config():
    assert boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"].endswith("/q")


def test_context_manager_with_a_config():
    with mock_aws(config={"core": {"mock_credentials": False}}):
        url = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        assert boto3.client("sqs").list_queues()["QueueUrls"] == [url]


def test_config_of_other_services_beside_queues():
    with mock_aws(config={"batch": {"use_docker": False}, "lambda": {"use_docker": False}}):
        assert "QueueUrls" not in boto3.client("sqs").list_queues()


@pytest.fixture
def started():
    mock = mock_aws()
    mock.start()
    yield
    mock.stop()


def test_mock_started_by_a_fixture(started):
    boto3.client("sqs").create_queue(QueueName="q")
    assert len(boto3.client("sqs").list_queues()["QueueUrls"]) == 1


def test_mock_started_by_a_fixture_begins_empty(started):
    assert "QueueUrls" not in boto3.client("sqs").list_queues()


def test_mock_that_is_started_anew_is_empty():
    mock = mock_aws()
    for _ in range(2):
        mock.start()
        assert "QueueUrls" not in boto3.client("sqs").list_queues()
        boto3.client("sqs").create_queue(QueueName="q")
        mock.stop()


def test_mock_started_without_a_reset_keeps_its_queues():
    mock = mock_aws()
    mock.start()
    url = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    with mock_aws():
        assert boto3.client("sqs").list_queues()["QueueUrls"] == [url]
    mock.stop()


@mock_aws
@pytest.mark.parametrize("number", [1, 2])
def test_decorator_above_the_parameters(number):
    assert "QueueUrls" not in boto3.client("sqs").list_queues()
    boto3.client("sqs").create_queue(QueueName=f"q{number}")


def test_a_failure_inside_leaves_nothing_behind():
    @mock_aws
    def fails():
        boto3.client("sqs").create_queue(QueueName="q")
        boto3.client("sqs").get_queue_url(QueueName="nothing")

    with pytest.raises(ClientError):
        fails()
    with mock_aws():
        assert "QueueUrls" not in boto3.client("sqs").list_queues()


class TestAutouseInAClass:
    @pytest.fixture(autouse=True)
    def set_up(self):
        with mock_aws():
            self.sqs = boto3.client("sqs")
            self.url = self.sqs.create_queue(QueueName="mine")["QueueUrl"]
            yield

    def test_send(self):
        self.sqs.send_message(QueueUrl=self.url, MessageBody="a")
        assert self.sqs.receive_message(QueueUrl=self.url)["Messages"]

    def test_empty_again(self):
        assert self.sqs.list_queues()["QueueUrls"] == [self.url]
        assert "Messages" not in self.sqs.receive_message(QueueUrl=self.url)


# -- made at import


def test_client_made_at_import(mocked):
    url = IMPORTED_CLIENT.create_queue(QueueName="q")["QueueUrl"]
    IMPORTED_CLIENT.send_message(QueueUrl=url, MessageBody="a")
    assert boto3.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a"


def test_resource_made_at_import(mocked):
    queue = IMPORTED_RESOURCE.create_queue(QueueName="q")
    queue.send_message(MessageBody="a")
    assert [message.body for message in queue.receive_messages()] == ["a"]


def test_client_made_at_import_begins_empty(mocked):
    assert "QueueUrls" not in IMPORTED_CLIENT.list_queues()


# -- resources


def test_message_of_a_resource(queue):
    sent = queue.send_message(MessageBody="hello")
    [message] = queue.receive_messages()
    assert (message.body, message.message_id) == ("hello", sent["MessageId"])
    assert message.md5_of_body == sent["MD5OfMessageBody"]
    message.delete()
    queue.reload()
    assert queue.attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_message_of_a_resource_is_given_back(queue):
    queue.send_message(MessageBody="a")
    [message] = queue.receive_messages(VisibilityTimeout=600)
    assert queue.receive_messages() == []
    message.change_visibility(VisibilityTimeout=0)
    [again] = queue.receive_messages(AttributeNames=["ApproximateReceiveCount"])
    assert again.attributes == {"ApproximateReceiveCount": "2"}


def test_message_attributes_of_a_resource(queue):
    given = {"kind": {"DataType": "String", "StringValue": "order"}}
    queue.send_message(MessageBody="a", MessageAttributes=given)
    [message] = queue.receive_messages(MessageAttributeNames=["kind"])
    assert message.message_attributes == given


def test_batches_of_a_resource(queue):
    sent = queue.send_messages(Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(10)])
    assert len(sent["Successful"]) == 10
    found = queue.receive_messages(MaxNumberOfMessages=10)
    entries = [{"Id": str(n), "ReceiptHandle": one.receipt_handle} for n, one in enumerate(found)]
    assert len(queue.delete_messages(Entries=entries)["Successful"]) == 10


def test_queue_by_its_name(queue):
    assert boto3.resource("sqs").get_queue_by_name(QueueName="jobs") == queue


def test_queue_by_a_name_that_is_not_there(mocked):
    sqs = boto3.resource("sqs")
    with pytest.raises(sqs.meta.client.exceptions.QueueDoesNotExist):
        sqs.get_queue_by_name(QueueName="nothing")


def test_message_by_its_handle(queue):
    queue.send_message(MessageBody="a")
    [message] = queue.receive_messages()
    boto3.resource("sqs").Message(queue.url, message.receipt_handle).delete()
    queue.reload()
    assert queue.attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_collections_of_queues(mocked):
    sqs = boto3.resource("sqs")
    made = {sqs.create_queue(QueueName=name).url for name in ("a-1", "a-2", "b-1")}
    assert {queue.url for queue in sqs.queues.all()} == made
    assert len(list(sqs.queues.filter(QueueNamePrefix="a-"))) == 2
    assert len(list(sqs.queues.limit(1))) == 1


def test_sources_of_dead_letters_of_a_resource(queue):
    sqs = boto3.resource("sqs")
    policy = json.dumps({"deadLetterTargetArn": arn_of(queue), "maxReceiveCount": 3})
    source = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy})
    assert [one.url for one in queue.dead_letter_source_queues.all()] == [source.url]


def test_attributes_of_a_resource_are_set(queue):
    queue.set_attributes(Attributes={"DelaySeconds": "7"})
    queue.reload()
    assert queue.attributes["DelaySeconds"] == "7"


def test_permission_of_a_resource(queue):
    queue.add_permission(Label="share", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    queue.reload()
    assert json.loads(queue.attributes["Policy"])["Statement"][0]["Sid"] == "share"
    queue.remove_permission(Label="share")


def test_purge_of_a_resource(queue):
    queue.send_message(MessageBody="a")
    queue.purge()
    assert queue.receive_messages() == []


def test_deleted_resource_is_not_there(queue):
    queue.delete()
    with pytest.raises(ClientError) as error:
        queue.send_message(MessageBody="a")
    assert error.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


# -- polling


def test_polling_until_it_is_there(queue):
    queue.send_message(MessageBody="soon", DelaySeconds=1)
    deadline = time.monotonic() + 30
    found = []
    while not found and time.monotonic() < deadline:
        found = queue.receive_messages(MaxNumberOfMessages=10)
        time.sleep(0.05)
    assert [message.body for message in found] == ["soon"]


def test_polling_until_it_is_empty(queue):
    for number in range(25):
        queue.send_message(MessageBody=str(number))
    done = []
    while messages := queue.receive_messages(MaxNumberOfMessages=10, WaitTimeSeconds=0):
        for message in messages:
            done.append(int(message.body))
            message.delete()
    assert sorted(done) == list(range(25))


def test_polling_counts_until_they_are_right(queue):
    sqs = boto3.client("sqs")
    for number in range(3):
        queue.send_message(MessageBody=str(number))
    for _ in range(20):
        found = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"])
        if int(found["Attributes"]["ApproximateNumberOfMessages"]) == 3:
            break
        time.sleep(0.05)
    else:
        pytest.fail("they never came")


# -- code under test


class Consumer:
    """As applications write one: the queue by its name, poll, work, delete, leave what fails."""

    def __init__(self, name):
        self.sqs = boto3.client("sqs")
        self.url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def run_once(self, work):
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            try:
                work(json.loads(message["Body"]))
            except ValueError:
                continue
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def test_consumer_deletes_what_it_did(queue):
    queue.send_message(MessageBody=json.dumps({"id": 1}))
    done = []
    Consumer("jobs").run_once(done.append)
    queue.reload()
    assert done == [{"id": 1}]
    assert queue.attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_consumer_leaves_what_failed(queue):
    queue.send_message(MessageBody="no json")
    Consumer("jobs").run_once(print)
    queue.reload()
    assert queue.attributes["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_events_of_a_client_see_the_calls(mocked):
    """As tracing libraries hook into botocore."""
    sqs = boto3.client("sqs")
    seen = []
    sqs.meta.events.register("before-call.sqs.*", lambda model, **_: seen.append(model.name))
    sqs.meta.events.register("after-call.sqs.*", lambda http_response, **_: seen.append(http_response.status_code))
    sqs.create_queue(QueueName="q")
    assert seen == ["CreateQueue", 200]


def test_metadata_of_answers(mocked):
    answer = boto3.client("sqs").create_queue(QueueName="q")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["RequestId"]
