"""A service with credentials, shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.signing import USER
from tests.conftest import Service, serving

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
"""


def written(folder: Path, text: str) -> Path:
    """Write a credentials file as editors of the command line do: at once, and with mode 0600."""
    draft, file = folder / ".credentials.new", folder / "credentials.toml"
    draft.write_text(text)
    draft.chmod(0o600)
    return draft.replace(file)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, store_settings: dict[str, str]) -> Iterator[Service]:
    """A service whose callers need credentials."""
    file = written(tmp_path_factory.mktemp("access"), USER + OTHERS)
    with serving(credentials_file=str(file), **{"test_hooks": "true", **store_settings}) as service:
        yield service
