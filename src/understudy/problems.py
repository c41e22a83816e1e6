"""What went wrong with a request, as data: raised anywhere in the engine, rendered in one place.

1. A problem says who must act by its kind; the behaviour file's `errors` table says which status and body it becomes.
2. Nothing here knows HTTP bodies, vendors or records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS: Mapping[str, tuple[int, ...]] = {
    # kind: statuses to prefer, first declared by the operation wins, else the first (RFC 9110 section 15.5)
    "malformed_request": (400,),  # not HTTP or not the media type it claims to be: bad JSON, bad encoding
    "missing_field": (400, 422),  # a required body field or parameter is absent
    "invalid_field": (400, 422),  # a value its schema forbids
    "unknown_field": (400, 422),  # --strict only: a field the document does not know
    "unauthenticated": (401,),  # no key, or one that is not accepted
    "forbidden": (403,),  # a good key that may not do this
    "insufficient_scope": (403, 401),  # a good token without a scope the operation asks for (RFC 6750 section 3.1)
    "unknown_path": (404,),  # no path item matches
    "unknown_record": (404, 400),  # the path names a record that is not there
    "dangling_reference": (404, 422, 400),  # the body or query names a record that is not there
    "method_not_allowed": (405,),  # extra["allow"]: the methods the path item has
    "not_acceptable": (406,),  # the operation cannot answer in a media type the client accepts
    "already_exists": (409, 422, 400),  # a second record with the same key
    "illegal_transition": (409, 422, 400),  # the record's state does not accept the trigger
    "locked": (409, 422, 400),  # the record's state does not allow the change
    "in_use": (409, 422, 400),  # other records refer to the one to be deleted
    "cannot_process": (422, 409, 400),  # well-formed and permitted, yet what it names does not fit together
    "precondition_failed": (412, 409, 422, 400),  # If-Match or If-None-Match does not hold
    "precondition_required": (428, 400, 412, 422),  # a change must come with If-Match, and does not
    "too_large": (413,),
    "path_too_long": (414,),
    "unsupported_media_type": (415, 400),
    "unsupported_version": (400, 404),
    "idempotency_conflict": (409,),  # the idempotency key was used with another request
    "idempotency_running": (422, 409),  # the first request with this key has not been answered yet
    "too_many_requests": (429,),
    "headers_too_large": (431,),
    "contract_broken": (500,),  # the stand-in's own answer breaks the document: our fault, said aloud
    "internal_error": (500,),
    "not_implemented": (501,),
    "unavailable": (503,),
}
"""Every problem kind there is, with the statuses it prefers when the behaviour file does not say."""


class Problem(Exception):
    """A refusal. `field` is a dotted path with array indexes (`items.0.amount`) within `location`.

    Attributes: kind (a key of `KINDS`), message (one sentence: what was wrong and what would be right), field,
    location (`body`, `query`, `path`, `header`, `cookie` or None), resource and id of the record concerned, if any,
    and extra facts for the renderer (`allow`: the allowed methods).
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        field: str | None = None,
        location: str | None = None,
        resource: str | None = None,
        id: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.location = location
        self.resource = resource
        self.id = id
        self.extra: Mapping[str, Any] = extra or {}

    def __repr__(self) -> str:
        where = f" at {self.location or 'body'}:{self.field}" if self.field else ""
        return f"Problem({self.kind}{where}: {self.message})"
