"""Limits that clients can meet, each defined once with its unit and source.

Checks, error texts, the schema, the server-side functions (``for_lua``) and the generated references use these values.
A limit that an operator can change is a field of ``settings``; its default is here if both dialects share it.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Range(NamedTuple):
    """The smallest and the largest allowed value."""

    least: int
    most: int


# -- Messages and queues of both dialects --------------------------------------------------------------------------
#: SQS: largest message, and the default of MaximumMessageSize (AWS, since August 2025).
MESSAGE_BYTES = 1_048_576
#: Visibility timeout: a lease ends at most twelve hours after its receive (AWS). The ttl and the grace of a claim have
#: the same limit by default (Zaqar).
VISIBILITY_SECONDS = Range(0, 43_200)
#: Default visibility timeout of a queue (AWS).
DEFAULT_VISIBILITY_SECONDS = 30
#: Delay of a message (AWS; the same by default in Zaqar).
DELAY_SECONDS = Range(0, 900)
#: Retention of a message: a minute to fourteen days (AWS; the same by default in Zaqar).
RETENTION_SECONDS = Range(60, 1_209_600)
#: Default retention of a queue created by SQS: four days (AWS).
SQS_RETENTION_SECONDS = 345_600
#: Most messages in flight of one queue (AWS).
IN_FLIGHT = 120_000
#: FIFO deduplication: no second message with the same deduplication id is stored for five minutes (AWS).
DEDUPLICATION_SECONDS = 300
#: A receive with the same ReceiveRequestAttemptId within this time returns the same messages: five minutes (AWS).
RECEIVE_ATTEMPT_SECONDS = 300
#: Matches a character that is not allowed in SQS text (SendMessage, "Valid characters": those of XML 1.0).
NOT_IN_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# -- SQS: requests -------------------------------------------------------------------------------------------------
#: Messages of one receive (AWS).
RECEIVED_MESSAGES = Range(1, 10)
#: Wait of a long poll (AWS).
WAIT_SECONDS = Range(0, 20)
#: Entries of a batch.
BATCH_ENTRIES = 10
BATCH_ID_CHARACTERS = 80
#: Page of ListQueues and ListDeadLetterSourceQueues.
PAGE = Range(1, 1_000)
QUEUE_NAME_CHARACTERS = 80
#: Longest QueueUrl; a longer one matches no queue.
QUEUE_URL_CHARACTERS = 2_048
#: Region of a request. A label of a host name is not longer.
REGION_CHARACTERS = 63
#: Message group id, deduplication id, id of a receive attempt.
IDENTIFIER_CHARACTERS = 128
#: Message attributes of one message.
MESSAGE_ATTRIBUTES = 10
#: Name or data type of a message attribute.
ATTRIBUTE_NAME_CHARACTERS = 256
#: Tags of one queue.
TAGS = 50
TAG_KEY_CHARACTERS = Range(1, 128)
TAG_VALUE_CHARACTERS = Range(0, 256)
#: AddPermission: label, actions of one statement, statements of a Policy.
LABEL_CHARACTERS = 80
STATEMENT_ACTIONS = 7
POLICY_STATEMENTS = 20
#: Policy, without its white space. Each request on the queue may have to evaluate all of it.
POLICY_BYTES = 8_192
#: Parameters of a request in the query protocol.
FORM_PARAMETERS = 10_000
#: Body of a request. JSON escapes can use six bytes for one byte of a message; binary attributes are base64.
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
#: Move tasks that a queue keeps and lists.
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
#: Shortest grace of a new claim; a PATCH may set 0.
LEAST_GRACE_SECONDS = 60
#: Largest page that a setting can allow. One store call reads the page and delays all other calls meanwhile.
SETTABLE_PAGE = Range(1, 1_000)
#: Times that settings can name: the ttl of a message has 8 digits in its record.
SETTABLE_SECONDS = Range(1, 99_999_999)
#: Page of a listing without a limit parameter.
DEFAULT_PAGE = 10
#: Ids in the Location header of a post, about 7 KB. HTTP clients and proxies refuse longer headers.
LOCATED_IDS = 200
POOL_WEIGHT = Range(0, 2**32 - 1)
#: URI and flavor name of a pool.
POOL_TEXT_CHARACTERS = 255
#: Pools of one flavor.
FLAVOR_POOLS = 1_000
#: Smallest difference between the delays of a retry policy.
LEAST_RETRY_SPREAD_SECONDS = 10
#: Body of a request that carries neither messages nor metadata.
OTHER_BODY_BYTES = 65_536
#: Failed deliveries that ``/undelivered`` keeps, the newest ones.
UNDELIVERED = 1_000
UNDELIVERED_BYTES = 16 << 20

# -- Zaqar over WebSocket ------------------------------------------------------------------------------------------
#: Largest frame, in multiples of the largest body: leaves room for the envelope and white space.
FRAME_TO_BODY = 4
#: Notifications that wait to be written to one connection. Beyond either limit the connection is closed.
PUSHES_BEHIND = 1_000
PUSHES_BEHIND_BYTES = 4 << 20
#: A client that does not answer a ping within this time is disconnected.
PING_SECONDS = 20

# -- CloudWatch ----------------------------------------------------------------------------------------------------
#: Minutes for which samples of metrics can be kept: a day takes a busy queue 60 KiB.
METRIC_MINUTES = Range(0, 1_440)
#: GetMetricData: queries of one call, and data points of one page (AWS).
METRIC_QUERIES = 500
METRIC_PAGE_POINTS = 100_800
#: GetMetricStatistics: data points, statistics, and percentiles of one call (AWS).
METRIC_POINTS = 1_440
METRIC_STATISTICS = 5
METRIC_PERCENTILES = 10
#: ListMetrics: metrics of one page, and filters of dimensions (AWS).
METRICS_PAGE = 500
METRIC_FILTERS = 10
#: Body of a request of RPC v2. 500 queries with names of greatest length take less than half of it.
CBOR_BODY_BYTES = 1 << 20

# -- Credentials ---------------------------------------------------------------------------------------------------
#: How far the time of a signature may be from that of the service: fifteen minutes (AWS).
SIGNATURE_SKEW_SECONDS = 900
#: Validity of a pre-signed URL: at most a week (AWS).
PRESIGNED_SECONDS = Range(0, 604_800)
#: Access keys of one user: the old one and the new one during a rotation (IAM).
ACCESS_KEYS = 2
#: Duration of a session of GetSessionToken, and its default: twelve hours (AWS).
SESSION_SECONDS = Range(900, 129_600)
DEFAULT_SESSION_SECONDS = 43_200
#: Duration of a session of a role, and its default: an hour (AWS).
ROLE_SESSION_SECONDS = Range(900, 43_200)
DEFAULT_ROLE_SESSION_SECONDS = 3_600


def for_lua() -> dict[str, int]:
    """Return the limits that the server-side functions check, by their Lua names and in their units."""
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
