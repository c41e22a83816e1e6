"""From options to a target at a URL that is known to answer like an API: whom to trust, how fast to ask, what is no API at all."""

from __future__ import annotations

import argparse
import ssl

from understudy.check.settings import Misconfigured
from understudy.check.steps import Wire
from understudy.check.subjects import Api
from understudy.check.targets import Manners, Remote

GENTLY = 20.0
"""Requests in a second at most to a target that is not this machine, unless another rate is asked for."""
PATIENCE = 10.0


def remote(options: argparse.Namespace, url: str) -> Remote:
    """The target at a URL. Raises Misconfigured, and ValueError for what is no address."""
    verify = _trust(options)
    found = Remote(url, Manners(options.timeout or PATIENCE, options.rate, verify, options.reset))
    if found.local or options.rate is not None:
        return found
    found.close()
    return Remote(url, Manners(options.timeout or PATIENCE, GENTLY, verify, options.reset))


def _trust(options: argparse.Namespace) -> ssl.SSLContext | bool:
    """Whose certificates count: everybody's, those of an authority beside the known ones, or the known ones."""
    if options.insecure or options.ca is None:
        return not options.insecure
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=options.ca)
    except ssl.SSLError:
        raise Misconfigured(f"--ca {options.ca}: no certificates in it; it is a file in PEM form") from None
    except OSError as fault:
        raise Misconfigured(f"--ca {options.ca}: {fault.strerror}") from None
    return context


def reach(target: Remote, api: Api) -> None:
    """Make sure that something like the API answers. Raises Misconfigured."""
    path = next((one.path for one in api.contract.operations if one.method == "GET" and "{" not in one.path), "/")
    answer = target.send(Wire("GET", path, (("accept", "application/json"),), b""))
    if answer.status == 0:
        raise Misconfigured(f"{target.name} cannot be reached: {answer.fault}")
    if 300 <= answer.status < 400:
        raise Misconfigured(f"{target.name} redirects {path} to {answer.headers.get('location', 'nowhere')}; give that address as --url")
    if "html" in answer.headers.get("content-type", ""):
        raise Misconfigured(f"{target.name} answers {path} with a web page ({answer.status}), not with the API; is the address, with its base path, right?")
    if answer.status == 429:
        raise Misconfigured(f"{target.name} asks to be left alone (429), even after the time it said; --rate N asks more slowly")
