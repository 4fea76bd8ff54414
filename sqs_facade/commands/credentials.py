"""The commands ``sqs-facade credentials …``, which edit the credentials file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqs_facade import startup

if TYPE_CHECKING:
    from sqs_facade.credentials_editing import NewKey, Table

_Command = Callable[..., None]


@click.group("credentials")
def command() -> None:
    """Edit the users and access keys of the credentials file. Running services read a change within a second."""


def _with_file(change: _Command) -> _Command:
    """Give a command the options that name the file; it gets its path as ``file``, and its errors are one line."""

    def run(credentials_file: str | None, config: Path | None, **options: Any) -> None:
        from sqs_facade.credentials_editing import EditRefused

        flags = {} if credentials_file is None else {"credentials_file": credentials_file}
        file = startup.configuration(flags, file=config).settings.credentials_file
        if file is None:
            raise click.ClickException("name the file with --credentials-file, or with the setting credentials_file")
        try:
            change(file=file, **options)
        except EditRefused as refused:
            raise click.ClickException(str(refused)) from None

    run.__name__, run.__doc__ = change.__name__, change.__doc__
    run.__click_params__ = getattr(change, "__click_params__", [])  # type: ignore[attr-defined]
    named: _Command = click.option("--credentials-file", type=click.Path(), help="The file.  [default: the setting]")(
        run
    )
    return click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings.")(named)


_account = click.option("--account", help="Account of the user: 12 digits. Needed if two accounts have the name.")
_form = click.option("--format", "form", type=click.Choice(["env", "json"]), default="env", show_default=True)
_policies = click.option(
    "--policy", "policies", multiple=True, required=True, metavar="POLICY",
    help="admin, sender, receiver, observer, or a file with an IAM policy. Repeat it for more.",
)  # fmt: skip


@command.command()
@click.argument("name")
@click.option("--account", required=True, help="Account of the user: 12 digits.")
@_policies
@click.option("--path", help="Path in the user's ARN, such as /services/.")
@click.option("--expires", type=click.DateTime(), help="Time in UTC at which the user ends.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the user, for policies.")
@click.option("--token", "wants_token", is_flag=True, help="Also create a static token for Zaqar.")
@_form
@_with_file
def add(
    file: Path,
    name: str,
    account: str,
    policies: Sequence[str],
    path: str | None,
    expires: datetime | None,
    tags: Sequence[str],
    wants_token: bool,
    form: str,
) -> None:
    """Add a user with a new access key, and show its secret once. Create the file if there is none."""
    from sqs_facade.credentials_editing import editing

    if not all("=" in tag for tag in tags):
        raise click.ClickException("--tag must be KEY=VALUE")
    ends = expires.replace(tzinfo=UTC) if expires is not None else None
    pairs = dict(tag.split("=", 1) for tag in tags)
    with editing(file) as users:
        user = users.add(name, account, path=path, expires=ends, policies=_absolute(policies, file), tags=pairs)
        new = users.add_key(user)
        token = users.add_token(user) if wants_token else None
    _show(new, form, token)


@command.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@_with_file
def list_users(file: Path, form: str) -> None:
    """List users and the ids of their access keys. Shows no secret."""
    from sqs_facade import credentials_editing

    rows = [_row(user) for user in credentials_editing.read(file)]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "" if row["enabled"] else "  disabled"
        ends = f"  until {row['expires']}" if row["expires"] else ""
        click.echo(
            f"{row['account']}  {row['path']}{row['name']}  {', '.join(row['policies']) or 'no policy'}{state}{ends}"
        )
        for key in row["access_keys"]:
            state = "" if key["enabled"] else "  disabled"
            click.echo(f"  {key['id']}  created {key['created'] or 'at an unknown time'}{state}")


@command.command()
@click.argument("name")
@_account
@click.option("--finish", is_flag=True, help="End a rotation: remove all access keys but the newest.")
@_form
@_with_file
def rotate(file: Path, name: str, account: str | None, finish: bool, form: str) -> None:
    """Give a user a second access key, and show its secret once. The old key works until ``rotate --finish``."""
    from sqs_facade.credentials_editing import editing

    with editing(file) as users:
        user = users.find(name, account)
        new = None if finish else users.add_key(user)
        removed = users.finish_rotation(user) if finish else []
    if new is not None:
        _show(new, form)
    else:
        click.echo(f"removed {', '.join(removed)}" if removed else f"user {name} has no old access key")


def _switch(*, on: bool) -> _Command:
    def switch(file: Path, name: str, account: str | None, key: str | None) -> None:
        from sqs_facade.credentials_editing import editing

        with editing(file) as users:
            user = users.find(name, account)
            entry = user if key is None else users.key(user, key)
            entry["enabled"] = on
        click.echo(f"{'enabled' if on else 'disabled'} {f'access key {key}' if key else f'user {name}'}")

    switch.__doc__ = (
        "Enable a disabled user or access key."
        if on
        else "Disable a user with all keys, tokens and sessions, or one of its access keys."
    )
    return switch


_key = click.option("--key", metavar="ID", help="Only this access key.")
for _name, _on in (("disable", False), ("enable", True)):
    command.command(_name)(click.argument("name")(_account(_key(_with_file(_switch(on=_on))))))


@command.command()
@click.argument("name")
@_account
@_key
@_with_file
def remove(file: Path, name: str, account: str | None, key: str | None) -> None:
    """Remove a user, or one of its access keys."""
    from sqs_facade.credentials_editing import editing

    with editing(file) as users:
        user = users.find(name, account)
        if key is None:
            users.remove(user)
        else:
            users.remove_key(user, key)
    click.echo(f"removed {f'access key {key}' if key else f'user {name}'}")


@command.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--account", required=True, help="Account of the users: 12 digits.")
@_policies
@click.option("--name", help="User of a CSV that names none.  [default: the name of the file]")
@_with_file
def import_keys(file: Path, source: Path, account: str, policies: Sequence[str], name: str | None) -> None:
    """Import access keys from ~/.aws/credentials, one user for each profile, or from a CSV of IAM."""
    from sqs_facade import credentials_import
    from sqs_facade.credentials_editing import EditRefused, editing

    found = credentials_import.read(source, name)
    with editing(file) as users:
        for one in found:
            try:
                user = users.find(one.name, account)
            except EditRefused:
                user = users.add(one.name, account, policies=_absolute(policies, file))
            users.add_key(user, one.key_id, one.secret)
    for one in found:
        click.echo(f"imported access key {one.key_id} of user {one.name}")


def _absolute(policies: Sequence[str], file: Path) -> list[str]:
    """Return policies with the absolute names of files outside of the folder of the credentials file."""
    from zaqar_core.access.presets import PRESETS

    found = []
    for policy in policies:
        path = Path(policy)
        if policy not in PRESETS and not policy.lstrip().startswith("{"):
            if not path.is_file():
                raise click.ClickException(f"{policy} is neither one of {', '.join(PRESETS)} nor a file")
            path = path.resolve()
            inside = path.is_relative_to(file.resolve().parent)
            policy = f"./{path.relative_to(file.resolve().parent)}" if inside else str(path)
        found.append(policy)
    return found


def _row(user: Table) -> dict[str, Any]:
    return {
        "account": str(user["account"]),
        "name": str(user["name"]),
        "path": str(user.get("path", "/")),
        "enabled": bool(user.get("enabled", True)),
        "expires": _text(user.get("expires")),
        "policies": [
            str(one) if isinstance(one, str) and len(one) < 100 else "inline" for one in user.get("policies", [])
        ],
        "access_keys": [_key_row(key) for key in user.get("access_keys", [])],
        "tokens": len(user.get("tokens", [])),
    }


def _key_row(key: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(key["id"]),
        "enabled": bool(key.get("enabled", True)),
        "created": _text(key.get("created")),
        "expires": _text(key.get("expires")),
    }


def _text(moment: Any) -> str | None:
    return None if moment is None else str(moment.isoformat())


def _show(new: NewKey, form: str, token: str | None = None) -> None:
    """Print new secrets: this is the only time that they are shown."""
    found = {"AWS_ACCESS_KEY_ID": new.id, "AWS_SECRET_ACCESS_KEY": new.secret}
    if token is not None:
        found["X_AUTH_TOKEN"] = token
    click.echo(json.dumps(found) if form == "json" else "\n".join(f"{name}={value}" for name, value in found.items()))
    click.echo("Keep the secret: it is not shown again.", err=True)
