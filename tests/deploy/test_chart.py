"""The Helm chart renders valid objects for every way to store messages.

Needs ``helm``; with the Python package ``kubernetes-validate`` each object is checked against Kubernetes' schemas.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "sqs-facade"

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")

EXTERNAL = ("--set", "store.mode=external", "--set", "store.url=redis://store:6379")
VARIANTS: dict[str, tuple[str, ...]] = {
    "embedded": (),
    "embedded with websocket": ("--set", "websocket.enabled=true"),
    "external": EXTERNAL,
    "external with a secret": ("--set", "store.mode=external", "--set", "store.existingSecret=store"),
    "with credentials and TLS": ("--set", "credentials.existingSecret=users,tls.existingSecret=certificate"),
    "everything": (*EXTERNAL, *["--set", "websocket.enabled=true,ingress.enabled=true,settings.region=eu-west-1"]),
}


def _helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)


def _render(*values: str) -> list[dict[str, Any]]:
    done = _helm("template", "test", str(CHART), "--kube-version", "1.31.0", *values)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def _pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (owner,) = (one for one in objects if one["kind"] in ("StatefulSet", "Deployment"))
    spec: dict[str, Any] = owner["spec"]["template"]["spec"]
    return spec


def test_helm_finds_no_fault() -> None:
    done = _helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_variant_renders_objects_that_kubernetes_accepts(values: tuple[str, ...]) -> None:
    objects = _render(*values)
    assert {"Service", "PodDisruptionBudget", "NetworkPolicy"} <= {one["kind"] for one in objects}
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed")
    import kubernetes_validate

    for found in objects:
        kubernetes_validate.validate(found, "1.31", strict=True)


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_pods_have_no_rights_and_no_variables_of_other_services(values: tuple[str, ...]) -> None:
    pod = _pod(_render(*values))
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["readinessProbe"]


def test_credentials_take_the_place_of_the_open_bind() -> None:
    def names(*values: str) -> set[str]:
        [container] = _pod(_render(*values))["containers"]
        return {one["name"] for one in container["env"]}

    assert "SQS_FACADE_OPEN_BIND" in names()
    found = names("--set", "credentials.existingSecret=users")
    assert "SQS_FACADE_CREDENTIALS_FILE" in found
    assert "SQS_FACADE_OPEN_BIND" not in found


def test_probes_speak_tls_where_the_port_does() -> None:
    [container] = _pod(_render("--set", "tls.existingSecret=certificate"))["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["scheme"] == "HTTPS"


def test_the_embedded_store_has_one_pod_with_a_volume() -> None:
    (owner,) = (one for one in _render() if one["kind"] == "StatefulSet")
    assert owner["spec"]["replicas"] == 1
    assert owner["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"


def test_an_external_store_needs_its_address() -> None:
    done = _helm("template", "test", str(CHART), "--kube-version", "1.31.0", "--set", "store.mode=external")
    assert done.returncode != 0
    assert "store.url or store.existingSecret" in done.stderr
