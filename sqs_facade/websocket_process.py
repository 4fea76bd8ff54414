"""The process of ``sqs-facade websocket``: core, housekeeping, notifier and WebSocket server."""

from __future__ import annotations

from collections.abc import Callable

from sqs_facade.listening import Held, in_url, without_brackets
from zaqar_core.access import gate
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.sampling import Sampler
from zaqar_core.background.usage import UsageMeter
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import rate_limits
from zaqar_core.core.authorization import Authorizer
from zaqar_core.keystone import authentication
from zaqar_core.notifications import channels
from zaqar_core.notifications.notifier import Notifier
from zaqar_core.observability.metrics import Metrics
from zaqar_core.pools.routing import new_core
from zaqar_core.rest.confirmations import Confirmations
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.tracing import provider
from zaqar_core.web import access_log, audit_log, hooks, tls, traces
from zaqar_core.web.auditing import Auditor
from zaqar_core.web.observers import Observer, Observers
from zaqar_core.websocket import server
from zaqar_core.websocket.conversation import Service


def run(settings: Settings, url: str, held: Held, on_ready: Callable[[str], None]) -> None:
    """Serve on the held port until a signal stops the process. Raises StoreUnavailable.

    ``on_ready`` is called with the URL of the service as soon as connections are accepted.
    """
    known = gate.credentials(settings)
    authenticator = gate.authenticator(known, authentication.configured(settings))
    audit, auditor = audit_log.opened(settings.audit_log), None
    observers: list[Observer] = [*access_log.configured(settings)]
    if audit is not None:
        audit.start()
        auditor = Auditor(audit, settings)
        observers.append(auditor)
    if known is not None:
        if auditor is not None:
            known.on_reload = auditor.reloaded
        known.watch()
    switches = hooks.Switches(settings) if settings.has_test_hooks else None
    authorizer = Authorizer() if settings.enforces_policies else None
    core = new_core(settings, url, wrapped=hooks.sessions(switches))
    if switches is not None:
        core.when_emptied.append(switches.forget)
    if settings.metrics or settings.metric_minutes:
        metrics = Metrics(settings)
        metrics.watch(core, known, audit)
        if settings.metrics:
            metrics.publish_regularly()
            observers.append(metrics.counting)
    sampler = Sampler(core)
    sampler.start()
    face = ZaqarFace(settings, authenticator, authorizer=authorizer, rates=rate_limits.configured(settings))
    Housekeeping(core).start()
    if core.quotas is not None:
        UsageMeter(core, core.quotas).start()
    notifier = Notifier(core, channels.table(core), Confirmations(settings))
    notifier.start()
    secured = tls.configured(settings)
    if secured is not None:
        secured.watch()
    try:
        server.run(
            settings,
            Service(core, face, authenticator, Observers(observers), traces.configured(settings)),
            held.port,
            lambda: on_ready(
                f"{'ws' if secured is None else 'wss'}://{in_url(without_brackets(settings.host))}:{held.port}"
            ),
            hosts=held.hosts,
            tls=secured,
        )
    finally:
        notifier.stop()
        sampler.stop()
        core.close()
        provider.close()
