"""Where an outgoing request may go: this machine, and what was named with `--allow-host`.

1. Pure: no name is resolved here. Who connects asks `allowed` for the URL and `reachable` for each resolved address.
2. A name that was allowed exactly may lie in a private network; one allowed by `*` may not.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from understudy.problems import Problem

LONGEST = 2048
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.IGNORECASE)
_Address = IPv4Address | IPv6Address


def allowed(url: str, hosts: Collection[str] = ()) -> Problem | None:
    """What is wrong with a URL to send to, or None.

    `hosts`: names (`hooks.example.com`), patterns (`*.example.com`, `*`), addresses and networks (`10.0.0.0/8`).
    The problem is `invalid_field` of the field `url`.
    """
    parts = _split(url)
    if isinstance(parts, Problem):
        return parts
    host = (parts.hostname or "").rstrip(".")
    address = _address(host)
    if address is None and not _is_name(host):
        return _wrong(f'"{host[:80]}" is no host name; write an address in full (127.0.0.1), another script as punycode (xn--…)')
    if _is_local(host, address) or _is_named(host, hosts):
        return None if address is None else reachable(host, str(address), hosts)
    if address is not None and _in_networks(address, hosts):
        return None
    return _wrong(f"{host[:253]} is not this machine; allow it with --allow-host {host[:253]}")


def reachable(host: str, address: str, hosts: Collection[str] = ()) -> Problem | None:
    """What is wrong with connecting to `address` for an allowed URL's `host`, or None. A name may not lead elsewhere."""
    host = host.strip("[]").rstrip(".").lower()
    at = _address(address)
    if at is None:
        return _wrong(f'"{address[:80]}" is no address')
    if _is_loopback(at) or _in_networks(at, hosts):
        return None
    if _is_local(host, _address(host)):
        return _wrong(f"{host[:253]} leads to {at}, which is not this machine")
    if at.is_link_local or at.is_multicast or at.is_unspecified or at.is_reserved:
        return _wrong(f"{host[:253]} leads to {at}, where no receiver is; allow it with --allow-host {at}")
    if host in _exact(hosts) or (at.is_global and _is_named(host, hosts)):
        return None
    return _wrong(f"{host[:253]} leads to {at} in a private network; allow it with --allow-host {at}")


# --- the parts of a URL ------------------------------------------------------------------------------------------


def _split(url: str) -> SplitResult | Problem:
    if not url or len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return _wrong(f"must be a URL of at most {LONGEST} printable ASCII letters without spaces, such as http://localhost:3000/hooks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _wrong("must be a URL such as http://localhost:3000/hooks, its port from 1 to 65535")
    if parts.scheme not in ("http", "https"):
        return _wrong(f"must begin with http:// or https://, not {parts.scheme[:20] or 'nothing'}")
    if "@" in parts.netloc:
        return _wrong("must hold no user name or password")
    if not parts.hostname or port == 0:
        return _wrong("must name a host, such as http://localhost:3000/hooks, its port from 1 to 65535")
    return parts


def _is_name(host: str) -> bool:
    """A host name (RFC 1123) that no resolver takes for a number: `0x7f.1` and `2130706433` are addresses in disguise."""
    last = host.rpartition(".")[2]
    return len(host) <= 253 and _NAME.fullmatch(host) is not None and not last[:1].isdigit()


def _address(text: str) -> _Address | None:
    """An address in its full spelling, an IPv4 one within IPv6 taken out; None where it is none."""
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback(address: _Address) -> bool:
    return address.is_loopback


def _is_local(host: str, address: _Address | None) -> bool:
    """This machine: loopback addresses, and the names RFC 6761 section 6.3 keeps for them."""
    return _is_loopback(address) if address is not None else host == "localhost" or host.endswith(".localhost")


# --- what was allowed --------------------------------------------------------------------------------------------


def _exact(hosts: Collection[str]) -> set[str]:
    return {host.strip("[]").rstrip(".").lower() for host in hosts if "*" not in host and "/" not in host}


def _is_named(host: str, hosts: Collection[str]) -> bool:
    patterns = [one.lower() for one in hosts if "*" in one]
    return host in _exact(hosts) or any(one == "*" or (one.startswith("*.") and host.endswith(one[1:])) for one in patterns)


def _in_networks(address: _Address, hosts: Collection[str]) -> bool:
    return any(address in network for network in map(_network, hosts) if network is not None)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _wrong(message: str) -> Problem:
    return Problem("invalid_field", message, field="url")
