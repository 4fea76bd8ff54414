"""The files in ``deploy/`` name settings that exist, and are valid for the tools that read them."""

from __future__ import annotations

import io
import re
import runpy
import shutil
import subprocess
import urllib.request
from pathlib import Path

import msgspec
import pytest
import yaml

from sqs_facade.declarations import reading
from zaqar_core.configuration.setting_sources import variable
from zaqar_core.configuration.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
KNOWN = {variable(field.name) for field in msgspec.structs.fields(Settings)}


def test_every_variable_is_a_setting() -> None:
    named = {
        name
        for file in DEPLOY.rglob("*")
        if file.is_file()
        for name in re.findall(r"\bSQS_FACADE_[A-Z_]+\b", file.read_text())
        if not name.endswith("_")
    }
    assert len(named) > 4
    assert named - KNOWN == set()


def test_the_image_runs_as_a_user_without_rights_and_stops_by_its_main_process() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    assert 'ENTRYPOINT ["sqs-facade"]' in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)


def test_podman_is_told_to_keep_the_health_check() -> None:
    """It leaves the check out of images in its own format, with a warning."""
    files = [DEPLOY / "Containerfile", *(DEPLOY.parent / "docs").glob("*.md")]
    found = [line for file in files for line in file.read_text().splitlines() if "podman build" in line]
    assert len(found) >= 3
    assert [line for line in found if "podman build --format docker" not in line] == []


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:9324/health/ready"),
        ({"PORT": "9400"}, "http://127.0.0.1:9400/health/ready"),
        ({"TLS_CERTIFICATE": "/c.pem"}, "https://127.0.0.1:9324/health/ready"),
        ({"TLS_CERTIFICATE": "/c.pem", "TLS_PORT": "9443"}, "http://127.0.0.1:9324/health/ready"),
    ],
)
def test_the_health_check_asks_where_the_service_listens(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str
) -> None:
    asked: list[str] = []

    def opened(url: str, **_: object) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO()

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    for name in ("PORT", "TLS_CERTIFICATE", "TLS_PORT", "TLS_CLIENT_CA"):
        monkeypatch.delenv(f"SQS_FACADE_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"SQS_FACADE_{name}", value)
    runpy.run_path(str(DEPLOY / "healthcheck.py"), run_name="__main__")
    assert asked == [url]


def test_compose_publishes_the_port_on_loopback_only() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["sqs"]
    assert service["ports"] == ["127.0.0.1:9324:9324"]
    assert service["read_only"] is True


def test_the_declared_queues_of_the_example_have_no_mistakes() -> None:
    found = reading.load(DEPLOY / "examples" / "queues.toml", Settings())
    assert [one.ref.name for one in found.queues] == ["orders", "orders-dead", "invoices.fifo"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text().replace("/opt/sqs-facade/bin/sqs-facade", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sqs-facade" not in done.stderr, done.stderr
