"""The laws as a check of stock schemathesis: each answer by itself, and all answers together by a model of what was made, changed and deleted.

    SCHEMATHESIS_HOOKS=understudy.check.checks st run openapi.yaml --url http://localhost:8000

reads the document, and the behaviour file beside it, anew from where schemathesis has it, or from what the environment
variable UNDERSTUDY_SPEC names. In Python, `api_is(read_api("openapi.yaml"))` says it instead. One worker: of requests sent
at once nobody can tell which came first.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

import schemathesis
from schemathesis.core.failures import Failure, FailureGroup

from understudy.check.findings import Finding
from understudy.check.opening import read_api
from understudy.check.running import Report
from understudy.check.steps import Answer
from understudy.check.subjects import Api
from understudy.check.traffic import Recorded
from understudy.check.witness import Witness

SPEC = "UNDERSTUDY_SPEC"


class LawBroken(Failure):
    """A finding, as schemathesis tells it: the title is the law."""

    __slots__ = ("key",)
    kind_title = "Law broken"

    def __init__(self, finding: Finding) -> None:
        source = Report("", "", 0).laws.get(finding.law, "the contract")
        super().__init__(operation=finding.operation, title=f"Law broken: {finding.law}", message=f"{finding.message}\n\nThe law comes from: {source}")
        self.key = "|".join(finding.identity)

    @property
    def _unique_key(self) -> str:
        return self.key


class UnderstudyLaws:
    """What was seen of one API so far; schemathesis makes one for each run. `spec` may stand in its settings, as `[checks.UnderstudyLaws]`."""

    api: Api | None = None

    def __init__(self, spec: str | None = None) -> None:
        self._spec = spec
        self._witness: Witness | None = None

    def after_response(self, ctx: Any, response: Any, case: Any) -> bool | None:
        """Judge an answer. Raises LawBroken, or several of them as a group."""
        if self._witness is None:
            self._witness = Witness(type(self).api or read_api(self._spec or os.environ.get(SPEC) or _path(case.operation.schema.location)))
        request = response.request
        body = request.body.encode() if isinstance(request.body, str) else request.body
        told = Answer(response.status_code, {name.lower(): values[0] for name, values in response.headers.items() if values}, response.content or b"")
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        found = [LawBroken(one) for one in self._witness.see(Recorded(str(request.method), str(request.url), headers, body or None, told))]
        if len(found) > 1:
            raise FailureGroup(found)
        if found:
            raise found[0]
        return None


def _path(location: str | None) -> str:
    """The document as `understudy` names it. Raises ValueError where schemathesis does not know where it came from."""
    if not location:
        raise ValueError(f"where the document is, is not known; set {SPEC} to its path or address")
    return unquote(urlsplit(location).path) if location.startswith("file:") else location


def api_is(api: Api | None) -> None:
    """Judge by an API that was read already, or no longer."""
    UnderstudyLaws.api = api


schemathesis.check(UnderstudyLaws)
