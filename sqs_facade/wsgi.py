"""Composition root: the only module that knows every room.

``create_app()`` builds the whole service for one worker process. ``app`` is the same for any WSGI server,
with settings from the environment; docs/operations.md has the commands for Gunicorn and Flask.
"""

from __future__ import annotations

import atexit
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sqs_facade import addresses, peek
from sqs_facade.face import SqsFace, is_sqs
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.task_runner import TaskRunner
from zaqar_core.configuration import public_url
from zaqar_core.configuration import settings as configuration
from zaqar_core.keystone import authentication
from zaqar_core.notifications import channels
from zaqar_core.notifications.notifier import Notifier
from zaqar_core.pools.routing import new_core
from zaqar_core.rest.confirmations import Confirmations
from zaqar_core.rest.face import ZaqarFace, is_hot
from zaqar_core.web import cors, hooks, stopping
from zaqar_core.web.app import create_flask
from zaqar_core.web.base_path import BasePath
from zaqar_core.web.fastlane import FastLane
from zaqar_core.web.pipeline import Pipeline

if TYPE_CHECKING:
    import flask

    from zaqar_core.web.envelope import Face


def create_app(settings: configuration.Settings | None = None) -> flask.Flask:
    """A Flask application whose ``wsgi_app`` is wrapped by the fast lane, and that by CORS.

    Without ``settings`` they come from the environment. Without a Redis URL the embedded Valkey is attached to, or
    started. Raises SettingsInvalid, EmbeddedError, StoreUnavailable.
    """
    settings = settings or configuration.load({})
    switches = hooks.Switches(settings) if settings.has_test_hooks else None
    url = settings.redis
    if url is None:
        url, settings = _embedded(settings)
    core = new_core(settings, url, wrapped=hooks.sessions(switches))
    stopping.on_stop(core.waiters.release_all)
    Housekeeping(core).start()
    TaskRunner(core).start()
    notifier = Notifier(core, channels.table(core), Confirmations(settings))
    notifier.start()
    notifier.stop_at_exit()
    pipeline = Pipeline(core, settings)
    sqs, zaqar = SqsFace(settings), ZaqarFace(settings, authentication.configured(settings))
    app = create_flask(
        core,
        pipeline,
        sqs,
        zaqar,
        {peek.PATH: peek.PeekFace(settings), hooks.PATH: _hooks(settings, switches)},
    )
    app.extensions["sqs_facade"] = core
    lanes = FastLane(
        app.wsgi_app,
        pipeline,
        [(is_sqs, sqs), (is_hot, zaqar)],
        may_be_bypassed=settings.has_test_hooks,
    )
    answered = cors.shared(lanes, settings)
    base_path = public_url.parse(settings.public_url).base_path if settings.public_url is not None else ""
    # Flask's own idiom for middleware.
    app.wsgi_app = BasePath(answered, base_path) if base_path else answered  # type: ignore[method-assign,assignment]
    return app


def _hooks(settings: configuration.Settings, switches: hooks.Switches | None) -> Face:
    if switches is None:
        return hooks.AbsentFace()
    return hooks.HooksFace(
        settings,
        switches,
        lambda environ: addresses.caller(environ, settings).account,
        partial(addresses.named, settings),
    )


def _embedded(settings: configuration.Settings) -> tuple[str, configuration.Settings]:
    """The URL of the embedded Valkey, and the settings with its key."""
    from zaqar_core import embedded

    attached = embedded.attach(
        Path(settings.data_dir) if settings.data_dir else None,
        durability=settings.durability,
        ephemeral=settings.ephemeral,
    )
    attached.supervise()
    atexit.register(attached.release)
    keys = (*settings.encryption_keys, attached.encryption_key())
    return attached.url, msgspec.structs.replace(settings, encryption_keys=keys)


def __getattr__(name: str) -> Any:
    if name == "app":
        built = globals()["app"] = create_app()
        return built
    raise AttributeError(name)
