"""Published tests that are left out, each with its reason."""

from __future__ import annotations

_NOT_BUILT = "not built yet: "
_MOCKED = "not applicable over HTTP: it replaces a part of Zaqar's own server"
_CONFIGURED = "not applicable over HTTP: it needs a server configured in a way of its own"

#: Parts of the ids of tests that need a service with pools, and are run against one.
POOLED_FUNCTIONAL = (".v1_1.test_pools.",)
#: This one leaves a queue in its pool, which then cannot be deleted.
POOLED_HEALTH = (".v1_1.test_health.",)
POOLED_UNIT = (".test_flavors_new.", ".test_pools_new.")
#: These leave queues in their pools too.
POOLED_MESSAGES = (".TestMessagesMongoDBPooled.",)

#: Of those, what is left out.
POOLED_FUNCTIONAL_LEFT_OUT = {
    ".test_insert_pool_bad_data": "it skips itself by a method that testtools no longer has",
}

#: Of UNIT, what concerns those tests.
POOLED_MESSAGES_LEFT_OUT = (".test_bulk_delete_without_claim_ids",)

#: Part of a functional test's id -> reason. Should be empty.
FUNCTIONAL: dict[str, str] = {}

_WORDING = "it compares the wording of an error"

#: Those of the WebSocket transport's unit tests.
WEBSOCKET = {
    ".test_post_invalid_ttl": _WORDING,
    ".test_post_no_body": _WORDING,
    ".test_on_message_with_invalid_input_binary": _WORDING,
    ".test_ipv6_escaped": _MOCKED,
    ".test_list_returns_503_on_nopoolfound_exception": _MOCKED,
    ".SubscriptionTest.": _MOCKED + ": it makes and reads subscriptions in Zaqar's own store",
    ".AuthTest.test_auth_response": _MOCKED,
    ".AuthTest.test_different_project": _MOCKED,
    ".AuthTest.test_failed_auth": _MOCKED,
    ".AuthTest.test_post": _MOCKED,
    ".AuthTest.test_reauth": _MOCKED,
}

#: The same for the unit tests of v2, which are run because there are few functional ones.
UNIT = {
    ".TestSubscriptionsMongoDB.test_create_and_send_notification": _MOCKED,
    ".TestSubscriptionsMongoDB.test_recreate": _MOCKED,
    ".TestSubscriptionsMongoDB.test_create_with_trust": _MOCKED,
    ".test_list_returns_503_on_nopoolfound_exception": _MOCKED,
    ".test_auth.": _CONFIGURED + " (auth_strategy=keystone): see tests/keystone",
    "FaultyDriver.": _MOCKED,
    ".test_health.TestHealthMongoDB.test_message_volume": _MOCKED,
    ".test_operation_status": _MOCKED,
    ".test_basics_thoroughly_with_different_client_id": _CONFIGURED + " (client_id_uuid_safe=off)",
    ".test_bulk_delete_without_claim_ids": _CONFIGURED + " (message_delete_with_claim_id)",
    ".TestValidation.test_metadata_deserialization": _CONFIGURED + " (max_queue_metadata=64)",
    ".TestValidation.test_queue_metadata_putting": _CONFIGURED + " (max_queue_metadata=64)",
}
