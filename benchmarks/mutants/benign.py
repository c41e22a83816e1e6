"""Variants of reference.py that break nothing: other ids, other words, more fields, another order, other tokens, slower."""

from __future__ import annotations

from planted import Planted

BENIGN = (
    Planted("benign", "ids of other letters", 'string.ascii_lowercase + string.digits, k=12', 'string.ascii_uppercase, k=12'),
    Planted("benign", "longer ids", 'k=12))', 'k=24))'),
    Planted("benign", "other words of refusals", '"this email is taken"', '"somebody else has this email"'),
    Planted("benign", "other titles", 'raise Refused(404, "Not Found", "no such order")', 'raise Refused(404, "Unknown", "there is no order of this name")'),
    Planted("benign", "another optional field in customers", 'return 201, [("location", f"/customers/{record[\'id\']}")], dict(record)', 'return 201, [("location", f"/customers/{record[\'id\']}")], {**record, "links": {"orders": "/orders"}}'),
    Planted("benign", "another optional field in a page", '"has_more": bool(rest), ', '"has_more": bool(rest), "request_id": "r1", '),
    Planted("benign", "another optional field in problems", '"detail": refused.detail}', '"detail": refused.detail, "trace_id": "0af7651916cd43dd"}'),
    Planted("benign", "keys in another order", 'return {field: value for field, value in row.items() if field != "number"}', 'return {field: row[field] for field in sorted(row, reverse=True) if field != "number"}'),
    Planted("benign", "other page tokens", 'return base64.urlsafe_b64encode(json.dumps([id, key]).encode()).decode().rstrip("=")', 'return base64.urlsafe_b64encode(b"  " + json.dumps([id, key]).encode()).decode().rstrip("=")'),
    Planted("benign", "slower", '        self.outbox = []\n', '        self.outbox = []\n        __import__("time").sleep(0.001)\n'),
    Planted("benign", "time stamps with fractions", '.strftime("%Y-%m-%dT%H:%M:%SZ")', '.strftime("%Y-%m-%dT%H:%M:%S.%fZ")'),
    Planted("benign", "spaces in JSON", 'json.dumps(answer).encode()', 'json.dumps(answer, indent=2).encode()'),
    Planted("benign", "another header", 'sent = [("content-length", str(len(content))), *more]', 'sent = [("content-length", str(len(content))), ("x-request-id", "r-1"), *more]'),
    Planted("benign", "a charset in the media type", 'else "application/json"\n', 'else "application/json; charset=utf-8"\n'),
    Planted("benign", "versions in steps of two", '        record.update(values)\n        record["version"] += 1\n', '        record.update(values)\n        record["version"] += 2\n'),
    Planted("benign", "keys of any case in references", 'problem = {"type": "about:blank"', 'problem = {"type": "https://desk.example/problems/refused"'),
)  # fmt: skip
"""All of them."""
