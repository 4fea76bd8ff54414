"""What the reference says beside the route table."""

from __future__ import annotations

from string import Template

from zaqar_core.domain import limits
from zaqar_core.notifications import schedule

_TTL, _GRACE, _PAGE = limits.LEAST_TTL_SECONDS, limits.LEAST_GRACE_SECONDS, limits.SETTABLE_PAGE
_NAME = f"1 to {limits.ZAQAR_NAME_CHARACTERS} of `A-Z a-z 0-9 _ - .`"

#: What -> bounds (names in braces are settings' defaults) -> the settings that move them.
LIMITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("a queue's name", f"{_NAME}; longer names that SQS made are reached", ()),
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
    ("a claim's grace", f"{_GRACE} to " "{max_claim_grace:,} s, default {default_claim_grace:,}; from 0 on in a PATCH",
     ("max_claim_grace", "default_claim_grace")),
    ("a page of subscriptions", "1 to {max_subscriptions_per_page}", ("max_subscriptions_per_page",)),
    ("a subscription's ttl",
     f"{_TTL} or more, " "to an end before the year 10000; default {default_subscription_ttl:,}",
     ("default_subscription_ttl",)),
    ("a subscriber's scheme", "`http`, `https`, `mailto`, `trust+http`, `trust+https`", ("subscriber_types",)),
    ("integers in JSON", "signed 64 bit", ()),
    ("a setting of a page, claim or pop", f"{_PAGE.least} to {_PAGE.most:,}", ()),
)  # fmt: skip

#: Attribute -> values, meaning.
RESERVED = {
    "_dead_letter_queue": (
        "a queue's name, of the same type (FIFO or not)",
        "where messages go that were delivered `_max_claim_count` times; it is made when needed",
    ),
    "_dead_letter_queue_messages_ttl": (f"{_TTL} to `max_message_ttl`", "the life of moved messages, from the move on"),
    "_default_message_delay": (
        "0 to `max_message_delay`",
        "where it is not 0, messages may have a `delay` of their own",
    ),
    "_default_message_ttl": (f"{_TTL} to `max_message_ttl`", "the life of messages that are posted without one"),
    "_enable_encrypt_messages": (
        "true or false",
        "new messages are encrypted at rest, under the first key of the setting `encryption_keys`; without one true is "
        "400",
    ),
    "_flavor": (
        "with `pooling` a flavor that exists, else any text",
        "the queue is made in a pool of that flavor; a later change moves nothing",
    ),
    "_max_claim_count": ("0 or more", "see `_dead_letter_queue`"),
    "_max_messages_post_size": ("1 to `max_messages_post_size`", "bytes of one post to this queue"),
    "_retry_policy": (
        "an object: "
        + ", ".join(f"`{name}` (default {default})" for name, default in schedule.NUMBERS.items())
        + f", `retry_backoff_function` ({', '.join(schedule.BACKOFFS)}), `ignore_subscription_override`; "
        f"`maximum_delay` at least {limits.LEAST_RETRY_SPREAD_SECONDS} above `minimum_delay`",
        "when notifications that failed are tried again; a subscription's option of that name wins, unless "
        "`ignore_subscription_override`",
    ),
}

#: Field of a version's row -> what it says.
VERSION_DIFFERENCES = {
    "needs_names": "every request needs `Client-ID` and `X-Project-Id` (else only posting and listing messages need a "
    "client, and without a project one is in the project without a name)",
    "is_lazy": "posting makes a missing queue, which reads as empty before (else 404)",
    "shows_metadata": "the queue's own document is its metadata (else `/metadata`, without reserved attributes)",
    "has_attributes": "reserved attributes show their defaults; listings filter by name and metadata, and count",
    "shows_ids": "messages have `id` and `checksum`, and come in an object (else in a bare array)",
    "shows_empty": "what is empty is an empty document (else 204)",
    "has_defaults": "ttl and grace have defaults (else they are required; grace of a PATCH is 0)",
    "has_delays": "messages may be posted with a delay, and delayed ones listed",
    "names_content": "GET answers have `Content-Location`",
}

DIFFERENCES = (
    "Hrefs of messages carry `?claim_id=` only while the claim lasts, so that a message that came back can be deleted "
    "by the href that a listing shows. In Zaqar they go on naming the ended claim, and the deletion is refused.",
    "A message that is gone is deleted with 204 whatever became of the claim that `claim_id` names, as in Zaqar, so "
    "that a worker can repeat a deletion. `claim_id` must be a UUID also then (400; Zaqar on Redis: 204).",
    "A claim that lapsed still deletes a message that nobody was given since, as in Zaqar on MongoDB (on Redis: 400). "
    "Once somebody else was given the message, the lapsed claim is 400. A released claim deletes nothing (400).",
    "Reserved attributes are checked strictly: booleans are no integers, `_max_claim_count` is not negative, "
    "`_dead_letter_queue` is a name that a queue can have. What is set wrongly would lose messages.",
    "A dead-letter queue has to be FIFO exactly when its source is, as in SQS: the queues are the same.",
    "A claim goes on past messages that move to the dead-letter queue until `limit` others are found. A moved message "
    "is free there at once, and lives `_dead_letter_queue_messages_ttl` from the move on.",
    "With `message_delete_with_claim_id`, a bulk deletion whose claims do not match is 403 or 400 (Zaqar: 503), and "
    "deletes nothing. Messages that are gone need no claim (Zaqar on MongoDB: 503).",
    "Purge removes delayed messages, as Zaqar on MongoDB does (on Redis they survive). Claimed messages survive, as in "
    "Zaqar on both, and so do those that an SQS consumer holds.",
    "The v1 metadata resource shows and replaces only names without a leading underscore, so that an old client can "
    "write back what it read, and does not reset what newer clients have set.",
    "`name` of a listing is a search for text with `^`, `$` and `.*`; other signs of regular expressions stand for "
    "themselves, so that no pattern can take long.",
    "PATCH may remove or replace a reserved attribute that is not set. In Zaqar that is 409 for `_flavor` and "
    "`_retry_policy` of a queue, and for all attributes of a topic but `_default_message_ttl`, "
    "`_default_message_delay` and `_max_messages_post_size`. A topic is changed by PATCH on any store (Zaqar on Redis: "
    "503).",
    "One slash at the end of a path is ignored, and `/v2` is `/v2/`. In Zaqar these are 404, `/v2/queues/` is 400, and "
    "`/messages/` is the message without a name (404).",
    "The next link of a listing has the parameters that were given, and no `include_delayed` of its own.",
    f"Location of a post of more than {limits.LOCATED_IDS} messages is the queue's messages, without ids: longer "
    "headers break clients.",
    "`claim_count` of a popped message counts the pop: it is 1 for a message that was never claimed. In Zaqar it is "
    "the number of claims before the pop, on queues with dead letters on Redis, and 0 elsewhere. `claim_id` is null "
    "(Zaqar on Redis names a claim that is gone).",
    "A `delay` that is not an integer from 0 to `max_message_delay` is 400 on every queue. Zaqar looks at it only on "
    "queues with a delay of their own, and drops it elsewhere. A good one has no effect there, as in Zaqar.",
    "The default delay of all queues cannot be configured (`default_message_delay`); a queue's own can.",
    "A number that double precision cannot hold, NaN and lone surrogates are 400: no reader could have read them.",
    "`methods` and `paths` of a share are 400 when they are empty, null or name something unknown (methods are GET, "
    "HEAD, POST, PUT, PATCH, DELETE and OPTIONS). Zaqar takes empty and null for the default, signs any text as a "
    "method, and refuses only unknown paths. What is named twice is signed once (Zaqar: twice).",
    "A pre-signed URL admits its paths and what is below them, segment by segment. Zaqar searches for them anywhere in "
    "the path.",
    "`EXTRA-SPEC` has no effect: in Zaqar its presence bypasses authentication.",
    "With `auth_strategy=keystone` every path of a version needs a token (401 before all other checks) or the "
    "signature of a pre-signed URL, which has no role. Policy rules hold for v1, WebSocket actions and the messages of "
    "topics as for the paths of v2, and are checked before headers and names. Without Keystone there are no roles: "
    "`X-Roles` of a client is not believed, whoever can call may do everything, and `policy_file` is refused.",
    "A policy file with a mistake ends the start, with its line; oslo.policy would deny the rule to everybody. In "
    "`admin_or_owner` the owner is the token's project, and `is_admin` is what `context_is_admin` says; in Zaqar "
    "neither is ever true.",
    "`?attributes=true` shows a message's SQS attributes; they are not shown otherwise, because python-zaqarclient "
    "breaks on unknown members.",
    "A queue whose name ends in `.fifo` is a FIFO queue: the Client-ID is the message group.",
    "The health report needs no admin mode. With `pooling` it has a part for each pool; the main store is in none.",
    "Subscriptions are listed in the order of creation, and their ids are in that order.",
    "A subscriber of which it can be seen that nobody may deliver to it is 400: no host, an address in a private "
    "network (`webhook_allowed_networks` names exceptions), headers that no request can carry.",
    "Notifications are kept in the store until they have arrived: they survive a crash, and a failure of 5xx or a "
    "time-out is really tried again. What failed for good is listed at `/undelivered`, which Zaqar does not have.",
    "A subscriber gets the messages of one post in their order, as from Zaqar; a retry does not hold the next message. "
    "Posts may overlap, except in FIFO queues and for WebSocket connections.",
    "Subscribers are told whatever is sent, without a pipeline to be configured, and only of what was stored.",
    "A notice that asks for a confirmation, or says that a subscription is cancelled, is sent as it is; `post_data` is "
    "for messages alone. Zaqar puts notices into `post_data` too, and a text without the placeholder then loses them.",
    "A subscription that is given another subscriber is not confirmed any more.",
    "A pool that has queues cannot be deleted (403), and can get only another address of the same deployment (403): "
    "Zaqar forgets the queues, and their messages are lost.",
    "A pool is a deployment that no other pool is, whatever its address looks like (409). It must keep the service's "
    "durability (400 with the setting to change).",
    "Putting a pool that is there leaves a flavor or options that are not given as they are.",
    "A pool has one flavor at most; giving it to another flavor takes it from the first. The only pool of a flavor "
    "cannot be deleted; if it leaves by PATCH, queues of that flavor are refused (400) until it has one.",
    "A flavor's `capabilities` are what the service keeps: DURABILITY only where durability is not `memory`. Those of "
    "a v1.1 client are not kept. v1.1's `group` of a pool is its `flavor`.",
    "A dead-letter queue may be in another pool than its source.",
    "Subscribers with trust (`trust+http`, `trust+https`) need Keystone, else 400. `options.trust_id` is the "
    "service's: a client cannot give it (400), and a change of other options keeps it. The trust ends with the "
    "subscription; another subscriber or ttl makes a new one, of who asks. A pre-signed URL and a WebSocket make "
    "none (400).",
    "Messages are encrypted with AES-256-GCM under keys that have names and can be changed, and are decrypted on every "
    "way out; Zaqar uses AES-CBC under one key, and gives claims and pops the cipher text. A message that cannot be "
    "decrypted stays in the queue and is left out of answers; 503 where nothing else was found.",
    "Over WebSocket `message_post` takes `delay`, and `queue_list` takes `name` and `with_count`: Zaqar drops them. "
    "Messages have a `checksum` where `enable_checksum` is set. A `subscription_create` for a subscriber that is not "
    "confirmed yet is 201 with the id of its subscription, as over HTTP (Zaqar: 409).",
    "Topics work: their messages can be posted and read (in Zaqar both always fail), also on Redis, where it has none. "
    "They have no claims and are not popped.",
)

TOPICS = """A topic is what a queue is, in a namespace of its own: a topic and a queue may have one name, and SQS
sees only queues. Whatever is published to it is told to each of its subscribers, and can be read by everybody, page
after page, until its ttl has passed.
Nothing is claimed: the reserved attributes about claims and dead letters are kept and have no effect.
"""

WEBSOCKET = Template("""`sqs-facade websocket` serves the same queues over WebSocket (port 9000, any path; `GET /health`
is 200). A text frame is JSON, a binary one MessagePack; an answer has the encoding of its request. Frames of one
connection are answered in their order.

```
{"action": "message_post", "headers": {"Client-ID": "…", "X-Project-ID": "…"}, "body": {"queue_name": "q", …}}
{"request": {"action", "body", "api": "v2", "headers"}, "headers": {"status": 201}, "body": {"message_ids": ["…"]}}
```

Status codes, limits and checks are those of the paths named below; an error is `{"error", "exception"}` in the body.
Messages are `{"id", "claim_id", "ttl", "age", "body"}`; `claim_id` is null except in answers about a claim. A frame
that cannot be read is 400 and the connection goes on; one of more than $frame times the largest body ends it (1009).
Binary frames may hold what JSON can: no bin, no extensions, no keys but strings. Secrets are not repeated in answers.
The headers of a pre-signed URL (`URL-Signature`, `URL-Expires`, `URL-Methods`, `URL-Paths`, the last two as text or
array) admit what they admit over HTTP; otherwise the answer is 403.

With `auth_strategy=keystone` a connection begins with `authenticate`, whose headers hold `X-Auth-Token`: 200
`Authentified.`, or 401. Before that every action is 403, and so is another project than the token's. The connection
ends with its token (close code 4003), unless a newer one was shown.

A subscription without `subscriber` is the connection's own. It needs no confirmation and ends with the connection, or
by its ttl. Whoever posts, over HTTP, SQS or WebSocket, each message is pushed as a frame of its own in the encoding of
the subscription's request: `{"body", "ttl", "Message_Type": "Notification", "queue_name"}`, with `delay` where one was
given. They come in the order of the queue. At most once: what is posted while the connection, or its process's link to
the store, is interrupted is not pushed later. When a process dies its connections' subscriptions end with the next
message (in a cluster by their ttl). A client that is $pushes notifications or $mib MiB behind is disconnected (1013).

A client that does not read its answers is not read either; one that answers no ping for $ping s is cut off.
""").substitute(
    frame=limits.FRAME_TO_BODY,
    pushes=f"{limits.PUSHES_BEHIND:,}",
    mib=limits.PUSHES_BEHIND_BYTES >> 20,
    ping=limits.PING_SECONDS,
)

#: What a frame's body holds after success, where it is not the document of the path.
ANSWERS = {
    "queue_create": "a sentence, also with 204",
    "queue_list": "`queues`: each `name`, with `detailed` also the `metadata` as set; `count`; no links or hrefs: "
    "`marker` is the last name",
    "queue_get": "the metadata as set, without defaults; `{}` for a missing queue",
    "queue_delete": "a sentence",
    "queue_get_stats": "`messages`, in which `oldest` and `newest` have `id` instead of `href`; 404 with zeros for a "
    "missing queue",
    "queue_purge": "`{}`",
    "message_post": "`message_ids`",
    "message_list": "`messages`; no links: `marker` is the last id",
    "message_get": "`messages`: the one message",
    "message_get_many": "`messages`: those that are there, perhaps none",
    "message_delete": "`{}`",
    "message_delete_many": "`{}`, or with `pop` the `messages`",
    "claim_create": '`claim_id`, `messages`; `{"claim_id": null}` with 204',
    "claim_get": "`age`, `ttl`, `messages`",
    "claim_update": "a sentence",
    "claim_delete": "a sentence",
    "subscription_create": "`message`, `subscription_id`; a sentence with 409; without `subscriber` the connection is "
    "the subscriber",
    "subscription_list": "`subscriptions`; no links: `marker` is the last id",
    "subscription_get": "the subscription",
    "subscription_delete": "a sentence",
}

#: In the order of their numbers.
DEFECTS = (
    "Messages held by other claims were delivered again when an older claim was released or had expired.",
    "Delayed messages behind an undelayed one were delivered at once.",
    "Whoever knew a message's id could read and delete it from any queue of any project.",
    "A claim did not lengthen a message's life: it vanished while it was claimed, and grace had no effect.",
    "Between a claim's end and the next garbage collection, stats and the claim answered 503.",
    "Pages of one began anew for ever; a deleted marker restarted from the top.",
    "Listing with `include_claimed=true` answered 503.",
    "A release lengthened the life of its messages, and left wrecks of those deleted meanwhile.",
    "A post was two steps: a crash left bodies without an index, and a retry posted twice.",
    "Queue names and projects were cut at dots.",
    "A deleted queue left claims, subscriptions and counters to its successor.",
    "Filters by name and metadata were ignored.",
    "Making a queue was a look and a write: two could both have made it.",
)
