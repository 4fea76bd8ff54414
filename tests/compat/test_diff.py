"""``python -m compat diff``: the facade behaves as AWS in both protocols, and the reports are right."""

from __future__ import annotations

import json
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.loaders import Loader
from click.testing import CliRunner, Result

from sqs_facade.compat import judging, migrating, scenario
from sqs_facade.compat.commands import main
from sqs_facade.compat.running import run
from sqs_facade.compat.targets import Facades, opened
from tests.conftest import Service

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = scenario.every()


@pytest.mark.parametrize("name", [pytest.param("facade-json", marks=pytest.mark.slow), "facade-query"])
def test_the_facade_does_as_aws_does(name: str) -> None:
    with Facades() as facades, opened(name, facades) as target:
        outcomes = run(target, SCENARIOS, lambda _: None)
    assert judging.judge(outcomes, judging.accepted(), SCENARIOS).problems == ()
    skipped = {outcome.reason.split(" ")[0] for outcome in outcomes if outcome.status == "skipped"}
    assert skipped <= {"sends"} or not target.has_clock


def test_scenarios_cover_every_operation() -> None:
    operations = Loader().load_service_model("sqs", "service-2")["operations"]
    assert {one.operation for one in SCENARIOS} == set(operations)
    assert len(SCENARIOS) >= 150


def test_scenarios_have_sources() -> None:
    assert all(one.authority for one in SCENARIOS)


@pytest.mark.slow
def test_the_list_of_motos_differences_is_fresh() -> None:
    """Run ``python -m compat migrating --write`` if it is not."""
    written = migrating.written((ROOT / migrating.DOCUMENT).read_text())
    moto = pytest.importorskip("moto")
    if moto.__version__ != migrating.version_of(written):
        pytest.skip(f"the list is of moto {migrating.version_of(written)}, installed is {moto.__version__}")
    assert migrating.section() == written


def _diff(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


class _Links(HTMLParser):
    """Collects everything that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_reports_agree(service: Service, tmp_path: Path) -> None:
    files = {"json": tmp_path / "report.json", "html": tmp_path / "report.html"}
    result = _diff(
        "--targets", service.url, "--only", "tags.*", "--json", str(files["json"]), "--html", str(files["html"])
    )
    assert result.exit_code == 0, result.output
    document = json.loads(files["json"].read_text())
    assert document["operations"]["TagQueue"] == {service.url: {"same": 3, "ran": 3}}
    assert "TagQueue" in result.output
    links = _Links()
    links.feed(files["html"].read_text())
    assert links.found == []
    assert "TagQueue" in files["html"].read_text()


def test_a_difference_of_another_service_is_reported_with_its_source() -> None:
    result = _diff("--targets", "moto", "--only", "permissions.unknown_label")
    assert result.exit_code == 0
    assert "moto: permissions.unknown_label (RemovePermission)" in result.output
    assert "right: AWS: recorded from AWS (fact 49)" in result.output


NONSENSE = [
    (("--targets", "nobody"), "there is no target 'nobody'"),
    (("--targets", ""), "there is no target ''"),
    (("--targets", "ftp://host"), "not the URL of an endpoint"),
    (("--targets", "http://"), "not the URL of an endpoint"),
    (("--targets", "http://[::1"), "not a URL"),
    (("--targets", "http://127.0.0.1:99999"), "Port out of range"),
    (("--targets", "http://127.0.0.1:1"), "does not respond as SQS does"),
    (("--targets", "query+http://127.0.0.1:1"), "does not respond as SQS does"),
    (("--only", "nothing.*"), "no scenario matches 'nothing.*'"),
    (("--region", "nowhere"), "is not a region"),
    (("--json", "/nowhere/at/all/report.json"), "the folder /nowhere/at/all does not exist"),
    (("--html", "/"), "is a directory"),
]


@pytest.mark.parametrize(("arguments", "reason"), NONSENSE, ids=[" ".join(given) for given, _ in NONSENSE])
def test_wrong_arguments_are_refused_before_anything_runs(arguments: tuple[str, ...], reason: str) -> None:
    result = _diff(*arguments)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert reason in result.output.splitlines()[-1]
    assert "scenarios" not in result.output


@pytest.mark.parametrize("protocol", ["", "query+"])
def test_a_server_that_is_not_sqs_is_refused(protocol: str, tmp_path: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        result = _diff("--targets", f"{protocol}http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert result.exit_code == 2
    assert "does not respond as SQS does" in result.output.splitlines()[-1]


def test_a_target_named_twice_runs_once(service: Service) -> None:
    result = _diff("--targets", f"{service.url},{service.url}", "--only", "tags.no_tags")
    assert result.output.count("1 as on AWS, 0 differ") == 1


def test_credentials_in_a_url_are_used_and_not_shown(service: Service) -> None:
    result = _diff("--targets", service.url.replace("//", "//key:secret@"), "--only", "tags.no_tags")
    assert result.exit_code == 0
    assert "1 as on AWS" in result.output
    assert "secret" not in result.output


def test_strict_fails_where_any_target_differs() -> None:
    arguments = ("--targets", "moto", "--only", "permissions.unknown_label")
    assert _diff(*arguments).exit_code == 0
    assert _diff(*arguments, "--strict").exit_code == 1


def test_a_configured_endpoint_does_not_replace_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    assert "moto: 1 as on AWS" in _diff("--targets", "moto", "--only", "tags.unknown_keys_are_ignored").output


def test_an_unused_entry_fails_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "differences.toml"
    file.write_text('[[difference]]\nscenario = "tags.no_tags"\nreason = "r"\nsource = "s"\n')
    entries = judging.accepted(file)
    monkeypatch.setattr(judging, "accepted", lambda: entries)
    result = _diff("--targets", "facade-json", "--only", "tags.no_tags")
    assert result.exit_code == 1
    assert "tags.no_tags does not differ any more" in result.output


def test_the_list_is_written_in_a_checkout_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes before the scenarios run."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["migrating", "--write"])
    assert result.exit_code == 2
    assert (
        result.output
        == "Error: there is no docs/migrating-from-moto.md in the working directory: run this in a checkout\n"
    )
