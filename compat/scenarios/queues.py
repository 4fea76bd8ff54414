"""Queues: names, creation, URLs, listing, deletion, purging."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import ANY, NO_QUEUE, error, scenario

_NAME = error(
    "InvalidParameterValue",
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
)


@scenario("CreateQueue", "A32", {"QueueUrl": "<url>/<queue>"})
def url_ends_in_the_name(sqs: Any, bench: Bench) -> Any:
    """A new queue's URL ends in its name."""
    response = sqs.create_queue(QueueName=bench.name())
    bench.delete_later(response["QueueUrl"])
    return response


@scenario("CreateQueue", "A27", _NAME)
def name_with_a_blank(sqs: Any, bench: Bench) -> Any:
    """A queue name with a space is refused."""
    return sqs.create_queue(QueueName="compat a b")


@scenario("CreateQueue", "A27", _NAME)
def name_with_a_slash(sqs: Any, bench: Bench) -> Any:
    """A queue name with a slash is refused."""
    return sqs.create_queue(QueueName="compat/name")


@scenario("CreateQueue", "P27", _NAME)
def empty_name(sqs: Any, bench: Bench) -> Any:
    """An empty queue name is an invalid value, not a missing parameter."""
    return sqs.create_queue(QueueName="")


@scenario("CreateQueue", "A27", [80, _NAME])
def longest_name(sqs: Any, bench: Bench) -> Any:
    """A queue name has at most 80 characters."""
    name = bench.prefix.ljust(80, "n")
    url = bench.delete_later(sqs.create_queue(QueueName=name)["QueueUrl"])
    return [len(url.rpartition("/")[2]), bench.refusal(sqs.create_queue, QueueName=name + "n")]


@scenario("CreateQueue", "A27", [80, error("InvalidParameterValue")])
def fifo_suffix_counts(sqs: Any, bench: Bench) -> Any:
    """The suffix .fifo counts toward the 80 characters."""
    fits = bench.prefix.ljust(75, "n") + ".fifo"
    url = bench.delete_later(sqs.create_queue(QueueName=fits, Attributes={"FifoQueue": "true"})["QueueUrl"])
    too_long = bench.prefix.ljust(76, "n") + ".fifo"
    refusal = bench.refusal(sqs.create_queue, QueueName=too_long, Attributes={"FifoQueue": "true"})
    return [len(url.rpartition("/")[2]), refusal]


@scenario("CreateQueue", "A28 R121", error("InvalidParameterValue"))
def fifo_without_suffix(sqs: Any, bench: Bench) -> Any:
    """FifoQueue=true needs a name that ends in .fifo."""
    return sqs.create_queue(QueueName=bench.name(), Attributes={"FifoQueue": "true"})


@scenario("CreateQueue", "A28 R121", error("InvalidParameterValue"))
def suffix_without_fifo(sqs: Any, bench: Bench) -> Any:
    """A name that ends in .fifo needs FifoQueue=true."""
    return sqs.create_queue(QueueName=f"{bench.name()}.fifo")


@scenario("CreateQueue", "R29 R121", error("InvalidAttributeName", "Unknown Attribute FifoQueue."))
def standard_with_fifo_false(sqs: Any, bench: Bench) -> Any:
    """FifoQueue is not an attribute of standard queues, not even with the value false."""
    return sqs.create_queue(QueueName=bench.name(), Attributes={"FifoQueue": "false"})


@scenario("CreateQueue", "R29", error("InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."))
def standard_with_content_based_deduplication(sqs: Any, bench: Bench) -> Any:
    """ContentBasedDeduplication is not an attribute of standard queues."""
    return sqs.create_queue(QueueName=bench.name(), Attributes={"ContentBasedDeduplication": "true"})


@scenario(
    "CreateQueue",
    "R29",
    error(ANY, "You can specify the DeduplicationScope only when FifoQueue is set to true."),
)
def standard_with_deduplication_scope(sqs: Any, bench: Bench) -> Any:
    """DeduplicationScope on a standard queue is refused with an error text of its own."""
    return sqs.create_queue(QueueName=bench.name(), Attributes={"DeduplicationScope": "queue"})


@scenario(
    "CreateQueue",
    "R29",
    error(ANY, "You can specify the FifoThroughputLimit only when FifoQueue is set to true."),
)
def standard_with_throughput_limit(sqs: Any, bench: Bench) -> Any:
    """FifoThroughputLimit on a standard queue is refused with the same error text."""
    return sqs.create_queue(QueueName=bench.name(), Attributes={"FifoThroughputLimit": "perQueue"})


@scenario("CreateQueue", "A30", {"FifoQueue": "true"})
def booleans_of_any_case(sqs: Any, bench: Bench) -> Any:
    """FifoQueue=True is accepted and returned in lower case."""
    return bench.attributes(bench.queue(fifo=True, FifoQueue="True"), "FifoQueue")


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_without_attributes(sqs: Any, bench: Bench) -> Any:
    """Creating an existing queue without attributes returns its URL."""
    bench.queue(DelaySeconds="5")
    return sqs.create_queue(QueueName=bench.name())


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_with_equal_attributes(sqs: Any, bench: Bench) -> Any:
    """Creating an existing queue with some of its attributes returns its URL."""
    bench.queue(DelaySeconds="5", VisibilityTimeout="7")
    return sqs.create_queue(QueueName=bench.name(), Attributes={"DelaySeconds": "5"})


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_with_defaults_spelt_out(sqs: Any, bench: Bench) -> Any:
    """Creating an existing queue with an explicit default value returns its URL."""
    bench.queue()
    return sqs.create_queue(QueueName=bench.name(), Attributes={"DelaySeconds": "0"})


@scenario("CreateQueue", "R31", {"QueueUrl": "<url>/<queue>"})
def again_after_a_change(sqs: Any, bench: Bench) -> Any:
    """Creating an existing queue compares with its current attributes, not with the original ones."""
    sqs.set_queue_attributes(QueueUrl=bench.queue(), Attributes={"DelaySeconds": "3"})
    return sqs.create_queue(QueueName=bench.name(), Attributes={"DelaySeconds": "3"})


@scenario(
    "CreateQueue",
    "R31",
    error(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    ),
)
def again_with_another_value(sqs: Any, bench: Bench) -> Any:
    """Creating an existing queue with a different value is refused, and the error names the attribute."""
    bench.queue(DelaySeconds="5")
    return sqs.create_queue(QueueName=bench.name(), Attributes={"DelaySeconds": "6"})


@scenario(
    "CreateQueue",
    "R31",
    error(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
    ),
)
def again_with_what_was_a_default(sqs: Any, bench: Bench) -> Any:
    """A value also differs if the existing queue has the default."""
    bench.queue()
    return sqs.create_queue(QueueName=bench.name(), Attributes={"VisibilityTimeout": "31"})


@scenario("CreateQueue", "A35", error("AWS.SimpleQueueService.QueueDeletedRecently"))
def again_after_deletion(sqs: Any, bench: Bench) -> Any:
    """The name of a deleted queue can be used again only after 60 seconds."""
    url = bench.queue()
    sqs.delete_queue(QueueUrl=url)
    return sqs.create_queue(QueueName=bench.name())


@scenario("GetQueueUrl", "A32", NO_QUEUE)
def regions_are_apart(sqs: Any, bench: Bench) -> Any:
    """A queue of one region does not exist in another."""
    bench.queue()
    elsewhere = bench.target.client(bench.credentials, region="eu-west-1")
    return elsewhere.get_queue_url(QueueName=bench.name())


@scenario("GetQueueUrl", "A36", "the same URL")
def url_of_a_queue(sqs: Any, bench: Bench) -> Any:
    """GetQueueUrl returns the same URL as CreateQueue."""
    url = bench.queue()
    found = sqs.get_queue_url(QueueName=bench.name())["QueueUrl"]
    return "the same URL" if found == url else [url, found]


@scenario("GetQueueUrl", "A36", NO_QUEUE)
def url_of_a_missing_queue(sqs: Any, bench: Bench) -> Any:
    """GetQueueUrl of a missing queue fails with QueueDoesNotExist."""
    return sqs.get_queue_url(QueueName=bench.name())


@scenario("GetQueueUrl", "A36", {"QueueUrl": "<url>/<queue>"})
def url_with_the_owner(sqs: Any, bench: Bench) -> Any:
    """GetQueueUrl accepts the owner's account."""
    owner = bench.arn(bench.queue()).split(":")[4]
    return sqs.get_queue_url(QueueName=bench.name(), QueueOwnerAWSAccountId=owner)


@scenario("SendMessage", "A26", {"Body": "x"})
def queue_url_as_a_bare_name(sqs: Any, bench: Bench) -> Any:
    """A QueueUrl may be the bare name of a queue."""
    url = bench.queue()
    sqs.send_message(QueueUrl=bench.name(), MessageBody="x")
    return {"Body": bench.bodies(url, 1)[0]}


@scenario("SendMessage", "R20", NO_QUEUE)
def sending_to_a_missing_queue(sqs: Any, bench: Bench) -> Any:
    """The error text for the missing queue of a data operation differs between the protocols."""
    url = bench.queue()
    return sqs.send_message(QueueUrl=url.replace(bench.name(), bench.name("other")), MessageBody="x")


@scenario("DeleteQueue", "A36", NO_QUEUE)
def deleting_a_missing_queue(sqs: Any, bench: Bench) -> Any:
    """DeleteQueue of a missing queue fails with QueueDoesNotExist."""
    url = bench.queue()
    return sqs.delete_queue(QueueUrl=url.replace(bench.name(), bench.name("other")))


@scenario("DeleteQueue", "A36", [{}, NO_QUEUE])
def deleted_queue_is_gone(sqs: Any, bench: Bench) -> Any:
    """A deleted queue does not exist any more."""
    deleted = bench.refusal(sqs.delete_queue, QueueUrl=bench.queue())
    bench.pass_time(0 if not bench.target.is_distributed else 60)
    return [deleted, bench.refusal(sqs.get_queue_url, QueueName=bench.name())]


@scenario("ListQueues", "R33", [["<url>/<a>", "<url>/<b>", "<url>/<c>"], "no token"])
def list_by_prefix(sqs: Any, bench: Bench) -> Any:
    """ListQueues filters by prefix, sorts by name, and returns no token without MaxResults."""
    for word in "bca":
        bench.queue(word)
    response = sqs.list_queues(QueueNamePrefix=bench.prefix)
    return [response["QueueUrls"], response.get("NextToken", "no token")]


@scenario("ListQueues", "R33", [[["<url>/<a>", "<url>/<b>"], True], [["<url>/<c>"], False]])
def list_in_pages(sqs: Any, bench: Bench) -> Any:
    """A page has a token if another page follows; the last page has none."""
    for word in "abc":
        bench.queue(word)
    first = sqs.list_queues(QueueNamePrefix=bench.prefix, MaxResults=2)
    second = sqs.list_queues(QueueNamePrefix=bench.prefix, MaxResults=2, NextToken=first["NextToken"])
    return [[page["QueueUrls"], "NextToken" in page] for page in (first, second)]


@scenario("ListQueues", "R33", [["<url>/<a>", "<url>/<b>"], "no token"])
def full_last_page(sqs: Any, bench: Bench) -> Any:
    """A page that contains exactly all queues has no token."""
    for word in "ab":
        bench.queue(word)
    response = sqs.list_queues(QueueNamePrefix=bench.prefix, MaxResults=2)
    return [response["QueueUrls"], response.get("NextToken", "no token")]


@scenario("ListQueues", "R8", {})
def list_without_a_match(sqs: Any, bench: Bench) -> Any:
    """If nothing matches, the result has no QueueUrls member."""
    return sqs.list_queues(QueueNamePrefix=bench.prefix)


@scenario("PurgeQueue", "A83", ["0", "0", "0"])
def purge_takes_everything(sqs: Any, bench: Bench) -> Any:
    """PurgeQueue removes visible, in-flight and delayed messages."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    bench.receive(url)
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=60)
    sqs.purge_queue(QueueUrl=url)
    return bench.counts(url)


@scenario(
    "PurgeQueue",
    "A83 R4",
    error(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on <queue> is allowed every 60 seconds.",
        403,
    ),
)
def purge_twice(sqs: Any, bench: Bench) -> Any:
    """A second purge within 60 seconds is refused."""
    url = bench.queue()
    sqs.purge_queue(QueueUrl=url)
    return sqs.purge_queue(QueueUrl=url)


@scenario("PurgeQueue", "A83", {"second": "new message"})
def purge_forgets_deduplication(sqs: Any, bench: Bench) -> Any:
    """PurgeQueue clears the deduplication history of a FIFO queue."""
    url = bench.queue(fifo=True)
    first = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    sqs.purge_queue(QueueUrl=url)
    second = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    return {"second": "duplicate" if first["MessageId"] == second["MessageId"] else "new message"}
