"""A Keystone for tests: install, fill, start, and use it."""

from __future__ import annotations

import getpass
import grp
import os
import sqlite3
import subprocess
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.patience import PATIENCE_SECONDS

VARIABLE = "SQS_FACADE_KEYSTONE"
PACKAGE = "keystone>=30"
INSTALL_SECONDS = 600
PASSWORD = "a password"
_RUNNER = Path(__file__).with_name("run_keystone.py")
_CONFIGURATION = """
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
"""


def installed(folder: Path) -> Path:
    """Return the programs of an environment with Keystone in that folder. It is created once."""
    programs = folder / "keystone" / "bin"
    done = folder / "keystone" / "complete"
    if not done.exists():
        venv.create(folder / "keystone", with_pip=True, clear=True)
        command: list[str | Path] = [programs / "python", "-m", "pip", "install", "--quiet", PACKAGE]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=INSTALL_SECONDS)
        done.touch()
    return programs


@dataclass
class Keystone:
    """A Keystone with the project and user ``admin``. Names are those of the domain Default."""

    programs: Path
    folder: Path
    url: str = ""
    _admin: str = ""
    _projects: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self, *, token_seconds: int | None = None) -> Iterator[str]:
        """Run Keystone and return the URL of its API, version 3. ``token_seconds`` is the lifetime of tokens."""
        seconds = [] if token_seconds is None else [str(token_seconds)]
        with (
            (self.folder / "keystone.log").open("ab") as log,
            subprocess.Popen(
                [self.programs / "python", "-W", "ignore", _RUNNER, self.folder, *seconds],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                port = process.stdout.readline().strip()
                assert port, (self.folder / "keystone.log").read_text()[-4000:]
                yield f"http://127.0.0.1:{port}/v3"
            finally:
                process.stdin.close()
                process.wait(PATIENCE_SECONDS)

    def token(self, user: str, project: str | None, *, url: str = "", password: str = PASSWORD) -> str:
        """Return a token of that user in that project, or without a project."""
        default = {"id": "default"}
        identity = {"user": {"name": user, "domain": default, "password": password}}
        asked: dict[str, Any] = {"identity": {"methods": ["password"], "password": identity}}
        if project is not None:
            asked["scope"] = {"project": {"name": project, "domain": default}}
        answer = requests.post(f"{url or self.url}/auth/tokens", json={"auth": asked}, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def token_info(self, token: str) -> Any:
        """Validate a token as other services do, and return Keystone's response."""
        headers = {"X-Auth-Token": self._admin, "X-Subject-Token": token}
        answer = requests.get(f"{self.url}/auth/tokens", headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    def revoke(self, token: str) -> None:
        headers = {"X-Auth-Token": self._admin, "X-Subject-Token": token}
        assert requests.delete(f"{self.url}/auth/tokens", headers=headers, timeout=30).status_code == 204

    def project(self, name: str) -> str:
        """Its id."""
        return self._projects[name]

    def fill(self) -> None:
        """Projects ``one`` and ``two``, each with a member of that name; a catalogue that knows Keystone alone."""
        self._admin = self.token("admin", "admin")
        self.offer("identity", self.url)
        [role] = self._call("GET", "/roles?name=member")["roles"]
        for name in ("one", "two"):
            project = self._call("POST", "/projects", project={"name": name, "domain_id": "default"})["project"]
            self._projects[name] = project["id"]
            user = {"name": name, "password": PASSWORD, "domain_id": "default"}
            user = self._call("POST", "/users", user=user)["user"]
            self._call("PUT", f"/projects/{project['id']}/users/{user['id']}/roles/{role['id']}")

    def join(self, user: str, project: str, role: str) -> None:
        """A new user of that name has that role in the project, and no other."""
        [found] = self._call("GET", f"/roles?name={role}")["roles"]
        made = self._call("POST", "/users", user={"name": user, "password": PASSWORD, "domain_id": "default"})["user"]
        self._call("PUT", f"/projects/{self._projects[project]}/users/{made['id']}/roles/{found['id']}")

    def number(self, name: str, account: str, user: str) -> None:
        """Create a project whose id is an account of SQS, with that member. Only the database accepts such an id."""
        [role] = self._call("GET", "/roles?name=member")["roles"]
        [member] = self._call("GET", f"/users?name={user}")["users"]
        project = self._call("POST", "/projects", project={"name": name, "domain_id": "default"})["project"]
        with closing(sqlite3.connect(self.folder / "keystone.db")) as database, database:
            database.execute("UPDATE project SET id = ? WHERE id = ?", (account, project["id"]))
        self._call("PUT", f"/projects/{account}/users/{member['id']}/roles/{role['id']}")
        self._projects[name] = account

    def offer(self, kind: str, url: str) -> None:
        """The catalogue says that a service of that kind is at the URL."""
        service = self._call("POST", "/services", service={"type": kind, "name": kind})["service"]
        for interface in ("public", "internal"):
            endpoint = {"service_id": service["id"], "interface": interface, "url": url}
            self._call("POST", "/endpoints", endpoint=endpoint)

    def _call(self, method: str, path: str, **document: Any) -> Any:
        headers = {"X-Auth-Token": self._admin}
        answer = requests.request(method, self.url + path, json=document or None, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None


def prepared(programs: Path, folder: Path) -> Keystone:
    """A Keystone with an empty database in that folder."""
    (folder / "keystone.conf").write_text(_CONFIGURATION.format(folder=folder))
    who = ("--keystone-user", getpass.getuser(), "--keystone-group", grp.getgrgid(os.getgid()).gr_name)
    for command in (
        ("db_sync",),
        ("fernet_setup", *who),
        ("credential_setup", *who),
        ("bootstrap", "--bootstrap-password", PASSWORD),
    ):
        (folder / "fernet").mkdir(mode=0o700, exist_ok=True)
        (folder / "credential").mkdir(mode=0o700, exist_ok=True)
        ran = subprocess.run(
            [programs / "python", "-W", "ignore", programs / "keystone-manage", "--config-dir", folder, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-4000:]
    return Keystone(programs, folder)
