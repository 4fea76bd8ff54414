"""Checks of certificates, of the credentials file, and of files with secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqs_facade.commands.checks.findings import Finding, Topic
from zaqar_core.access.directory import AccessKey, Directory

TOPIC = Topic("Certificates, credentials and secrets")

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate. Times are in seconds since 1970."""

    #: Its file, or the address of the service that presented it.
    place: str
    begins: float
    ends: float
    #: DNS names and IP addresses.
    names: tuple[str, ...] = ()
    #: ``rsa``, ``ec`` or ``other``.
    key_kind: str = "ec"
    key_bits: int = 256
    #: Name of the hash of its signature, such as sha256; empty if the algorithm has none.
    signature_hash: str = "sha256"
    is_self_signed: bool = False
    #: The file has the certificates of the authorities that signed it.
    has_chain: bool = True


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with secrets."""

    setting: str
    path: str
    #: Permission bits.
    mode: int
    #: Whether it belongs to this user. One of root may be readable by a group: so a Secret of Kubernetes is mounted.
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What the settings say of access."""

    now: float
    certificates: tuple[CertificateFacts, ...] = ()
    #: Hosts that clients call, by ``public_url``.
    hosts: tuple[str, ...] = ()
    #: None without a credentials file, or if it cannot be used.
    credentials: Directory | None = None
    credentials_file: str = ""
    #: Whether a user or role may administer the service; None where nothing needs it.
    has_administrator: bool | None = None
    secret_files: tuple[SecretFile, ...] = ()


_EXPIRED = TOPIC.rule(
    "tls-expired", "error", means="the certificate has expired",
    why="clients refuse to connect",
    remedy="replace {place}; the service reads it again by itself",
)  # fmt: skip
_EXPIRES = TOPIC.rule(
    "tls-expires", "warning", means="the certificate expires within 21 days",
    why="clients refuse to connect from then on",
    remedy="renew {place}; the service reads it again by itself",
)  # fmt: skip
_EARLY = TOPIC.rule(
    "tls-not-yet-valid", "error", means="the certificate is not valid yet",
    why="clients refuse to connect",
    remedy="check the clock (timedatectl), or replace {place}",
)  # fmt: skip
_OTHER_NAME = TOPIC.rule(
    "tls-other-name", "error", means="the certificate does not name the host that clients call",
    why="clients refuse to connect",
    remedy="request a certificate with the name {host}, or change public_url",
)  # fmt: skip
_WEAK = TOPIC.rule(
    "tls-weak", "warning", means="the key has less than 2048 bits (RSA) or 224 (EC), or SHA-1 or MD5 signs it",
    why="today's clients refuse it",
    remedy="replace {place} by one with an EC key: openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 …",
)  # fmt: skip
_SELF_SIGNED = TOPIC.rule(
    "tls-self-signed", "note", means="the certificate is signed by itself",
    why="each client must be given it as an authority",
    remedy="AWS_CA_BUNDLE={place} for SDKs of AWS, or use a certificate of an authority",
)  # fmt: skip
_NO_CHAIN = TOPIC.rule(
    "tls-no-chain", "warning", means="the file has no certificate of the authority that signed its first one",
    why="clients that do not know an intermediate authority refuse to connect",
    remedy="append the intermediate certificates to {place}",
)  # fmt: skip
_READABLE = TOPIC.rule(
    "secret-file-open", "error", means="other users can read or write a file with secrets",
    why="other users can sign requests, or read messages",
    remedy="chmod 600 {path}",
)  # fmt: skip
_NO_USERS = TOPIC.rule(
    "credentials-empty", "error", means="no user of the credentials file has an active key, token or certificate",
    why="every request is refused",
    remedy="sqs-facade credentials add NAME --account 123456789012 --policy admin --credentials-file {path}",
)  # fmt: skip
_KEY_EXPIRED = TOPIC.rule(
    "credentials-expired", "warning", means="a user, key or token has expired and is still in the file",
    why="its clients are refused",
    remedy="sqs-facade credentials rotate {user}, or remove it",
)  # fmt: skip
_KEY_EXPIRES = TOPIC.rule(
    "credentials-expire", "warning", means="a user, key or token expires within 14 days",
    why="its clients are refused from then on",
    remedy="sqs-facade credentials rotate {user}",
)  # fmt: skip
_DISABLED = TOPIC.rule(
    "credentials-disabled", "note", means="a key is switched off",
    why="a key that nobody may use is better removed",
    remedy="sqs-facade credentials remove {user} --key {key}",
)  # fmt: skip
_NO_POLICY = TOPIC.rule(
    "credentials-no-policy", "warning", means="a user has no policy",
    why="only policies of queues can allow it something",
    remedy='add policies = ["sender"] (or receiver, admin, …) to the user {user}',
)  # fmt: skip
_NO_ADMINISTRATOR = TOPIC.rule(
    "credentials-no-administrator", "warning", means="policies are enforced, and nobody may administer the service",
    why="pools, flavors, the health report and the test hooks are refused to everybody",
    remedy='give one user policies = ["admin"]',
)  # fmt: skip


def check(facts: AccessFacts) -> Iterator[Finding]:
    """Return what is wrong with certificates, credentials and files with secrets."""
    for certificate in facts.certificates:
        yield from check_certificate(certificate, facts.now, facts.hosts)
    for file in facts.secret_files:
        if file.mode & (0o077 if file.is_ours else 0o037):
            yield _READABLE.found(f"{file.path} has mode {file.mode:03o}", where=file.setting, path=file.path)
    if facts.credentials is not None:
        yield from _check_credentials(facts, facts.credentials)
    if facts.has_administrator is False:
        yield _NO_ADMINISTRATOR.found("no user may do zaqar:Administer", where=facts.credentials_file)


def check_certificate(one: CertificateFacts, now: float, hosts: tuple[str, ...]) -> Iterator[Finding]:
    """Return what is wrong with a certificate for clients that call these hosts."""
    days = (one.ends - now) / _DAY
    if days < 0:
        yield _EXPIRED.found(f"the certificate expired {-days:.0f} days ago", where=one.place, place=one.place)
    elif days < 21:
        yield _EXPIRES.found(f"the certificate expires in {days:.0f} days", where=one.place, place=one.place)
    if one.begins > now:
        yield _EARLY.found(
            f"the certificate is valid in {(one.begins - now) / _DAY:.1f} days", where=one.place, place=one.place
        )
    for host in hosts:
        if not any(_matches(host, name) for name in one.names):
            names = ", ".join(one.names) or "nothing"
            yield _OTHER_NAME.found(f"the certificate names {names}, not {host}", where=one.place, host=host)
    too_short = {"rsa": 1 << 11, "ec": 224}.get(one.key_kind, 0)
    if one.key_bits < too_short or one.signature_hash in ("sha1", "md5"):
        what = f"{one.key_kind} with {one.key_bits} bits, signed with {one.signature_hash}"
        yield _WEAK.found(f"the certificate has {what}", where=one.place, place=one.place)
    if one.is_self_signed:
        yield _SELF_SIGNED.found("the certificate is signed by itself", where=one.place, place=one.place)
    elif not one.has_chain:
        yield _NO_CHAIN.found("the file has only the certificate itself", where=one.place, place=one.place)


def _matches(host: str, name: str) -> bool:
    """Return whether a name of a certificate is the host; ``*.`` stands for one label."""
    host, name = host.lower().rstrip("."), name.lower().rstrip(".")
    return host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:] and host[0] != ".")


def _check_credentials(facts: AccessFacts, directory: Directory) -> Iterator[Finding]:
    where, now = facts.credentials_file, facts.now
    proofs = [*directory.keys.values(), *directory.tokens.values()]
    has_roles = bool(directory.roles)
    if not any(one.is_active(now) for one in proofs) and not has_roles and not directory.subjects:
        yield _NO_USERS.found("no user can sign a request", where=where, path=where)
    for proof in proofs:
        user, ends = proof.user.name, min(proof.expires, proof.user.expires)
        what = f"the key {proof.id}" if isinstance(proof, AccessKey) else "a token"
        if ends <= now:
            yield _KEY_EXPIRED.found(f"{what} of {user} has expired", where=where, user=user)
        elif ends - now < 14 * _DAY:
            yield _KEY_EXPIRES.found(
                f"{what} of {user} expires in {(ends - now) / _DAY:.0f} days", where=where, user=user
            )
        if isinstance(proof, AccessKey) and not proof.is_enabled:
            yield _DISABLED.found(f"{what} of {user} is switched off", where=where, user=user, key=proof.id)
    for one in directory.users.values():
        if one.is_enabled and not one.principal.policies:
            yield _NO_POLICY.found(f"{one.name} has no policy", where=where, user=one.name)
