"""From a document's path items to frozen operations: parameters, bodies, responses, security, servers.

1. Reading is cheap: references to parameters, bodies and responses are followed, no schema is looked into.
2. What cannot be read becomes a Fault with its place; the rest of the document is read all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any
from urllib.parse import urljoin, urlsplit

from understudy.contract.documents import Documents, Unresolvable, escape
from understudy.contract.values import (
    Body,
    Callback,
    Fault,
    Operation,
    Parameter,
    Requirement,
    Response,
    Schema,
    Webhook,
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
LOCATIONS = ("path", "query", "querystring", "header", "cookie")
STYLES = {"path": "simple", "query": "form", "querystring": "form", "header": "simple", "cookie": "form"}
# OpenAPI 3.1, Parameter Object, name: header parameters of these names are ignored.
IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
MAX_BASES = 16
MAX_CHOICES = 256
NOTHING: Mapping[str, Any] = {}


class Reader:
    """Reads the operations and webhooks of documents, once; parts that are shared by reference are read once too."""

    def __init__(self, documents: Documents, faults: list[Fault]) -> None:
        self._documents = documents
        self._faults = faults
        self._parameters: dict[str, Parameter | None] = {}
        self._responses: dict[str, Response] = {}

    def operations(self) -> Iterator[tuple[Operation, tuple[str, ...]]]:
        """Every operation in document order, with the base paths it is served under."""
        for uri in self._documents.entries:
            document = self._mapping(self._documents.document(uri), f"{uri}#", "a document")
            self._check_version(document, uri)
            paths = self._mapping(document.get("paths"), f"{uri}#/paths", "`paths`")
            for path, item in paths.items():
                if str(path).startswith("/"):
                    yield from self._path_item(document, uri, str(path), item)
                elif not str(path).startswith("x-"):
                    self._fault(f"{uri}#/paths/{escape(path)}", "a path begins with a slash")

    def _check_version(self, document: Mapping[str, Any], uri: str) -> None:
        version = str(document.get("openapi", "") or document.get("swagger", ""))
        if not version.startswith(("3.0", "3.1", "3.2")):
            said = f"not {version}" if version else "which is missing"
            self._fault(f"{uri}#", f"a document names its version, `openapi: 3.0` to `3.2` or `swagger: 2.0`, {said}")

    def webhooks(self) -> Iterator[Webhook]:
        """Every entry of `webhooks` (and `x-webhooks`, as 3.0 documents have it): its first operation."""
        for uri in self._documents.entries:
            document = self._documents.document(uri)
            for section in ("webhooks", "x-webhooks"):
                entries = document.get(section) if isinstance(document, Mapping) else None
                for name, item in entries.items() if isinstance(entries, Mapping) else ():
                    webhook = self._webhook(str(name), f"{uri}#/{section}/{escape(name)}", item)
                    if webhook is not None:
                        yield webhook

    def callbacks(self, operation: Operation) -> Iterator[Callback]:
        """Every request of an operation's `callbacks`."""
        for name, entry in as_mapping(operation.raw.get("callbacks")).items():
            address, target = self._follow(f"{operation.uri}/callbacks/{escape(name)}", entry)
            for expression, item in as_mapping(target).items():
                if str(expression).startswith("x-"):
                    continue
                place, path_item = self._item(f"{address}/{escape(expression)}", item)
                for method, written, raw in methods(place, path_item):
                    body = self._body(f"{written}/requestBody", as_mapping(raw).get("requestBody"))
                    yield Callback(str(name), str(expression), method, body, written)

    # path items --------------------------------------------------------------------------------------------------

    def _path_item(
        self, document: Mapping[str, Any], uri: str, path: str, item: Any
    ) -> Iterator[tuple[Operation, tuple[str, ...]]]:
        place, item = self._item(f"{uri}#/paths/{escape(path)}", item)
        shared = self._read_parameters(place, item.get("parameters"))
        for method, written, there in methods(place, item):
            address, raw = self._follow(written, there)  # not in the standard, yet widely written and understood
            if not isinstance(raw, Mapping):
                self._fault(address, "an operation is an object")
                continue
            servers = raw.get("servers") or item.get("servers") or document.get("servers")
            bases = self._bases(servers, uri)
            key = f"{method} {bases[0]}{path}"
            yield self._operation(document, uri, key, address, raw, shared), bases

    def _item(self, place: str, item: Any) -> tuple[str, Mapping[str, Any]]:
        address, target = self._follow(place, item)
        target = self._mapping(target, address, "a path item")
        if isinstance(item, Mapping) and "$ref" in item and len(item) > 1:
            # OpenAPI 3.1, Path Item Object, $ref: siblings are allowed; where both say something the nearer one counts.
            return address, {**target, **{name: value for name, value in item.items() if name != "$ref"}}
        return address, target

    def _operation(
        self,
        document: Mapping[str, Any],
        uri: str,
        key: str,
        address: str,
        raw: Mapping[str, Any],
        shared: dict[tuple[str, str], Parameter],
    ) -> Operation:
        method, _, path = key.partition(" ")
        parameters = {**shared, **self._read_parameters(address, raw.get("parameters"))}
        operation_id = raw.get("operationId")
        security = raw["security"] if "security" in raw else document.get("security")
        return Operation(
            key=key,
            method=method,
            path=path,
            operation_id=operation_id if isinstance(operation_id, str) else None,
            summary=str(raw.get("summary") or ""),
            tags=tuple(str(tag) for tag in self._list(raw.get("tags"), f"{address}/tags")),
            deprecated=raw.get("deprecated") is True,
            parameters=tuple(parameters.values()),
            body=self._body(f"{address}/requestBody", raw.get("requestBody")),
            responses=self._read_responses(f"{address}/responses", raw.get("responses")),
            security=self._security(document, f"{address}/security", security),
            uri=address,
            raw=raw,
            document=uri,
        )

    def _webhook(self, name: str, place: str, item: Any) -> Webhook | None:
        place, item = self._item(place, item)
        for method, address, raw in methods(place, item):
            if isinstance(raw, Mapping):
                body = self._body(f"{address}/requestBody", raw.get("requestBody"))
                return Webhook(name=name, method=method, body=body, uri=address, raw=raw)
        self._fault(place, "a webhook names the method it is sent with, usually `post`")
        return None

    # parameters --------------------------------------------------------------------------------------------------

    def _read_parameters(self, place: str, parameters: Any) -> dict[tuple[str, str], Parameter]:
        found = {}
        for index, raw in enumerate(self._list(parameters, f"{place}/parameters")):
            parameter = self._parameter(f"{place}/parameters/{index}", raw)
            if parameter is not None:
                found[parameter.location, parameter.name] = parameter
        return found

    def _parameter(self, place: str, raw: Any) -> Parameter | None:
        address, target = self._follow(place, raw)
        if address not in self._parameters:
            self._parameters[address] = self._make_parameter(address, target)
        return self._parameters[address]

    def _make_parameter(self, address: str, raw: Any) -> Parameter | None:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str) or raw.get("in") not in LOCATIONS:
            if raw is not NOTHING:
                self._fault(address, f"a parameter has a `name`, and an `in` that is one of {', '.join(LOCATIONS)}")
            return None
        name, location = raw["name"], raw["in"]
        if location == "header" and name.lower() in IGNORED_HEADERS:
            return None
        style = str(raw.get("style") or STYLES[location])
        media_type, schema = self._parameter_schema(address, raw)
        return Parameter(
            name=name,
            location=location,
            required=location == "path" or raw.get("required") is True,
            schema=schema,
            style=style,
            explode=raw["explode"] if isinstance(raw.get("explode"), bool) else style in ("form", "cookie"),
            media_type=media_type,
            allow_reserved=raw.get("allowReserved") is True,
            description=str(raw.get("description") or ""),
            allow_empty=raw.get("allowEmptyValue") is True,
            uri=address,
        )

    def _parameter_schema(self, address: str, raw: Mapping[str, Any]) -> tuple[str | None, Schema | None]:
        content = raw.get("content")
        if not isinstance(content, Mapping) or not content:
            return None, self._schema(f"{address}/schema", raw.get("schema"))
        kind = next(iter(content))
        media = content[kind] if isinstance(content[kind], Mapping) else NOTHING
        return plain_media_type(kind), self._schema(f"{address}/content/{escape(kind)}/schema", media.get("schema"))

    # bodies and responses ----------------------------------------------------------------------------------------

    def _body(self, place: str, raw: Any) -> Body | None:
        if raw is None:
            return None
        address, raw = self._follow(place, raw)
        raw = self._mapping(raw, address, "a request body")
        content = self._content(f"{address}/content", raw.get("content"))
        encoding = {
            plain_media_type(kind): media["encoding"]
            for kind, media in as_mapping(raw.get("content")).items()
            if isinstance(media, Mapping) and isinstance(media.get("encoding"), Mapping)
        }
        return Body(required=raw.get("required") is True, content=content, encoding=encoding)

    def _content(self, place: str, content: Any) -> dict[str, Schema | None]:
        found: dict[str, Schema | None] = {}
        for kind, raw in self._mapping(content, place, "`content`").items():
            address, target = self._follow(f"{place}/{escape(kind)}", raw)
            media = self._mapping(target, address, "a media type")
            word = "schema" if "schema" in media or "itemSchema" not in media else "itemSchema"
            found.setdefault(plain_media_type(kind), self._schema(f"{address}/{word}", media.get(word)))
        return found

    def _read_responses(self, place: str, responses: Any) -> dict[str, Response]:
        found = {}
        for written, raw in self._mapping(responses, place, "`responses`").items():
            status = "default" if written == "default" else str(written).upper()
            if not status.startswith("X-"):
                found[status] = self._response(status, f"{place}/{escape(written)}", raw)
        return found

    def _response(self, status: str, place: str, raw: Any) -> Response:
        address, raw = self._follow(place, raw)
        key = f"{status} {address}"
        if key not in self._responses:
            raw = self._mapping(raw, address, "a response")
            self._responses[key] = self._make_response(status, address, raw)
        return self._responses[key]

    def _make_response(self, status: str, address: str, raw: Mapping[str, Any]) -> Response:
        headers, required = self._headers(f"{address}/headers", raw.get("headers"))
        content = raw.get("content")
        return Response(
            status=status,
            content=self._content(f"{address}/content", content),
            examples={plain_media_type(kind): media for kind, media in as_mapping(content).items()},
            headers=headers,
            required_headers=required,
            description=str(raw.get("description") or ""),
        )

    def _headers(self, place: str, headers: Any) -> tuple[dict[str, Schema | None], frozenset[str]]:
        found: dict[str, Schema | None] = {}
        required = set()
        for name, raw in self._mapping(headers, place, "`headers`").items():
            address, target = self._follow(f"{place}/{escape(name)}", raw)
            header = self._mapping(target, address, "a header")
            found[str(name)] = self._parameter_schema(address, header)[1]
            if header.get("required") is True:
                required.add(str(name))
        return found, frozenset(required)

    def _schema(self, address: str, value: Any) -> Schema | None:
        if value is None:
            return None
        if not isinstance(value, (Mapping, bool)):
            self._fault(address, "a schema is an object")
            return None
        return Schema(address, value)

    # servers and security ----------------------------------------------------------------------------------------

    def _bases(self, servers: Any, uri: str) -> tuple[str, ...]:
        """The base paths of a list of servers, without a slash at the end; variables take their default and enum."""
        bases: dict[str, None] = {}
        for server in servers if isinstance(servers, list) else ():
            if isinstance(server, Mapping) and isinstance(server.get("url"), str):
                bases.update(dict.fromkeys(base_paths(server["url"], server.get("variables") or NOTHING, uri)))
        return tuple(bases)[:MAX_BASES] or ("",)

    def _security(
        self, document: Mapping[str, Any], place: str, security: Any
    ) -> tuple[tuple[Requirement, ...], ...] | None:
        if not security:
            return None
        alternatives = []
        for index, raw in enumerate(self._list(security, place)):
            alternative = self._mapping(raw, f"{place}/{index}", "a security requirement")
            found = [self._requirement(document, place, name, scopes) for name, scopes in alternative.items()]
            if None not in found:
                alternatives.append(tuple(one for one in found if one is not None))
        return tuple(alternatives) or None

    def _requirement(self, document: Mapping[str, Any], place: str, name: str, scopes: Any) -> Requirement | None:
        components = document.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
        scheme = schemes.get(name) if isinstance(schemes, Mapping) else None
        _, scheme = self._follow(place, scheme)
        if not isinstance(scheme, Mapping):
            self._fault(place, f'there is no security scheme "{name}" in `components.securitySchemes`')
            return None
        return Requirement(name, scheme, tuple(scopes) if isinstance(scopes, list) else ())

    # reading with care -------------------------------------------------------------------------------------------

    def _follow(self, place: str, value: Any) -> tuple[str, Any]:
        if not isinstance(value, Mapping) or "$ref" not in value:
            return place, value
        try:
            return self._documents.follow(place, value)
        except Unresolvable as error:
            self._fault(f"{place}/$ref", str(error))
            return place, NOTHING

    def _mapping(self, value: Any, place: str, what: str) -> Mapping[str, Any]:
        if value is None:
            return NOTHING
        if not isinstance(value, Mapping):
            self._fault(place, f"{what} is an object")
            return NOTHING
        return value

    def _list(self, value: Any, place: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self._fault(place, "this is a list")
            return []
        return value

    def _fault(self, where: str, message: str) -> None:
        fault = Fault(where, message)
        if fault not in self._faults:
            self._faults.append(fault)


def methods(place: str, item: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The operations of a path item: method, address, object (OpenAPI 3.2: also `query` and `additionalOperations`)."""
    for name, raw in item.items():
        if name in METHODS:
            yield name.upper(), f"{place}/{name}", raw
        elif name == "additionalOperations" and isinstance(raw, Mapping):
            for method, operation in raw.items():
                yield str(method), f"{place}/additionalOperations/{escape(method)}", operation


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or nothing where there is something else, which is told where it is read."""
    return value if isinstance(value, Mapping) else NOTHING


def plain_media_type(kind: str) -> str:
    """A media type in lower case, without its parameters."""
    return str(kind).partition(";")[0].strip().lower()


def base_paths(url: str, variables: Mapping[str, Any], document: str = "") -> Iterator[str]:
    """The path part of a server URL for every value its variables can have (OpenAPI 3.1, Server Variable Object)."""
    used = [name for name in variables if f"{{{name}}}" in url]
    choices = [variable_values(variables[name]) for name in used]
    for values in islice(product(*choices), MAX_CHOICES):
        filled = url
        for name, value in zip(used, values, strict=True):
            filled = filled.replace(f"{{{name}}}", value)
        yield url_path(filled, document)


def variable_values(variable: Any) -> list[str]:
    """The default of a server variable first, then the others of its enum."""
    if not isinstance(variable, Mapping):
        return [""]
    values = [variable.get("default"), *(variable.get("enum") or [])]
    return list(dict.fromkeys(str(value).strip("/") for value in values if value is not None)) or [""]


def url_path(url: str, document: str = "") -> str:
    """The path of a server URL, which may be relative to the document's; nothing for a URL that cannot be read."""
    try:
        if document.startswith(("http:", "https:")):
            url = urljoin(document, url)  # OpenAPI 3.1, Server Object, url: relative to where the document is served
        path = urlsplit(url).path if "://" in url else url.partition("?")[0].partition("#")[0]
    except ValueError:
        return ""
    path = "/" + path.lstrip("./")
    return path.rstrip("/")
