"""The files of TLS: what is refused at the start, and what a running service does with new ones."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.tls.conftest import Certificates
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.tls import Tls


def _tls(one: Certificates, authorities: Path | None = None) -> Tls:
    return Tls(Settings(tls_certificate=one.certificate, tls_key=one.key, tls_client_ca=authorities))


def _refusal(one: Certificates, authorities: Path | None = None) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as found:
        _tls(one, authorities)
    return found.value


def test_a_missing_certificate_is_named(certificates: Certificates) -> None:
    certificates.certificate.unlink()
    expected = f"tls_certificate: cannot read {certificates.certificate}: No such file or directory"
    assert str(_refusal(certificates)) == expected


def test_a_file_without_certificate_is_named(certificates: Certificates) -> None:
    certificates.certificate.write_text("nothing")
    assert str(_refusal(certificates)) == f"tls_certificate: {certificates.certificate} has no certificate in PEM"


def test_a_foreign_key_is_named(certificates: Certificates) -> None:
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(certificates.key)
    expected = f"tls_key: the key is not that of the certificate {certificates.certificate}"
    assert str(_refusal(certificates)) == expected


def test_a_file_without_key_is_named(certificates: Certificates) -> None:
    certificates.key.write_text("nothing")
    assert "has no private key in PEM" in str(_refusal(certificates))


def test_an_encrypted_key_is_refused_without_asking_for_its_password(certificates: Certificates) -> None:
    key = load_pem_private_key(certificates.key.read_bytes(), None)
    form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    certificates.key.write_bytes(key.private_bytes(*form))
    assert "is encrypted" in str(_refusal(certificates))


def test_wrong_authorities_are_named(certificates: Certificates) -> None:
    assert _refusal(certificates, certificates.key).setting == "tls_client_ca"


def test_a_key_may_be_in_the_file_of_the_certificate(certificates: Certificates) -> None:
    certificates.certificate.write_bytes(certificates.key.read_bytes() + certificates.certificate.read_bytes())
    assert Tls(Settings(tls_certificate=certificates.certificate)).context


@pytest.mark.parametrize("setting", ["tls_key", "tls_port", "tls_client_ca"])
def test_settings_of_tls_need_a_certificate(setting: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"{setting} needs a tls_certificate"):
        load({}, {f"SQS_FACADE_{setting.upper()}": "1"})


def test_the_port_for_tls_is_another_one() -> None:
    with pytest.raises(SettingsInvalid, match="must not be the port of plain requests"):
        load({}, {"SQS_FACADE_TLS_PORT": "9324", "SQS_FACADE_TLS_CERTIFICATE": "tls.crt"})


def test_unchanged_files_are_not_read_again(certificates: Certificates) -> None:
    tls = _tls(certificates)
    before = tls.context
    tls.check()
    assert tls.context is before


def test_a_broken_pair_keeps_the_one_before_and_is_logged_once(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    tls = _tls(certificates)
    before = tls.context
    certificates.key.write_text("nothing")
    with caplog.at_level(logging.INFO, "sqs_facade.tls"):
        tls.check()
        tls.check()
        assert tls.context is before
        [record] = caplog.records
        assert "the previous one stays in force" in record.getMessage()
        certificates.issue()
        tls.check()
    assert tls.context is not before


def test_a_link_that_names_another_file_counts_as_a_change(certificates: Certificates, tmp_path: Path) -> None:
    """As a secret of Kubernetes is replaced."""
    first, second = tmp_path / "..1", tmp_path / "..2"
    for folder in (first, second):
        folder.mkdir()
        issued = certificates.authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / "tls.pem")
    link = tmp_path / "..data"
    link.symlink_to(first)
    tls = Tls(Settings(tls_certificate=link / "tls.pem"))
    before = tls.context
    (tmp_path / "..new").symlink_to(second)
    os.replace(tmp_path / "..new", link)  # noqa: PTH105 - as kubelet does
    tls.check()
    assert tls.context is not before
