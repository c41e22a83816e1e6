"""OpenAPI `links` made from the behaviour: from what makes or moves a record to everything that can be done with it.

So that whoever generates sequences of calls from a document, schemathesis among them, reaches deep states. The document
is copied; links it has of its own stay.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from understudy.check.subjects import Api, Subject
from understudy.contract.values import Operation

FROM = ("create", "upsert", "update", "replace", "retrieve")


def linked(document: dict[str, Any], api: Api) -> dict[str, Any]:
    """A document with links (OpenAPI 3.1, Link Object) between the operations of each resource."""
    copied = deepcopy(document)
    for subject in api.subjects.values():
        for source in [*(subject.operations[kind] for kind in FROM if kind in subject.operations), *subject.actions.values()]:
            found = _links(api, subject, source)
            response = _good(copied, source)
            if response is not None and found:
                response["links"] = {**found, **response.get("links", {})}
    return copied


def _good(document: dict[str, Any], operation: Operation) -> dict[str, Any] | None:
    """The operation's good answer in the document, where it stands there itself."""
    path = next((item for name, item in document.get("paths", {}).items() if operation.path.endswith(name)), None)
    responses = path.get(operation.method.lower(), {}).get("responses", {}) if isinstance(path, dict) else {}
    status = next((status for status in responses if str(status).startswith("2")), None)
    found = responses.get(status)
    if not isinstance(found, dict) or "$ref" in found:
        return None
    own = responses[status] = dict(found)  # several operations may share one by a YAML anchor
    return own


def _links(api: Api, subject: Subject, source: Operation) -> dict[str, Any]:
    id_at = "/".join(part for part in (subject.resource.wrap, subject.id_field) if part)
    links = {}
    for name, target in [*subject.operations.items(), *subject.actions.items()]:
        role = api.roles[target.key]
        if role.id_parameter is None or target.operation_id is None:
            continue
        parameters = {role.id_parameter: f"$response.body#/{id_at}"}
        parameters |= {parent: f"$request.path.{parent}" for parent in role.parents}
        links[f"{name}_{subject.name}"] = {"operationId": target.operation_id, "parameters": parameters}
    return links
