"""Policy files: YAML that maps rule names to checks, in the syntax of oslo.policy.

oslo.policy ignores some mistakes and reads others as "nobody"; here each is an error with file and line.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from oslo_policy import policy

from zaqar_core.configuration.errors import SettingsInvalid

_log = logging.getLogger("sqs_facade.keystone")
logging.getLogger("oslo_policy").setLevel(logging.CRITICAL)  # a bad rule is an error here, not its log line

Checks = dict[str, Any]


def read(file: Path | None, defaults: Mapping[str, str], known: frozenset[str]) -> Checks:
    """Return all rules: the defaults, overridden by the file and then by the files of the directory ``policy.d`` beside
    it. Raises SettingsInvalid."""
    try:
        return _read(file, defaults, known)
    except RecursionError:
        raise SettingsInvalid(f"{file}: a rule is nested too deeply") from None


def _read(file: Path | None, defaults: Mapping[str, str], known: frozenset[str]) -> Checks:
    checks: Checks = {name: _check(text, name, "admin_roles") for name, text in defaults.items()}
    locations: dict[str, str] = {}
    for one in () if file is None else (file, *_files(_directory(file))):
        for name, check, line in _rules(one):
            checks[name] = check
            locations[name] = f"{one}, line {line}"
    for name, location in locations.items():
        _check_references(name, checks, location)
    used = {leaf.match for check in checks.values() for leaf in _leaves(check) if isinstance(leaf, policy.RuleCheck)}
    unused = sorted(locations.keys() - known - defaults.keys() - used)
    if unused:
        _log.warning("%s defines rules that no operation uses: %s", file, ", ".join(unused))
    return checks


def _rules(file: Path) -> Iterator[tuple[str, Any, int]]:
    """Yield name, check and line of each rule."""
    try:
        loader = yaml.SafeLoader(file.read_text(encoding="utf-8"))
        root = loader.get_single_node()
    except OSError as problem:
        raise SettingsInvalid(f"cannot read {file}: {problem.strerror}", setting="policy_file") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{file}: the file is not UTF-8") from None
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
        location = f"{file}, line {line}"
        yield key.value, _check(_constructed(loader, value, location), key.value, location), line


def _no_rules(file: Path, node: yaml.Node) -> SettingsInvalid:
    return SettingsInvalid(f"{file}, line {node.start_mark.line + 1}: the file must map rule names to checks")


def _constructed(loader: yaml.SafeLoader, node: yaml.Node, location: str) -> Any:
    """Return the value of a node; None for a date that does not exist. Raises SettingsInvalid."""
    try:
        return loader.construct_object(node, deep=True)
    except yaml.constructor.ConstructorError as problem:
        raise SettingsInvalid(f"{location}: {problem.problem}") from None
    except ValueError:
        return None


def _check(text: Any, name: str, location: str) -> Any:
    """Parse the check of a rule. Raises SettingsInvalid."""
    parts = _texts(text)
    if parts is None:
        raise SettingsInvalid(f"{location}: the check of {name} must be a string, such as 'role:reader'")
    check = policy.Rules.from_dict({name: text})[name]
    leaves = list(_leaves(check))
    written = sum(word.strip("()") == "!" for part in parts for word in part.split())
    if sum(str(leaf) == "!" for leaf in leaves) > written:  # oslo.policy parses what it does not understand to "!"
        raise SettingsInvalid(f"{location}: the check of {name} cannot be parsed: {text}")
    for leaf in leaves:
        try:
            getattr(leaf, "match", "") % defaultdict(str)
        except (ValueError, TypeError):
            raise SettingsInvalid(f"{location}: the check of {name} cannot be parsed: {leaf}") from None
    return check


def _texts(value: Any) -> list[str] | None:
    """Return the strings of a check: the string itself, or those of the older form, lists of lists; None for any other
    value."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    found = [_texts(one) for one in value]
    return None if None in found else [text for texts in found for text in texts or ()]


def _leaves(check: Any) -> Iterator[Any]:
    """Yield the parts of a check that have no parts."""
    inner = [*getattr(check, "rules", ()), *([check.rule] if hasattr(check, "rule") else ())]
    if not inner:
        yield check
    for one in inner:
        yield from _leaves(one)


def has_external_checks(check: Any) -> bool:
    """Return whether a part of the check is a server (``http:``), or a check type that another package installs."""
    return any(type(leaf).__module__ != policy.RuleCheck.__module__ for leaf in _leaves(check))


def _check_references(name: str, checks: Checks, location: str, above: tuple[str, ...] = ()) -> None:
    """Check that a rule refers only to existing rules and not in a circle to itself. Raises SettingsInvalid."""
    if name in above:
        raise SettingsInvalid(f"{location}: the rules {', '.join(above)} refer to each other in a circle")
    for leaf in _leaves(checks[name]):
        if isinstance(leaf, policy.RuleCheck):
            if leaf.match not in checks:
                raise SettingsInvalid(
                    f"{location}: the check of {name} refers to rule {leaf.match}, which does not exist"
                )
            _check_references(leaf.match, checks, location, (*above, name))


def _directory(file: Path) -> Path:
    """Return the directory of the files that are read after that one."""
    return file.with_name("policy.d")


def stamp(file: Path | None) -> object:
    """Return a value that differs after a file was changed, replaced, added or removed."""
    if file is None:
        return None
    folder = _directory(file)
    return _file_stamp(file), _file_stamp(folder), [_file_stamp(one) for one in _files(folder)]


def _files(folder: Path) -> list[Path]:
    """Return the policy files of a directory, sorted by name."""
    try:
        with os.scandir(folder) as found:
            return sorted(folder / one.name for one in found if not one.name.startswith(".") and one.is_file())
    except OSError:
        return []


def _file_stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
