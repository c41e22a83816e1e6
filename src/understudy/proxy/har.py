"""Exchanges as HTTP Archive 1.2 has them, and back. Pure: files are opened elsewhere.

1. What a browser or another proxy wrote is read too; only method, URL and status must be there.
2. The tail of a file that was cut off is left out, so the rest is still read.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from understudy import __version__
from understudy.proxy.exchanges import Exchange, Pairs, media_of

HEAD = f'{{"log": {{"version": "1.2", "creator": {{"name": "understudy", "version": "{__version__}"}}, "entries": [\n'
TAIL = "\n]}}\n"
"""What stands before and behind the entries: a file is HEAD, entries with commas between, TAIL."""


class Unread(ValueError):
    """A file that is no HTTP Archive."""


def entry(one: Exchange, origin: str) -> dict[str, Any]:
    """An exchange as an entry of an archive. `origin`: scheme and host of the API."""
    url = origin + one.target
    request: dict[str, Any] = {
        "method": one.method, "url": url, "httpVersion": "HTTP/1.1", "cookies": [], "headers": _named(one.sent),
        "queryString": [{"name": name, "value": value} for name, value in parse_qsl(one.query, keep_blank_values=True)],
        "headersSize": -1, "bodySize": len(one.body or b""),
    }  # fmt: skip
    if one.body:
        text, encoding = _text(one.body)
        request["postData"] = {"mimeType": dict(one.sent).get("content-type", ""), "text": text, **({"_encoding": encoding} if encoding else {})}
    content: dict[str, Any] = {"size": len(one.answer or b""), "mimeType": dict(one.got).get("content-type", "")}
    if one.answer:
        text, encoding = _text(one.answer)
        content |= {"text": text, **({"encoding": encoding} if encoding else {})}
    elif one.answer is None:
        content["comment"] = "too long to be kept, or in a content coding that is not read here"
    response = {
        "status": one.status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "headers": _named(one.got), "content": content,
        "redirectURL": dict(one.got).get("location", ""), "headersSize": -1, "bodySize": -1,
    }  # fmt: skip
    took = round(one.seconds * 1000, 3)
    began = datetime.fromtimestamp(one.began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"startedDateTime": began, "time": took, "request": request, "response": response, "cache": {},
            "timings": {"send": 0, "wait": took, "receive": 0}, "_number": one.number}  # fmt: skip


def _named(pairs: Pairs) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _text(data: bytes) -> tuple[str, str | None]:
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), "base64"


# --- reading ----------------------------------------------------------------------------------------------------------


def read(text: str) -> tuple[list[Exchange], str | None]:
    """The exchanges of an archive in the order they began, and what was left out of it, if anything. Raises Unread."""
    try:
        entries, cut = json.loads(text)["log"]["entries"], None
    except (ValueError, RecursionError):
        entries, cut = _whole_ones(text), "the file ends in the middle; what is whole was read"
    except (KeyError, TypeError):
        raise Unread('no HTTP Archive: it holds {"log": {"entries": [...]}}') from None
    if not isinstance(entries, list) or (cut and not entries):
        raise Unread("no HTTP Archive: not JSON, or without a whole entry")
    found = sorted(filter(None, (_exchange(one) for one in entries)), key=lambda one: one.began)
    return list(_numbered(found)), cut


def _whole_ones(text: str) -> list[Any]:
    """The entries of a file that was cut off."""
    decoder, found = json.JSONDecoder(), []
    place = text.find("[", text.find('"entries"')) + 1
    while place:
        place += len(text[place:]) - len(text[place:].lstrip(" \n\r\t,"))
        try:
            one, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        found.append(one)
    return found


def _numbered(found: Sequence[Exchange]) -> Iterator[Exchange]:
    from dataclasses import replace  # only here

    for index, one in enumerate(found):
        yield replace(one, number=index + 1, started=2 * index, ended=2 * index + 1)


def _exchange(one: Any) -> Exchange | None:
    try:
        request, response = one["request"], one["response"]
        parts = urlsplit(str(request["url"]))
        status = int(response["status"])
        took = float(one.get("time") or 0) / 1000
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not 100 <= status <= 599:
        return None
    return Exchange(
        0, str(request.get("method", "GET")).upper(), (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        _pairs(request.get("headers")), _posted(request.get("postData")), status, _pairs(response.get("headers"), response.get("content")),
        _content(response.get("content")), _began(one.get("startedDateTime")), took,
    )  # fmt: skip


def _pairs(headers: Any, content: Any = None) -> Pairs:
    rows = headers if isinstance(headers, list) else []
    found = tuple((str(row["name"]).lower(), str(row["value"])) for row in rows if isinstance(row, Mapping) and "name" in row and "value" in row)
    if isinstance(content, Mapping) and content.get("mimeType") and not media_of(found):
        found = (*found, ("content-type", str(content["mimeType"])))
    return found


def _posted(data: Any) -> bytes | None:
    if not isinstance(data, Mapping):
        return b""
    text = str(data.get("text") or "")
    return _bytes(text, data.get("_encoding"))


def _content(content: Any) -> bytes | None:
    if not isinstance(content, Mapping) or content.get("text") is None:
        return None if isinstance(content, Mapping) and content.get("size") else b""
    return _bytes(str(content["text"]), content.get("encoding"))


def _bytes(text: str, encoding: Any) -> bytes | None:
    try:
        return base64.b64decode(text) if encoding == "base64" else text.encode()
    except (binascii.Error, ValueError):
        return None


def _began(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return 0.0
