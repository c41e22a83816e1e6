"""HTTPS: a certificate made for this machine by an authority that is kept for it, or one's own.

1. The authority is made once and kept in a private folder, so that clients trust it once; certificates are made at each
   start, and no private key leaves the folder.
2. Whether a certificate can be used at all, and still, is found out by a handshake in memory before anything listens.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustme import CA

NEEDS = "--tls needs a library that makes certificates: pip install 'understudy[tls]'"
NAMES = ("localhost", "127.0.0.1", "::1")
LIFETIME = timedelta(days=365)
"""Of a certificate; some clients refuse those of more than 398 days."""
_EXPIRED, _NOT_YET = 10, 9
"""What OpenSSL's verification calls them (X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID)."""
_LAST = b"-----END CERTIFICATE-----\n"


class Uncertified(Exception):
    """No certificate can be used; the message says what would be right."""


def folder() -> Path:
    """Where the authority is kept: for this user alone, on this machine."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "understudy" / "tls"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "understudy" / "tls"


def authority_file() -> Path:
    """What clients are to trust: the authority's certificate, without its key."""
    return folder() / "ca.pem"


def made(hosts: Iterable[str] = ()) -> ssl.SSLContext:
    """A certificate for this machine, and for the hosts it is called by besides. Raises Uncertified."""
    try:
        from trustme import CA  # cryptography, 60 ms: only where a certificate is made
    except ModuleNotFoundError as fault:
        raise Uncertified(f"{NEEDS} ({fault.name} is missing)") from None
    try:
        authority = _authority(folder(), CA)
        names = dict.fromkeys([*NAMES, *hosts])
        leaf = authority.issue_cert(*names, common_name="understudy", not_after=datetime.now(UTC) + LIFETIME)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
    except OSError as fault:
        raise Uncertified(f"{fault.filename or folder()}: cannot be used for certificates: {fault.strerror or fault}") from None
    except ValueError as fault:
        raise Uncertified(f"--tls: no certificate can be made for {', '.join(hosts)}: {fault}") from None
    return context


def given(certificate: str, key: str) -> ssl.SSLContext:
    """One's own certificate (with what leads to its authority) and key, as PEM files. Raises Uncertified."""
    for option, name in (("--tls-cert", certificate), ("--tls-key", key)):
        try:
            Path(name).read_bytes()
        except OSError as fault:
            raise Uncertified(f"{option} {name}: {fault.strerror}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, lambda: "")  # the terminal is not asked for a password
    except ssl.SSLError as fault:
        raise Uncertified(_unusable(certificate, key, fault)) from None
    wrong = _date(context, certificate)
    if wrong is not None:
        raise Uncertified(f"--tls-cert {certificate}: {wrong}")
    return context


def _unusable(certificate: str, key: str, fault: ssl.SSLError) -> str:
    if fault.reason == "KEY_VALUES_MISMATCH":
        return f"--tls-key {key}: is not the key of {certificate}"
    try:
        ssl.create_default_context().load_verify_locations(certificate)
    except ssl.SSLError:
        return f"--tls-cert {certificate}: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
    if b"ENCRYPTED" in Path(key).read_bytes():
        return f"--tls-key {key}: is protected by a password; give one that is not: openssl pkey -in {key} -out key.pem"
    return f"--tls-key {key}: holds no private key in PEM that goes with {certificate}"


# --- the authority -----------------------------------------------------------------------------------------------


def _authority(place: Path, kind: type[CA]) -> CA:
    """The authority that is kept, or a new one. Raises OSError, ValueError."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.chmod(0o700)
    kept = place / "authority.pem"
    if not kept.is_file() or not _is_good(kept):
        _put(kept, _new(kind))
    pem = kept.read_bytes()
    certificate, _, key = pem.partition(_LAST)
    if not authority_file().is_file() or authority_file().read_bytes() != certificate + _LAST:
        _put(authority_file(), certificate + _LAST)
    return kind.from_pem(certificate + _LAST, key)


def _new(kind: type[CA]) -> bytes:
    made = kind(path_length=0, organization_name="understudy", organization_unit_name="a stand-in on this machine")
    return made.cert_pem.bytes() + made.private_key_pem.bytes()


def _is_good(kept: Path) -> bool:
    """Whether it is whole and not expired."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(kept)
    except (ssl.SSLError, OSError):
        return False
    return _date(context, str(kept)) is None


def _put(path: Path, data: bytes) -> None:
    """Write a file for this user alone, in one piece. Raises OSError."""
    passing = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(passing, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(passing)
        raise


# --- is it still good? -------------------------------------------------------------------------------------------


def _date(context: ssl.SSLContext, certificate: str) -> str | None:
    """What is wrong with a certificate's dates: a client that trusts this very certificate shakes hands with it, in memory."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(certificate)
    try:
        _shake(trusting, context)
    except ssl.SSLCertVerificationError as fault:
        if fault.verify_code == _EXPIRED:
            return "has expired; make or fetch a new one"
        if fault.verify_code == _NOT_YET:
            return "is not valid yet; look at its dates and at this machine's clock"
    except ssl.SSLError:
        pass  # what else clients say of it is theirs to say
    return None


def _shake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
