"""Tags of queues."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import error, missing, scenario


def _tags(sqs: Any, url: str) -> Any:
    return sqs.list_queue_tags(QueueUrl=url)


@scenario("CreateQueue", "M10", {"Tags": {"team": "a"}})
def tags_at_creation(sqs: Any, bench: Bench) -> Any:
    """A queue may be created with tags."""
    url = bench.delete_later(sqs.create_queue(QueueName=bench.name(), tags={"team": "a"})["QueueUrl"])
    return _tags(sqs, url)


@scenario("ListQueueTags", "R8", {})
def no_tags(sqs: Any, bench: Bench) -> Any:
    """The result for a queue without tags has no Tags member."""
    return _tags(sqs, bench.queue())


@scenario("TagQueue", "A51", {"Tags": {"Key": "1", "empty": "", "key": "3"}})
def keys_are_case_sensitive(sqs: Any, bench: Bench) -> Any:
    """Tag keys are case-sensitive, empty values are kept, and a key's value is overwritten."""
    url = bench.queue()
    sqs.tag_queue(QueueUrl=url, Tags={"Key": "1", "key": "2", "empty": ""})
    sqs.tag_queue(QueueUrl=url, Tags={"key": "3"})
    return _tags(sqs, url)


@scenario("UntagQueue", "A51", {"Tags": {"b": "2"}})
def unknown_keys_are_ignored(sqs: Any, bench: Bench) -> Any:
    """UntagQueue ignores unknown keys."""
    url = bench.queue()
    sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a", "c"])
    return _tags(sqs, url)


@scenario("UntagQueue", "R8", {})
def last_tag(sqs: Any, bench: Bench) -> Any:
    """After the last tag is removed, the result has no Tags member."""
    url = bench.queue()
    sqs.tag_queue(QueueUrl=url, Tags={"a": "1"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    return _tags(sqs, url)


@scenario(
    "TagQueue",
    "P51",
    [error("InvalidParameterValue", "Too many tags added for queue <queue>."), {"Tags": {"kept": "1"}}],
)
def too_many_tags(sqs: Any, bench: Bench) -> Any:
    """A queue has at most 50 tags; a request for more changes nothing."""
    url = bench.queue()
    sqs.tag_queue(QueueUrl=url, Tags={"kept": "1"})
    refusal = bench.refusal(sqs.tag_queue, QueueUrl=url, Tags={f"k{number}": "v" for number in range(50)})
    return [refusal, bench.refusal(sqs.list_queue_tags, QueueUrl=url)]


@scenario("TagQueue", "P51", missing("Tags"))
def empty_tags(sqs: Any, bench: Bench) -> Any:
    """TagQueue without tags is refused."""
    return sqs.tag_queue(QueueUrl=bench.queue(), Tags={})


@scenario(
    "UntagQueue", "P51", error("InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length.")
)
def empty_keys(sqs: Any, bench: Bench) -> Any:
    """UntagQueue without keys is refused."""
    return sqs.untag_queue(QueueUrl=bench.queue(), TagKeys=[])
