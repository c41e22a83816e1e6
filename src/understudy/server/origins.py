"""Who may steer the stand-in: programs, and pages that come from here; no page of another origin, by whatever name it calls us.

1. A browser says where a request comes from (`Origin`, RFC 6454 section 7; `Sec-Fetch-Site`, the Fetch Metadata standard), and
   a program says nothing: what says nothing passes.
2. The name in `Host` must be this machine's, or named with `--allow-host`: one that a hostile DNS points here (DNS rebinding)
   would make its pages ours. An address cannot be pointed elsewhere.
3. There is no CORS here: what `--cors` allows is the API, never this.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import Scope

OWN = frozenset({"localhost", "testserver"})
ELSEWHERE = frozenset({"cross-site", "same-site"})


def refusal(scope: Scope, hosts: Collection[str] = (), *, page: bool = False) -> str | None:
    """Why a request may not steer the stand-in, None where it may. `hosts`: more names this machine goes by; `page`: it asks
    for a page to look at, so a link may lead here from anywhere."""
    sent: list[tuple[bytes, bytes]] = scope["headers"]
    named = {value.decode("latin-1").lower() for name, value in sent if name == b"host"}
    host = next(iter(named), "")
    if len(named) > 1 or not _is_ours(host, scope, hosts):
        return f'the host "{host[:200]}" is not this machine; use http://localhost, or name it with --allow-host'
    origins = {value.decode("latin-1").lower() for name, value in sent if name == b"origin"}
    if origins - {f"{scope['scheme']}://{host}"}:
        return f"requests from {min(origins)[:200]} are refused; call the control plane from outside a browser, or from its own page"
    site = {value.decode("latin-1") for name, value in sent if name == b"sec-fetch-site"}
    if site & ELSEWHERE and not (page and _navigates(sent)):
        return "requests of another site's pages are refused; call the control plane from outside a browser, or from its own page"
    return None


def _navigates(sent: list[tuple[bytes, bytes]]) -> bool:
    """Whether a person followed a link, in a window of its own."""
    return (b"sec-fetch-mode", b"navigate") in sent and (b"sec-fetch-dest", b"document") in sent


def _is_ours(host: str, scope: Scope, hosts: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        urlsplit(f"//{host}").port  # noqa: B018  (raises where it is none)
    except ValueError:
        return False
    if host.endswith(":") or any(sign in host for sign in "@/?#\\ "):
        return False
    bound = (scope.get("server") or ("",))[0]
    return name in OWN or name == bound or not host or name.endswith(".localhost") or _is_address(name) or _is_named(name, hosts)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_named(name: str, hosts: Collection[str]) -> bool:
    """Whether a name was allowed; `*` alone is for what is sent, never for who may ask."""
    return any(name == one.lower() or (one.startswith("*.") and name.endswith(one[1:].lower())) for one in hosts)
