"""Composition root: the only module that imports every package of the service.

``create_app()`` builds the whole service for one worker process. ``app`` is the same application for any WSGI server,
with settings from the environment; docs/operations.md has the commands for Gunicorn and Flask.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sqs_facade import addresses, auto_creation, emulator_paths, peek, startup
from sqs_facade.callers import Callers
from sqs_facade.cloudwatch import face as cloudwatch_face
from sqs_facade.cloudwatch.face import CloudWatch
from sqs_facade.console import face as console
from sqs_facade.declarations.reconciler import Reconciler
from sqs_facade.face import SqsFace, is_sqs
from zaqar_core.access import gate
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.sampling import Sampler
from zaqar_core.background.task_runner import TaskRunner
from zaqar_core.background.usage import UsageMeter
from zaqar_core.configuration import loading, public_url
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import rate_limits
from zaqar_core.core.authorization import Authorizer
from zaqar_core.domain import limits
from zaqar_core.keystone import authentication
from zaqar_core.notifications import channels
from zaqar_core.notifications.notifier import Notifier
from zaqar_core.observability import face as metrics_page
from zaqar_core.observability.metrics import Metrics
from zaqar_core.observability.scraping import Scraper
from zaqar_core.pools.routing import new_core
from zaqar_core.rest.confirmations import Confirmations
from zaqar_core.rest.face import ZaqarFace, is_hot
from zaqar_core.web import access_log, audit_log, cors, hooks, proxies, readiness, stopping, traces
from zaqar_core.web.app import create_flask
from zaqar_core.web.auditing import Auditor
from zaqar_core.web.base_path import BasePath
from zaqar_core.web.fastlane import FastLane
from zaqar_core.web.observers import Observer, Observers
from zaqar_core.web.pipeline import Pipeline
from zaqar_core.web.proxies import ForwardedRequests
from zaqar_core.web.server.wsgi_application import WsgiApplication

if TYPE_CHECKING:
    from pathlib import Path

    import flask

    from sqs_facade.sts import SecurityTokenService
    from zaqar_core.access.reloading import Credentials
    from zaqar_core.core.process import Core
    from zaqar_core.web.envelope import Face

#: The extension of the Flask application that the event loop's server runs: see ``web.server.application``.
APPLICATION = "sqs_facade.application"
#: The extension with the :class:`~zaqar_core.observability.metrics.Metrics` of the process, None if nothing is counted.
METRICS = "sqs_facade.metrics"


def create_app(
    settings: Settings | None = None, declared: Path | None = None, *, observers: Sequence[Observer] = ()
) -> flask.Flask:
    """Build a Flask application with the fast lane around its ``wsgi_app``, and CORS around the fast lane.

    ``settings`` default to those of the environment. ``declared`` is the file of a ``Handover``: the queues to declare.
    ``observers`` are shown every request, beside those of the settings. Without a Redis URL, attach to the embedded
    Valkey and start it if necessary. Raises SettingsInvalid, EmbeddedError, StoreUnavailable.
    """
    settings = settings or loading.load({})
    switches = hooks.Switches(settings) if settings.has_test_hooks else None
    url, settings = _store(settings)
    credentials = gate.credentials(settings)
    audit = audit_log.opened(settings.audit_log)
    core = new_core(settings, url, wrapped=hooks.sessions(switches))
    if switches is not None:
        core.when_emptied.append(switches.forget)
    metrics = Metrics(settings) if settings.metrics or settings.metric_minutes else None
    if metrics is not None:
        metrics.watch(core, credentials, audit)
    sampler = Sampler(core)  # takes what is counted from now on
    stopping.on_stop(core.waiters.release_all)
    Housekeeping(core).start()
    TaskRunner(core).start()
    if core.quotas is not None:
        UsageMeter(core, core.quotas).start()
    notifier = Notifier(core, channels.table(core), Confirmations(settings))
    notifier.start()
    notifier.stop_at_exit()
    reconciler = None if declared is None else _reconciler(core, declared)
    observers = [*observers, *access_log.configured(settings)]
    if audit is not None:
        audit.start()
        auditor = Auditor(audit, settings)
        observers.append(auditor)
        if credentials is not None:
            credentials.on_reload = auditor.reloaded
    if metrics is not None and settings.metrics:
        observers.append(metrics.counting)
    sampler.start()
    pipeline = Pipeline(core, settings, Observers(observers), traces.configured(settings))
    access = gate.opened(settings, credentials, lambda: core.secrets.secret)
    callers = Callers(settings, access)
    authenticator = gate.authenticator(credentials, authentication.configured(settings))
    authorizer = Authorizer() if settings.enforces_policies else None
    rates = rate_limits.configured(settings)
    cloudwatch = CloudWatch(callers, authorizer=authorizer, rates=rates)
    sqs = SqsFace(
        settings,
        callers=callers,
        sts=_sts(access, rates),
        cloudwatch=cloudwatch,
        authorizer=authorizer,
        rates=rates,
        auto_creation=auto_creation.configured(
            settings, auto_creation.plain if reconciler is None else reconciler.defaults
        ),
    )
    zaqar = ZaqarFace(settings, authenticator, authorizer=authorizer, rates=rates)
    looks = peek.PeekFace(settings, callers=callers, authorizer=authorizer, rates=rates)
    hooked = _hooks(settings, switches, credentials)
    more: dict[str, Face] = {
        peek.PATH: looks,
        hooks.PATH: hooked,
        cloudwatch_face.PATH: cloudwatch,
        **dict.fromkeys(
            emulator_paths.PATHS,
            emulator_paths.EmulatorFace(settings, hooked, partial(readiness.is_ready, core)),
        ),
    }
    if settings.console == "auto":
        more[console.PATH] = console.ConsoleFace(
            settings, access, lambda: core.secrets.secret, core.store_conditions, authorizer=authorizer, rates=rates
        )
    plain: dict[str, Face] = {}
    if metrics is not None and settings.metrics:
        plain[metrics_page.PATH] = _metrics_page(core, metrics, settings, credentials)
    app = create_flask(core, pipeline, sqs, zaqar, more, plain)
    app.extensions[METRICS] = metrics
    app.extensions["sqs_facade"] = core
    most = max(limits.JSON_BODY_BYTES, settings.max_messages_post_size, settings.max_queue_metadata)
    lanes = FastLane(
        app.wsgi_app,
        pipeline,
        [(is_sqs, sqs), (is_hot, zaqar)],
        may_be_bypassed=settings.has_test_hooks,
        body_limit=most,
    )
    with_cors = cors.shared(lanes, settings)
    base_path = public_url.parse(settings.public_url).base_path if settings.public_url is not None else ""
    # Flask's own idiom for middleware.
    app.wsgi_app = BasePath(with_cors, base_path) if base_path else with_cors  # type: ignore[method-assign,assignment]
    enclosed = WsgiApplication(app.wsgi_app, most, lanes.share, checks_heads=lanes.checks_heads)
    app.extensions[APPLICATION] = lanes if app.wsgi_app is lanes else enclosed
    if (trusted := proxies.configured(settings)) is not None:  # the event loop's server applies their headers itself
        app.wsgi_app = ForwardedRequests(app.wsgi_app, trusted)  # type: ignore[method-assign]
    return app


def _reconciler(core: Core, declared: Path) -> Reconciler:
    reconciler = Reconciler(core, declared)
    core.unready.append(lambda: reconciler.problem)
    reconciler.start()
    return reconciler


def _metrics_page(core: Core, metrics: Metrics, settings: Settings, known: Credentials | None) -> Face:
    return metrics_page.MetricsFace(settings, Scraper(core, metrics, settings), gate.authenticator(known, None))


def _sts(access: gate.Gate | None, rates: rate_limits.RateLimits | None) -> SecurityTokenService | None:
    if access is None:
        return None
    from sqs_facade.sts import SecurityTokenService  # loads libraries that only a service with credentials needs

    return SecurityTokenService(access, rates)


def _hooks(settings: Settings, switches: hooks.Switches | None, known: Credentials | None) -> Face:
    if switches is None:
        return hooks.AbsentFace()
    return hooks.HooksFace(
        settings,
        switches,
        lambda environ: addresses.caller_of(environ, settings).account,
        partial(addresses.named, settings),
        gate.authenticator(known, None),
    )


def _store(settings: Settings) -> tuple[str, Settings]:
    """Return the URL of the store, and the settings with the key of an embedded one."""
    store = startup.EmbeddedStore(settings)
    store.start()
    url = store.url()
    atexit.register(store.release)
    store.supervise()
    return url, store.with_key(settings)


#: Gunicorn stops at this exit code of a worker ("App failed to load"); at most others it starts the worker again.
_CANNOT_LOAD = 4


def __getattr__(name: str) -> Any:
    if name == "app":
        found = startup.configuration({}, code=_CANNOT_LOAD)
        startup.set_up_logs(found.settings, "worker")
        with startup.refusals(found, code=_CANNOT_LOAD):
            built = globals()["app"] = create_app(found.settings)
        return built
    raise AttributeError(name)
