"""Every form of the query protocol's lists and maps: bare, empty, numbered in strange ways, given twice."""

from __future__ import annotations

import pytest

from tests.conftest import Service
from tests.sqs.wire import HTTP, Sqs

INVALID = "InvalidParameterValue"
NUMBERED = "One or more parameters are invalid. Reason: the parameters of a list must be numbered from 1."
HUGE = "9" * 400
#: What stands after ``Action=``, and the code of the error; None: the call succeeds. ``{q}`` is the queue.
FORMS = [
    ("TagQueue&QueueUrl={q}&Tags=", "MissingParameter"),
    ("TagQueue&QueueUrl={q}&Tag=", "MissingParameter"),
    ("TagQueue&QueueUrl={q}&Tag", "MissingParameter"),
    ("TagQueue&QueueUrl={q}&Tags=x", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.1", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.1=", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.1.", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.=", INVALID),
    ("TagQueue&QueueUrl={q}&Tags.member.1.Key=a", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.1.Key=a&Tag.1.Value=b&Tags=", None),
    ("TagQueue&QueueUrl={q}&Tag.1.Key=a&Tag.1.Value=b&Tags.1.Key=c&Tags.1.Value=d", None),
    ("TagQueue&QueueUrl={q}&Tag.1.Key=a&Tag.1.Value=b&Tags.1.Key=a&Tags.1.Value=d", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.Key=a&Tag.Value=b", None),
    ("TagQueue&QueueUrl={q}&Tag.Key=a&Tag.1.Key=b", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.1.Key=a&Tag.01.Key=b", INVALID),
    ("TagQueue&QueueUrl={q}&Tag.Key.x=a", INVALID),
    ("UntagQueue&QueueUrl={q}&TagKey=", "InvalidParameterValue"),
    ("UntagQueue&QueueUrl={q}&TagKey=a", None),
    ("UntagQueue&QueueUrl={q}&TagKey.1.Key=a", INVALID),
    ("CreateQueue&QueueName={n}&Tags=&Attribute=&tags=&Attributes=", None),
    ("CreateQueue&QueueName={n}&Attribute", None),
    ("CreateQueue&QueueName={n}&Attribute.1", INVALID),
    ("CreateQueue&QueueName={n}&Attribute.1.Value=1", INVALID),
    ("SetQueueAttributes&QueueUrl={q}&Attribute=x", INVALID),
    ("SetQueueAttributes&QueueUrl={q}&Attribute.x.Name=DelaySeconds&Attribute.x.Value=1", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName=", None),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName", None),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName=All", None),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName..1=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.member.1=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.1=All&AttributeName.01=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.%2B1=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.1_0=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.%D9%A1=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.-1=All", INVALID),
    (f"GetQueueAttributes&QueueUrl={{q}}&AttributeName.{HUGE}=All", INVALID),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.7=All&AttributeName.3=QueueArn", None),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName=All&AttributeName.1=All", "MalformedInput"),
    ("GetQueueAttributes&QueueUrl={q}&AttributeName.1=All&AttributeName=All", "MalformedInput"),
    ("GetQueueAttributes&QueueUrl={q}&.member=x&x.=y&..z=", None),
    ("GetQueueAttributes&QueueUrl={q}&=x&.member=x", "MalformedInput"),
    ("GetQueueAttributes&QueueUrl.1={q}", INVALID),
    ("SendMessageBatch&QueueUrl={q}&Entries=", "AWS.SimpleQueueService.EmptyBatchRequest"),
    ("SendMessageBatch&QueueUrl={q}&SendMessageBatchRequestEntry=", "AWS.SimpleQueueService.EmptyBatchRequest"),
    ("SendMessageBatch&QueueUrl={q}&SendMessageBatchRequestEntry=x", INVALID),
    ("SendMessageBatch&QueueUrl={q}&SendMessageBatchRequestEntry.1=", INVALID),
    ("SendMessageBatch&QueueUrl={q}&SendMessageBatchRequestEntry.1.=", "AWS.SimpleQueueService.InvalidBatchEntryId"),
    ("SendMessageBatch&QueueUrl={q}&SendMessageBatchRequestEntry.member=", INVALID),
    ("DeleteMessageBatch&QueueUrl={q}&DeleteMessageBatchRequestEntry.1.Id.x=a", INVALID),
    ("SendMessage&QueueUrl={q}&MessageBody=x&MessageAttribute=", None),
    ("SendMessage&QueueUrl={q}&MessageBody=x&MessageAttribute.1.Name=a", INVALID),
    ("SendMessage&QueueUrl={q}&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value=", INVALID),
    (
        "SendMessage&QueueUrl={q}&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.StringListValue=",
        INVALID,
    ),
    ("SendMessage&QueueUrl={q}&MessageBody=x&DelaySeconds=null", INVALID),
    ("SendMessage&QueueUrl={q}&MessageBody=x&DelaySeconds=", INVALID),
    ("SendMessage&QueueUrl={q}&MessageBody.1=x", INVALID),
    ("ReceiveMessage&QueueUrl={q}&WaitTimeSeconds=NULL", INVALID),
    ("AddPermission&QueueUrl={q}&Label=l&AWSAccountId=&ActionName=", "MissingParameter"),
    ("RemovePermission&QueueUrl={q}&Label.1=l", INVALID),
    ("ListQueues&MaxResults.1=1", INVALID),
]


@pytest.mark.parametrize(("lane", "method"), [("fast", "POST"), ("flask", "GET")])
@pytest.mark.parametrize(("form", "code"), FORMS, ids=[form[:100] for form, _ in FORMS])
def test_every_form_has_an_answer_of_the_protocol(
    service: Service, lane: str, queue_name: str, method: str, form: str, code: str | None
) -> None:
    sqs = Sqs(service.url, "query", lane)
    encoded = "Action=" + form.format(q=sqs.queue(queue_name), n=f"{queue_name}-new")
    if method == "POST":
        answer = HTTP.post(sqs.url, encoded.encode(), headers=sqs.headers, timeout=10)
    else:
        answer = HTTP.get(f"{sqs.url}/?{encoded}", headers={"x-sqs-facade-lane": lane}, timeout=10)
    if code is None:
        assert answer.status_code == 200, answer.text
    else:
        failure = sqs.failure(answer)
        assert (failure.code, failure.status) == (code, 400), failure
        assert ".." in form or "AttributeName." not in form or "All&" in form or failure.message == NUMBERED


def test_entries_of_both_names_of_a_map_are_one_map(service: Service, lane: str, queue_name: str) -> None:
    sqs = Sqs(service.url, "query", lane)
    queue = sqs.queue(queue_name)
    form = f"Action=TagQueue&QueueUrl={queue}&Tag.2.Key=a&Tag.2.Value=1&Tags.1.Key=b&Tags.1.Value=2"
    HTTP.post(sqs.url, form.encode(), headers=sqs.headers, timeout=10).raise_for_status()
    assert sqs.call("ListQueueTags", QueueUrl=queue)["Tags"] == {"a": "1", "b": "2"}
