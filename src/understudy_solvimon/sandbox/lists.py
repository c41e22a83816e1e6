"""Pages of what no collection of the store holds as it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call


def paged(call: Call, rows: Sequence[Any]) -> dict[str, Any]:
    """A page of rows in the vendor's envelope, as the query's page and limit ask."""
    page, limit = int(call.query.get("page") or 1), int(call.query.get("limit") or 50)
    pages = max(1, -(-len(rows) // limit))
    sent = parse_qsl(call.raw_query.decode("utf-8", "replace"), keep_blank_values=True)

    def link(number: int) -> str:
        kept = [(name, value) for name, value in sent if name not in ("page", "limit")]
        return f"{call.url}?{urlencode([*kept, ('page', number), ('limit', limit)])}"

    return {
        "data": list(rows[(page - 1) * limit : page * limit]),
        "page": page,
        "limit": limit,
        "total_number_of_pages": pages,
        "links": {
            "first": link(1) if page > 1 else None,
            "previous": link(page - 1) if page > 1 else None,
            "current": link(page),
            "next": link(page + 1) if page < pages else None,
        },
    }
