"""Imports run serving -> wsgi -> faces, web -> core -> store, and never back."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: From the bottom up. A room may import rooms of lower layers, and its own.
LAYERS = {
    "logs": -1,
    "domain": 0,
    "eventloop": 0,
    "configuration": 1,
    "tracing": 2,
    "access": 3,
    "store": 3,
    "embedded": 3,
    "core": 4,
    "pools": 5,
    "keystone": 5,
    "background": 6,
    "notifications": 6,
    "envelope": 6,
    "rest": 7,
    "web": 7,
    "sqs": 7,
    "observability": 8,
    "websocket": 8,
    "declarations": 8,
    "console": 8,
    "wsgi": 9,
    "serving": 10,
}


def _modules() -> list[Path]:
    return [*(ROOT / "zaqar_core").rglob("*.py"), *(ROOT / "sqs_facade").rglob("*.py")]


def _room(module: str) -> str | None:
    match module.split("."):
        case ["sqs_facade", "wsgi", *_]:
            return "wsgi"
        case [
            "sqs_facade",
            "__main__" | "cli" | "commands" | "serving" | "supervisor" | "worker" | "websocket_process",
            *_,
        ]:
            return "serving"
        case ["sqs_facade", "declarations" | "importing", *_]:
            return "declarations"
        case ["sqs_facade", "console", *_]:
            return "console"
        case ["sqs_facade", _, *_]:
            return "sqs"
        case ["zaqar_core", "web", "envelope" | "stopping" | "allowed_hosts", *_]:
            return "envelope"  # what all faces share
        case ["zaqar_core", room, _, *_] if room in LAYERS:
            return room
    return None


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = f"{_package(path, node.level)}." if node.level else ""
            module = f"{package}{node.module or ''}".rstrip(".")
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _package(path: Path, level: int) -> str:
    """The package that so many dots mean in this file."""
    parts = ["sqs_facade"] if path.is_relative_to(ROOT / "compat") else []
    parts += path.relative_to(ROOT).parts
    return ".".join(parts[:-level])


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


# One test for all files of a kind: each of them costs less than a test.


def test_imports_go_downwards() -> None:
    upwards = []
    for path in _modules():
        here = _room(f"{_name(path)}.name")
        for imported in _imports(path):
            there = _room(imported)
            if here is None or there is None or here == there:
                continue
            if LAYERS[there] >= LAYERS[here]:
                upwards.append(f"{_name(path)} imports {imported}")
    assert upwards == []


def test_libraries_stay_in_their_rooms() -> None:
    for path in _modules():
        _assert_libraries_are_in_their_rooms(_name(path), {imported.split(".")[0] for imported in _imports(path)})


def _assert_libraries_are_in_their_rooms(name: str, roots: set[str]) -> None:
    if "flask" in roots or "werkzeug" in roots:
        assert name.startswith("zaqar_core.web") or name in {"sqs_facade.wsgi", "zaqar_core.observability.face"}
    if "redis" in roots or "hiredis" in roots:
        assert name.startswith(("zaqar_core.store", "zaqar_core.embedded", "sqs_facade.serving", "sqs_facade.cli"))
    if "opentelemetry" in roots:
        lazily = {"zaqar_core.store.traced_links", "zaqar_core.notifications.traced_webhooks"}
        assert name.startswith("zaqar_core.tracing") or name in lazily | {"zaqar_core.web.request_traces"}
    if "websockets" in roots:
        assert name.startswith("zaqar_core.websocket")
    assert not roots & {"boto3", "moto", "xmltodict"}, name
    if "botocore" in roots:  # a library of the extra cli
        assert name == "sqs_facade.remote.service"
    if "random" in roots:  # its shared generator is the program's that we run in
        assert name in {"zaqar_core.domain.randomness", "zaqar_core.web.hooks.session"}


def test_compat_sees_the_product_only_over_http() -> None:
    for path in (ROOT / "compat").rglob("*.py"):
        for imported in _imports(path):
            is_own = imported == "sqs_facade.compat" or imported.startswith("sqs_facade.compat.")
            is_of_product = imported.split(".")[0] in {"sqs_facade", "zaqar_core", "redis"}
            assert is_own or not is_of_product, f"{_name(path)} imports {imported}"


def test_compat_imports_its_own_modules_relatively() -> None:
    """Its name is sqs_facade.compat when it is installed."""
    for path in (ROOT / "compat").rglob("*.py"):
        absolute = {node.module for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in _imports(path) if name.split(".")[0] == "compat"], path
        assert not [name for name in absolute if name and name.startswith("sqs_facade")], path


def test_the_core_never_imports_the_sqs_face() -> None:
    for path in (ROOT / "zaqar_core").rglob("*.py"):
        assert not any(imported.startswith("sqs_facade") for imported in _imports(path)), path
