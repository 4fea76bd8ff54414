"""The page that a browser shows at ``/``: what this service is, and the addresses that clients need."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from zaqar_core.configuration import public_url
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.web.envelope import Face, Refusal, Reply, Request

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>sqs-facade</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 }
h2 { font-size: 1.1rem; margin-top: 2rem }
pre { padding: .75rem 1rem; overflow-x: auto; border-radius: .4rem; background: rgb(127 127 127 / .15) }
code { font: .9em ui-monospace, monospace }
</style>
<h1>sqs-facade</h1>
<p>A durable message service on Redis or Valkey. It serves Amazon SQS and OpenStack Zaqar on the same queues.</p>
<h2>Amazon SQS</h2>
<p>The endpoint is <code>$url</code>. boto3 needs credentials; any values will do.</p>
<pre><code>sqs = boto3.client(
    "sqs", endpoint_url=&quot;$url&quot;, region_name=&quot;$region&quot;,
    aws_access_key_id="any", aws_secret_access_key="any",
)</code></pre>
<h2>OpenStack Zaqar</h2>
<p>Version 2 of the API is served below <code>$url/v2</code>.</p>
<pre><code>curl -H "Client-ID: 6f0f1d0a-6f2c-4c0e-9d1b-3f5a7c1e2b48" \\
     -H "$caller" \\
     $url/v2/queues</code></pre>
$console<h2>Health</h2>
<p><a href="$url/health/ready">$url/health/ready</a> reports whether the store can be reached.</p>
<h2>Documentation</h2>
<p>In the folder <code>docs</code> of the source code, <code>sqs.md</code> and <code>zaqar.md</code> list all
operations, and <code>settings.md</code> lists the settings. <code>testing.md</code> is for test suites,
<code>operations.md</code> and <code>security.md</code> are for operators.</p>
</html>
""")
#: The page where callers need credentials: nothing of the deployment.
_GUARDED_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>sqs-facade</title>
<h1>sqs-facade</h1>
<p>A durable message service. Requests need credentials: ask the operator for the endpoint, the region and a key.</p>
$console</html>
""")
#: Leads to the console, if it is served.
_CONSOLE = Template("""<h2>Console</h2>
<p><a href="$url/console/">$url/console/</a> shows queues and messages, to this machine only.</p>
""")
_GUARDED_CONSOLE = """<p><a href="console/">The console</a> shows queues and messages to users who sign in.</p>
"""
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    # The addresses in the page are those of the request's host.
    ("Cache-Control", "no-cache"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
)
#: The header that names the caller in the example of a curl command: with Keystone, and without.
_WITH_TOKEN, _WITHOUT_TOKEN = "X-Auth-Token: TOKEN", "X-Project-Id: 000000000000"


def is_preferred(environ: Mapping[str, Any]) -> bool:
    """Return whether a request is a GET or HEAD whose Accept header ranks HTML above JSON, as browsers' do."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return False
    accept = parse_accept_header(environ.get("HTTP_ACCEPT"), MIMEAccept)
    return accept.quality("text/html") > accept.quality("application/json")


class FrontPage:
    """Implements :class:`zaqar_core.web.envelope.Face` for browsers. Refusals are those of ``face``."""

    admit = None

    def __init__(self, settings: Settings, face: Face) -> None:
        self._settings = settings
        #: With a credentials file the page shows nothing, so it may be read at every host.
        self.verifies_callers = settings.verifies_all_callers
        self._face = face
        self.verifies_callers = face.verifies_callers

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit in bytes that ``face`` has."""
        return self._face.body_limit(environ)

    def answer(self, request: Request, session: Session) -> Reply:
        """Return the page."""
        del session
        has_console = self._settings.console == "auto"
        if self._settings.verifies_all_callers:
            guarded = _GUARDED_PAGE.substitute(console=_GUARDED_CONSOLE if has_console else "")
            return Reply(200, list(_HEADERS), guarded.encode())
        url = escape(self._url(request))
        page = _PAGE.substitute(
            url=url,
            console=_CONSOLE.substitute(url=url) if has_console else "",
            region=escape(self._settings.region),
            caller=_WITH_TOKEN if self._settings.auth_strategy == "keystone" else _WITHOUT_TOKEN,
        )
        return Reply(200, list(_HEADERS), page.encode())

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error of ``face``."""
        return self._face.refuse(request, why)

    def _url(self, request: Request) -> str:
        """Return the service's address without a slash at its end: the public one, else the one that was called."""
        if self._settings.public_url is not None:
            return "{0.scheme}://{0.host}{0.base_path}".format(public_url.parse(self._settings.public_url))
        return f"{request.scheme}://{request.host}{request.environ.get('SCRIPT_NAME', '')}{request.prefix}"
