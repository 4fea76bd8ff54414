"""The refusals that an operator can mend, each with its remedy. docs/logging.md has this table.

A refusal is logged at its first occurrence and then once an hour, with the number of those in between; apart for each
host, account, queue or address, as far as they are few. What clients send is shortened and never a secret.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from zaqar_core.logs import setup
from zaqar_core.logs.cause import REMEDY_QUIET_SECONDS, cause

_log = logging.getLogger("sqs_facade.refusals")
#: Subjects of one refusal that have lines of their own; beyond it they share one.
_MOST_SUBJECTS = 20
_MOST_CHARACTERS = 200


class Remedy(NamedTuple):
    """A row: the setting to change, "" where it is none; what was refused, with ``{}`` for its subject; what to do."""

    setting: str
    refused: str
    remedy: str


HOST = Remedy(
    "allowed_hosts",
    "refused requests to the host {}, which is not one of this machine's own",
    "if clients should use that host, add it to allowed_hosts",
)
ORIGIN = Remedy(
    "allowed_origins",
    "refused requests of web pages of {}",
    "if these pages should call the service, add their origin to allowed_origins",
)
PROXY = Remedy(
    "trusted_proxies",
    "ignored the headers of a proxy at {}: requests count as its own",
    "if that address is your proxy, add its network to trusted_proxies",
)
PREAMBLE = Remedy(
    "proxy_protocol",
    "closed connections of a trusted proxy: {}",
    "send the PROXY protocol from every address of trusted_proxies, or turn proxy_protocol off",
)
CONNECTIONS = Remedy(
    "max_connections",
    "new connections wait: {}",
    "raise max_connections and the limit of open files (ulimit -n), or start more workers",
)
DESCRIPTORS = Remedy(
    "",
    "new connections wait: {}",
    "raise the limit of open files (ulimit -n)",
)
OVERLOADED = Remedy(
    "workers",
    "refused requests because too many others wait for their turn in this worker",
    "start more workers, or give the service more CPU",
)
WAITS = Remedy(
    "max_waits",
    "receives return at once instead of waiting, because {} receives wait in this worker",
    "raise max_waits, or start more workers",
)
STORE_CONNECTIONS = Remedy(
    "store_connections",
    "all connections to the store were busy for {} seconds",
    "raise store_connections",
)
ACCOUNT_RATE = Remedy(
    "max_requests_per_second",
    "refused requests of account {} beyond its limit of requests per second",
    "if the account needs more, raise max_requests_per_second",
)
USER_RATE = Remedy(
    "max_user_requests_per_second",
    "refused requests of {} beyond the limit of requests per second of one user",
    "if the user needs more, raise max_user_requests_per_second",
)
QUEUES = Remedy(
    "max_queues_per_account",
    "refused to create a queue for account {}, which has as many as it may have",
    "delete queues, or raise max_queues_per_account",
)
ACCOUNT_BYTES = Remedy(
    "max_bytes_per_account",
    "refused messages for account {}, whose queues hold as many bytes as they may",
    "process or delete messages, or raise max_bytes_per_account",
)
ACCOUNT_IN_FLIGHT = Remedy(
    "max_in_flight_per_account",
    "refused receives of account {}, which has as many messages in flight as it may have",
    "delete messages after their processing, or raise max_in_flight_per_account",
)
IN_FLIGHT = Remedy(
    "max_in_flight",
    "refused receives of queue {}, which has as many messages in flight as it may have",
    "delete messages after their processing, or raise max_in_flight",
)
PURGE = Remedy(
    "purge_interval_seconds",
    "refused to purge queue {} again so soon",
    "to allow it, lower purge_interval_seconds",
)
RECREATION = Remedy(
    "recreate_delay_seconds",
    "refused to create queue {} so soon after its deletion",
    "to allow it, lower recreate_delay_seconds",
)
POST_SIZE = Remedy(
    "max_messages_post_size",
    "refused posts of messages to Zaqar of more than {} bytes",
    "to allow them, raise max_messages_post_size",
)
METADATA_SIZE = Remedy(
    "max_queue_metadata",
    "refused metadata of a queue of more than {} bytes",
    "to allow it, raise max_queue_metadata",
)
CLOCK = Remedy(
    "",
    "refused signed requests whose time differs from this machine's by about {} minutes",
    "synchronise the clocks of this machine and of its clients (NTP)",
)
SIGNING_REGION = Remedy(
    "signing_regions",
    "refused requests that were signed for the region {}",
    "sign for the home region, or add that region to signing_regions",
)
WRONG_SIGNATURE = Remedy(
    "credentials_file",
    "refused requests whose signature does not fit their access key",
    "let clients use the secret that the credentials_file has, and proxies pass on host and path unchanged",
)
UNSIGNED_PAYLOAD = Remedy(
    "allow_unsigned_payload",
    "refused requests whose signature does not cover the body",
    "sign the body, or set allow_unsigned_payload and use TLS",
)
ACCESS_KEY = Remedy(
    "credentials_file",
    "refused requests with an access key or a session token that is not known, not active or expired",
    "if clients should have access, give them a key of the credentials_file",
)
WEB_IDENTITIES = Remedy(
    "credentials_file",
    "refused calls of AssumeRoleWithWebIdentity by {}, which sent too many wrong tokens in a second",
    "if its tokens should be accepted, give the credentials_file their issuer and a role that trusts them",
)
URL_KEY = Remedy(
    "signed_url_key",
    "refused pre-signed URLs, because there is no key to check them",
    "set signed_url_key to the key that signed them",
)
VERSION = Remedy(
    "enable_deprecated_api_versions",
    "refused requests to version {} of Zaqar's API, which is not served",
    "let clients use version 2, or add the version to enable_deprecated_api_versions",
)
TEST_HOOKS = Remedy(
    "test_hooks",
    "refused calls of the test hooks, which are off",
    "for tests, start the service with --test-hooks or --ephemeral",
)
ENCRYPTION_KEY = Remedy(
    "encryption_keys",
    "refused messages of a queue that encrypts them, because there is no key",
    "add a key to encryption_keys",
)
SUBSCRIBER_SCHEME = Remedy(
    "subscriber_types",
    "refused a subscriber with the scheme {}",
    "if notifications should go there, add the scheme to subscriber_types",
)
WEBHOOK_NETWORK = Remedy(
    "webhook_allowed_networks",
    "sent no notifications to {}, whose address is in a network that is not public",
    "if notifications should go there, add the network to webhook_allowed_networks",
)

#: All rows, for the documents.
REMEDIES = tuple(one for one in list(globals().values()) if isinstance(one, Remedy))


#: The subjects that have lines of their own.
_subjects: dict[str, set[str]] = {}


def note_refusal(what: Remedy, subject: object = "", *, is_apart: bool = True) -> None:
    """Log a refusal with its remedy, unless that was done lately. Costs some microseconds then.

    ``is_apart``: each subject has lines of its own.
    """
    text = str(subject)[:_MOST_CHARACTERS]
    apart = text if is_apart else ""
    known = _subjects.setdefault(what.refused, set())
    if apart not in known:
        if len(known) < _MOST_SUBJECTS:
            known.add(apart)
        else:
            apart = ""
    about = cause(what.refused, apart, quiet_seconds=REMEDY_QUIET_SECONDS)
    if setup.was_counted(_log, about):
        return
    if what.setting:
        about["setting"] = what.setting
    _log.warning("%s; %s", what.refused.replace("{}", text), what.remedy, extra=about)
