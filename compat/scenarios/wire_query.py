"""The query protocol on the bare wire: forms, GET, XML to the letter, errors."""

from __future__ import annotations

import re
from typing import Any

import requests

from compat.bench import Bench
from compat.scenario import ANY, scenario

_VERSION = "2012-11-05"
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"


def _error(answer: requests.Response) -> list[Any]:
    """Status, type, code and message of an XML error."""
    found = [re.search(f"<{name}>([^<]*)</{name}>", answer.text) for name in ("Type", "Code", "Message")]
    return [answer.status_code, *(one[1] if one else "(absent)" for one in found)]


def _call(at: Bench, action: str, path: str = "/", **members: str) -> requests.Response:
    return at.form(path, Action=action, Version=_VERSION, **members)


@scenario("ListQueues", "A18 M1", ["text/xml", _NAMESPACE, "there"], protocol="query")
def envelope(sqs: Any, at: Bench) -> Any:
    """An answer is XML of SQS's namespace with the request's id in it."""
    answer = _call(at, "ListQueues", QueueNamePrefix=at.prefix)
    space = re.search('<ListQueuesResponse xmlns="([^"]*)"', answer.text)
    id_is_there = re.search("<ResponseMetadata><RequestId>[^<]+</RequestId></ResponseMetadata>", answer.text)
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    return [kind, space[1] if space else "(absent)", "there" if id_is_there else "absent"]


@scenario("ReceiveMessage", "A18", "<ReceiveMessageResult/>", protocol="query")
def empty_result(sqs: Any, at: Bench) -> Any:
    """An empty receive is an empty element."""
    text = _call(at, "ReceiveMessage", QueueUrl=at.queue()).text
    found = re.search("<ReceiveMessageResult.*?/(ReceiveMessageResult)?>", text, re.DOTALL)
    return found[0] if found else text[:100]


@scenario("DeleteQueue", "A18", "no result", protocol="query")
def operation_without_output(sqs: Any, at: Bench) -> Any:
    """An operation without output has no result element."""
    text = _call(at, "DeleteQueue", QueueUrl=at.queue()).text
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
def form_of_an_error(sqs: Any, at: Bench) -> Any:
    """An error has a type, the query protocol's code and its own words."""
    return _error(_call(at, "GetQueueUrl", QueueName=at.name()))


@scenario("GetQueueUrl", "R19", "empty detail", protocol="query")
def detail_of_an_error(sqs: Any, at: Bench) -> Any:
    """An error has an empty Detail element."""
    text = _call(at, "GetQueueUrl", QueueName=at.name()).text
    return "empty detail" if re.search("<Detail ?/>|<Detail></Detail>", text) else "no detail"


@scenario(
    "SendMessage",
    "A24",
    [400, "Sender", "MissingParameter", "The request must contain the parameter MessageBody."],
    protocol="query",
)
def send_without_a_body(sqs: Any, at: Bench) -> Any:
    """SendMessage without a body is a missing parameter."""
    return _error(_call(at, "SendMessage", QueueUrl=at.queue()))


@scenario(
    "ListQueues",
    "A16",
    [400, "Sender", "InvalidAction", "The action FooBar is not valid for this endpoint."],
    protocol="query",
)
def unknown_action(sqs: Any, at: Bench) -> Any:
    """An unknown action is refused in SQS's words."""
    return _error(_call(at, "FooBar"))


@scenario("SendMessage", "A13", ["x"], protocol="query")
def post_to_the_queues_path(sqs: Any, at: Bench) -> Any:
    """On the queue's path QueueUrl need not be given."""
    url = at.queue()
    _call(at, "SendMessage", at.path(url), MessageBody="x").raise_for_status()
    return at.bodies(url, 1)


@scenario("SendMessage", "A13", ["x"], protocol="query")
def get_of_the_queues_path(sqs: Any, at: Bench) -> Any:
    """A GET with a query string works as a POST does."""
    url = at.queue()
    at.get(at.path(url), Action="SendMessage", MessageBody="x", Version=_VERSION).raise_for_status()
    return at.bodies(url, 1)


@scenario("ListQueues", "A13", 200, protocol="query")
def get_of_the_root(sqs: Any, at: Bench) -> Any:
    """A GET of / with a query string works."""
    return at.get("/", Action="ListQueues", QueueNamePrefix=at.prefix, Version=_VERSION).status_code


@scenario("SendMessage", "A14", [[], ["x"]], protocol="query")
def argument_wins_over_the_path(sqs: Any, at: Bench) -> Any:
    """A QueueUrl argument wins over the queue in the path."""
    one, other = at.queue(), at.queue("other")
    _call(at, "SendMessage", at.path(one), QueueUrl=other, MessageBody="x").raise_for_status()
    return [sqs.receive_message(QueueUrl=one).get("Messages", []), at.bodies(other, 1)]


@scenario(
    "CreateQueue",
    "A15",
    [400, "Sender", "InvalidAction", "The action CreateQueue is not valid for this endpoint."],
    protocol="query",
)
def creation_on_a_queues_path(sqs: Any, at: Bench) -> Any:
    """CreateQueue is refused on a queue's path."""
    return _error(_call(at, "CreateQueue", at.path(at.queue()), QueueName=at.name("other")))


@scenario("GetQueueUrl", "A15", 200, protocol="query")
def look_up_on_a_queues_path(sqs: Any, at: Bench) -> Any:
    """GetQueueUrl is allowed on a queue's path, also for another queue."""
    at.queue("other")
    return _call(at, "GetQueueUrl", at.path(at.queue()), QueueName=at.name("other")).status_code


@scenario("GetQueueUrl", "A17", [404, "<UnknownOperationException/>"], protocol="query")
def get_without_an_action(sqs: Any, at: Bench) -> Any:
    """A GET of a queue's URL without an action is an unknown operation, in XML."""
    answer = at.get(at.path(at.queue()), accept="application/json")
    return [answer.status_code, answer.text.strip()[:100]]


@scenario("ListQueues", "A21", ["ListQueuesResponse"], protocol="query")
def json_by_accept(sqs: Any, at: Bench) -> Any:
    """With Accept: application/json the answer is JSON of the XML's form."""
    answer = at.get("/", accept="application/json", Action="ListQueues", QueueNamePrefix=at.prefix, Version=_VERSION)
    return list(answer.json())


def _json(at: Bench, action: str, accept: str = "application/json", **members: str) -> Any:
    """The result of a call that prefers JSON."""
    answer = at.get("/", accept=accept, Action=action, Version=_VERSION, **members)
    try:
        return answer.json()[f"{action}Response"][f"{action}Result"]
    except (ValueError, LookupError, TypeError):
        return f"{answer.status_code} without {action}Result"


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
def absent_members_in_json(sqs: Any, at: Bench) -> Any:
    """In JSON by Accept an absent member is null."""
    return _json(at, "SendMessage", QueueUrl=at.queue(), MessageBody="x")


@scenario("ReceiveMessage", "A21 A126", [{"messages": None}, ["x"]], protocol="query")
def messages_in_json(sqs: Any, at: Bench) -> Any:
    """In JSON by Accept messages are null on an empty queue, and a list also of one."""
    url = at.queue()
    empty = _json(at, "ReceiveMessage", QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    found = _json(at, "ReceiveMessage", QueueUrl=url, WaitTimeSeconds="5")
    is_list = isinstance(found, dict) and isinstance(found.get("messages"), list)
    return [empty, [one["Body"] for one in found["messages"]] if is_list else found]


@scenario("ReceiveMessage", "A126", {"messages": None}, protocol="query")
def json_for_axios(sqs: Any, at: Bench) -> Any:
    """A client that names JSON beside any other type gets JSON."""
    return _json(at, "ReceiveMessage", "application/json, text/plain, */*", QueueUrl=at.queue())


@scenario("GetQueueAttributes", "A126", {"Attributes": [{"Name": "DelaySeconds", "Value": "0"}]}, protocol="query")
def attributes_in_json(sqs: Any, at: Bench) -> Any:
    """In JSON by Accept attributes are a list of names and values."""
    return _json(at, "GetQueueAttributes", **{"QueueUrl": at.queue(), "AttributeName.1": "DelaySeconds"})


@scenario(
    "ListQueues",
    "A126",
    {"NextExclusiveStartQueueName": None, "NextToken": None, "queueUrls": None},
    protocol="query",
)
def queue_urls_in_json(sqs: Any, at: Bench) -> Any:
    """In JSON by Accept queue URLs are null where there are none."""
    return _json(at, "ListQueues", QueueNamePrefix=at.prefix)


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
def error_in_json(sqs: Any, at: Bench) -> Any:
    """In JSON by Accept an error says whose fault it is."""
    answer = at.get("/", accept="application/json", Action="GetQueueUrl", QueueName=at.name(), Version=_VERSION)
    return answer.json()


@scenario("ReceiveMessage", "A22", "written as a reference", protocol="query")
def carriage_return(sqs: Any, at: Bench) -> Any:
    """A carriage return is written as &#xD; in XML."""
    url = at.queue()
    sqs.send_message(QueueUrl=url, MessageBody="a\rb")
    text = _call(at, "ReceiveMessage", QueueUrl=url).content
    is_reference = re.search(rb"<Body>a&#(xD|xd|13);b</Body>", text) is not None
    return "written as a reference" if is_reference else "bare" if b"a\rb" in text else "lost"


@scenario("GetQueueAttributes", "A23", "adjacent", protocol="query")
def name_and_value(sqs: Any, at: Bench) -> Any:
    """Name and value elements stand side by side, without white space."""
    members = {"QueueUrl": at.queue(), "AttributeName.1": "DelaySeconds"}
    text = _call(at, "GetQueueAttributes", **members).text
    together = "<Attribute><Name>DelaySeconds</Name><Value>0</Value></Attribute>" in text
    return "adjacent" if together else "apart" if "<Name>DelaySeconds</Name>" in text else text[:100]


@scenario("TagQueue", "M12", {"Tags": {"a": "b"}}, protocol="query")
def tags_by_their_old_name(sqs: Any, at: Bench) -> Any:
    """Tags are sent as Tag.N.Key and Tag.N.Value."""
    url = at.queue()
    _call(at, "TagQueue", **{"QueueUrl": url, "Tag.1.Key": "a", "Tag.1.Value": "b"}).raise_for_status()
    return sqs.list_queue_tags(QueueUrl=url)


@scenario(
    "ListQueues",
    "A15",
    [400, "Sender", "InvalidAction", "The action ListQueues is not valid for this endpoint."],
    protocol="query",
)
def listing_on_a_queues_path(sqs: Any, at: Bench) -> Any:
    """ListQueues is refused on a queue's path."""
    return _error(_call(at, "ListQueues", at.path(at.queue())))


@scenario("GetQueueAttributes", "L25", "0", protocol="query")
def unsigned(sqs: Any, at: Bench) -> Any:
    """A service for developers answers requests without a signature."""
    members = {"Action": "GetQueueAttributes", "AttributeName.1": "DelaySeconds", "Version": _VERSION}
    answer = requests.get(at.target.address + at.path(at.queue()), members, timeout=30)
    found = re.search("<Value>([^<]*)</Value>", answer.text)
    return found[1] if found else [answer.status_code, answer.text[:100]]
