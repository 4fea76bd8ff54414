"""The static files of the console, with the headers that keep a browser from everything else.

Files are served below the hash of all of them, so browsers may keep them for ever; the page that names the hash is
validated by its ETag each time.
"""

from __future__ import annotations

from hashlib import sha256
from html import escape
from importlib import resources
from string import Template

from zaqar_core.web.envelope import Reply, Request

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_PAGE = "index.html"
_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
    "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'",
    "trusted-types 'none'",
))  # fmt: skip
#: Headers of every response of the console.
SECURITY = (
    ("Content-Security-Policy", _POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)
_FOR_EVER = "public, max-age=31536000, immutable"
_REFUSAL = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Console of sqs-facade</title>
<link rel="stylesheet" href="$styles">
<main class="alone">
<h1>Console of sqs-facade</h1>
<p>$message</p>
</main>
</html>
""")


class Assets:
    """The files of one process. One instance serves all threads."""

    def __init__(self) -> None:
        folder = resources.files("sqs_facade.console") / "static"
        contents = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        page = contents.pop(_PAGE)
        self._files = {name: found for name, found in contents.items() if name.rpartition(".")[2] in _TYPES}
        digest = sha256()
        for name, content in sorted(contents.items()):
            digest.update(b"%b\0%d\0%b" % (name.encode(), len(content), content))
        self.version = digest.hexdigest()[:16]
        # Without it a browser finds out module by module which others it needs.
        preloads = "\n".join(
            f'<link rel="modulepreload" href="assets/{self.version}/{name}">'
            for name in sorted(self._files)
            if name.endswith(".js")
        )
        self._page = page.replace(b"{version}", self.version.encode()).replace(b"{preloads}", preloads.encode())
        self._etag = f'"{sha256(self._page).hexdigest()[:16]}"'

    def page(self, request: Request) -> Reply:
        """Return the page, or 304 if the browser has it."""
        headers = [("Cache-Control", "no-cache"), ("ETag", self._etag), *SECURITY]
        if request.header("IF_NONE_MATCH") == self._etag:
            return Reply(304, headers, b"")
        return Reply(200, [("Content-Type", "text/html; charset=utf-8"), *headers], self._page)

    def file(self, path: str) -> Reply | None:
        """Return the file of a path ``<version>/<name>``; None if it does not exist, or is of another version."""
        version, _, name = path.partition("/")
        content = self._files.get(name) if version == self.version else None
        if content is None:
            return None
        media_type = _TYPES[name.rpartition(".")[2]]
        return Reply(200, [("Content-Type", media_type), ("Cache-Control", _FOR_EVER), *SECURITY], content)

    def refusal(self, status: int, message: str) -> Reply:
        """Return a page that says why the console is not served."""
        page = _REFUSAL.substitute(message=escape(message), styles=f"assets/{self.version}/console.css")
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"), *SECURITY]
        return Reply(status, headers, page.encode())
