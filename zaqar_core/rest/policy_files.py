"""Policy files: YAML, a rule's name and its check a line, as oslo.policy documents. Whatever it would pass over or
understand as "nobody" by mistake is an error here, with file and line."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from oslo_policy import policy

from zaqar_core.configuration.settings import SettingsInvalid

_log = logging.getLogger("sqs_facade.keystone")
logging.getLogger("oslo_policy").setLevel(logging.CRITICAL)  # what it would say of a bad rule is an error here

Checks = dict[str, Any]


def read(file: Path | None, defaults: Mapping[str, str], known: frozenset[str]) -> Checks:
    """All rules: those of the file and of the directory beside it, over the defaults. Raises SettingsInvalid."""
    try:
        return _read(file, defaults, known)
    except RecursionError:
        raise SettingsInvalid(f"{file}: a rule is nested too deep") from None


def _read(file: Path | None, defaults: Mapping[str, str], known: frozenset[str]) -> Checks:
    checks: Checks = {name: _check(text, name, "admin_roles") for name, text in defaults.items()}
    places: dict[str, str] = {}
    for one in () if file is None else (file, *_files(_directory(file))):
        for name, check, line in _rules(one):
            checks[name] = check
            places[name] = f"{one}, line {line}"
    for name, place in places.items():
        _check_references(name, checks, place)
    used = {leaf.match for check in checks.values() for leaf in _leaves(check) if isinstance(leaf, policy.RuleCheck)}
    unused = sorted(places.keys() - known - defaults.keys() - used)
    if unused:
        _log.warning("%s: no operation has the rules %s", file, ", ".join(unused))
    return checks


def _rules(file: Path) -> Iterator[tuple[str, Any, int]]:
    """Name, check and line of each rule."""
    try:
        loader = yaml.SafeLoader(file.read_text(encoding="utf-8"))
        root = loader.get_single_node()
    except OSError as problem:
        raise SettingsInvalid(f"cannot read {file}: {problem.strerror}", setting="policy_file") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{file}: is not UTF-8") from None
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise SettingsInvalid(f"{file}, line {line}: {problem.problem}") from None
    except yaml.YAMLError as problem:
        raise SettingsInvalid(f"{file}: {' '.join(str(problem).split())}") from None
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise _no_rules(file, root)
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _no_rules(file, key)
        line = key.start_mark.line + 1
        place = f"{file}, line {line}"
        yield key.value, _check(_constructed(loader, value, place), key.value, place), line


def _no_rules(file: Path, node: yaml.Node) -> SettingsInvalid:
    return SettingsInvalid(f"{file}, line {node.start_mark.line + 1}: must be rules, each a name and its check")


def _constructed(loader: yaml.SafeLoader, node: yaml.Node, place: str) -> Any:
    """The value of a node; None for one that looks like a date and is none. Raises SettingsInvalid."""
    try:
        return loader.construct_object(node, deep=True)
    except yaml.constructor.ConstructorError as problem:
        raise SettingsInvalid(f"{place}: {problem.problem}") from None
    except ValueError:
        return None


def _check(text: Any, name: str, place: str) -> Any:
    """The check that the text stands for. Raises SettingsInvalid."""
    parts = _texts(text)
    if parts is None:
        raise SettingsInvalid(f"{place}: the check of {name} must be a text, such as 'role:reader'")
    check = policy.Rules.from_dict({name: text})[name]
    leaves = list(_leaves(check))
    nobody = sum(word.strip("()") == "!" for part in parts for word in part.split())
    if sum(str(leaf) == "!" for leaf in leaves) > nobody:
        raise SettingsInvalid(f"{place}: the check of {name} cannot be understood: {text}")
    for leaf in leaves:
        try:
            getattr(leaf, "match", "") % defaultdict(str)
        except (ValueError, TypeError):
            raise SettingsInvalid(f"{place}: the check of {name} cannot be understood: {leaf}") from None
    return check


def _texts(value: Any) -> list[str] | None:
    """The texts of a check: itself, or those of the older form, lists of lists. None: it is neither."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    found = [_texts(one) for one in value]
    return None if None in found else [text for texts in found for text in texts or ()]


def _leaves(check: Any) -> Iterator[Any]:
    """The parts of a check that hold no others."""
    inner = [*getattr(check, "rules", ()), *([check.rule] if hasattr(check, "rule") else ())]
    if not inner:
        yield check
    for one in inner:
        yield from _leaves(one)


def asks_others(check: Any) -> bool:
    """Whether something outside has a say in it: a server (``http:``), or a check that was installed beside."""
    return any(type(leaf).__module__ != policy.RuleCheck.__module__ for leaf in _leaves(check))


def _check_references(name: str, checks: Checks, place: str, above: tuple[str, ...] = ()) -> None:
    """Raises SettingsInvalid where a rule refers to one that is not there, or in a circle to itself."""
    if name in above:
        raise SettingsInvalid(f"{place}: the rules {', '.join(above)} refer to each other in a circle")
    for leaf in _leaves(checks[name]):
        if isinstance(leaf, policy.RuleCheck):
            if leaf.match not in checks:
                raise SettingsInvalid(f"{place}: the check of {name} refers to rule {leaf.match}, which is not there")
            _check_references(leaf.match, checks, place, (*above, name))


def _directory(file: Path) -> Path:
    """Where further files lie that are read after that one."""
    return file.with_name("policy.d")


def stamp(file: Path | None) -> object:
    """Another one whenever a file was changed, replaced, added or removed."""
    if file is None:
        return None
    folder = _directory(file)
    return _of(file), _of(folder), [_of(one) for one in _files(folder)]


def _files(folder: Path) -> list[Path]:
    """The files of a directory of policies, in their order."""
    try:
        with os.scandir(folder) as found:
            return sorted(folder / one.name for one in found if not one.name.startswith(".") and one.is_file())
    except OSError:
        return []


def _of(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
