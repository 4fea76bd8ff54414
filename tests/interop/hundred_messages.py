"""Runs with any boto3: create a queue, send 100 messages with attributes, receive, extend, delete."""

import sys
import warnings

warnings.simplefilter("ignore")

import boto3  # noqa: E402 - an old botocore warns when it is imported

url, name = sys.argv[1:]
sqs = boto3.client(
    "sqs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
)
protocol = sqs.meta.service_model.metadata["protocol"]
queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "40"})["QueueUrl"]
attributes = {
    "text": {"DataType": "String", "StringValue": "é<&>\r\n"},
    "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}
for number in range(100):
    sqs.send_message(QueueUrl=queue, MessageBody=f"body {number} \r\n", MessageAttributes=attributes)
received = []
while True:
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    if not found.get("Messages"):
        break
    received += found["Messages"]
assert sorted(m["Body"] for m in received) == sorted(f"body {number} \r\n" for number in range(100))
assert all(m["MessageAttributes"] == attributes for m in received)
for message in received[:50]:
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=100)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
for start in range(50, 100, 10):
    entries = [{"Id": str(n), "ReceiptHandle": received[n]["ReceiptHandle"]} for n in range(start, start + 10)]
    longer = [{**entry, "VisibilityTimeout": 90} for entry in entries]
    assert len(sqs.change_message_visibility_batch(QueueUrl=queue, Entries=longer)["Successful"]) == 10
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10
left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
assert left["ApproximateNumberOfMessages"] == left["ApproximateNumberOfMessagesNotVisible"] == "0"
sys.stdout.write(f"{len(received)} sent, received, extended and deleted by {protocol}\n")
