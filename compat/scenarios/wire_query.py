"""The query protocol in raw requests: forms, GET, exact XML, errors."""

from __future__ import annotations

import re
from typing import Any

import requests

from ..bench import Bench
from ..scenario import ANY, scenario

_VERSION = "2012-11-05"
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"


def _error(response: requests.Response) -> list[Any]:
    """Return the status, type, code and message of an XML error."""
    found = [re.search(f"<{name}>([^<]*)</{name}>", response.text) for name in ("Type", "Code", "Message")]
    return [response.status_code, *(one[1] if one else "(absent)" for one in found)]


def _call(bench: Bench, action: str, path: str = "/", **members: str) -> requests.Response:
    return bench.form(path, Action=action, Version=_VERSION, **members)


@scenario("ListQueues", "A18 M1", ["text/xml", _NAMESPACE, "there"], protocol="query")
def envelope(sqs: Any, bench: Bench) -> Any:
    """A response is XML in the namespace of SQS, with the request id."""
    response = _call(bench, "ListQueues", QueueNamePrefix=bench.prefix)
    space = re.search('<ListQueuesResponse xmlns="([^"]*)"', response.text)
    id_is_there = re.search("<ResponseMetadata><RequestId>[^<]+</RequestId></ResponseMetadata>", response.text)
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    return [kind, space[1] if space else "(absent)", "there" if id_is_there else "absent"]


@scenario("ReceiveMessage", "A18", "<ReceiveMessageResult/>", protocol="query")
def empty_result(sqs: Any, bench: Bench) -> Any:
    """An empty receive is an empty element."""
    text = _call(bench, "ReceiveMessage", QueueUrl=bench.queue()).text
    found = re.search("<ReceiveMessageResult.*?/(ReceiveMessageResult)?>", text, re.DOTALL)
    return found[0] if found else text[:100]


@scenario("DeleteQueue", "A18", "no result", protocol="query")
def operation_without_output(sqs: Any, bench: Bench) -> Any:
    """An operation without output has no result element."""
    text = _call(bench, "DeleteQueue", QueueUrl=bench.queue()).text
    return "result" if "DeleteQueueResult" in text else "no result" if "DeleteQueueResponse" in text else text[:100]


@scenario(
    "GetQueueUrl",
    "R19 R20",
    [
        400,
        "Sender",
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist for this wsdl version.",
    ],
    protocol="query",
)
def form_of_an_error(sqs: Any, bench: Bench) -> Any:
    """An error has a type, and the code and text of the query protocol."""
    return _error(_call(bench, "GetQueueUrl", QueueName=bench.name()))


@scenario("GetQueueUrl", "R19", "empty detail", protocol="query")
def detail_of_an_error(sqs: Any, bench: Bench) -> Any:
    """An error has an empty Detail element."""
    text = _call(bench, "GetQueueUrl", QueueName=bench.name()).text
    return "empty detail" if re.search("<Detail ?/>|<Detail></Detail>", text) else "no detail"


@scenario(
    "SendMessage",
    "A24",
    [400, "Sender", "MissingParameter", "The request must contain the parameter MessageBody."],
    protocol="query",
)
def send_without_a_body(sqs: Any, bench: Bench) -> Any:
    """SendMessage without a body fails with MissingParameter."""
    return _error(_call(bench, "SendMessage", QueueUrl=bench.queue()))


@scenario(
    "ListQueues",
    "A16",
    [400, "Sender", "InvalidAction", "The action FooBar is not valid for this endpoint."],
    protocol="query",
)
def unknown_action(sqs: Any, bench: Bench) -> Any:
    """An unknown action is refused with SQS's error text."""
    return _error(_call(bench, "FooBar"))


@scenario("SendMessage", "A13", ["x"], protocol="query")
def post_to_the_queues_path(sqs: Any, bench: Bench) -> Any:
    """A request to the path of a queue needs no QueueUrl."""
    url = bench.queue()
    _call(bench, "SendMessage", bench.path(url), MessageBody="x").raise_for_status()
    return bench.bodies(url, 1)


@scenario("SendMessage", "A13", ["x"], protocol="query")
def get_of_the_queues_path(sqs: Any, bench: Bench) -> Any:
    """A GET with a query string works like a POST."""
    url = bench.queue()
    bench.get(bench.path(url), Action="SendMessage", MessageBody="x", Version=_VERSION).raise_for_status()
    return bench.bodies(url, 1)


@scenario("ListQueues", "A13", 200, protocol="query")
def get_of_the_root(sqs: Any, bench: Bench) -> Any:
    """A GET of / with a query string works."""
    return bench.get("/", Action="ListQueues", QueueNamePrefix=bench.prefix, Version=_VERSION).status_code


@scenario("SendMessage", "A14", [[], ["x"]], protocol="query")
def argument_wins_over_the_path(sqs: Any, bench: Bench) -> Any:
    """QueueUrl takes precedence over the queue in the path."""
    one, other = bench.queue(), bench.queue("other")
    _call(bench, "SendMessage", bench.path(one), QueueUrl=other, MessageBody="x").raise_for_status()
    return [sqs.receive_message(QueueUrl=one).get("Messages", []), bench.bodies(other, 1)]


@scenario("SendMessage", "A12", ["bytes:6162", "bytes:fffe"], protocol="query")
def binary_value_without_padding(sqs: Any, bench: Bench) -> Any:
    """The base64 of a binary value may lack its padding."""
    url = bench.queue()
    form = {}
    for number, (name, value) in enumerate((("a", "YWI"), ("b", "//4")), 1):
        form[f"MessageAttribute.{number}.Name"] = name
        form[f"MessageAttribute.{number}.Value.DataType"] = "Binary"
        form[f"MessageAttribute.{number}.Value.BinaryValue"] = value
    _call(bench, "SendMessage", QueueUrl=url, MessageBody="x", **form).raise_for_status()
    found = bench.receive(url, MessageAttributeNames=["All"])[0]["MessageAttributes"]
    return [found[name]["BinaryValue"] for name in ("a", "b")]


@scenario(
    "CreateQueue",
    "A15",
    [400, "Sender", "InvalidAction", "The action CreateQueue is not valid for this endpoint."],
    protocol="query",
)
def creation_on_a_queues_path(sqs: Any, bench: Bench) -> Any:
    """CreateQueue is refused on a queue's path."""
    return _error(_call(bench, "CreateQueue", bench.path(bench.queue()), QueueName=bench.name("other")))


@scenario("GetQueueUrl", "A15", 200, protocol="query")
def look_up_on_a_queues_path(sqs: Any, bench: Bench) -> Any:
    """GetQueueUrl is allowed on a queue's path, even for another queue."""
    bench.queue("other")
    return _call(bench, "GetQueueUrl", bench.path(bench.queue()), QueueName=bench.name("other")).status_code


@scenario("GetQueueUrl", "A17", [404, "<UnknownOperationException/>"], protocol="query")
def get_without_an_action(sqs: Any, bench: Bench) -> Any:
    """A GET of a queue URL without an action fails with an unknown operation, in XML."""
    response = bench.get(bench.path(bench.queue()), accept="application/json")
    return [response.status_code, response.text.strip()[:100]]


@scenario("ListQueues", "A21", ["ListQueuesResponse"], protocol="query")
def json_by_accept(sqs: Any, bench: Bench) -> Any:
    """With Accept: application/json the response is JSON with the structure of the XML."""
    response = bench.get(
        "/", accept="application/json", Action="ListQueues", QueueNamePrefix=bench.prefix, Version=_VERSION
    )
    return list(response.json())


def _json(bench: Bench, action: str, accept: str = "application/json", **members: str) -> Any:
    """Send a request that prefers JSON, and return the result."""
    response = bench.get("/", accept=accept, Action=action, Version=_VERSION, **members)
    try:
        return response.json()[f"{action}Response"][f"{action}Result"]
    except (ValueError, LookupError, TypeError):
        return f"{response.status_code} without {action}Result"


@scenario(
    "SendMessage",
    "A126",
    {
        "MD5OfMessageAttributes": None,
        "MD5OfMessageBody": "9dd4e461268c8034f5c8564e155c67a6",
        "MD5OfMessageSystemAttributes": None,
        "MessageId": ANY,
        "SequenceNumber": None,
    },
    protocol="query",
)
def absent_members_in_json(sqs: Any, bench: Bench) -> Any:
    """In JSON of the query protocol an absent member is null."""
    return _json(bench, "SendMessage", QueueUrl=bench.queue(), MessageBody="x")


@scenario("ReceiveMessage", "A21 A126", [{"messages": None}, ["x"]], protocol="query")
def messages_in_json(sqs: Any, bench: Bench) -> Any:
    """In JSON of the query protocol messages are null for an empty queue, and a list even with one."""
    url = bench.queue()
    empty = _json(bench, "ReceiveMessage", QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    found = _json(bench, "ReceiveMessage", QueueUrl=url, WaitTimeSeconds="5")
    is_list = isinstance(found, dict) and isinstance(found.get("messages"), list)
    return [empty, [one["Body"] for one in found["messages"]] if is_list else found]


@scenario("ReceiveMessage", "A126", {"messages": None}, protocol="query")
def json_for_axios(sqs: Any, bench: Bench) -> Any:
    """A client that accepts JSON and any other type receives JSON."""
    return _json(bench, "ReceiveMessage", "application/json, text/plain, */*", QueueUrl=bench.queue())


@scenario("GetQueueAttributes", "A126", {"Attributes": [{"Name": "DelaySeconds", "Value": "0"}]}, protocol="query")
def attributes_in_json(sqs: Any, bench: Bench) -> Any:
    """In JSON of the query protocol attributes are a list of names and values."""
    return _json(bench, "GetQueueAttributes", **{"QueueUrl": bench.queue(), "AttributeName.1": "DelaySeconds"})


@scenario(
    "ListQueues",
    "A126",
    {"NextExclusiveStartQueueName": None, "NextToken": None, "queueUrls": None},
    protocol="query",
)
def queue_urls_in_json(sqs: Any, bench: Bench) -> Any:
    """In JSON of the query protocol queue URLs are null if there are none."""
    return _json(bench, "ListQueues", QueueNamePrefix=bench.prefix)


@scenario(
    "GetQueueUrl",
    "A126",
    {
        "Error": {
            "Code": "AWS.SimpleQueueService.NonExistentQueue",
            "Message": "The specified queue does not exist for this wsdl version.",
            "Type": "Sender",
        },
        "RequestId": ANY,
    },
    protocol="query",
)
def error_in_json(sqs: Any, bench: Bench) -> Any:
    """In JSON of the query protocol an error has its type, Sender or Receiver."""
    response = bench.get("/", accept="application/json", Action="GetQueueUrl", QueueName=bench.name(), Version=_VERSION)
    return response.json()


@scenario("ReceiveMessage", "A22", "written as a reference", protocol="query")
def carriage_return(sqs: Any, bench: Bench) -> Any:
    """A carriage return is written as &#xD; in XML."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="a\rb")
    text = _call(bench, "ReceiveMessage", QueueUrl=url).content
    is_reference = re.search(rb"<Body>a&#(xD|xd|13);b</Body>", text) is not None
    return "written as a reference" if is_reference else "bare" if b"a\rb" in text else "lost"


@scenario("GetQueueAttributes", "A23", "adjacent", protocol="query")
def name_and_value(sqs: Any, bench: Bench) -> Any:
    """Name and value elements are adjacent, without white space."""
    members = {"QueueUrl": bench.queue(), "AttributeName.1": "DelaySeconds"}
    text = _call(bench, "GetQueueAttributes", **members).text
    together = "<Attribute><Name>DelaySeconds</Name><Value>0</Value></Attribute>" in text
    return "adjacent" if together else "apart" if "<Name>DelaySeconds</Name>" in text else text[:100]


@scenario("TagQueue", "M12", {"Tags": {"a": "b"}}, protocol="query")
def tags_by_their_old_name(sqs: Any, bench: Bench) -> Any:
    """Tags are sent as Tag.N.Key and Tag.N.Value."""
    url = bench.queue()
    _call(bench, "TagQueue", **{"QueueUrl": url, "Tag.1.Key": "a", "Tag.1.Value": "b"}).raise_for_status()
    return sqs.list_queue_tags(QueueUrl=url)


@scenario(
    "ListQueues",
    "A15",
    [400, "Sender", "InvalidAction", "The action ListQueues is not valid for this endpoint."],
    protocol="query",
)
def listing_on_a_queues_path(sqs: Any, bench: Bench) -> Any:
    """ListQueues is refused on a queue's path."""
    return _error(_call(bench, "ListQueues", bench.path(bench.queue())))


@scenario("GetQueueAttributes", "L25", "0", protocol="query")
def unsigned(sqs: Any, bench: Bench) -> Any:
    """A service for developers accepts requests without a signature."""
    members = {"Action": "GetQueueAttributes", "AttributeName.1": "DelaySeconds", "Version": _VERSION}
    response = requests.get(bench.target.address + bench.path(bench.queue()), members, timeout=30)
    found = re.search("<Value>([^<]*)</Value>", response.text)
    return found[1] if found else [response.status_code, response.text[:100]]
