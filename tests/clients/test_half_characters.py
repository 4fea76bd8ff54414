"""Text cut in the middle of a character: half a surrogate pair, which a client of the JSON protocol sends as an escape.

JavaScript's ``slice`` makes such text of any emoji. Clients of the query protocol cannot write it at all.
"""

from __future__ import annotations

import pytest

from tests.clients.driver import Client

HALF = "cut \ud83d"

pytestmark = [
    pytest.mark.parametrize(
        "client_process",
        ["boto3", "js3", "js2"],
        indirect=True,
    ),
]


def test_half_a_character_in_a_body_raises_an_error_of_the_sdk(client: Client, queue: str) -> None:
    client.must_refuse("InvalidMessageContents", "SendMessage", QueueUrl=queue, MessageBody=HALF)


def test_half_a_character_in_an_attribute_is_refused(client: Client, queue: str) -> None:
    attributes = {"a": {"DataType": "String", "StringValue": HALF}}
    client.must_refuse(
        "InvalidParameterValue", "SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes=attributes
    )


def test_half_a_character_fails_its_entry_alone(client: Client, queue: str) -> None:
    entries = [{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": HALF}]
    sent = client.call("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert [one["Id"] for one in sent["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"]) for one in sent["Failed"]] == [("bad", "InvalidMessageContents")]
