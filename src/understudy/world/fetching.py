"""Documents from the web: one address at a time, only when a person asked for it, within limits of size and time.

1. Nothing is fetched here but the address given; a redirect may not leave the host it came from.
2. What the bytes say is read in `sources`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from understudy import __version__
from understudy.world.sources import Unreadable

MOST_OCTETS = 64_000_000
"""The largest document fetched."""
MOST_SECONDS = 30.0
"""The longest one document may take, from asking to its last octet."""

_CHUNK = 1 << 16
_ACCEPT = "application/vnd.oai.openapi+json, application/json, application/yaml, text/yaml, */*;q=0.5"


class _SameHost(HTTPRedirectHandler):
    """Follows redirects to the same scheme, host and port, and from http to https of one host."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str) -> Request | None:
        if not _same_host(req.full_url, newurl):
            raise Unreadable(req.full_url, f"answers with a redirect to {newurl}, another host; give that address if it is the right one")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _same_host(here: str, there: str) -> bool:
    old, new = urlsplit(here), urlsplit(urljoin(here, there))
    if (old.scheme, new.scheme) == ("http", "https"):
        return old.hostname == new.hostname
    return (old.scheme, old.netloc) == (new.scheme, new.netloc)


def fetch(
    url: str, *, most: int = MOST_OCTETS, within: float = MOST_SECONDS, clock: Callable[[], float] = time.monotonic
) -> tuple[str, bytes]:
    """The address an http or https URL ended at, and what it answered. Raises Unreadable, with what was wrong."""
    ends = clock() + within
    try:
        asked = Request(url, headers={"Accept": _ACCEPT, "User-Agent": f"understudy/{__version__}"})
        with build_opener(_SameHost).open(asked, timeout=within) as answer:
            kind = answer.headers.get_content_type()
            data = _all(answer, url, most, lambda: clock() > ends)
            return answer.geturl(), _document(url, kind, data)
    except HTTPError as fault:
        fault.close()
        raise Unreadable(url, f"answers {fault.code} {fault.reason}".rstrip()) from None
    except TimeoutError:
        raise _late(url, within) from None
    except URLError as fault:
        if isinstance(fault.reason, TimeoutError):
            raise _late(url, within) from None
        raise Unreadable(url, f"cannot be reached: {getattr(fault.reason, 'strerror', None) or fault.reason}") from None
    except (HTTPException, OSError, ValueError) as fault:
        raise Unreadable(url, f"cannot be fetched: {fault or type(fault).__name__}") from None


def _all(answer: IO[bytes], url: str, most: int, late: Callable[[], bool]) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(_CHUNK):  # type: ignore[attr-defined]  # an HTTPResponse: read1 takes what is there
        size += len(part)
        if size > most:
            raise Unreadable(url, f"is larger than {most:,} octets; save it as a file to serve it all the same")
        if late():
            raise TimeoutError
        parts.append(part)
    return b"".join(parts)


def _late(url: str, within: float) -> Unreadable:
    return Unreadable(url, f"did not answer within {within:g} seconds")


def _document(url: str, kind: str, data: bytes) -> bytes:
    if kind in ("text/html", "application/xhtml+xml"):
        raise Unreadable(url, f"answers a web page ({kind}), not an OpenAPI document; its own address often ends in openapi.json or .yaml")
    return data
