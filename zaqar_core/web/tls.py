"""TLS of the servers: their certificate, the authorities of client certificates, and how both are reloaded."""

from __future__ import annotations

import logging
import ssl
import threading
from pathlib import Path
from typing import NoReturn

from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.logs.cause import EACH

_log = logging.getLogger("sqs_facade.tls")
#: Interval at which the files are checked for changes.
CHECK_SECONDS = 2.0


class Tls:
    """The TLS side of one process: ``context`` is for the next connection. Any thread may use it.

    Files that cannot be used are logged once, and the context from before stays in force.
    """

    def __init__(self, settings: Settings) -> None:
        """Read the files. Raises SettingsInvalid."""
        assert settings.tls_certificate is not None
        self._settings = settings
        self._files = [
            file for file in (settings.tls_certificate, settings.tls_key, settings.tls_client_ca) if file is not None
        ]
        self._stamp = self._stamps()
        self.context = _context(settings)
        #: When the certificate ends, in seconds of Unix time.
        self.expires = _expiry(settings)

    def watch(self) -> None:
        """Check the files for changes in a background thread until the process ends."""
        threading.Thread(target=self._watch, name="tls", daemon=True).start()

    def check(self) -> None:
        """Read the files again if one has changed. Blocks."""
        stamp = self._stamps()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.context = _context(self._settings)
            self.expires = _expiry(self._settings)
        except SettingsInvalid as problem:
            _log.error("cannot reload the TLS certificate, the previous one stays in force: %s", problem)
            return
        _log.info("reloaded the TLS certificate %s", self._settings.tls_certificate, extra=EACH)

    def switching_context(self) -> ssl.SSLContext:
        """Return a context for a server that keeps one: each handshake goes on with the current ``context``."""
        found = _context(self._settings)

        def switch(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            del name, context
            connection.context = self.context

        found.sni_callback = switch  # OpenSSL calls it for clients that name no server, too
        return found

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(file) for file in self._files]

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(CHECK_SECONDS):
            try:
                self.check()
            except Exception:
                _log.exception("cannot check the TLS files")


def configured(settings: Settings) -> Tls | None:
    """Return the TLS side of a process with these settings, None without TLS. Raises SettingsInvalid."""
    return None if settings.tls_certificate is None else Tls(settings)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """Return a value that changes with the file, also when a link to it is replaced."""
    try:
        status = file.stat()
    except OSError:
        return None
    return max(status.st_mtime_ns, status.st_ctime_ns), status.st_size, status.st_ino


def _context(settings: Settings) -> ssl.SSLContext:
    """Read the files into a new context. Raises SettingsInvalid."""
    certificate, key = settings.tls_certificate, settings.tls_key
    assert certificate is not None
    named = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": settings.tls_client_ca}
    for setting, file in named.items():
        if file is not None:
            _check_readable(setting, file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _check_certificates("tls_certificate", certificate)
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except _Encrypted:
        raise SettingsInvalid(
            f"the key in {key or certificate} is encrypted, and the service cannot ask for its password",
            setting="tls_key" if key is not None else "tls_certificate",
        ) from None
    except (OSError, ValueError) as problem:  # an ssl.SSLError is an OSError
        reason = (
            f"the key is not that of the certificate {certificate}"
            if getattr(problem, "reason", None) == "KEY_VALUES_MISMATCH"
            else f"{key or certificate} has no private key in PEM that fits the certificate"
        )
        setting = "tls_key" if key is not None else "tls_certificate"
        raise SettingsInvalid(reason, setting=setting) from None
    if settings.tls_client_ca is not None:
        _check_certificates("tls_client_ca", settings.tls_client_ca)
        context.load_verify_locations(settings.tls_client_ca)
        is_required = settings.tls_client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    return context


def _expiry(settings: Settings) -> float:
    """Return when the first certificate of the file, the service's own, ends: seconds of Unix time."""
    from cryptography import x509  # only needed with TLS

    assert settings.tls_certificate is not None
    return x509.load_pem_x509_certificates(settings.tls_certificate.read_bytes())[0].not_valid_after_utc.timestamp()


class _Encrypted(Exception):
    """A private key is encrypted."""


def _refuse_password() -> NoReturn:
    raise _Encrypted


def _check_readable(setting: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not a file name"
        raise SettingsInvalid(f"cannot read {file}: {reason}", setting=setting) from None


def _check_certificates(setting: str, file: Path) -> None:
    """Check that the file has certificates in PEM. Raises SettingsInvalid."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except (OSError, ValueError):
        raise SettingsInvalid(f"{file} has no certificate in PEM", setting=setting) from None
