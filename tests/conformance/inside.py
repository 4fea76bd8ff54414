"""Runs in the environment of a published Zaqar: its own tests against a service that runs elsewhere.

    python inside.py functional|unit|websocket URL CONFIGS [PART ...] [+PART ...]

CONFIGS is a writable copy of the package's ``tests/etc``. Tests whose id holds a PART are left out; with a
+PART all others are not looked at. Prints one JSON
object a test: ``id``, ``outcome`` (passed, failed, skipped, left out) and ``text``.
"""

# ruff: noqa: T201

from __future__ import annotations

import importlib
import json
import os
import sys
import unittest
import uuid
from pathlib import Path


class StandIn:
    """Replaces Zaqar's server and its storage, which the tests would start and wipe: every attribute exists and does
    nothing."""

    def __init__(self, *_, **__):
        self.pooling = False

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn()

    def __call__(self, *_, **__):
        return StandIn()

    def __iter__(self):
        return iter(())


class Result(unittest.TestResult):
    """Prints each result at once."""

    def say(self, test, outcome, text=""):
        print(json.dumps({"id": test.id(), "outcome": outcome, "text": text}), flush=True)

    def addSuccess(self, test):  # noqa: N802
        self.say(test, "passed")

    def addSkip(self, test, reason):  # noqa: N802
        self.say(test, "skipped", reason)

    def addFailure(self, test, problem=None, details=None):  # noqa: N802
        self.say(test, "failed", _text(self._exc_info_to_string(problem, test) if problem else "", details))

    addError = addFailure  # noqa: N815


def _text(trace, details):
    return "\n".join([trace, *(part.as_text() for part in (details or {}).values())])


def _tests(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _tests(item)
        else:
            yield item


def _functional(url, configs):
    """The functional tests take a URL by their configuration."""
    os.environ["ZAQAR_TEST_INTEGRATION"] = "1"
    if "ZAQAR_TEST_MONGODB_URL" in os.environ:
        os.environ["ZAQAR_TEST_MONGODB"] = "1"
        _know_the_options_of_stores()
    project = f"[headers]\nproject_id = {uuid.uuid4().hex}\n"
    Path(configs, "functional-tests.conf").write_text(f"[zaqar]\nurl = {url}\n{project}")

    from zaqar.tests.functional import base

    base.bootstrap = StandIn()
    base.FunctionalTestBase.server = StandIn()
    base.FunctionalTestBase.class_ttl_gc_interval = 1

    import zaqar.tests.functional.wsgi as published

    return published


def _know_the_options_of_stores():
    """Register the options that Zaqar's server would register."""
    from zaqar.conf import drivers_management_store_mongodb as options
    from zaqar.tests import base

    load = base.TestBase.load_conf.__func__

    def load_conf(cls, name):
        conf = load(cls, name)
        options.register_opts(conf)
        return conf

    base.TestBase.load_conf = classmethod(load_conf)


def _unit(url, _):
    """The unit tests of v2 call a WSGI application: this one forwards to the service."""
    os.environ["ZAQAR_TEST_MONGODB"] = os.environ["ZAQAR_TEST_REDIS"] = "1"

    from forward import Forward
    from zaqar.tests.unit.transport.wsgi import base
    from zaqar.transport import base as transport

    class Bootstrap(StandIn):
        def __init__(self, conf):
            super().__init__()
            self.transport = StandIn()
            self.transport.app = Forward(url)
            self.transport._defaults = transport.ResourceDefaults(conf)

    base.bootstrap = StandIn()
    base.bootstrap.Bootstrap = Bootstrap

    import zaqar.tests.unit.transport.wsgi.v2_0 as published
    from zaqar.tests.unit.transport.wsgi.v2_0 import test_subscriptions

    # Its pools only say where Zaqar's own storage is.
    test_subscriptions.TestSubscriptionsMongoDB.config_file = "wsgi_mongodb.conf"
    return published


def _websocket(url, _):
    """The unit tests of the WebSocket transport call a protocol object: this one forwards its frames."""
    os.environ["ZAQAR_TEST_MONGODB"] = os.environ["ZAQAR_TEST_REDIS"] = "1"

    from forward import ForwardFrames

    ForwardFrames.factory = StandIn()
    from zaqar.tests.unit.transport.websocket import base
    from zaqar.transport import base as transport

    class Bootstrap(StandIn):
        def __init__(self, conf):
            super().__init__()
            self.transport = StandIn()
            self.transport.factory = lambda: ForwardFrames(url)
            self.api = StandIn()
            self.api.get_defaults = lambda: transport.ResourceDefaults(conf)

    base.bootstrap = StandIn()
    base.bootstrap.Bootstrap = Bootstrap

    import zaqar.tests.unit.transport.websocket as published

    importlib.import_module("zaqar.transport.websocket.factory")  # a test looks it up without importing it

    return published


def main():
    kind, url, configs, *given = sys.argv[1:]
    parts = [part for part in given if not part.startswith("+")]
    wanted = [part[1:] for part in given if part.startswith("+")]
    os.environ["ZAQAR_TESTS_CONFIGS_DIR"] = configs
    published = {"functional": _functional, "unit": _unit, "websocket": _websocket}[kind](url, configs)

    root = published.__path__[0].removesuffix(published.__name__.replace(".", "/"))
    found = unittest.defaultTestLoader.discover(published.__path__[0], top_level_dir=root)
    result = Result()
    for test in _tests(found):
        if wanted and not any(part in test.id() for part in wanted):
            continue
        if any(part in test.id() for part in parts):
            result.say(test, "left out")
        else:
            unittest.TestSuite([test]).run(result)


if __name__ == "__main__":
    main()
