"""One SQS endpoint: where it is, who calls, and calls of its operations.

The endpoint is that of the option, of AWS_ENDPOINT_URL_SQS, of AWS_ENDPOINT_URL or of the profile, else a service on
this machine. Credentials and region come from where AWS's own tools look: the environment, profiles, single sign-on,
roles. A service on this machine gets dummy ones if none are configured, and no metadata service is asked for them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore import exceptions
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from botocore.session import Session

from sqs_facade.remote.errors import NoResponse, NotConfigured, NotReachable, Refused, RemoteError
from zaqar_core.web import allowed_hosts

DEFAULT_ENDPOINT = "http://127.0.0.1:9324"
#: ``--endpoint-url aws``: Amazon's own endpoint of the region.
AMAZON = "aws"
#: Hosts of Amazon's endpoints, which name the region.
_AMAZON_HOST = re.compile(r"sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
#: Region of other endpoints if none is configured.
_OTHER_REGION = "us-east-1"
_LOCAL_KEY = "local"
#: Longer than a long poll.
_READ_SECONDS = 60
_CONNECT_SECONDS = 10
_HURRIED_SECONDS = 2
_ATTEMPTS = 5
_FIRST_PAUSE_SECONDS = 0.1
#: Operations that have another effect when they are sent twice. They are repeated only if they were not run.
_NOT_REPEATABLE = frozenset({"SendMessage", "SendMessageBatch", "StartMessageMoveTask", "PurgeQueue"})
_NO_CREDENTIALS = "configure some (aws configure, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
#: Codes of errors that a person can mend -> how.
_ADVICE = {
    "NonExistentQueue": "sqs-facade queues ls lists the queues",
    "QueueDoesNotExist": "sqs-facade queues ls lists the queues",
    "InvalidClientTokenId": f"the endpoint does not know the access key: {_NO_CREDENTIALS}",
    "UnrecognizedClientException": f"the endpoint does not know the access key: {_NO_CREDENTIALS}",
    "MissingAuthenticationToken": f"the endpoint needs credentials: {_NO_CREDENTIALS}",
    "ExpiredToken": "the session has ended: sign in again",
    "PurgeQueueInProgress": "a queue can be purged once in 60 seconds",
}


@dataclass(frozen=True, slots=True)
class Where:
    """What a command was told about the endpoint; None is not told."""

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None


class Service:
    """Calls of one endpoint. One instance serves several threads. Every method raises RemoteError."""

    def __init__(self, where: Where, *, connections: int = 10, is_hurried: bool = False) -> None:
        """With ``is_hurried`` an endpoint that does not answer within two seconds is given up."""
        self.profile = where.profile
        self._attempts = 1 if is_hurried else _ATTEMPTS
        limits = (_HURRIED_SECONDS,) * 2 if is_hurried else (_CONNECT_SECONDS, _READ_SECONDS)
        with _configured():
            session = Session(profile=where.profile)
            endpoint = _endpoint(session, where)
            is_local = is_on_this_machine(endpoint)
            self.region = _region(session, where, endpoint)
            self._credentials = _credentials(session, is_local=is_local)
            # A local endpoint is never behind the proxy of the environment.
            proxies: dict[str, str] | None = {} if is_local else None
            authorities = session.get_config_variable("ca_bundle") or True
            self._http = URLLib3Session(verify=authorities, proxies=proxies, timeout=limits)
            self._client = session.create_client(
                "sqs",
                region_name=self.region,
                endpoint_url=None if endpoint == AMAZON else endpoint,
                verify=authorities,
                config=Config(
                    connect_timeout=limits[0],
                    read_timeout=limits[1],
                    ignore_configured_endpoint_urls=True,  # they were read
                    max_pool_connections=connections,
                    parameter_validation=False,  # the endpoint checks, and has the better words
                    proxies=proxies,
                    retries={"total_max_attempts": 1},  # what may be repeated is decided below
                    user_agent_extra="sqs-facade",
                ),
            )
        self.endpoint: str = self._client.meta.endpoint_url
        self._methods = {name: method for method, name in self._client.meta.method_to_api_mapping.items()}

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its name in the API; return its result.

        Requests that the endpoint did not run are repeated for a few seconds, and others where that is harmless.
        """
        for attempt in range(self._attempts):
            try:
                return self._call_once(operation, parameters)
            except (Refused, NoResponse) as problem:
                is_last = attempt == self._attempts - 1
                if is_last or not _may_repeat(operation, problem):
                    raise
            time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        raise AssertionError("unreachable")

    def _call_once(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in parameters.items() if value is not None}
        with self._answers():
            try:
                found = getattr(self._client, self._methods[operation])(**given)
            except (AttributeError, TypeError) as problem:  # botocore read a response that is no object
                raise ResponseParserError("its responses have another form") from problem
        result: dict[str, Any] = found
        return result

    @contextmanager
    def stream(self, path: str, parameters: dict[str, str]) -> Iterator[tuple[int, str, Any]]:
        """Send a signed GET, and yield the status, the media type and the body as a file that is still being read."""
        url = f"{self.endpoint.rstrip('/')}{path}?{urlencode(parameters)}"
        request = AWSRequest("GET", url, headers={"Accept": "application/json"}, stream_output=True)
        with self._answers():
            SigV4Auth(self._credentials, "sqs", self.region).add_auth(request)
            response = self._http.send(request.prepare())
            try:
                yield response.status_code, response.headers.get("Content-Type", ""), response.raw
            finally:
                response.raw.close()

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Turn errors of the libraries into those of this package."""
        try:
            yield
        except exceptions.ClientError as problem:
            raise _refused(problem.response) from None
        except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError):
            advice = (
                "is the service running? start it with sqs-facade serve" if is_on_this_machine(self.endpoint) else ""
            )
            raise NotReachable(f"cannot connect to {self.endpoint}{f': {advice}' if advice else ''}") from None
        except exceptions.SSLError as problem:
            raise NotReachable(
                f"no TLS connection to {self.endpoint}: {_line(problem)} (AWS_CA_BUNDLE names the file of an authority)"
            ) from None
        except exceptions.HTTPClientError:  # the connection was lost, or no response came in time
            raise NoResponse(f"{self.endpoint} did not answer: the connection was lost or too slow") from None
        except ResponseParserError as problem:
            raise RemoteError(f"{self.endpoint} is not an SQS endpoint: {_line(problem)}") from None
        except exceptions.BotoCoreError as problem:
            raise NotConfigured(_line(problem)) from None


def _may_repeat(operation: str, problem: Refused | NoResponse) -> bool:
    if isinstance(problem, Refused) and problem.was_not_run:
        return True
    if operation in _NOT_REPEATABLE:
        return False
    return isinstance(problem, NoResponse) or problem.outcome_is_unknown


def _refused(response: dict[str, Any]) -> Refused:
    error = response.get("Error", {})
    code = str(error.get("QueryErrorCode") or error.get("Code") or "Unknown")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    return Refused(code, str(error.get("Message") or "no message"), status, _ADVICE.get(code.rpartition(".")[2], ""))


def is_on_this_machine(url: str) -> bool:
    """Return whether a URL leads to this machine."""
    return allowed_hosts.is_loopback(urlsplit(url).hostname or "")


@contextmanager
def _configured() -> Iterator[None]:
    try:
        yield
    except (exceptions.BotoCoreError, ValueError) as problem:
        raise NotConfigured(_line(problem)) from None


def _endpoint(session: Session, where: Where) -> str:
    environ, profile = os.environ, session.get_scoped_config()
    services = session.full_config.get("services", {}).get(profile.get("services"), {})
    found: str = (
        where.endpoint_url
        or environ.get("AWS_ENDPOINT_URL_SQS")
        or environ.get("AWS_ENDPOINT_URL")
        or services.get("sqs", {}).get("endpoint_url")
        or profile.get("endpoint_url")
        or DEFAULT_ENDPOINT
    )
    if found != AMAZON and urlsplit(found).scheme not in ("http", "https"):
        raise NotConfigured(f"an endpoint is a URL such as {DEFAULT_ENDPOINT}, or {AMAZON}: {found}")
    return found


def _region(session: Session, where: Where, endpoint: str) -> str:
    # AWS_REGION is the variable of all other SDKs.
    found = where.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if found:
        return str(found)
    if endpoint == AMAZON:
        raise NotConfigured("no region is configured: give --region or set AWS_REGION")
    named = _AMAZON_HOST.fullmatch(urlsplit(endpoint).hostname or "")
    return named[1] if named else _OTHER_REGION


def _credentials(session: Session, *, is_local: bool) -> Any:
    if is_local:
        # Without other credentials, the metadata service of a cloud would be asked, which takes seconds elsewhere.
        session.get_component("credential_provider").remove("iam-role")
    found = session.get_credentials()
    if found is None:
        if not is_local:
            raise NotConfigured(f"no credentials are configured: {_NO_CREDENTIALS}")
        session.set_credentials(_LOCAL_KEY, _LOCAL_KEY)
        found = session.get_credentials()
    return found


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())
