"""Every limit that a client can meet: one definition each, with its unit and source.

Checks, error texts, the schema, the server-side functions (``for_lua``) and the generated references read them here. A
limit that an operator can change is a field of ``settings``; its default is here where both dialects share it.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Range(NamedTuple):
    """The least and the greatest value, both allowed."""

    least: int
    most: int


# -- Messages and queues of both dialects --------------------------------------------------------------------------
#: SQS: largest message, and the default of MaximumMessageSize (AWS, since August 2025).
MESSAGE_BYTES = 1_048_576
#: Visibility timeout: no lease ends later than twelve hours after its receive (AWS). The ttl and the grace of a claim
#: have the same limit by default (Zaqar).
VISIBILITY_SECONDS = Range(0, 43_200)
#: Visibility timeout of a queue that was given none (AWS).
DEFAULT_VISIBILITY_SECONDS = 30
#: Delay of a message (AWS; the default of Zaqar).
DELAY_SECONDS = Range(0, 900)
#: How long a message is kept: a minute to fourteen days (AWS; the default of Zaqar).
RETENTION_SECONDS = Range(60, 1_209_600)
#: Retention of a queue that SQS made without one: four days (AWS).
SQS_RETENTION_SECONDS = 345_600
#: Messages in flight of one queue (AWS).
IN_FLIGHT = 120_000
#: A message sent again with its deduplication id within this time is not sent again: five minutes (AWS).
DEDUPLICATION_SECONDS = 300
#: A receive repeated with its ReceiveRequestAttemptId within this time gives the same messages: five minutes (AWS).
RECEIVE_ATTEMPT_SECONDS = 300
#: Finds a character that no SQS text can hold (SendMessage, "Valid characters"; they are XML 1.0's).
NOT_IN_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# -- SQS: requests -------------------------------------------------------------------------------------------------
#: Messages of one receive.
RECEIVED_MESSAGES = Range(1, 10)
#: Long poll.
WAIT_SECONDS = Range(0, 20)
#: Entries of a batch.
BATCH_ENTRIES = 10
BATCH_ID_CHARACTERS = 80
#: Page of ListQueues and ListDeadLetterSourceQueues.
PAGE = Range(1, 1_000)
QUEUE_NAME_CHARACTERS = 80
#: Of a QueueUrl; a longer one names nothing.
QUEUE_URL_CHARACTERS = 2_048
#: Message group id, deduplication id, id of a receive attempt.
IDENTIFIER_CHARACTERS = 128
#: Message attributes of one message.
MESSAGE_ATTRIBUTES = 10
#: Of a message attribute's name or type.
ATTRIBUTE_NAME_CHARACTERS = 256
#: Tags of one queue.
TAGS = 50
TAG_KEY_CHARACTERS = Range(1, 128)
TAG_VALUE_CHARACTERS = Range(0, 256)
#: AddPermission: label, actions of one statement, statements of a Policy.
LABEL_CHARACTERS = 80
STATEMENT_ACTIONS = 7
POLICY_STATEMENTS = 20
#: Parameters of a request by the query protocol.
FORM_PARAMETERS = 10_000
#: Body of a request. A message may be written with escapes of six bytes a byte, its binary attributes in base64.
JSON_BODY_BYTES = 8 << 20
FORM_BODY_BYTES = 6 << 20

# -- SQS: attributes of queues -------------------------------------------------------------------------------------
MAXIMUM_MESSAGE_BYTES = Range(1_024, MESSAGE_BYTES)
#: maxReceiveCount of a RedrivePolicy.
RECEIVE_COUNT = Range(1, 1_000)
#: sourceQueueArns of a RedriveAllowPolicy.
SOURCE_QUEUES = 10
#: KmsDataKeyReusePeriodSeconds.
KMS_REUSE_SECONDS = Range(60, 86_400)
DEFAULT_KMS_REUSE_SECONDS = 300

# -- SQS: message move tasks ---------------------------------------------------------------------------------------
MOVES_PER_SECOND = Range(1, 500)
#: Tasks that are kept of a queue and listed.
MOVE_TASKS = Range(1, 10)

# -- SQS: headers of other emulators that lift the limits of a receive -----------------------------------------------
OVERRIDDEN_MESSAGES = Range(1, 1_000)
OVERRIDDEN_WAIT_SECONDS = Range(0, 3_600)

# -- Zaqar ---------------------------------------------------------------------------------------------------------
#: Queues, topics, pools and flavors.
ZAQAR_NAME_CHARACTERS = 64
PROJECT_CHARACTERS = 256
#: Shortest ttl of a message, claim or subscription.
LEAST_TTL_SECONDS = 60
#: Shortest grace of a claim when it is made; a PATCH may give 0.
LEAST_GRACE_SECONDS = 60
#: Largest page that a setting can allow: one call of the store does it, and other calls wait for it.
SETTABLE_PAGE = Range(1, 1_000)
#: Times that settings can name: the ttl of a message has 8 digits in its record.
SETTABLE_SECONDS = Range(1, 99_999_999)
#: Page of a listing that asks for none.
DEFAULT_PAGE = 10
#: Ids in the Location of a post: about 7 KB. HTTP clients and proxies refuse longer headers.
LOCATED_IDS = 200
POOL_WEIGHT = Range(0, 2**32 - 1)
#: Of a pool's uri and of its flavor.
POOL_TEXT_CHARACTERS = 255
#: Pools of one flavor.
FLAVOR_POOLS = 1_000
#: Difference of the delays of a retry policy.
LEAST_RETRY_SPREAD_SECONDS = 10
#: Body of a request that carries neither messages nor metadata.
OTHER_BODY_BYTES = 65_536
#: Deliveries that failed for good, as ``/undelivered`` lists them: the newest.
UNDELIVERED = 1_000
UNDELIVERED_BYTES = 16 << 20

# -- Zaqar over WebSocket ------------------------------------------------------------------------------------------
#: Largest frame, in multiples of the largest body: its envelope and blanks.
FRAME_TO_BODY = 4
#: Notifications of one connection that are not written yet; beyond either number it is disconnected.
PUSHES_BEHIND = 1_000
PUSHES_BEHIND_BYTES = 4 << 20
#: A client that does not answer a ping within this time is cut off.
PING_SECONDS = 20


def for_lua() -> dict[str, int]:
    """The limits that the server-side functions check, by their names there, in the units used there."""
    return {
        "VISIBILITY_MS": VISIBILITY_SECONDS.most * 1000,
        "DEFAULT_VISIBILITY_SECONDS": DEFAULT_VISIBILITY_SECONDS,
        "DEDUPLICATION_MS": DEDUPLICATION_SECONDS * 1000,
        "RECEIVE_ATTEMPT_MS": RECEIVE_ATTEMPT_SECONDS * 1000,
        "REMEMBERED_MS": max(DEDUPLICATION_SECONDS, RECEIVE_ATTEMPT_SECONDS) * 1000,
        "MOVE_TASKS": MOVE_TASKS.most,
        "UNDELIVERED": UNDELIVERED,
        "UNDELIVERED_BYTES": UNDELIVERED_BYTES,
    }
