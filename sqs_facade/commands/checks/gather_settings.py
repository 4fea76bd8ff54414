"""Looks at what a start with these settings would find on this machine, without starting anything."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from sqs_facade import listening
from sqs_facade.commands.checks import gather_service
from sqs_facade.commands.checks.settings import Surroundings
from sqs_facade.startup import ServingError
from zaqar_core.access import gate
from zaqar_core.configuration import public_url
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.web import audit_log, tls


def surroundings(settings: Settings) -> Surroundings:
    """Look at addresses, ports and files."""
    refusals: dict[str, str] = {}

    def tried(setting: str, act: Callable[[], object]) -> None:
        try:
            act()
        except SettingsInvalid as problem:
            refusals[problem.setting or setting] = " ".join(problem.problems)
        except ServingError as problem:
            refusals[setting] = str(problem)

    tried("credentials_file", lambda: gate.credentials(settings))
    tried("tls_certificate", lambda: tls.configured(settings))
    tried("host", lambda: listening.resolve(settings))
    for setting, problem in _places(settings):
        refusals.setdefault(setting, problem)
    if settings.auth_strategy and not refusals.keys() & {"keystone_config", "policy_file"}:
        tried("keystone_config", lambda: _check_keystone(settings))
    addresses = () if "host" in refusals else listening.resolve(settings)
    busy = [one for one in ("port", "tls_port") if _is_busy(addresses, getattr(settings, one))]
    served = [one for one in busy if _is_served(addresses, getattr(settings, one))]
    return Surroundings(
        refusals=refusals,
        busy_ports=tuple(one for one in busy if one not in served),
        served_ports=tuple(served),
        is_reachable=not all(one.is_loopback for one in addresses),
        public_host_resolves=_resolves(settings),
    )


def _check_keystone(settings: Settings) -> None:
    from zaqar_core.keystone import authentication
    from zaqar_core.rest.face import ZaqarFace

    ZaqarFace(settings, authentication.configured(settings))


def _places(settings: Settings) -> list[tuple[str, str]]:
    """Return the settings whose file or directory cannot be used, each with the reason."""
    found = []
    if settings.audit_log is not None and settings.audit_log != audit_log.STDERR:
        found += _unwritable("audit_log", Path(settings.audit_log))
    if settings.ready_file is not None:
        found += _unwritable("ready_file", settings.ready_file)
    for setting in ("keystone_config", "policy_file"):
        file = getattr(settings, setting)
        if file is not None and not os.access(file, os.R_OK):
            found.append((setting, f"cannot read {file}"))
    directory = settings.data_dir
    if directory is not None:
        if directory.exists() and not directory.is_dir():
            found.append(("data_dir", f"{directory} is not a directory"))
        elif directory.is_dir() and not os.access(directory, os.W_OK | os.X_OK):
            found.append(("data_dir", f"{directory} is not writable"))
        elif settings.durability == "memory" and (directory / "appendonlydir").exists():
            found.append(("durability", f"{directory} holds messages on disk, which durability memory would ignore"))
    return found


def _unwritable(setting: str, file: Path) -> list[tuple[str, str]]:
    folder = file.absolute().parent
    if not folder.is_dir():
        return [(setting, f"there is no directory {folder}")]
    place = file if file.exists() else folder
    if file.is_dir() or not os.access(place, os.W_OK):
        return [(setting, f"cannot write {file}")]
    return []


def _is_busy(addresses: Sequence[listening.Address], port: int | None) -> bool:
    if not port:
        return False
    for address in addresses:
        with socket.socket(address.family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address.at(port))
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    return True
    return False


def _is_served(addresses: Sequence[listening.Address], port: int) -> bool:
    hosts = [listening.in_url(one.reachable_host) for one in addresses]
    return any(gather_service.answers(f"{scheme}://{host}:{port}") for host in hosts for scheme in ("http", "https"))


def _resolves(settings: Settings) -> bool | None:
    if settings.public_url is None:
        return None
    host = public_url.parse(settings.public_url).host
    name, _, port = host.rpartition(":")
    try:
        socket.getaddrinfo((name if port.isdigit() and name else host).strip("[]"), None)
    except OSError:
        return False
    return True
