"""A document of Stripe's size and habits, made: 400 operations and 4 MB of JSON, and a resource of ten lines.

Form bodies with dozens of described fields, records that refer to one another through `anyOf`, lists in an envelope with
`has_more`, updates by POST. Nothing is random.
"""

from __future__ import annotations

import json
from typing import Any

TEXT = {"type": "string"}
WORDS = ("The amount charged, in the smallest unit of the currency, as agreed when the record was made and never changed by later updates. "
         "See also the section on rounding. ")
FIELDS = 37
RESOURCES = 80


def described(number: int) -> dict[str, Any]:
    """One field of a large record."""
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "string", "maxLength": 5000}, {"type": "integer"}, {"type": "boolean"}, {"type": "string", "enum": ["day", "week", "month", "year"]},
        {"type": "object", "additionalProperties": {"type": "string"}}, {"type": "array", "items": {"type": "string", "maxLength": 500}},
        {"type": "object", "properties": {"from": {"type": "integer"}, "until": {"type": "integer"}, "note": {"type": "string"}}},
    )  # fmt: skip
    return {**kinds[number % len(kinds)], "description": WORDS}


def record(number: int) -> dict[str, Any]:
    """The schema of a resource, which refers to others of its kind."""
    others = {f"other_{step}": {"anyOf": [{"type": "string"}, {"$ref": f"#/components/schemas/thing_{(number + step) % RESOURCES}"}]} for step in (1, 7, 31)}
    fields = {f"field_{field}": described(number + field) for field in range(FIELDS)}
    status = {"type": "string", "enum": ["open", "closed"], "readOnly": True}
    return {"type": "object", "required": ["id", "object"], "properties": {
        "id": {**TEXT, "readOnly": True}, "object": {"type": "string", "enum": [f"thing_{number}"]}, "name": TEXT, "status": status, **fields, **others}}


def form(number: int) -> dict[str, Any]:
    """A body of many fields."""
    fields = {f"field_{field}": {**described(number + field), "description": WORDS * 2} for field in range(FIELDS)}
    return {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"name": TEXT, **fields}}}}}


def answers(schema: Any) -> dict[str, Any]:
    """One good answer, and a refusal for all else."""
    refused = {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}}
    return {"200": {"description": "fine", "content": {"application/json": {"schema": schema}}}, "default": refused}


def listed(schema: Any) -> dict[str, Any]:
    """An envelope of records."""
    return {"type": "object", "required": ["data", "has_more"], "properties": {"data": {"type": "array", "items": schema}, "has_more": {"type": "boolean"}, "url": TEXT}}


def resource(name: str, schema: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Five operations."""
    query = [{"name": parameter, "in": "query", "schema": TEXT} for parameter in ("limit", "starting_after", "ending_before", "status")]
    one = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}]}
    deleted = {"type": "object", "properties": {"id": TEXT, "deleted": {"type": "boolean"}}}
    return {
        f"/v1/{name}": {"get": {"parameters": query, "responses": answers(listed(schema))}, "post": {"requestBody": body, "responses": answers(schema)}},
        f"/v1/{name}/{{id}}": {**one, "get": {"responses": answers(schema)}, "post": {"requestBody": body, "responses": answers(schema)},
                               "delete": {"responses": answers(deleted)}},
    }


def pings() -> dict[str, Any]:
    """The resource of ten lines."""
    schema = {"type": "object", "required": ["id"], "properties": {"id": {**TEXT, "readOnly": True}, "name": TEXT}}
    return resource("pings", schema, {"content": {"application/json": {"schema": schema}}})


def document(paths: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The text of a document."""
    error = {"error": {"type": "object", "properties": {"message": TEXT}}}
    return json.dumps({"openapi": "3.0.3", "info": {"title": "made", "version": "1"}, "paths": paths, "components": {"schemas": {**error, **schemas}}}, indent=1)


def large() -> str:
    """About 4 MB: 79 large resources and the small one."""
    paths: dict[str, Any] = pings()
    for number in range(RESOURCES - 1):
        paths |= resource(f"thing_{number}s", {"$ref": f"#/components/schemas/thing_{number}"}, form(number))
    return document(paths, {f"thing_{number}": record(number) for number in range(RESOURCES)})


def small() -> str:
    """The small resource alone."""
    return document(pings(), {})


def wide(items: int) -> str:
    """A document of so many path items, all alike."""
    answer = {"get": {"responses": {"200": {"description": "fine"}}}}
    return document({f"/v1/area_{number % 40}/thing_{number}/{{id}}/part": answer for number in range(items)}, {})
