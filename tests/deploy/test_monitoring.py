"""The dashboard, the alert rules and the examples for Prometheus fit the metrics that the service exports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from zaqar_core.observability import definitions, reference

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "sqs-facade.json"
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULES_TEST = ROOT / "deploy" / "prometheus" / "alerts_test.yaml"

_NAME = re.compile(r"\bsqs_facade_[a-z0-9_]+")
_BRACES = re.compile(r"\b(sqs_facade_[a-z0-9_]+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
#: Labels that Prometheus adds.
_ADDED = {"job", "instance", "le"}


def _exported() -> dict[str, set[str]]:
    """Return the labels of each sample, by its name."""
    found: dict[str, set[str]] = {}
    for metric in definitions.METRICS:
        names = {
            "histogram": [f"{metric.name}{suffix}" for suffix in ("_bucket", "_sum", "_count")],
            "info": [f"{metric.name}_info"],
        }.get(metric.kind, [metric.sample])
        found.update({name: set(metric.labels) for name in names})
    return found


def _alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def _expressions() -> dict[str, str]:
    """Return every query of the dashboard and of the rules, by a name for it."""
    board = json.loads(DASHBOARD.read_text())
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in board["panels"]
        for target in panel.get("targets", ())
    }
    variables = [one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query"]
    found.update({f"variable {number}": query for number, query in enumerate(variables)})
    found.update({rule["alert"]: rule["expr"] for rule in _alerts()})
    return found


@pytest.mark.parametrize(("name", "expression"), _expressions().items(), ids=_expressions())
def test_every_query_names_metrics_and_labels_that_exist(name: str, expression: str) -> None:
    exported = _exported()
    assert set(_NAME.findall(expression)) <= exported.keys()
    for metric, matchers in _BRACES.findall(expression):
        assert set(_LABEL.findall(matchers)) <= exported[metric] | _ADDED


@pytest.mark.parametrize(
    "wanted",
    [
        "sqs_facade_store_up", "sqs_facade_store_full", "sqs_facade_store_writable", "sqs_facade_pool_up",
        "sqs_facade_queue_messages_dead_lettered_total", "sqs_facade_queue_oldest_message_age_seconds",
        "sqs_facade_request_errors_total", "sqs_facade_event_loop_lag_seconds",
        "sqs_facade_tls_certificate_expiry_timestamp_seconds", "sqs_facade_queue_notifications_failed_total",
    ],
)  # fmt: skip
def test_there_is_an_alert(wanted: str) -> None:
    assert any(wanted in rule["expr"] for rule in _alerts())


def test_every_alert_says_what_to_do() -> None:
    alerts = _alerts()
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    board = json.loads(DASHBOARD.read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        grid = panel["gridPos"]
        cells = {
            (grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"]) if grid["x"] + x < 24
        }
        assert len(cells) == grid["w"] * grid["h"], panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_example_reads_the_page() -> None:
    config, monitor = yaml.safe_load_all((ROOT / "deploy" / "examples" / "prometheus.yaml").read_text())
    assert config["scrape_configs"][0]["job_name"] == "sqs-facade"
    assert monitor["spec"]["podMetricsEndpoints"][0]["path"] == "/metrics"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("command", [("check", "rules", str(RULES)), ("test", "rules", str(RULES_TEST))])
def test_promtool_finds_no_fault(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_is_fresh() -> None:
    """Run ``python -m zaqar_core.observability.reference > docs/metrics.md`` if it is not."""
    assert (ROOT / "docs" / "metrics.md").read_text() == reference.text()
