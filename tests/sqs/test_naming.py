"""Names, addresses and listings of queues; tags and permissions."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Service
from tests.sqs.wire import Failure, Sqs, signed

NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize("name", ["", "a" * 81, "a b", "a/b", "a.b", "ü", "name\n", "a" * 76 + ".fifo"])
def test_a_name_with_other_characters_or_of_another_length_is_refused(sqs: Sqs, name: str) -> None:
    assert sqs.error("CreateQueue", QueueName=name) == Failure(
        "InvalidParameterValue",
        400,
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    )


def test_a_name_of_eighty_characters_is_accepted(sqs: Sqs, queue_name: str) -> None:
    name = queue_name.ljust(80, "-")
    assert sqs.queue(name) == f"{sqs.url}/000000000000/{name}"


def test_a_fifo_name_needs_the_attribute_and_the_attribute_needs_the_name(sqs: Sqs, queue_name: str) -> None:
    for name, flag in ((f"{queue_name}.fifo", {}), (f"{queue_name}.fifo", {"FifoQueue": "false"})):
        assert sqs.error("CreateQueue", QueueName=name, Attributes=flag).code == "InvalidParameterValue"
    error = sqs.error("CreateQueue", QueueName=queue_name, Attributes={"FifoQueue": "True"})
    assert error.code == "InvalidParameterValue"


def test_creating_again_returns_the_same_queue_even_after_a_change(sqs: Sqs, queue_name: str) -> None:
    url = sqs.queue(queue_name, DelaySeconds="5", VisibilityTimeout="7")
    assert sqs.queue(queue_name) == sqs.queue(queue_name, DelaySeconds="5") == url
    sqs.call("SetQueueAttributes", QueueUrl=url, Attributes={"DelaySeconds": "6"})
    assert sqs.queue(queue_name, DelaySeconds="6") == url
    given = {"VisibilityTimeout": "7", "DelaySeconds": "5"}
    reason = "A queue already exists with the same name and a different value for attribute DelaySeconds"
    assert sqs.error("CreateQueue", QueueName=queue_name, Attributes=given) == Failure(
        "QueueAlreadyExists", 400, reason
    )


def test_the_path_names_the_queue_and_a_queue_url_overrides_it(sqs: Sqs, queue: str, queue_name: str) -> None:
    other = sqs.queue(f"{queue_name}-other")
    path = queue.removeprefix(sqs.url)
    sqs.call("SendMessage", path=path, MessageBody="here")
    sqs.call("SendMessage", path=path, QueueUrl=other, MessageBody="there")
    assert [one["Body"] for one in sqs.receive(queue)] == ["here"]
    assert [one["Body"] for one in sqs.receive(other)] == ["there"]


@pytest.mark.parametrize("shape", ["{name}", "http://elsewhere:1/000000000000/{name}", "/000000000000/{name}"])
def test_a_queue_url_may_be_a_bare_name_or_have_another_host(sqs: Sqs, queue: str, queue_name: str, shape: str) -> None:
    sqs.send(shape.format(name=queue_name), "found")
    assert [one["Body"] for one in sqs.receive(queue)] == ["found"]


def test_the_url_of_a_queue_is_found_on_its_own_path_too(sqs: Sqs, queue: str, queue_name: str) -> None:
    path = queue.removeprefix(sqs.url)
    assert sqs.call("GetQueueUrl", path=path, QueueName=queue_name) == {"QueueUrl": queue}
    owner = {"QueueOwnerAWSAccountId": "000000000000"}
    assert sqs.call("GetQueueUrl", QueueName=queue_name, **owner) == {"QueueUrl": queue}


def test_accounts_and_regions_hold_queues_apart(sqs: Sqs, queue: str, queue_name: str) -> None:
    for authorization in (signed("any", "eu-west-1"), signed("111111111111", "us-east-1")):
        assert sqs.error("GetQueueUrl", authorization=authorization, QueueName=queue_name).code == NO_QUEUE
    other = sqs.call("CreateQueue", authorization=signed("111111111111", "us-east-1"), QueueName=queue_name)
    assert other["QueueUrl"] == queue.replace("000000000000", "111111111111")
    sqs.send(other["QueueUrl"], "theirs")
    assert sqs.receive(queue) == []


def test_queues_are_listed_by_prefix_in_the_order_of_names(sqs: Sqs, queue_name: str) -> None:
    urls = [sqs.queue(f"{queue_name}-{letter}") for letter in "bac"]
    assert sqs.call("ListQueues", QueueNamePrefix=f"{queue_name}-") == {"QueueUrls": sorted(urls)}
    assert sqs.call("ListQueues", QueueNamePrefix=f"{queue_name}-zz") == {}


def test_at_most_a_thousand_queues_are_listed_and_a_token_only_with_a_page_size(service: Service) -> None:
    sqs = Sqs(service.url, "json", "fast", account=f"{uuid.uuid4().int % 10**12:012d}")
    names = [f"{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(sqs.queue, names))
    assert sqs.call("ListQueues") == {"QueueUrls": urls[:1000]}
    page = sqs.call("ListQueues", MaxResults=1000)
    assert page["QueueUrls"] == urls[:1000]
    assert sqs.call("ListQueues", MaxResults=1000, NextToken=page["NextToken"]) == {"QueueUrls": urls[1000:]}


def test_a_name_is_free_again_only_after_the_delay_that_was_set(strict: Sqs, queue_name: str) -> None:
    strict.call("DeleteQueue", QueueUrl=strict.queue(queue_name))
    assert strict.error("CreateQueue", QueueName=queue_name) == Failure(
        "AWS.SimpleQueueService.QueueDeletedRecently",
        400,
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )


@pytest.mark.parametrize("most", [0, -1, 1001])
def test_a_page_size_out_of_bounds_is_refused(sqs: Sqs, most: int) -> None:
    assert sqs.error("ListQueues", MaxResults=most).code == "InvalidParameterValue"


@pytest.mark.parametrize("token", ["%%%", "ü", "_w==", "A"])
def test_an_unknown_token_does_no_harm(sqs: Sqs, token: str) -> None:
    answer = sqs.raw("ListQueues", MaxResults=1, NextToken=token, QueueNamePrefix="no-such-")
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("tags", [{"": "x"}, {"k" * 129: "x"}, {"k": "x" * 257}])
def test_a_tag_of_another_length_is_refused(sqs: Sqs, queue: str, tags: dict[str, str]) -> None:
    error = sqs.error("TagQueue", QueueUrl=queue, Tags=tags)
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert sqs.call("ListQueueTags", QueueUrl=queue) == {}


def test_the_longest_tags_are_accepted(sqs: Sqs, queue: str) -> None:
    tags = {"k" * 128: "v" * 256}
    sqs.call("TagQueue", QueueUrl=queue, Tags=tags)
    assert sqs.call("ListQueueTags", QueueUrl=queue) == {"Tags": tags}


def test_too_many_or_no_tags_are_refused_and_nothing_changes(sqs: Sqs, queue: str, queue_name: str) -> None:
    sqs.call("TagQueue", QueueUrl=queue, Tags={"one": "1"})
    many = {f"k{number}": "v" for number in range(50)}
    assert sqs.error("TagQueue", QueueUrl=queue, Tags=many) == Failure(
        "InvalidParameterValue", 400, f"Too many tags added for queue {queue_name}."
    )
    assert sqs.error("TagQueue", QueueUrl=queue, Tags={}) == Failure(
        "MissingParameter", 400, "The request must contain the parameter Tags."
    )
    assert sqs.error("UntagQueue", QueueUrl=queue, TagKeys=[]) == Failure(
        "InvalidParameterValue", 400, "Tag keys must be between 1 and 128 characters in length."
    )
    assert sqs.call("ListQueueTags", QueueUrl=queue) == {"Tags": {"one": "1"}}


def test_a_queue_may_be_created_with_tags(sqs: Sqs, queue_name: str) -> None:
    url = sqs.call("CreateQueue", QueueName=queue_name, tags={"team": "x", "Team": ""})["QueueUrl"]
    assert sqs.call("ListQueueTags", QueueUrl=url) == {"Tags": {"team": "x", "Team": ""}}


def test_a_label_can_be_added_once_and_removed_only_if_it_exists(sqs: Sqs, queue: str) -> None:
    more: dict[str, Any] = {"QueueUrl": queue, "AWSAccountIds": ["111111111111"], "Actions": ["ReceiveMessage"]}
    sqs.call("AddPermission", Label="a", **more)
    start = "Value a for parameter Label is invalid. Reason: "
    assert sqs.error("AddPermission", Label="a", **more).message == f"{start}Already exists."
    sqs.call("RemovePermission", QueueUrl=queue, Label="a")
    assert sqs.error("RemovePermission", QueueUrl=queue, Label="a").message == f"{start}can't find label."


@pytest.mark.parametrize(
    ("accounts", "actions", "code", "message"),
    [
        (
            ["1"],
            ["RemovePermission"],
            "InvalidParameterValue",
            "Value SQS:RemovePermission for parameter ActionName is invalid. "
            "Reason: Only the queue owner is allowed to invoke this action.",
        ),
        (
            ["111111111111"],
            ["SendMessage", "SendMessageBatch"],
            "InvalidParameterValue",
            "Value SQS:SendMessageBatch for parameter ActionName is invalid. "
            "Reason: Please refer to the appropriate WSDL for a list of valid actions.",
        ),
        (["1"], [], "MissingParameter", "The request must contain the parameter Actions."),
        (
            [],
            ["SendMessage"],
            "InvalidParameterValue",
            "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        ),
        (["1"], ["SendMessage"] * 8, "OverLimit", "8 Actions were found, maximum allowed is 7."),
        (
            ["111111111111", "x"],
            ["SendMessage"],
            "InvalidParameterValue",
            "Value [111111111111, x] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        ),
    ],
)
def test_a_permission_that_is_not_valid_is_refused(
    sqs: Sqs, queue: str, accounts: list[str], actions: list[str], code: str, message: str
) -> None:
    error = sqs.error("AddPermission", QueueUrl=queue, Label="x", AWSAccountIds=accounts, Actions=actions)
    assert error == Failure(code, 403 if code == "OverLimit" else 400, message)
    assert sqs.attributes(queue, "Policy") == {}


@pytest.mark.parametrize("label", ["", "a b", "x" * 81, "x\n"])
def test_a_label_with_other_characters_is_refused(sqs: Sqs, queue: str, label: str) -> None:
    more: dict[str, Any] = {"AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    error = sqs.error("AddPermission", QueueUrl=queue, Label=label, **more)
    assert error.code == ("InvalidParameterValue" if label else "MissingParameter")
    assert sqs.attributes(queue, "Policy") == {}


def test_several_accounts_and_actions_are_lists(sqs: Sqs, queue: str) -> None:
    more: dict[str, Any] = {"AWSAccountIds": ["111111111111", "222222222222"], "Actions": ["SendMessage", "*"]}
    sqs.call("AddPermission", QueueUrl=queue, Label="l", **more)
    [statement] = json.loads(sqs.attributes(queue, "Policy")["Policy"])["Statement"]
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{account}:root" for account in more["AWSAccountIds"]]}
    assert statement["Action"] == ["SQS:SendMessage", "SQS:*"]


def test_a_policy_has_twenty_statements_at_most(sqs: Sqs, queue: str) -> None:
    statements = [{"Sid": str(number), "Effect": "Deny"} for number in range(21)]
    whole, too_long = (json.dumps({"Statement": statements[:most]}) for most in (20, 21))
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": whole})
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": too_long}) == Failure(
        "OverLimit", 403, "21 statements were found in the submitted policy, max allowed is 20"
    )
    more: dict[str, Any] = {"AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    assert sqs.error("AddPermission", QueueUrl=queue, Label="x", **more) == Failure(
        "OverLimit", 403, "21 Statements were found, maximum allowed is 20."
    )
    assert sqs.attributes(queue, "Policy") == {"Policy": whole}


def test_a_policy_has_8192_bytes_at_most_without_its_white_space(sqs: Sqs, queue: str) -> None:
    """Each request on the queue may have to evaluate all of it."""
    empty = len('{"Statement":[],"Id":""}')
    whole, too_long = (json.dumps({"Statement": [], "Id": "x" * (most - empty)}, indent=9) for most in (8192, 8193))
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": whole})
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": too_long}) == Failure(
        "OverLimit", 403, "8193 bytes were found in the submitted policy, max allowed is 8192"
    )
    more: dict[str, Any] = {"AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    assert sqs.error("AddPermission", QueueUrl=queue, Label="x", **more).code == "OverLimit"
    assert sqs.attributes(queue, "Policy") == {"Policy": whole}


def test_a_policy_that_is_nested_deeply_is_refused(sqs: Sqs, queue: str) -> None:
    """AddPermission would have to write it again."""
    deep = '{"Statement":[],"Id":' + "[" * 300 + "]" * 300 + "}"
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": deep})
    assert (error.code, error.status) == ("InvalidAttributeValue", 400)


@pytest.mark.parametrize("document", ['{"Statement":[1]}', '{"Statement":null}', '{"Statement":"x"}', "[]", "{", "1"])
def test_a_policy_that_is_not_a_map_of_statements_is_refused(sqs: Sqs, queue: str, document: str) -> None:
    """AWS gives no reason."""
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})
    assert error == Failure("InvalidAttributeValue", 400, "Invalid value for the parameter Policy.")
    assert sqs.attributes(queue, "Policy") == {}


@pytest.mark.parametrize("document", ['{"Statement":[]}', '{"Statement":{"Sid":"one"}}', "{}"])
def test_a_permission_is_added_to_a_policy_that_was_set(sqs: Sqs, queue: str, document: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": document})
    more: dict[str, Any] = {"AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    sqs.call("AddPermission", QueueUrl=queue, Label="x", **more)
    assert json.loads(sqs.attributes(queue, "Policy")["Policy"])["Statement"][-1]["Sid"] == "x"
