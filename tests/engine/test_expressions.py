"""Runtime expressions, with the examples of the OpenAPI specification."""

from __future__ import annotations

import pytest

from understudy.engine.expressions import Exchange, evaluate

EXCHANGE = Exchange(
    url="https://example.org/streams/123?callbackUrl=https://clientdomain.example/hook&callbackUrl=other", method="POST",
    path={"eventType": "myevent", "n": 5}, query=b"callbackUrl=https://clientdomain.example/hook&callbackUrl=other&a.b=1", body={
        "failedUrl": "https://client.example/failed", "successUrls": ["https://client.example/fast", "https://client.example/medium"], "a/b": {"~c": 1.5},
        "yes": True, "nothing": None},
    headers={b"content-type": b"application/json", b"x-back": b"https://back.example"}, status=201, response_headers={"Location": "https://example.org/1"},
    response_body={"id": "s_1"},
)  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), [
    ("$url", EXCHANGE.url), ("$method", "POST"), ("$statusCode", "201"),
    ("$request.path.eventType", "myevent"), ("$request.path.n", "5"), ("$request.path.none", None),
    ("$request.query.callbackUrl", "https://clientdomain.example/hook"), ("$request.query.a.b", "1"), ("$request.query.none", None),
    ("$request.header.content-Type", "application/json"), ("$request.header.X-Back", "https://back.example"), ("$request.header.none", None),
    ("$request.body#/failedUrl", "https://client.example/failed"), ("$request.body#/successUrls/1", "https://client.example/medium"),
    ("$request.body#/successUrls/2", None), ("$request.body#/successUrls/-", None), ("$request.body#/a~1b/~0c", "1.5"), ("$request.body#/yes", "true"),
    ("$request.body#/nothing", None), ("$response.header.location", "https://example.org/1"), ("$response.header.none", None),
    ("$response.body#/id", "s_1"), ("$response.body", '{"id":"s_1"}'), ("$response.query.a", None), ("$request.cookie.a", None), ("$nothing", None), ("$request.header", None),
    ("{$request.query.callbackUrl}/data", "https://clientdomain.example/hook/data"),
    ("http://notify.example?url={$request.body#/failedUrl}&id={$response.body#/id}", "http://notify.example?url=https://client.example/failed&id=s_1"),
    ("http://fixed.example/{$request.body#/gone}", None), ("http://fixed.example/", "http://fixed.example/"),
])  # fmt: skip
def test_an_expression_is_what_it_leads_to(expression: str, value: str | None) -> None:
    """Bare or embedded; None where it leads nowhere (OpenAPI 3.1.1 section 4.8.20.4)."""
    assert evaluate(expression, EXCHANGE) == value
