"""Read ``[queue.NAME]`` and ``[account.ID.queue.NAME]`` of a TOML document, and check them as far as a file allows.

Attributes and tags are checked by the functions of CreateQueue, metadata and subscriptions by those of Zaqar, so the
errors have the words of those requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import orjson

from sqs_facade import addresses, attributes, content, redrive
from sqs_facade.declarations.findings import Findings, named
from sqs_facade.declarations.model import ENDLESS_SECONDS, Declarations, Declared, Defaults, Subscriber
from sqs_facade.declarations.positions import KeyPath
from sqs_facade.operations.queues import check_name
from zaqar_core.access import arns
from zaqar_core.configuration.setting_sources import ACCOUNT_TABLE, DEFAULTS_TABLE, QUEUE_TABLE
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef, is_region
from zaqar_core.rest import metadata, parameters, subscribers, subscription_trusts

_ATTRIBUTES = attributes.NAMES - {"All", *attributes.READ_ONLY}
#: Attributes that are JSON documents, which a table may write too.
_DOCUMENTS = frozenset(("Policy", "RedrivePolicy", "RedriveAllowPolicy"))
_OWN = (
    "account", "dead_letter_queue", "flavor", "max_receive_count", "metadata", "name", "policy", "project", "region",
    "subscription", "tags",
)  # fmt: skip
_QUEUE_KEYS = frozenset((*_ATTRIBUTES, *_OWN))
_DEFAULT_KEYS = _ATTRIBUTES - {"FifoQueue", "RedrivePolicy", "RedriveAllowPolicy"} | {"tags"}
_SUBSCRIPTION_KEYS = frozenset(("subscriber", "ttl", "options"))
#: Attributes that Zaqar's metadata name too.
_SAME_SETTING = {
    "MessageRetentionPeriod": "_default_message_ttl",
    "DelaySeconds": "_default_message_delay",
    "RedrivePolicy": "_dead_letter_queue",
}


class Reading:
    """Reads one document. ``accounts`` are those of a credentials file, None without one."""

    def __init__(
        self, document: Mapping[str, Any], settings: Settings, findings: Findings, accounts: Collection[str] | None
    ) -> None:
        self._document = document
        self._settings = settings
        self._findings = findings
        self._accounts = accounts
        self._defaults = Defaults()
        self._tables: dict[QueueRef, KeyPath] = {}

    def declarations(self) -> Declarations:
        """Return all queues that have no mistakes; the mistakes are among the findings."""
        if DEFAULTS_TABLE in self._document:
            self._defaults = self._read_defaults((DEFAULTS_TABLE,), self._document[DEFAULTS_TABLE])
        found = self._queues((QUEUE_TABLE,), self._document.get(QUEUE_TABLE, {}), None)
        accounts = self._document.get(ACCOUNT_TABLE, {})
        if not self._is_table((ACCOUNT_TABLE,), accounts):
            return Declarations(tuple(found), self._defaults)
        for account, tables in accounts.items():
            path = (ACCOUNT_TABLE, account)
            if not self._is_table(path, tables) or not self._is_account(path, account):
                continue
            for name in tables:
                if name != QUEUE_TABLE:
                    self._findings.unknown((*path, name), "an account", [QUEUE_TABLE])
            found += self._queues((*path, QUEUE_TABLE), tables.get(QUEUE_TABLE, {}), account)
        return Declarations(tuple(found), self._defaults)

    def _is_table(self, path: KeyPath, value: object) -> bool:
        if not isinstance(value, dict):
            self._findings.add(path, " must be a table")
        return isinstance(value, dict)

    def _is_account(self, path: KeyPath, account: object) -> bool:
        if not isinstance(account, str) or not addresses.is_account(account):
            self._findings.add(path, ": an account must be a text of 12 digits")
            return False
        if self._accounts is not None and account not in self._accounts:
            self._findings.add(
                path,
                f": no user and no role of the credentials file is in the account {account}; "
                "add one (sqs-facade credentials add), or declare the queue in another account",
            )
            return False
        return True

    def _read_defaults(self, path: KeyPath, table: object) -> Defaults:
        if not isinstance(table, dict):
            self._findings.add(path, " must be a table")
            return Defaults()
        for name in (name for name in table if name not in _DEFAULT_KEYS):
            self._findings.unknown((*path, name), "the defaults of queues", _DEFAULT_KEYS)
        ref = QueueRef("", "", ".fifo")  # takes the attributes of both kinds of queue
        found = self._texts(path, table, ref, _DEFAULT_KEYS - {"tags"})
        self._check_each(path, found, ref)
        tags = self._tags(path, table.get("tags", {}))
        return Defaults(found, tags)

    def _queues(self, path: KeyPath, tables: object, account: str | None) -> list[Declared]:
        if not isinstance(tables, dict):
            self._findings.add(path, " must be a table")
            return []
        found = (self._queue((*path, name), name, table, account) for name, table in tables.items())
        return [one for one in found if one is not None]

    def _queue(self, path: KeyPath, name: str, table: object, account: str | None) -> Declared | None:
        if not isinstance(table, dict):
            self._findings.add(path, f" must be a table of a queue, such as [{named(path[:-1])}.orders]")
            return None
        count = len(self._findings.found)
        ref = self._ref(path, name, table, account)
        if ref is None:
            return None
        self._refuse_unknown(path, table, ref)
        found = self._attributes(path, table, ref)
        declared = Declared(
            ref=ref,
            table=named(path),
            attributes=found,
            tags={**self._defaults.tags, **self._tags(path, table.get("tags", {}))},
            metadata=self._metadata(path, table, ref, found),
            flavor=table.get("flavor"),
            subscribers=self._subscribers(path, table.get("subscription", [])),
        )
        return declared if len(self._findings.found) == count else None

    def _ref(self, path: KeyPath, name: str, table: Mapping[str, Any], account: str | None) -> QueueRef | None:
        """Return the address of the queue; None after a finding."""
        for key in ("account", "project", "name", "region", "flavor"):
            if key in table and (not isinstance(table[key], str) or not table[key]):
                self._findings.add((*path, key), " must be a text" + (" of 12 digits" if key == "account" else ""))
                return None
        owner = self._owner(path, table, account)
        if owner is None:
            return None
        region = table.get("region", self._settings.region)
        if not is_region(region):
            self._findings.add(
                (*path, "region"), f" must have at most {limits.REGION_CHARACTERS} characters and no slash"
            )
            return None
        if self._settings.regions == "ignore":
            region = self._settings.region
        ref = QueueRef(owner, region, table.get("name", name))
        if not (parameters.QUEUE_NAME.match(ref.name) and addresses.is_addressed(ref.name)):
            given = {"FifoQueue": "true"} if ref.is_fifo else {}
            if not self._passes(path, check_name, ref.name, given):
                return None
        if ref in self._tables:
            self._findings.add(path, f" declares the same queue as {named(self._tables[ref])}")
            return None
        self._tables[ref] = path
        return ref

    def _owner(self, path: KeyPath, table: Mapping[str, Any], account: str | None) -> str | None:
        """Return the account or project of the queue; None after a finding."""
        named_twice = [key for key in ("account", "project") if key in table]
        if len(named_twice) + (account is not None) > 1 and not (account and table.get("account") == account):
            around = f"the account {account} of the table" if account else "account"
            self._findings.add((*path, named_twice[-1]), f" contradicts {around}")
            return None
        if "project" in table:
            project: str = table["project"]
            if len(project) > limits.PROJECT_CHARACTERS:
                self._findings.add((*path, "project"), f" must have at most {limits.PROJECT_CHARACTERS} characters")
                return None
            return self._settings.project_accounts.get(project, project)
        if "account" in table:
            return table["account"] if self._is_account((*path, "account"), table["account"]) else None
        if account is None and not self._is_account(path, self._settings.default_account):
            return None
        return account or self._settings.default_account

    def _passes(self, path: KeyPath, check: Any, *arguments: Any) -> bool:
        count = len(self._findings.found)
        self._findings.guarded(path, check, *arguments)
        return len(self._findings.found) == count

    def _refuse_unknown(self, path: KeyPath, table: Mapping[str, Any], ref: QueueRef) -> None:
        for name in (name for name in table if name not in _QUEUE_KEYS):
            if name in attributes.READ_ONLY:
                self._findings.add((*path, name), " cannot be set: it is read-only")
            elif isinstance(table[name], dict):
                quoted = named((*path[:-1], f"{ref.name}.{name}"))
                self._findings.add(
                    (*path, name), f" is not a key of a queue; write a name with a dot in quotes: [{quoted}]"
                )
            else:
                self._findings.unknown((*path, name), "a queue", _QUEUE_KEYS)

    # -- Attributes ------------------------------------------------------------------------------------------------

    def _attributes(self, path: KeyPath, table: Mapping[str, Any], ref: QueueRef) -> dict[str, str]:
        found = self._texts(path, table, ref, _ATTRIBUTES)
        if not ref.is_fifo and found.get("FifoQueue", "").lower() == "false":
            del found["FifoQueue"]  # what a queue without the suffix is anyway; SQS refuses the attribute there
        is_valid = self._check_each(path, found, ref)
        if "policy" in table:
            is_valid &= self._policy(path, table, found, ref)
        if "dead_letter_queue" in table or "max_receive_count" in table:
            is_valid &= self._redrive(path, table, ref, found)
        found = {**self._defaults.attributes_of(ref), **found}
        if is_valid:
            self._check_together(path, found, ref)
        return found

    def _check_together(self, path: KeyPath, found: Mapping[str, str], ref: QueueRef) -> None:
        """Check attributes that are valid one by one."""
        wanted = self._findings.guarded(path, attributes.check, found, ref, self._settings)
        if wanted is not None:
            self._findings.guarded(path, wanted.require_scope, QueueSettings())

    def _check_each(self, path: KeyPath, found: Mapping[str, str], ref: QueueRef) -> bool:
        """Check attributes one by one, so that each finding names its key; return whether all are valid."""
        count = len(self._findings.found)
        for name, value in found.items():
            self._findings.guarded((*path, name), attributes.check, {name: value}, ref, self._settings)
        return len(self._findings.found) == count

    def _texts(self, path: KeyPath, table: Mapping[str, Any], ref: QueueRef, names: Collection[str]) -> dict[str, str]:
        """Return the attributes in the table as SQS takes them: all values are texts."""
        found: dict[str, str] = {}
        for name, value in table.items():
            if name not in names:
                continue
            text = _text(value)
            if text is None and name in _DOCUMENTS and isinstance(value, dict):
                text = self._document_text((*path, name), value, ref)
            if text is None:
                what = "a text with JSON or a table" if name in _DOCUMENTS else "a number, true, false or a text"
                self._findings.add((*path, name), f" must be {what}")
            else:
                found[name] = text
        return found

    def _document_text(self, path: KeyPath, value: dict[str, Any], ref: QueueRef) -> str | None:
        """Return a table as JSON. In the redrive policies, names of queues stand for their ARNs."""
        if path[-1] != "Policy":
            value = {
                name: arns.of_queue(ref.sibling(one)) if name == "deadLetterTargetArn" and _is_bare(one) else one
                for name, one in value.items()
            }
            if isinstance(sources := value.get("sourceQueueArns"), list):
                value["sourceQueueArns"] = [
                    arns.of_queue(ref.sibling(one)) if _is_bare(one) else one for one in sources
                ]
        return _json(value)

    def _policy(self, path: KeyPath, table: Mapping[str, Any], found: dict[str, str], ref: QueueRef) -> bool:
        """Read ``policy``: a table, JSON, or a file beside the settings file. Return whether it is valid."""
        here = (*path, "policy")
        value = table["policy"]
        if "Policy" in table:
            self._findings.add(here, " and Policy are the same: use only one")
        elif isinstance(value, dict):
            found["Policy"] = self._document_text((*path, "Policy"), value, ref) or "{}"
        elif not isinstance(value, str):
            self._findings.add(here, " must be a table, a text with JSON or the name of a file")
        elif not value or value.lstrip().startswith("{"):
            found["Policy"] = value
        else:
            file = (self._findings.file.parent if self._findings.file else Path()) / Path(value).expanduser()
            try:
                found["Policy"] = file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
                self._findings.add(here, f": cannot read {file}: {reason}")
            except ValueError:  # a NUL character
                self._findings.add(here, " is not the name of a file")
        if "Policy" in found and "Policy" not in table:
            return self._passes(here, attributes.check, {"Policy": found["Policy"]}, ref, self._settings)
        return False

    def _redrive(self, path: KeyPath, table: Mapping[str, Any], ref: QueueRef, found: dict[str, str]) -> bool:
        """Read ``dead_letter_queue`` and ``max_receive_count`` as a RedrivePolicy; "" removes it.

        Return whether they are valid.
        """
        queue, count = table.get("dead_letter_queue"), table.get("max_receive_count")
        if "RedrivePolicy" in table:
            self._findings.add(path, ": RedrivePolicy and dead_letter_queue are the same: use only one")
        elif queue == "" and count is None:
            found["RedrivePolicy"] = ""
        elif queue is None:
            self._findings.add((*path, "max_receive_count"), " needs a dead_letter_queue")
        elif not isinstance(queue, str) or not addresses.is_addressed(queue):
            self._findings.add((*path, "dead_letter_queue"), " must be the name of a queue of the same account")
        elif count is None:
            self._findings.add((*path, "dead_letter_queue"), " needs a max_receive_count")
        else:
            document = {"deadLetterTargetArn": arns.of_queue(ref.sibling(queue)), "maxReceiveCount": count}
            value = _json(document)
            if value is None:
                self._findings.add((*path, "max_receive_count"), " must be a number")
            elif self._passes((*path, "dead_letter_queue"), redrive.policy, value, ref, self._settings):
                found["RedrivePolicy"] = value
        return "RedrivePolicy" in found

    def _tags(self, path: KeyPath, table: object) -> dict[str, str]:
        here = (*path, "tags")
        if not self._is_table(here, table):
            return {}
        assert isinstance(table, dict)
        found: dict[str, str] = {}
        for name, value in table.items():
            text = _text(value)
            if text is None:
                self._findings.add((*here, name), " must be a text")
            else:
                found[name] = text
        self._findings.guarded(here, content.check_tags, found, named(path[1:]))
        return found

    # -- Zaqar -----------------------------------------------------------------------------------------------------

    def _metadata(
        self, path: KeyPath, table: Mapping[str, Any], ref: QueueRef, found: Mapping[str, str]
    ) -> dict[str, Any]:
        given = table.get("metadata", {})
        here = (*path, "metadata")
        if not self._is_table(here, given):
            return {}
        for attribute, same in _SAME_SETTING.items():
            if same in given and attribute in found:
                self._findings.add((*here, same), f" and {attribute} set the same: use only one")
        wanted: dict[str, Any] = dict(given)
        if "flavor" in table:
            if wanted.get("_flavor", table["flavor"]) != table["flavor"]:
                self._findings.add((*path, "flavor"), " and _flavor of the metadata differ")
            wanted["_flavor"] = table["flavor"]
        text = _json(wanted)
        if text is None:
            self._findings.add(here, " has values that JSON does not have")
            return {}
        wanted = orjson.loads(text)
        split = self._findings.guarded(here, metadata.split, wanted, self._settings)
        if split is not None:
            self._findings.guarded(here, metadata.check_dead_letters, ref, split.fields)
        return wanted

    def _subscribers(self, path: KeyPath, given: object) -> tuple[Subscriber, ...]:
        here = (*path, "subscription")
        if not isinstance(given, list):
            self._findings.add(here, f" must be an array of tables: [[{named(here)}]]")
            return ()
        found: dict[str, Subscriber] = {}
        for index, table in enumerate(given):
            one = self._subscriber((*here, index), table)
            if one is None:
                continue
            if one.uri in found:
                self._findings.add((*here, index), " declares the subscriber of another table")
            found[one.uri] = one
        return tuple(found.values())

    def _subscriber(self, path: KeyPath, table: object) -> Subscriber | None:
        if not self._is_table(path, table):
            return None
        assert isinstance(table, dict)
        for name in (name for name in table if name not in _SUBSCRIPTION_KEYS):
            self._findings.unknown((*path, name), "a subscription", _SUBSCRIPTION_KEYS)
        if "subscriber" not in table:
            self._findings.add(path, " needs a subscriber")
            return None
        fields = self._findings.guarded(path, subscribers.parse, table, self._settings)
        if fields is None or fields.subscriber is None:
            return None
        if subscription_trusts.is_needed(fields.subscriber):
            self._findings.add(path, " cannot be declared: a subscriber with trust+ needs a user who grants the trust")
            return None
        options = None if fields.options is None else orjson.loads(fields.options)
        return Subscriber(fields.subscriber, fields.ttl_seconds or ENDLESS_SECONDS, options)


def _text(value: object) -> str | None:
    """Return a value of TOML as a value of an attribute; None for other types."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return value
    return None


def _json(value: object) -> str | None:
    """Return a value of TOML as JSON; None if it has integers beyond 64 bits."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return None


def _is_bare(value: object) -> bool:
    return isinstance(value, str) and ":" not in value
