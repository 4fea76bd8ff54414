"""The reference of ``doctor`` and ``config check``, generated from their rules.

``python -m sqs_facade.commands.checks.reference > docs/doctor.md``
"""

from __future__ import annotations

import re

from sqs_facade.commands.checks import access, declarations, directory, machine, service, settings, store
from sqs_facade.commands.checks.findings import Rule, Topic
from zaqar_core.markdown import code, table

#: The topics, in the order of the document.
TOPICS: tuple[Topic, ...] = (
    store.TOPIC, directory.TOPIC, machine.TOPIC, access.TOPIC, settings.TOPIC, declarations.TOPIC, service.TOPIC,
)  # fmt: skip
_HEAD = """# doctor and config check

Generated from the rules in `sqs_facade/commands/checks` by
`python -m sqs_facade.commands.checks.reference > docs/doctor.md`; do not edit.

`sqs-facade doctor` checks a service, its store, its data directory and the machine on which it runs. It starts nothing
and changes nothing; to measure the disk it writes and removes one small file in the data directory.

<!-- docs-test: skip they name other machines; tests/doctor runs the commands -->
```console
sqs-facade doctor --config /etc/sqs-facade.toml              # with the settings of the service
sqs-facade doctor --data-dir /srv/queues                     # a data directory, and its Valkey if it runs
sqs-facade doctor --redis redis://10.0.0.5:6379              # a server, a Sentinel group or a cluster
sqs-facade doctor https://queues.example.org                 # a running service, as clients see it
sqs-facade doctor http://localhost:9324 --data-dir /srv/queues --json
```

`sqs-facade config check` reads a file, the environment and flags as `sqs-facade serve` would, and lists every mistake
at once, each with its source: the flag, the variable, or the line of the file. With `--live` it also asks the store.

<!-- docs-test: skip they name other machines; tests/doctor runs the commands -->
```console
sqs-facade config check /etc/sqs-facade.toml
sqs-facade config check --redis redis://10.0.0.5:6379 --durability replicated --live
```

Run both on the machine of the service, as its user: they see the files, ports and limits of the user who runs them.

Both print each finding with a severity, a code that does not change between releases, and a remedy; `--json` prints a
document for programs. An `error` means that something does not work or that a guarantee does not hold, a `warning` that
there will be trouble under load or at a failure. A `note` is worth knowing.

| exit code | meaning |
|---|---|
| 0 | no errors; there may be warnings and notes |
| 1 | errors, or warnings with `--strict` |
| 2 | wrong use: an unknown option, or a file that does not exist |

`sqs-facade version` prints the versions of the service, Python, the libraries and the embedded Valkey.
"""
_FIELD = re.compile(r"\{(\w+)\}")


def text() -> str:
    """Return the whole document."""
    head = ("code", "severity", "found when", "why it matters", "remedy")
    parts = [_HEAD]
    parts += [f"## {topic.title}\n\n{table(head, [_row(rule) for rule in topic.rules])}" for topic in TOPICS]
    return "\n".join(parts)


def _row(rule: Rule) -> tuple[str, ...]:
    remedy = _FIELD.sub(lambda field: field[1].upper(), rule.remedy).replace("*", "\\*")
    means = rule.means.replace("*", "\\*")
    return code(rule.code), rule.severity, means, rule.why.replace("*", "\\*"), remedy


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output
