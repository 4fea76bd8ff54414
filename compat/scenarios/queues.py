"""Names, creation, URLs, listing, deletion."""

from __future__ import annotations

from typing import Any

from compat.bench import Bench
from compat.scenario import ANY, NO_QUEUE, error, scenario

_NAME = error(
    "InvalidParameterValue",
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
)


@scenario("CreateQueue", "A32", {"QueueUrl": "<url>/<queue>"})
def url_ends_in_the_name(sqs: Any, at: Bench) -> Any:
    """A new queue's URL ends in its name."""
    answer = sqs.create_queue(QueueName=at.name())
    at.made(answer["QueueUrl"])
    return answer


@scenario("CreateQueue", "A27", _NAME)
def name_with_a_blank(sqs: Any, at: Bench) -> Any:
    """A queue name with a blank is refused."""
    return sqs.create_queue(QueueName="compat a b")


@scenario("CreateQueue", "A27", _NAME)
def name_with_a_slash(sqs: Any, at: Bench) -> Any:
    """A queue name with a slash is refused."""
    return sqs.create_queue(QueueName="compat/name")


@scenario("CreateQueue", "P27", _NAME)
def empty_name(sqs: Any, at: Bench) -> Any:
    """An empty queue name is a bad name, not a missing parameter."""
    return sqs.create_queue(QueueName="")


@scenario("CreateQueue", "A27", [80, _NAME])
def longest_name(sqs: Any, at: Bench) -> Any:
    """A queue name has at most 80 characters."""
    name = at.prefix.ljust(80, "n")
    url = at.made(sqs.create_queue(QueueName=name)["QueueUrl"])
    return [len(url.rpartition("/")[2]), at.refusal(sqs.create_queue, QueueName=name + "n")]


@scenario("CreateQueue", "A27", [80, error("InvalidParameterValue")])
def fifo_suffix_counts(sqs: Any, at: Bench) -> Any:
    """The .fifo at the end is part of the 80 characters."""
    fits = at.prefix.ljust(75, "n") + ".fifo"
    url = at.made(sqs.create_queue(QueueName=fits, Attributes={"FifoQueue": "true"})["QueueUrl"])
    too_long = at.prefix.ljust(76, "n") + ".fifo"
    refusal = at.refusal(sqs.create_queue, QueueName=too_long, Attributes={"FifoQueue": "true"})
    return [len(url.rpartition("/")[2]), refusal]


@scenario("CreateQueue", "A28 R121", error("InvalidParameterValue"))
def fifo_without_suffix(sqs: Any, at: Bench) -> Any:
    """FifoQueue=true needs a name that ends in .fifo."""
    return sqs.create_queue(QueueName=at.name(), Attributes={"FifoQueue": "true"})


@scenario("CreateQueue", "A28 R121", error("InvalidParameterValue"))
def suffix_without_fifo(sqs: Any, at: Bench) -> Any:
    """A name that ends in .fifo needs FifoQueue=true."""
    return sqs.create_queue(QueueName=f"{at.name()}.fifo")


@scenario("CreateQueue", "R29 R121", error("InvalidAttributeName", "Unknown Attribute FifoQueue."))
def standard_with_fifo_false(sqs: Any, at: Bench) -> Any:
    """FifoQueue is no attribute of a standard queue, not even as false."""
    return sqs.create_queue(QueueName=at.name(), Attributes={"FifoQueue": "false"})


@scenario("CreateQueue", "R29", error("InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."))
def standard_with_content_based_deduplication(sqs: Any, at: Bench) -> Any:
    """ContentBasedDeduplication is no attribute of a standard queue."""
    return sqs.create_queue(QueueName=at.name(), Attributes={"ContentBasedDeduplication": "true"})


@scenario(
    "CreateQueue",
    "R29",
    error(ANY, "You can specify the DeduplicationScope only when FifoQueue is set to true."),
)
def standard_with_deduplication_scope(sqs: Any, at: Bench) -> Any:
    """DeduplicationScope on a standard queue is refused in words of its own."""
    return sqs.create_queue(QueueName=at.name(), Attributes={"DeduplicationScope": "queue"})


@scenario(
    "CreateQueue",
    "R29",
    error(ANY, "You can specify the FifoThroughputLimit only when FifoQueue is set to true."),
)
def standard_with_throughput_limit(sqs: Any, at: Bench) -> Any:
    """FifoThroughputLimit on a standard queue is refused in the same words."""
    return sqs.create_queue(QueueName=at.name(), Attributes={"FifoThroughputLimit": "perQueue"})


@scenario("CreateQueue", "A30", {"FifoQueue": "true"})
def booleans_of_any_case(sqs: Any, at: Bench) -> Any:
    """FifoQueue=True is accepted and reads back in lower case."""
    return at.attributes(at.queue(fifo=True, FifoQueue="True"), "FifoQueue")


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_without_attributes(sqs: Any, at: Bench) -> Any:
    """Creating an existing queue without attributes gives its URL."""
    at.queue(DelaySeconds="5")
    return sqs.create_queue(QueueName=at.name())


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_with_equal_attributes(sqs: Any, at: Bench) -> Any:
    """Creating an existing queue with some of its attributes gives its URL."""
    at.queue(DelaySeconds="5", VisibilityTimeout="7")
    return sqs.create_queue(QueueName=at.name(), Attributes={"DelaySeconds": "5"})


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_with_defaults_spelt_out(sqs: Any, at: Bench) -> Any:
    """Creating an existing queue with a default value spelt out gives its URL."""
    at.queue()
    return sqs.create_queue(QueueName=at.name(), Attributes={"DelaySeconds": "0"})


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_after_a_change(sqs: Any, at: Bench) -> Any:
    """It is the current attributes that count, not those of the creation."""
    sqs.set_queue_attributes(QueueUrl=at.queue(), Attributes={"DelaySeconds": "3"})
    return sqs.create_queue(QueueName=at.name(), Attributes={"DelaySeconds": "3"})


@scenario(
    "CreateQueue",
    "R31",
    error(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    ),
)
def again_with_another_value(sqs: Any, at: Bench) -> Any:
    """Creating an existing queue with another value is refused, and the attribute named."""
    at.queue(DelaySeconds="5")
    return sqs.create_queue(QueueName=at.name(), Attributes={"DelaySeconds": "6"})


@scenario(
    "CreateQueue",
    "R31",
    error(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
    ),
)
def again_with_what_was_a_default(sqs: Any, at: Bench) -> Any:
    """A value that the existing queue has only by default differs too."""
    at.queue()
    return sqs.create_queue(QueueName=at.name(), Attributes={"VisibilityTimeout": "31"})


@scenario("CreateQueue", "A35", error("AWS.SimpleQueueService.QueueDeletedRecently"))
def again_after_deletion(sqs: Any, at: Bench) -> Any:
    """The name of a deleted queue is free only after 60 seconds."""
    url = at.queue()
    sqs.delete_queue(QueueUrl=url)
    return sqs.create_queue(QueueName=at.name())


@scenario("GetQueueUrl", "A32", NO_QUEUE)
def regions_are_apart(sqs: Any, at: Bench) -> Any:
    """A queue of one region is not there in another."""
    at.queue()
    elsewhere = at.target.client(at.credentials, region="eu-west-1")
    return elsewhere.get_queue_url(QueueName=at.name())


@scenario("GetQueueUrl", "A36", "the same URL")
def url_of_a_queue(sqs: Any, at: Bench) -> Any:
    """GetQueueUrl gives the URL that CreateQueue gave."""
    url = at.queue()
    found = sqs.get_queue_url(QueueName=at.name())["QueueUrl"]
    return "the same URL" if found == url else [url, found]


@scenario("GetQueueUrl", "A36", NO_QUEUE)
def url_of_a_missing_queue(sqs: Any, at: Bench) -> Any:
    """GetQueueUrl of a missing queue is QueueDoesNotExist."""
    return sqs.get_queue_url(QueueName=at.name())


@scenario("GetQueueUrl", "A36", {"QueueUrl": "<url>/<queue>"})
def url_with_the_owner(sqs: Any, at: Bench) -> Any:
    """GetQueueUrl accepts the owner's account."""
    owner = at.arn(at.queue()).split(":")[4]
    return sqs.get_queue_url(QueueName=at.name(), QueueOwnerAWSAccountId=owner)


@scenario("SendMessage", "A26", {"Body": "x"})
def queue_url_as_a_bare_name(sqs: Any, at: Bench) -> Any:
    """A QueueUrl may be the bare name of a queue."""
    url = at.queue()
    sqs.send_message(QueueUrl=at.name(), MessageBody="x")
    return {"Body": at.bodies(url, 1)[0]}


@scenario("SendMessage", "R20", NO_QUEUE)
def sending_to_a_missing_queue(sqs: Any, at: Bench) -> Any:
    """The missing queue of a data operation reads differently by the two protocols."""
    url = at.queue()
    return sqs.send_message(QueueUrl=url.replace(at.name(), at.name("other")), MessageBody="x")


@scenario("DeleteQueue", "A36", NO_QUEUE)
def deleting_a_missing_queue(sqs: Any, at: Bench) -> Any:
    """DeleteQueue of a missing queue is QueueDoesNotExist."""
    url = at.queue()
    return sqs.delete_queue(QueueUrl=url.replace(at.name(), at.name("other")))


@scenario("DeleteQueue", "A36", [{}, NO_QUEUE])
def deleted_queue_is_gone(sqs: Any, at: Bench) -> Any:
    """A deleted queue is not found any more."""
    deleted = at.refusal(sqs.delete_queue, QueueUrl=at.queue())
    at.pass_time(0 if not at.target.is_distributed else 60)
    return [deleted, at.refusal(sqs.get_queue_url, QueueName=at.name())]


@scenario("ListQueues", "R33", [["<url>/<a>", "<url>/<b>", "<url>/<c>"], "no token"])
def list_by_prefix(sqs: Any, at: Bench) -> Any:
    """ListQueues filters by prefix, answers in the order of names, and gives no token without MaxResults."""
    for word in "bca":
        at.queue(word)
    answer = sqs.list_queues(QueueNamePrefix=at.prefix)
    return [answer["QueueUrls"], answer.get("NextToken", "no token")]


@scenario("ListQueues", "R33", [[["<url>/<a>", "<url>/<b>"], True], [["<url>/<c>"], False]])
def list_in_pages(sqs: Any, at: Bench) -> Any:
    """A page has a token if another one follows; the last has none."""
    for word in "abc":
        at.queue(word)
    first = sqs.list_queues(QueueNamePrefix=at.prefix, MaxResults=2)
    second = sqs.list_queues(QueueNamePrefix=at.prefix, MaxResults=2, NextToken=first["NextToken"])
    return [[page["QueueUrls"], "NextToken" in page] for page in (first, second)]


@scenario("ListQueues", "R33", [["<url>/<a>", "<url>/<b>"], "no token"])
def full_last_page(sqs: Any, at: Bench) -> Any:
    """A page that holds exactly all has no token."""
    for word in "ab":
        at.queue(word)
    answer = sqs.list_queues(QueueNamePrefix=at.prefix, MaxResults=2)
    return [answer["QueueUrls"], answer.get("NextToken", "no token")]


@scenario("ListQueues", "R8", {})
def list_without_a_match(sqs: Any, at: Bench) -> Any:
    """Where nothing matches there is no QueueUrls member."""
    return sqs.list_queues(QueueNamePrefix=at.prefix)


@scenario("PurgeQueue", "A83", ["0", "0", "0"])
def purge_takes_everything(sqs: Any, at: Bench) -> Any:
    """PurgeQueue removes visible, in-flight and delayed messages."""
    url = at.queue()
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    at.receive(url)
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=60)
    sqs.purge_queue(QueueUrl=url)
    return at.counts(url)


@scenario(
    "PurgeQueue",
    "A83 R4",
    error(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on <queue> is allowed every 60 seconds.",
        403,
    ),
)
def purge_twice(sqs: Any, at: Bench) -> Any:
    """A second purge within 60 seconds is refused."""
    url = at.queue()
    sqs.purge_queue(QueueUrl=url)
    return sqs.purge_queue(QueueUrl=url)


@scenario("PurgeQueue", "A83", {"second": "new message"})
def purge_forgets_deduplication(sqs: Any, at: Bench) -> Any:
    """PurgeQueue clears the deduplication history of a FIFO queue."""
    url = at.queue(fifo=True)
    first = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    sqs.purge_queue(QueueUrl=url)
    second = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    return {"second": "duplicate" if first["MessageId"] == second["MessageId"] else "new message"}
