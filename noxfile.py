"""The daily commands: `nox -l` lists them, `nox -s lint types` runs two.

nox is a Python package that comes with `pip install -e '.[dev]'`, so no other program is needed, also on Windows. The
sessions use the environment in which nox runs and install nothing. CI does not use them: `.ci/run` begins with a new
environment.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["format", "lint", "types", "references"]
nox.options.stop_on_first_error = True

#: Generated documents, and the modules that print them.
REFERENCES = {
    "docs/sqs.md": "sqs_facade.reference",
    "docs/zaqar.md": "zaqar_core.rest.reference",
    "docs/settings.md": "zaqar_core.configuration.reference",
    "docs/metrics.md": "zaqar_core.observability.reference",
}


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests. Arguments after `--` go to pytest: `nox -s tests -- tests/sqs -x`."""
    session.run("pytest", *session.posargs)


@nox.session(name="format")
def format_code(session: nox.Session) -> None:
    """Format the code and apply the fixes that are safe."""
    session.run("ruff", "format", ".")
    session.run("ruff", "check", "--fix", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and lint without changing a file."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    session.run("mypy")


@nox.session
def references(session: nox.Session) -> None:
    """Write the generated documents again."""
    for document, module in REFERENCES.items():
        text = session.run("python", "-m", module, silent=True)
        assert isinstance(text, str)
        Path(document).write_text(text, encoding="utf-8")
    session.run("python", "-m", "compat", "migrating", "--write")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documents into `site/`; warnings are errors. `nox -s docs -- serve` shows it instead."""
    command = session.posargs or ["build", "--strict"]
    session.run("mkdocs", *command, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def serve(session: nox.Session) -> None:
    """Serve the checkout in memory. Arguments after `--` go to `sqs-facade serve`."""
    session.run("sqs-facade", "serve", "--ephemeral", *session.posargs)


@nox.session
def ci(session: nox.Session) -> None:
    """Run all that CI runs, in a new environment."""
    session.run("bash", ".ci/run", external=True)
