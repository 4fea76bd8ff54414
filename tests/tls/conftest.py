"""Certificates of an authority of the tests, and a service that speaks TLS with one of them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.conftest import Service, serving


@dataclass
class Certificates:
    """An authority, and the files of a service's certificate."""

    folder: Path
    authority: trustme.CA

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    @property
    def trusted(self) -> Path:
        """The file with the certificate of the authority."""
        return self.folder / "ca.pem"

    def issue(self) -> None:
        """Write a new certificate and its key."""
        issued = self.authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.key)
        (self.folder / "new.pem").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
        (self.folder / "new.pem").replace(self.certificate)

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.trusted))


def certificates_in(folder: Path) -> Certificates:
    found = Certificates(folder, trustme.CA())
    found.authority.cert_pem.write_to_path(found.trusted)
    found.issue()
    return found


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return certificates_in(tmp_path)


@dataclass
class Secured(Service):
    certificates: Certificates


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, store_settings: dict[str, str]) -> Iterator[Secured]:
    """A service whose only port speaks TLS, shared by all tests."""
    found = certificates_in(tmp_path_factory.mktemp("tls"))
    files = {"tls_certificate": str(found.certificate), "tls_key": str(found.key)}
    with serving(test_hooks="true", **files, **store_settings) as service:
        yield Secured(service.url, service.process, found)
