"""What other services of moto send to queues; accounts; aiobotocore against moto's server."""

import asyncio
import io
import json
import os
import zipfile
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ["AWS_ACCESS_KEY_ID"] = "testing"
os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
REGION = "us-east-1"


@pytest.fixture
def aws():
    with mock_aws():
        yield lambda service: boto3.client(service, region_name=REGION)


@pytest.fixture
def queue(aws):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def received(aws, url, **more):
    return aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])


def test_sns_delivers(aws, queue):
    url, arn = queue
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws("sns").publish(TopicArn=topic, Message="hello", Subject="greeting")
    [message] = received(aws, url)
    envelope = json.loads(message["Body"])
    assert (envelope["Message"], envelope["Subject"], envelope["TopicArn"]) == ("hello", "greeting", topic)


def test_sns_raw_delivery_with_attributes(aws, queue):
    url, arn = queue
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    attributes = {"kind": {"DataType": "String", "StringValue": "test"}}
    aws("sns").publish(TopicArn=topic, Message="raw", MessageAttributes=attributes)
    [message] = received(aws, url, MessageAttributeNames=["All"])
    assert message["Body"] == "raw"
    assert message["MessageAttributes"] == attributes


def test_sns_filter_policy(aws, queue):
    url, arn = queue
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    policy = json.dumps({"kind": ["wanted"]})
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": policy})
    for kind in ("wanted", "unwanted"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        aws("sns").publish(TopicArn=topic, Message=kind, MessageAttributes=attributes)
    assert [json.loads(one["Body"])["Message"] for one in received(aws, url)] == ["wanted"]


def test_sns_fans_out(aws, queue):
    url, arn = queue
    other = aws("sqs").create_queue(QueueName="other")["QueueUrl"]
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    for endpoint in (arn, arn.replace("events", "other")):
        aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    aws("sns").publish(TopicArn=topic, Message="to all")
    assert len(received(aws, url)) == len(received(aws, other)) == 1


def test_sns_fifo(aws):
    sqs = aws("sqs")
    attributes = {"FifoQueue": "true"}
    url = sqs.create_queue(QueueName="events.fifo", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = aws("sns").create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws("sns").publish(TopicArn=topic, Message="a", MessageGroupId="g", MessageDeduplicationId="d")
    [message] = received(aws, url, AttributeNames=["All"])
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_sns_standard_topic_refuses_a_fifo_queue(aws):
    sqs = aws("sqs")
    sqs.create_queue(QueueName="events.fifo", Attributes={"FifoQueue": "true"})
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    with pytest.raises(aws("sns").exceptions.InvalidParameterException):
        aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:events.fifo")


def test_s3_notifies(aws, queue):
    url, arn = queue
    aws("s3").create_bucket(Bucket="uploads")
    aws("s3").put_bucket_notification_configuration(
        Bucket="uploads",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    received(aws, url)  # S3's own test event
    aws("s3").put_object(Bucket="uploads", Key="a.txt", Body=b"content")
    [message] = received(aws, url)
    [record] = json.loads(message["Body"])["Records"]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == ("uploads", "a.txt")


def test_s3_through_sns(aws, queue):
    url, arn = queue
    topic = aws("sns").create_topic(Name="uploads")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws("s3").create_bucket(Bucket="uploads")
    aws("s3").put_bucket_notification_configuration(
        Bucket="uploads",
        NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]},
    )
    received(aws, url)
    aws("s3").put_object(Bucket="uploads", Key="a.txt", Body=b"content")
    [message] = received(aws, url)
    assert json.loads(json.loads(message["Body"])["Message"])["Records"]


def test_eventbridge_delivers(aws, queue):
    url, arn = queue
    events = aws("events")
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": json.dumps({"id": 1})}])
    events.put_events(Entries=[{"Source": "other", "DetailType": "order", "Detail": "{}"}])
    [message] = received(aws, url)
    assert json.loads(message["Body"])["detail"] == {"id": 1}


def test_eventbridge_to_fifo(aws):
    sqs = aws("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="events.fifo", Attributes=attributes)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:123456789012:events.fifo"
    events = aws("events")
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn, "SqsParameters": {"MessageGroupId": "g"}}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": "{}"}])
    [message] = received(aws, url, AttributeNames=["MessageGroupId"])
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_cloudformation_makes_a_queue(aws):
    template = {
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "made", "VisibilityTimeout": 55}},
        },
        "Outputs": {"Url": {"Value": {"Ref": "Q"}}},
    }
    aws("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    [stack] = aws("cloudformation").describe_stacks(StackName="s")["Stacks"]
    url = stack["Outputs"][0]["OutputValue"]
    found = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == "55"
    aws("sqs").send_message(QueueUrl=url, MessageBody="a")
    assert received(aws, url)


def stack(**properties):
    one = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "made", **properties}}
    return {"StackName": "s", "TemplateBody": json.dumps({"Resources": {"Q": one}})}


def test_cloudformation_deletes_its_queues(aws, queue):
    aws("cloudformation").create_stack(**stack())
    assert len(aws("sqs").list_queues()["QueueUrls"]) == 2
    aws("cloudformation").delete_stack(StackName="s")
    assert aws("sqs").list_queues()["QueueUrls"] == [queue[0]]


def test_cloudformation_updates_a_queue(aws):
    aws("cloudformation").create_stack(**stack(VisibilityTimeout=10))
    aws("cloudformation").update_stack(**stack(VisibilityTimeout=20, ReceiveMessageWaitTimeSeconds=1))
    url = aws("sqs").get_queue_url(QueueName="made")["QueueUrl"]
    names = ["VisibilityTimeout", "ReceiveMessageWaitTimeSeconds"]
    found = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert found == {"VisibilityTimeout": "20", "ReceiveMessageWaitTimeSeconds": "1"}


def test_cloudformation_with_a_dead_letter_queue_and_tags(aws, queue):
    policy = {"deadLetterTargetArn": queue[1], "maxReceiveCount": 3}
    aws("cloudformation").create_stack(**stack(RedrivePolicy=policy, Tags=[{"Key": "team", "Value": "a"}]))
    url = aws("sqs").get_queue_url(QueueName="made")["QueueUrl"]
    assert aws("sqs").list_dead_letter_source_queues(QueueUrl=queue[0])["queueUrls"] == [url]
    assert aws("sqs").list_queue_tags(QueueUrl=url)["Tags"]["team"] == "a"


def test_the_tagging_api_finds_queues(aws, queue):
    aws("sqs").tag_queue(QueueUrl=queue[0], Tags={"team": "a"})
    aws("sqs").create_queue(QueueName="untagged")
    found = aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team", "Values": ["a"]}])
    [one] = found["ResourceTagMappingList"]
    assert one == {"ResourceARN": queue[1], "Tags": [{"Key": "team", "Value": "a"}]}


def test_backends_know_the_queues(aws, queue):
    from moto.sqs.models import sqs_backends

    backend = sqs_backends["123456789012"][REGION]
    assert list(backend.queues) == ["events"]
    assert backend.get_queue("events").queue_arn == queue[1]


@pytest.fixture
def function(queue):
    """A Lambda function that succeeds, mapped to the queue."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        sqs = boto3.client("sqs", region_name=REGION)
        url = sqs.create_queue(QueueName="events")["QueueUrl"]
        role = boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("code.py", "def handler(event, context): return 1")
        there = boto3.client("lambda", region_name=REGION)
        there.create_function(
            FunctionName="f",
            Runtime="python3.12",
            Role=role,
            Handler="code.handler",
            Code={"ZipFile": code.getvalue()},
        )
        made = there.create_event_source_mapping(EventSourceArn=queue[1], FunctionName="f")
        yield there, made["UUID"], url


def in_flight_or_not(aws, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in found.values())


def test_a_lambda_function_takes_what_is_sent(aws, queue, function):
    _, uuid, url = function
    assert [one["UUID"] for one in aws("lambda").list_event_source_mappings()["EventSourceMappings"]] == [uuid]
    aws("sqs").send_message(QueueUrl=url, MessageBody="a")
    aws("sqs").send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "b"} for n in range(3)])
    assert in_flight_or_not(aws, url) == 0


def test_a_lambda_function_takes_what_a_topic_delivers(aws, queue, function):
    url, arn = queue
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws("sns").publish(TopicArn=topic, Message="hello")
    assert in_flight_or_not(aws, url) == 0


def test_what_a_lambda_function_fails_at_stays(aws, queue, function):
    from moto.awslambda.models import LambdaBackend

    with patch.object(LambdaBackend, "send_sqs_batch", return_value=False):
        aws("sqs").send_message(QueueUrl=queue[0], MessageBody="a")
    assert [one["Body"] for one in received(aws, queue[0])] == ["a"]


def test_a_disabled_mapping_takes_nothing(aws, queue, function):
    there, uuid, url = function
    there.update_event_source_mapping(UUID=uuid, Enabled=False)
    aws("sqs").send_message(QueueUrl=url, MessageBody="a")
    assert in_flight_or_not(aws, url) == 1


def test_other_services_stay_with_moto(aws):
    assert aws("sts").get_caller_identity()["Account"] == "123456789012"
    aws("s3").create_bucket(Bucket="bucket")
    aws("s3").put_object(Bucket="bucket", Key="k", Body=b"content")
    assert aws("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"content"


def assumed(account, service):
    role = boto3.client("sts", region_name=REGION).assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/any", RoleSessionName="test"
    )["Credentials"]
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )


def test_another_account(aws, queue):
    there = assumed("111111111111", "sqs")
    assert "QueueUrls" not in there.list_queues()
    assert there.create_queue(QueueName="q")["QueueUrl"] == f"https://sqs.{REGION}.amazonaws.com/111111111111/q"
    assert aws("sqs").list_queues()["QueueUrls"] == [queue[0]]


def test_sns_of_another_account(aws):
    there = assumed("111111111111", "sqs")
    url = there.create_queue(QueueName="q")["QueueUrl"]
    sns = assumed("111111111111", "sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:111111111111:q")
    sns.publish(TopicArn=topic, Message="a")
    assert there.receive_message(QueueUrl=url)["Messages"]


@pytest.fixture
def server():
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    boto3.client("sqs", region_name=REGION, endpoint_url=f"http://{host}:{port}").close()
    running.stop()


def test_moto_server(server):
    sqs = boto3.client("sqs", region_name=REGION, endpoint_url=server)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert url == f"{server}/123456789012/q"
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


def test_aiobotocore(server):
    from aiobotocore.session import get_session

    async def run():
        async with get_session().create_client("sqs", region_name=REGION, endpoint_url=server) as sqs:
            url = (await sqs.create_queue(QueueName="q"))["QueueUrl"]
            await asyncio.gather(*(sqs.send_message(QueueUrl=url, MessageBody=str(n)) for n in range(5)))
            found = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            await sqs.delete_queue(QueueUrl=url)
            return sorted(one["Body"] for one in found["Messages"])

    assert asyncio.run(run()) == ["0", "1", "2", "3", "4"]
