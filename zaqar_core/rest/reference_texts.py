"""The texts of the reference that are not in the route table."""

from __future__ import annotations

from string import Template

from zaqar_core.domain import limits
from zaqar_core.notifications import schedule

_TTL, _GRACE, _PAGE = limits.LEAST_TTL_SECONDS, limits.LEAST_GRACE_SECONDS, limits.SETTABLE_PAGE
_NAME = f"1 to {limits.ZAQAR_NAME_CHARACTERS} of `A-Z a-z 0-9 _ - .`"

#: What is limited, its bounds (names in braces stand for the defaults of settings), and the settings that change them.
LIMITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("a queue's name", f"{_NAME}; a longer name works if SQS created the queue", ()),
    ("`X-Project-Id`", f"1 to {limits.PROJECT_CHARACTERS} characters", ()),
    ("`Client-ID`", "a UUID in any spelling; with `off` {min_length_client_id} to {max_length_client_id} characters",
     ("client_id_uuid_safe", "min_length_client_id", "max_length_client_id")),
    ("a page of queues", "1 to {max_queues_per_page}", ("max_queues_per_page",)),
    ("a page of pools; of flavors", "1 to {max_pools_per_page}; 1 to {max_flavors_per_page}",
     ("max_pools_per_page", "max_flavors_per_page")),
    ("a pool's or flavor's name", _NAME, ()),
    ("a pool's `weight`; its `uri`",
     f"{limits.POOL_WEIGHT.least} to {limits.POOL_WEIGHT.most:,}; {limits.POOL_TEXT_CHARACTERS} characters", ()),
    ("a page of messages; ids of a bulk operation", "1 to {max_messages_per_page}", ("max_messages_per_page",)),
    ("messages of a claim or pop", "1 to {max_messages_per_claim_or_pop}", ("max_messages_per_claim_or_pop",)),
    ("the body of a post of messages", "{max_messages_post_size:,} bytes; a queue may allow less",
     ("max_messages_post_size",)),
    ("a queue's metadata, and its body", "{max_queue_metadata:,} bytes", ("max_queue_metadata",)),
    ("every other body", f"{limits.OTHER_BODY_BYTES:,} bytes", ()),
    ("a message's ttl", f"{_TTL} to " "{max_message_ttl:,} s, default {default_message_ttl:,}",
     ("max_message_ttl", "default_message_ttl")),
    ("a message's delay", "0 to {max_message_delay:,} s", ("max_message_delay",)),
    ("a claim's ttl", f"{_TTL} to " "{max_claim_ttl:,} s, default {default_claim_ttl:,}",
     ("max_claim_ttl", "default_claim_ttl")),
    ("a claim's grace", f"{_GRACE} to " "{max_claim_grace:,} s, default {default_claim_grace:,}; also 0 in a PATCH",
     ("max_claim_grace", "default_claim_grace")),
    ("a page of subscriptions", "1 to {max_subscriptions_per_page}", ("max_subscriptions_per_page",)),
    ("a subscription's ttl",
     f"{_TTL} s or more; must expire before the year 10000; " "default {default_subscription_ttl:,}",
     ("default_subscription_ttl",)),
    ("a subscriber's scheme", "`http`, `https`, `mailto`, `trust+http`, `trust+https`", ("subscriber_types",)),
    ("integers in JSON", "signed 64-bit", ()),
    ("the settings of pages, claims and pops", f"{_PAGE.least} to {_PAGE.most:,}", ()),
)  # fmt: skip

#: Attribute -> values, meaning.
RESERVED = {
    "_dead_letter_queue": (
        "a queue's name, of the same type (FIFO or not)",
        "messages that were received `_max_claim_count` times move to this queue; it is created when it is missing",
    ),
    "_dead_letter_queue_messages_ttl": (f"{_TTL} to `max_message_ttl`", "the ttl of moved messages, from the move on"),
    "_default_message_delay": (
        "0 to `max_message_delay`",
        "the delay of messages that are posted without one; only if it is not 0, a `delay` of a message has an effect",
    ),
    "_default_message_ttl": (f"{_TTL} to `max_message_ttl`", "the ttl of messages that are posted without one"),
    "_enable_encrypt_messages": (
        "true or false",
        "whether new messages are encrypted at rest, under the first key of the setting `encryption_keys`; without a "
        "key, true is 400",
    ),
    "_flavor": (
        "with `pooling` an existing flavor, else any text",
        "the queue is created in a pool of this flavor; a later change moves nothing",
    ),
    "_max_claim_count": ("0 or more", "see `_dead_letter_queue`"),
    "_max_messages_post_size": ("1 to `max_messages_post_size`", "the largest post to this queue, in bytes"),
    "_retry_policy": (
        "an object: "
        + ", ".join(f"`{name}` (default {default})" for name, default in schedule.NUMBERS.items())
        + f", `retry_backoff_function` ({', '.join(schedule.BACKOFFS)}), `ignore_subscription_override`; "
        f"`maximum_delay` must be at least {limits.LEAST_RETRY_SPREAD_SECONDS} above `minimum_delay`",
        "when failed notifications are retried; the subscription's option of the same name takes precedence, unless "
        "`ignore_subscription_override` is true",
    ),
}

#: Field of a version's row -> its meaning.
VERSION_DIFFERENCES = {
    "needs_names": "every request must have `Client-ID` and `X-Project-Id` (else only posting and listing messages "
    "require `Client-ID`, and a request without `X-Project-Id` belongs to the project without a name)",
    "is_lazy": "posting creates a missing queue, which reads as empty before (else 404)",
    "shows_metadata": "the queue's own document is its metadata (else `/metadata`, without reserved attributes)",
    "has_attributes": "reserved attributes show their defaults; listings filter by name and metadata, and count",
    "shows_ids": "messages have `id` and `checksum` and are listed in an object (else in a bare array)",
    "shows_empty": "an empty result is an empty document (else 204)",
    "has_defaults": "ttl and grace have defaults (else they are required; the default grace of a PATCH is 0)",
    "has_delays": "messages may be posted with a delay, and delayed messages can be listed",
    "names_content": "replies to GET have `Content-Location`",
}

DIFFERENCES = (
    "The href of a message has `?claim_id=` only while the claim lasts, so that a message that became free again can "
    "be deleted by the href in a listing. In Zaqar the href keeps the id of the ended claim, and the deletion is "
    "refused.",
    "The deletion of a message that no longer exists is 204 for any `claim_id`, as in Zaqar, so that a worker can "
    "repeat a deletion. Even then `claim_id` must be a UUID (400; Zaqar on Redis: 204).",
    "An expired claim can still delete a message that was not received again since, as in Zaqar on MongoDB (on Redis: "
    "400). Once another consumer has received the message, the expired claim is 400. A released claim deletes nothing "
    "(400).",
    "Reserved attributes are checked strictly: a boolean is not an integer, `_max_claim_count` must not be negative, "
    "and `_dead_letter_queue` must be a valid queue name. A wrong value would lose messages.",
    "A dead-letter queue must be FIFO exactly when its source is, as in SQS: the queues are the same.",
    "A claim skips messages that move to the dead-letter queue and continues until it has `limit` others. A moved "
    "message is free there at once; its ttl is `_dead_letter_queue_messages_ttl`, from the move on.",
    "With `message_delete_with_claim_id`, a bulk deletion whose claims do not match is 403 or 400 (Zaqar: 503) and "
    "deletes nothing. Messages that no longer exist need no claim (Zaqar on MongoDB: 503).",
    "Purge removes delayed messages, as Zaqar on MongoDB does (on Redis they survive). Claimed messages survive, as in "
    "Zaqar on both, and so do messages that an SQS consumer has in flight.",
    "The v1 metadata resource shows and replaces only names without a leading underscore: an old client that writes "
    "back what it read leaves attributes of newer clients unchanged.",
    "`name` of a listing searches for a text; it may contain `^`, `$` and `.*`. Other characters of regular "
    "expressions stand for themselves, so that no pattern takes long.",
    "PATCH may remove or replace a reserved attribute that is not set. In Zaqar that is 409 for `_flavor` and "
    "`_retry_policy` of a queue, and for all attributes of a topic but `_default_message_ttl`, "
    "`_default_message_delay` and `_max_messages_post_size`. A topic is changed by PATCH on any store (Zaqar on Redis: "
    "503).",
    "One slash at the end of a path is ignored, and `/v2` is `/v2/`. In Zaqar these are 404, `/v2/queues/` is 400, and "
    "`/messages/` is the message without a name (404).",
    "The next link of a listing has only the parameters of the request; it does not add `include_delayed`.",
    f"After a post of more than {limits.LOCATED_IDS} messages, Location is the path of the queue's messages, without "
    "ids: longer headers break clients.",
    "`claim_count` of a popped message counts the pop: it is 1 for a message that was never claimed. In Zaqar it is "
    "the number of claims before the pop on queues with a dead-letter queue on Redis, and 0 elsewhere. `claim_id` is "
    "null (Zaqar on Redis returns the id of a claim that no longer exists).",
    "A `delay` that is not an integer from 0 to `max_message_delay` is 400 on every queue. Zaqar checks it only on "
    "queues with a delay of their own, and drops it elsewhere. A valid one has no effect elsewhere, as in Zaqar.",
    "The default delay of all queues cannot be configured (`default_message_delay`); that of one queue can.",
    "A number that double precision cannot hold, NaN and lone surrogates are 400: no client could read them.",
    "`methods` and `paths` of a share are 400 when they are empty, null or have an unknown item (methods are GET, "
    "HEAD, POST, PUT, PATCH, DELETE and OPTIONS). Zaqar uses the default for empty and null, signs any text as a "
    "method, and refuses only unknown paths. An item that is given twice is signed once (Zaqar: twice).",
    "A pre-signed URL allows its paths and all paths below them, segment by segment. Zaqar searches for them anywhere "
    "in the path.",
    "`EXTRA-SPEC` has no effect: in Zaqar its presence bypasses authentication.",
    "With `auth_strategy=keystone` every path of a version requires a token (401 before all other checks) or the "
    "signature of a pre-signed URL, which has no role. Policy rules apply to v1, WebSocket actions and the messages of "
    "topics as to the paths of v2, and are checked before headers and names. Without Keystone there are no roles: "
    "`X-Roles` of a client is ignored, any caller may do anything, and `policy_file` is refused.",
    "The service does not start with a mistake in a policy file, and names its line; oslo.policy would deny the rule "
    "to all callers. In `admin_or_owner` the owner is the token's project, and `is_admin` is the result of "
    "`context_is_admin`; in Zaqar neither is ever true.",
    "A message's SQS attributes are shown only with `?attributes=true`, because python-zaqarclient fails on unknown "
    "members.",
    "A queue whose name ends in `.fifo` is a FIFO queue: the Client-ID is the message group.",
    "The health report does not require admin mode. With `pooling` it has a part for each pool, and none for the main "
    "store.",
    "Subscriptions are listed in the order of their creation, and their ids sort in that order.",
    "A subscriber that the service could never deliver to is 400: no host, an address in a private network "
    "(`webhook_allowed_networks` names exceptions), invalid headers.",
    "Notifications are kept in the store until they are delivered: they survive a crash, and are retried after a 5xx "
    "status or a timeout. `/undelivered`, which Zaqar does not have, lists those that failed for good.",
    "A subscriber gets the messages of one post in their order, as from Zaqar; a retry does not delay the next "
    "message. The messages of two posts may overlap, except in FIFO queues and for WebSocket connections.",
    "Subscribers are notified of every message, by SQS or Zaqar, without a pipeline to configure, and only of messages "
    "that were stored.",
    "A notification that asks for a confirmation, or reports that a subscription is cancelled, is sent unchanged; "
    "`post_data` applies only to messages. Zaqar applies `post_data` to these too, and without the placeholder their "
    "content is lost.",
    "A change of the subscriber cancels the subscription's confirmation.",
    "A pool that holds queues cannot be deleted (403), and its `uri` can change only to another address of the same "
    "deployment (403). Zaqar forgets the queues, and their messages are lost.",
    "Two pools must be different deployments, however their addresses are written (409). A pool must have the "
    "service's durability (400 with the setting to change).",
    "PUT of an existing pool keeps its flavor and options when they are not given.",
    "A pool has at most one flavor; adding it to another flavor removes it from the first. The only pool of a flavor "
    "cannot be deleted; if a PATCH removes it, new queues of that flavor are refused (400) until it has a pool.",
    "A flavor's `capabilities` are those of the service: DURABILITY only if durability is not `memory`. Capabilities "
    "that a v1.1 client gives are not stored. v1.1's `group` of a pool is its `flavor`.",
    "A dead-letter queue may be in another pool than its source.",
    "Subscribers with trust (`trust+http`, `trust+https`) require Keystone, else 400. Only the service sets "
    "`options.trust_id`: a client cannot give it (400), and a change of other options keeps it. The trust ends with "
    "the subscription; a new subscriber or ttl creates a new trust of the caller. A request by a pre-signed URL or a "
    "WebSocket cannot create one (400).",
    "Messages are encrypted with AES-256-GCM under named keys that can be rotated, and every reader gets them "
    "decrypted; Zaqar uses AES-CBC under one key, and claims and pops return the ciphertext. A message that cannot be "
    "decrypted stays in the queue and is left out of results; 503 when no other message was found.",
    "Over WebSocket `message_post` accepts `delay`, and `queue_list` accepts `name` and `with_count`: Zaqar drops "
    "them. Messages have a `checksum` if `enable_checksum` is set. A `subscription_create` for a subscriber that is "
    "not confirmed yet is 201 with the id of its subscription, as over HTTP (Zaqar: 409).",
    "Topics work on every store: their messages can be posted and read. In Zaqar both always fail, and on Redis it has "
    "no topics. Messages of a topic cannot be claimed or popped.",
)

TOPICS = """A topic works like a queue in a namespace of its own: a topic and a queue may have the same name, and SQS
shows only queues. Each subscriber is notified of every message that is published to a topic, and any client can read
the messages, page by page, until their ttl ends.
Messages of a topic are never claimed: the reserved attributes about claims and dead letters are stored and have no
effect.
"""

WEBSOCKET = Template("""`sqs-facade websocket` serves the same queues over WebSocket (port 9000, any path; `GET /health`
is 200). A text frame is JSON, a binary frame is MessagePack; a reply has the encoding of its request. Frames of one
connection are answered in their order.

```text
{"action": "message_post", "headers": {"Client-ID": "…", "X-Project-ID": "…"}, "body": {"queue_name": "q", …}}
{"request": {"action", "body", "api": "v2", "headers"}, "headers": {"status": 201}, "body": {"message_ids": ["…"]}}
```

Status codes, limits and checks are those of the paths named below; the body of an error is `{"error", "exception"}`.
Messages are `{"id", "claim_id", "ttl", "age", "body"}`; `claim_id` is null except in replies about a claim. An
unreadable frame is 400 and the connection stays open; a frame of more than $frame times the largest body closes it
(1009). Binary frames may hold only values that JSON can hold: no bin, no extension types, only strings as keys.
Replies do not repeat secrets. The headers of a pre-signed URL (`URL-Signature`, `URL-Expires`, `URL-Methods`,
`URL-Paths`, the last two as string or array) allow what they allow over HTTP; all else is 403.

With `auth_strategy=keystone` a connection must first send `authenticate` with the header `X-Auth-Token`: 200
`Authentified.`, or 401. Before that every action is 403, and so is a project other than the token's. The connection
is closed when its token expires (close code 4003), unless the client has sent a newer one.

A subscription without `subscriber` belongs to the connection. It needs no confirmation and ends with the connection,
or by its ttl. Each message that is posted over HTTP, SQS or WebSocket is pushed as one frame in the encoding of the
subscription's request: `{"body", "ttl", "Message_Type": "Notification", "queue_name"}`, with `delay` if one was given.
Frames arrive in the order of the queue, each at most once: a message that is posted while the connection, or the link
of its process to the store, is interrupted is not pushed later. After a crash of the process the subscriptions of its
connections end with the next message (in a cluster by their ttl). A client that is $pushes notifications or $mib MiB
behind is disconnected (1013), as is one whose subscriptions the store has lost.

The server stops reading from a client that does not read its replies, and disconnects a client that does not answer
pings for $ping s.
""").substitute(
    frame=limits.FRAME_TO_BODY,
    pushes=f"{limits.PUSHES_BEHIND:,}",
    mib=limits.PUSHES_BEHIND_BYTES >> 20,
    ping=limits.PING_SECONDS,
)

#: The body of the reply frame after success.
ANSWERS = {
    "queue_create": "a sentence, also with 204",
    "queue_list": "`queues`: each has `name`, with `detailed` also the `metadata` as set; `count`; no links or hrefs: "
    "the next `marker` is the last name",
    "queue_get": "the metadata as set, without defaults; `{}` for a missing queue",
    "queue_delete": "a sentence",
    "queue_get_stats": "`messages`, in which `oldest` and `newest` have `id` instead of `href`; 404 with zeros for a "
    "missing queue",
    "queue_purge": "`{}`",
    "message_post": "`message_ids`",
    "message_list": "`messages`; no links: the next `marker` is the last id",
    "message_get": "`messages`: the one message",
    "message_get_many": "`messages`: those that exist, perhaps none",
    "message_delete": "`{}`",
    "message_delete_many": "`{}`, or with `pop` the `messages`",
    "claim_create": '`claim_id`, `messages`; `{"claim_id": null}` with 204',
    "claim_get": "`age`, `ttl`, `messages`",
    "claim_update": "a sentence",
    "claim_delete": "a sentence",
    "subscription_create": "`message`, `subscription_id`; a sentence with 409; without `subscriber` the connection is "
    "the subscriber",
    "subscription_list": "`subscriptions`; no links: the next `marker` is the last id",
    "subscription_get": "the subscription",
    "subscription_delete": "a sentence",
}

#: In the order of their numbers.
DEFECTS = (
    "The release or expiry of an older claim made messages of other claims visible.",
    "Delayed messages behind an undelayed one could be claimed at once.",
    "A client that knew a message's id could read and delete it from any queue of any project.",
    "A claim did not extend a message's ttl: the message expired while it was claimed, and grace had no effect.",
    "Between a claim's end and the next garbage collection, stats and GET of the claim returned 503.",
    "A listing in pages of one message never ended; a deleted marker restarted it at the first message.",
    "Listing with `include_claimed=true` returned 503.",
    "A release extended the ttl of its messages, and left incomplete entries of messages deleted meanwhile.",
    "A post took two steps: a crash left bodies without an index, and a retry posted twice.",
    "Queue names and projects were cut off at dots.",
    "A new queue of the same name inherited claims, subscriptions and counters of the deleted one.",
    "Filters by name and metadata were ignored.",
    "The creation of a queue was a check and a write: two clients could both get 201.",
)
