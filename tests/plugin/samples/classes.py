"""mock_aws on classes, with and without setUp; unittest's way; resources."""

import os
import unittest

import boto3
from moto import mock_aws

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")


@mock_aws
class TestDecoratedClass:
    def create(self):
        return boto3.client("sqs", region_name="us-east-1").create_queue(QueueName="q")["QueueUrl"]

    def test_one(self):
        sqs = boto3.client("sqs", region_name="us-east-1")
        assert "QueueUrls" not in sqs.list_queues()
        assert self.create().endswith("/q")

    def test_two(self):
        sqs = boto3.client("sqs", region_name="us-east-1")
        assert "QueueUrls" not in sqs.list_queues()
        assert self.create().endswith("/q")


@mock_aws
class TestWithSetupMethod:
    def setup_method(self, *_):
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.url = self.sqs.create_queue(QueueName="q")["QueueUrl"]

    def test_queue_is_there(self):
        assert self.sqs.list_queues()["QueueUrls"] == [self.url]

    def test_queue_is_empty_again(self):
        assert "Messages" not in self.sqs.receive_message(QueueUrl=self.url)
        self.sqs.send_message(QueueUrl=self.url, MessageBody="a")

    def test_queue_is_still_empty_at_the_start(self):
        assert "Messages" not in self.sqs.receive_message(QueueUrl=self.url)
        self.sqs.send_message(QueueUrl=self.url, MessageBody="a")


@mock_aws
class DecoratedTestCase(unittest.TestCase):
    def setUp(self):
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.url = self.sqs.create_queue(QueueName="q")["QueueUrl"]

    def test_send(self):
        self.sqs.send_message(QueueUrl=self.url, MessageBody="a")
        self.assertEqual(len(self.sqs.receive_message(QueueUrl=self.url)["Messages"]), 1)

    def test_begins_empty(self):
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=self.url))

    def tearDown(self):
        self.sqs.delete_queue(QueueUrl=self.url)


class SetUpTearDown(unittest.TestCase):
    def setUp(self):
        self.mock = mock_aws()
        self.mock.start()
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.url = self.sqs.create_queue(QueueName="q")["QueueUrl"]

    def tearDown(self):
        self.mock.stop()

    def test_first(self):
        self.sqs.send_message(QueueUrl=self.url, MessageBody="a")
        self.assertTrue(self.sqs.receive_message(QueueUrl=self.url)["Messages"])

    def test_second(self):
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=self.url))


class SetUpClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = mock_aws()
        cls.mock.start()
        cls.sqs = boto3.client("sqs", region_name="us-east-1")
        cls.url = cls.sqs.create_queue(QueueName="shared")["QueueUrl"]
        cls.sqs.send_message(QueueUrl=cls.url, MessageBody="kept")

    @classmethod
    def tearDownClass(cls):
        cls.mock.stop()

    def read(self):
        [message] = self.sqs.receive_message(QueueUrl=self.url, VisibilityTimeout=0)["Messages"]
        return message["Body"]

    def test_finds_what_the_class_sent(self):
        self.assertEqual(self.read(), "kept")

    def test_finds_it_again(self):
        self.assertEqual(self.read(), "kept")


@mock_aws
class TestResources:
    def queue(self, **attributes):
        return boto3.resource("sqs", region_name="us-east-1").create_queue(QueueName="q", Attributes=attributes)

    def test_send_and_receive(self):
        queue = self.queue()
        queue.send_message(MessageBody="a")
        [message] = queue.receive_messages()
        assert message.body == "a"
        message.delete()
        assert queue.receive_messages() == []

    def test_get_queue_by_name(self):
        queue = self.queue()
        assert boto3.resource("sqs", region_name="us-east-1").get_queue_by_name(QueueName="q").url == queue.url

    def test_attributes(self):
        queue = self.queue(VisibilityTimeout="45")
        assert queue.attributes["VisibilityTimeout"] == "45"
        queue.set_attributes(Attributes={"VisibilityTimeout": "46"})
        queue.reload()
        assert queue.attributes["VisibilityTimeout"] == "46"

    def test_all_queues(self):
        self.queue()
        assert [queue.url for queue in boto3.resource("sqs", region_name="us-east-1").queues.all()] == [
            "https://sqs.us-east-1.amazonaws.com/123456789012/q"
        ]

    def test_send_messages(self):
        queue = self.queue()
        answer = queue.send_messages(Entries=[{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b"}])
        assert len(answer["Successful"]) == 2
        queue.reload()
        assert queue.attributes["ApproximateNumberOfMessages"] == "2"

    def test_change_visibility(self):
        queue = self.queue()
        queue.send_message(MessageBody="a")
        queue.receive_messages()[0].change_visibility(VisibilityTimeout=0)
        assert queue.receive_messages()

    def test_purge_and_delete(self):
        queue = self.queue()
        queue.send_message(MessageBody="a")
        queue.purge()
        assert queue.receive_messages() == []
        queue.delete()
        assert list(boto3.resource("sqs", region_name="us-east-1").queues.all()) == []
