"""Stock schemathesis as a layer of `understudy check`."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from schemathesis.checks import CHECKS

from check.desk import HOME, SPEC
from understudy.check import opening
from understudy.check.checks import LawBroken, UnderstudyLaws, api_is
from understudy.check.fuzzing import Fuzzed, fuzz
from understudy.check.judging import ecma
from understudy.check.shrinking import shrunk
from understudy.understanding import Options, understand

# schemathesis leaves the streams of its event loop's thread to the collector
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What schemathesis leaves is collected here, where its warnings are left out, and in no other test."""
    yield
    gc.collect()


def test_scenarios_begin_over_a_large_document() -> None:
    """Of 250 operations too: their transitions are more than Hypothesis looks at by itself, and one call would be all."""
    options = Options(fixture="tutorial")
    api = opening.api_of(understand(options))
    _, target = opening.stand_in(options)
    try:
        found = fuzz(api, target, opening.credentials(api, None)["good"], phases=("stateful",), examples=2, seconds=3600.0)
    finally:
        target.close()
    assert found.failed is None
    assert found.findings == []
    assert found.calls >= 5


PETSTORE = str(HOME.parents[1] / "openapi" / "petstore.yaml")


def fuzzed(change: Callable[[bytes], bytes]) -> Fuzzed:
    """Schemathesis over the owners of the pet store, whose answers to a POST are changed; what is found made short."""
    playing = Options(spec=PETSTORE)
    api, (_, target) = opening.read_api(PETSTORE), opening.stand_in(playing)
    inner = target.app

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: dict[str, Any]) -> None:
            if scope.get("method") == "POST" and "body" in message:
                message = {**message, "body": change(message["body"])}
            await send(message)

        await inner(scope, receive, sent)

    target.app = changed
    try:
        found = fuzz(api, target, {}, phases=("fuzzing",), examples=10, allowed=frozenset(key for key in api.by_key if "/owners" in key))
        found.findings = [shrunk(one, target, {}) for one in found.findings]
        return found
    finally:
        target.close()


def test_its_calls_keep_the_laws_where_nothing_is_wrong() -> None:
    """What schemathesis sends is held to the laws and to the model too."""
    found = fuzzed(lambda body: body)
    assert [f"{one.law} {one.operation} {one.message}" for one in found.findings] == []
    assert found.claims > 10


def test_its_calls_show_what_it_does_not_look_for() -> None:
    """Schemathesis finds nothing in a create that answers another address; the law of it does, in the same calls, and its steps show it from a fresh start."""
    found = fuzzed(lambda body: re.sub(rb'("email":").', rb"\1z", body))
    (one,) = found.findings
    assert (one.law, one.operation, one.key) == ("read your writes", "POST /owners", "email")
    assert one.reproduced
    assert len(one.steps) == 1


def test_the_laws_are_a_check_of_stock_schemathesis() -> None:
    """Registered by importing it; it remembers what it saw, and a breach is a failure with the law for its title."""
    assert "UnderstudyLaws" in CHECKS.get_all_names()
    api_is(opening.read_api(SPEC))
    check, case = UnderstudyLaws(), SimpleNamespace()

    def seen(method: str, path: str, status: int, body: bytes) -> Any:
        request = SimpleNamespace(method=method, url=f"http://localhost{path}", body=None, headers={})
        return check.after_response(None, SimpleNamespace(request=request, status_code=status, headers={"content-type": ["application/json"], "location": ["/customers/cus_1"]}, content=body), case)

    customer = b'{"id": "cus_1", "email": "a@b.c", "name": "A", "tier": "basic", "credit": 0, "newsletter": false, "version": 1, "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}'
    try:
        assert seen("POST", "/customers", 201, customer) is None
        assert seen("GET", "/customers/cus_1", 200, customer) is None
        assert seen("DELETE", "/customers/cus_1", 204, b"") is None
        with pytest.raises(LawBroken, match="Law broken: deleted is gone"):
            seen("GET", "/customers/cus_1", 200, customer)
    finally:
        api_is(None)


@pytest.mark.parametrize(("pattern", "text", "fits"), [
    (r"^[^\s]+$", "a\x85", True), (r"^\S+$", "a\u3000", False), (r"^\w+$", "a\n", False), (r"^[\w.]+$", "é", False), (r"^\d$", "٣", False), (r"^a\$$", "a$", True), (r"[$]", "$", True),
])
def test_a_pattern_is_read_as_ecma_has_it(pattern: str, text: str, fits: bool) -> None:
    """JSON Schema's regular expressions are those of ECMA 262, not those of the standard library."""
    assert bool(ecma(pattern).search(text)) == fits  # type: ignore[union-attr]
    assert ecma(r"\p{L}") is None
