"""Reads the facts of certificates, of the credentials file, and of files with secrets."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sqs_facade.commands.checks.access import AccessFacts, CertificateFacts, SecretFile
from sqs_facade.commands.checks.settings import secret_settings
from zaqar_core.access import administration, gate
from zaqar_core.access.directory import Directory
from zaqar_core.configuration import public_url
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import Configuration
from zaqar_core.configuration.settings import Settings


def access_facts(configuration: Configuration) -> AccessFacts:
    """Read the facts of a configuration. Files that cannot be used are left out: the start refuses them."""
    settings = configuration.settings
    directory = _directory(settings)
    certificates = tuple(one for one in (_certificate_file(settings.tls_certificate),) if one is not None)
    host = _public_host(settings)
    return AccessFacts(
        now=time.time(),
        certificates=certificates,
        hosts=(host,) if host and settings.tls_certificate is not None else (),
        credentials=directory,
        credentials_file=str(settings.credentials_file or ""),
        has_administrator=_has_administrator(settings, directory),
        secret_files=tuple(_secret_files(configuration)),
    )


def certificate_facts(one: x509.Certificate, place: str, *, has_chain: bool = True) -> CertificateFacts:
    """Return the facts of a certificate."""
    key = one.public_key()
    kind, bits = "other", 256
    if isinstance(key, rsa.RSAPublicKey):
        kind, bits = "rsa", key.key_size
    elif isinstance(key, ec.EllipticCurvePublicKey):
        kind, bits = "ec", key.key_size
    used = one.signature_hash_algorithm
    return CertificateFacts(
        place=place,
        begins=one.not_valid_before_utc.timestamp(),
        ends=one.not_valid_after_utc.timestamp(),
        names=_names(one),
        key_kind=kind,
        key_bits=bits,
        signature_hash="" if used is None else used.name,
        is_self_signed=one.issuer == one.subject,
        has_chain=has_chain,
    )


def _names(one: x509.Certificate) -> tuple[str, ...]:
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))


def _certificate_file(file: Path | None) -> CertificateFacts | None:
    if file is None:
        return None
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return None
    return certificate_facts(found[0], str(file), has_chain=len(found) > 1)


def _public_host(settings: Settings) -> str:
    if settings.public_url is None:
        return ""
    host = public_url.parse(settings.public_url).host
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host).strip("[]")


def _directory(settings: Settings) -> Directory | None:
    try:
        known = gate.credentials(settings)
    except SettingsInvalid:
        return None
    return None if known is None else known.directory


def _has_administrator(settings: Settings, directory: Directory | None) -> bool | None:
    """Return whether somebody may administer the service; None where nothing needs it."""
    if directory is None or not (settings.admin_mode or settings.has_test_hooks):
        return None
    users = [one.principal for one in directory.users.values() if one.is_enabled]
    return any(administration.is_allowed(one, {}, settings.region) for one in users) or bool(directory.roles)


def _secret_files(configuration: Configuration) -> Iterator[SecretFile]:
    settings = configuration.settings
    named = {"credentials_file": settings.credentials_file, "tls_key": settings.tls_key}
    if settings.tls_key is None:
        named["tls_certificate"] = _with_key(settings.tls_certificate)
    for setting in secret_settings(configuration):
        named[setting] = configuration.source(setting).file
    for setting, file in named.items():
        if file is None:
            continue
        try:
            status = file.stat()
        except OSError:
            continue
        is_ours = os.name != "posix" or status.st_uid == os.geteuid()
        yield SecretFile(setting, str(file), stat.S_IMODE(status.st_mode), is_ours)


def _with_key(file: Path | None) -> Path | None:
    """Return the file if it has a private key."""
    try:
        return file if file is not None and b"PRIVATE KEY-----" in file.read_bytes() else None
    except OSError:
        return None
