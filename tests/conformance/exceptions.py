"""Published tests that are left out, each with its reason. Should be empty."""

from __future__ import annotations

_NOT_BUILT = "not built yet: "

#: Part of a test's id -> reason. Each must leave out at least one test.
EXCEPTIONS = {
    ".v1_1.test_pools.": _NOT_BUILT + "pools",
    ".v1_1.test_health.": _NOT_BUILT + "pools, whose health this is",
    ".v2.test_subscriptions.": _NOT_BUILT + "subscriptions",
}
