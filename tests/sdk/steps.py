"""The steps that each client takes, in the order of the columns of the table."""

from __future__ import annotations

#: Step -> what it shows. The programs of the clients have a function for each step that their client can do.
STEPS = {
    "queue": "create a queue, find its URL, read and set attributes, delete it",
    "send": "send unicode with attributes of all types; the SDK checks every MD5",
    "batch": "send and delete batches, with a failed entry",
    "poll": "a send ends a waiting receive",
    "visibility": "make a message visible again, count its receives, delete it",
    "fifo": "order in groups, deduplication, sequence numbers",
    "dlq": "a message moves to the dead-letter queue; list its sources",
    "errors": "errors arrive as the classes or codes that code catches",
    "purge": "purge a queue; a second purge is refused",
    "list": "list queues in pages",
    "tags": "set, remove and list tags",
    "large": "send and receive 1 MiB",
    "presigned": "a GET with its signature in the query",
    "refused": "a wrong secret and an unknown key are refused",
}
