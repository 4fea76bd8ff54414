"""A service with credentials, shared by all tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Service, serving
from tests.credentials.issuers import AUDIENCE, Issuer
from tests.credentials.signing import ACCOUNT, USER, credentials
from zaqar_core.access.reloading import Credentials

#: Another account, and a user who is disabled.
OTHERS = """
[[users]]
name = "two"
account = "210987654321"
policies = ["admin"]
access_keys = [{ id = "AKIDTWO", secret_access_key = "another secret of forty characters, two." }]
tokens = [{ token = "a static token of user two" }]

[[users]]
name = "gone"
account = "123456789012"
enabled = false
access_keys = [{ id = "AKIDGONE", secret_access_key = "another secret of forty characters, gone" }]
tokens = [{ token = "a static token of user gone" }]

[[users]]
name = "limited"
account = "123456789012"
policies = ["receiver"]
access_keys = [{ id = "AKIDLIMITED", secret_access_key = "another secret of forty characters, lim." }]
"""


def written(folder: Path, text: str) -> Path:
    """Write a credentials file as editors of the command line do: at once, and with mode 0600."""
    draft, file = folder / ".credentials.new", folder / "credentials.toml"
    draft.write_text(text)
    draft.chmod(0o600)
    return draft.replace(file)


_ISSUER = "https://issuer.example.org"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
#: A role that service accounts of the issuer assume. Its keys are in a file beside.
_ROLE = f"""
[[issuers]]
url = "{_ISSUER}"
jwks_file = "keys.json"

[[roles]]
name = "worker"
account = "{ACCOUNT}"
policies = ["admin"]
max_session_seconds = 3600
[[roles.trust]]
issuer = "{_ISSUER}"
audiences = ["{AUDIENCE}"]
subjects = ["system:serviceaccount:shop:*"]
"""
TEXT = USER + OTHERS + _ROLE


@dataclass
class Guarded(Service):
    """A service whose callers need credentials. ``folder`` has the file, ``issuer`` issues tokens for its role."""

    folder: Path
    issuer: Issuer
    has_own_store: bool


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, store_settings: dict[str, str]) -> Iterator[Guarded]:
    """A service with two workers. A test that changes its credentials file writes ``TEXT`` again at its end."""
    folder, issuer = tmp_path_factory.mktemp("access"), Issuer(_ISSUER)
    (folder / "keys.json").write_text(json.dumps(issuer.key_set))
    file = written(folder, TEXT)
    with serving(credentials_file=str(file), workers="2", test_hooks="true", **store_settings) as service:
        yield Guarded(service.url, service.process, folder, issuer, not store_settings)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return credentials(tmp_path_factory.mktemp("access"))
