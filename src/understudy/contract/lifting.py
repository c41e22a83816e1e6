"""Swagger 2.0 read as OpenAPI 3.0: the same document with its operations in the newer words.

1. Schemas are not touched and stay at their addresses (`#/definitions/…`); their words are converted when compiled.
2. A part this file cannot place is left as it is, for the reader to report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
SCHEMA_WORDS = frozenset(
    [
        "type",
        "format",
        "items",
        "default",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "enum",
        "multipleOf",
        "x-nullable",
        "x-example",
    ]
)
COLLECTIONS: Mapping[str, tuple[str, bool]] = {
    # OpenAPI 2.0, Parameter Object, collectionFormat -> OpenAPI 3 style and explode
    "csv": ("form", False),
    "ssv": ("spaceDelimited", False),
    "tsv": ("tabDelimited", False),
    "pipes": ("pipeDelimited", False),
    "multi": ("form", True),
}
FLOWS = {"accessCode": "authorizationCode", "application": "clientCredentials"}
JSON = ["application/json"]
FORMS = ["application/x-www-form-urlencoded"]


def lift(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as OpenAPI 3.0; definitions, and whatever else refers to them, stay where they are."""
    lifted = {
        name: value for name, value in document.items() if name not in ("swagger", "paths", "securityDefinitions")
    }
    lifted["openapi"] = "3.0.3"
    lifted["servers"] = _servers(document)
    lifted["paths"] = {
        path: _path_item(document, item) if isinstance(item, Mapping) and str(path).startswith("/") else item
        for path, item in _mapping(document.get("paths")).items()
    }
    lifted["parameters"] = {
        name: _parameter(one) if not _is_body(one) else one
        for name, one in _mapping(document.get("parameters")).items()
    }
    lifted["responses"] = {
        name: _response(document, {}, one) for name, one in _mapping(document.get("responses")).items()
    }
    schemes = _mapping(document.get("securityDefinitions"))
    lifted["components"] = {
        "schemas": _mapping(document.get("definitions")),
        "securitySchemes": {name: _scheme(scheme) for name, scheme in schemes.items()},
    }
    return lifted


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kinds(value: Any) -> list[str]:
    """Media types, as far as they are some."""
    return [one for one in _listed(value) if isinstance(one, str)]


def _joined(parameter: Mapping[str, Any]) -> tuple[str, bool]:
    """Style and explode of how a list is written."""
    return COLLECTIONS.get(str(parameter.get("collectionFormat", "csv")), ("form", False))


def _servers(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    base, host = document.get("basePath") or "/", document.get("host")
    if not host:
        return [{"url": base}]
    return [{"url": f"{scheme}://{host}{base}"} for scheme in _listed(document.get("schemes")) or ["https"]]


def _path_item(document: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    shared = [_resolved(document, one) for one in _listed(item.get("parameters"))]
    odd = not isinstance(item.get("parameters", []), list)  # left as it is: the reader says so
    lifted = {name: value for name, value in item.items() if name not in METHODS and (odd or name != "parameters")}
    if plain := [
        _place(document, one) for one in _listed(item.get("parameters")) if not _is_body(_resolved(document, one))
    ]:
        lifted["parameters"] = plain
    for method in METHODS:
        if isinstance(item.get(method), Mapping):
            lifted[method] = _operation(document, item[method], [one for one in shared if _is_body(one)])
    return lifted


def _operation(document: Mapping[str, Any], operation: Mapping[str, Any], shared: list[Any]) -> dict[str, Any]:
    lifted = {name: value for name, value in operation.items() if name not in ("consumes", "produces", "schemes")}
    own = [(one, _resolved(document, one)) for one in _listed(operation.get("parameters"))]
    if isinstance(operation.get("parameters", []), list):
        lifted["parameters"] = [_place(document, one) for one, resolved in own if not _is_body(resolved)]
    if bodies := shared + [resolved for _, resolved in own if _is_body(resolved)]:
        lifted["requestBody"] = _body(bodies, _kinds(operation.get("consumes")) or _kinds(document.get("consumes")))
    lifted["responses"] = {
        str(status): _response(document, operation, one) for status, one in _mapping(operation.get("responses")).items()
    }
    return lifted


def _resolved(document: Mapping[str, Any], parameter: Any) -> Any:
    ref = parameter.get("$ref") if isinstance(parameter, Mapping) else None
    if isinstance(ref, str) and ref.startswith("#/parameters/"):
        return _mapping(document.get("parameters")).get(ref.removeprefix("#/parameters/"), parameter)
    return parameter


def _place(document: Mapping[str, Any], parameter: Any) -> Any:
    return parameter if _mapping(parameter).get("$ref") else _parameter(parameter)


def _is_body(parameter: Any) -> bool:
    return isinstance(parameter, Mapping) and parameter.get("in") in ("body", "formData")


def _schema(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameter.items() if name in SCHEMA_WORDS}


def _parameter(parameter: Any) -> Any:
    if not isinstance(parameter, Mapping):
        return parameter
    lifted = {name: value for name, value in parameter.items() if name not in SCHEMA_WORDS}
    lifted.pop("collectionFormat", None)
    lifted["schema"] = _schema(parameter)
    if parameter.get("type") == "array":
        style, explode = _joined(parameter)
        plain = parameter.get("in") in ("path", "header")
        lifted.update(style="simple" if plain and style == "form" else style, explode=explode)
    return lifted


def _body(bodies: list[Any], consumes: list[str]) -> dict[str, Any]:
    """One requestBody: the `body` parameter if there is one, else an object with a property for each `formData`."""
    whole = [one for one in bodies if one.get("in") == "body"]
    if whole:
        one = whole[-1]
        media = {"schema": one.get("schema", {})}
        return {"required": bool(one.get("required")), "content": dict.fromkeys(consumes or JSON, media)}
    fields = {str(one.get("name", "")): one for one in bodies}
    files = any(one.get("type") == "file" for one in fields.values())
    kinds = [kind for kind in consumes or [] if kind in (*FORMS, "multipart/form-data")]
    required = [name for name, one in fields.items() if one.get("required")]
    schema: dict[str, Any] = {"type": "object", "properties": {name: _schema(one) for name, one in fields.items()}}
    if required:
        schema["required"] = required
    media = {"schema": schema, "encoding": _encoding(fields)}
    kinds = kinds or (["multipart/form-data"] if files else FORMS)
    return {"required": bool(required), "content": dict.fromkeys(kinds, media)}


def _encoding(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    encoding = {}
    for name, one in fields.items():
        if one.get("type") == "array":
            style, explode = _joined(one)
            encoding[name] = {"style": style, "explode": explode}
    return encoding


def _response(document: Mapping[str, Any], operation: Mapping[str, Any], response: Any) -> Any:
    if not isinstance(response, Mapping) or "$ref" in response:
        return response
    lifted = {name: value for name, value in response.items() if name not in ("schema", "examples", "headers")}
    examples = _mapping(response.get("examples"))
    kinds = _kinds(operation.get("produces")) or _kinds(document.get("produces")) or list(JSON)
    if "schema" in response:
        kinds += [kind for kind in examples if kind not in kinds]
        lifted["content"] = {kind: _media(response["schema"], kind, examples) for kind in kinds}
    if headers := _mapping(response.get("headers")):
        lifted["headers"] = {name: _parameter(header) for name, header in headers.items()}
    return lifted


def _media(schema: Any, kind: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": schema, "example": examples[kind]} if kind in examples else {"schema": schema}


def _scheme(scheme: Any) -> Any:
    if not isinstance(scheme, Mapping):
        return scheme
    if scheme.get("type") == "basic":
        return {**scheme, "type": "http", "scheme": "basic"}
    if scheme.get("type") != "oauth2":
        return scheme
    flow = {name: scheme[name] for name in ("authorizationUrl", "tokenUrl", "scopes") if name in scheme}
    name = str(scheme.get("flow", "implicit"))
    return {"type": "oauth2", "description": scheme.get("description", ""), "flows": {FLOWS.get(name, name): flow}}
