"""A small order desk, written for itself: customers, their orders with a life, comments on them, and webhooks.

It is the reference of the mutants beside it: its own code, its own document and its own behaviour file. It shares no
line with the engine. Each rule stands on a line of its own, so that a bug can be planted in one of them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import random
import re
import string
import threading
import urllib.request
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote

KEYS = {"k_test"}
TIERS = ("basic", "plus", "pro")
PRIORITIES = ("low", "normal", "high")
TABLE = {
    "draft": {"place": "placed", "cancel": "cancelled"},
    "placed": {"pay": "paid", "cancel": "cancelled"},
    "paid": {"ship": "shipped", "refund": "refunded"},
    "shipped": {"deliver": "delivered"},
    "delivered": {"refund": "refunded"},
    "cancelled": {},
    "refunded": {},
}
TRIGGERS = ("place", "pay", "ship", "deliver", "cancel", "refund")
STAMPS = {"placed": "placed_at", "paid": "paid_at", "shipped": "shipped_at", "delivered": "delivered_at", "cancelled": "cancelled_at", "refunded": "refunded_at"}
ORDER_FIELDS = ("customer_id", "reference", "quantity", "unit_price", "priority", "note", "tags", "due_on")
CUSTOMER_FIELDS = ("email", "name", "tier", "credit", "newsletter")


class Refused(Exception):
    """An answer that is a problem (RFC 9457)."""

    def __init__(self, status, title, detail="", headers=()):
        super().__init__(title)
        self.status, self.title, self.detail, self.headers = status, title, detail, list(headers)


class Desk:
    """The application. `deliver(url, headers, body)` sends a webhook; it is called one after the other."""

    def __init__(self, deliver=None):
        self.deliver = deliver or _post
        self.reset()

    def reset(self):
        self.random = random.Random(7)
        self.customers, self.orders, self.comments, self.webhooks, self.keys = {}, {}, {}, {}, {}
        self.events = 0
        self.lock = threading.Lock()

    # --- the ways in -----------------------------------------------------------------------------------------------

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        status, more, answer = self.handle(scope["method"], path, scope["query_string"].decode(), headers, body)
        content = b"" if answer is None else json.dumps(answer).encode()
        media = "application/problem+json" if status >= 400 else "application/json"
        sent = [("content-length", str(len(content))), *more] + ([("content-type", media)] if content else [])
        await send({"type": "http.response.start", "status": status, "headers": [(name.encode(), value.encode()) for name, value in sent]})
        await send({"type": "http.response.body", "body": content})

    def handle(self, method, path, query, headers, body):
        self.outbox = []
        try:
            with self.lock:
                status, more, answer = self.route(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body)
        except Refused as refused:
            problem = {"type": "about:blank", "title": refused.title, "status": refused.status, "detail": refused.detail}
            return refused.status, refused.headers, problem
        for url, head, content in self.outbox:
            self.deliver(url, head, content)
        return status, more, answer

    def route(self, method, path, query, headers, body):
        if path == "/_reset" and method == "POST":
            self.reset()
            return 204, [], None
        if headers.get("x-api-key") not in KEYS:
            raise Refused(401, "Unauthorized", "a key is needed", [("www-authenticate", "ApiKey")])
        parts = [unquote(part) for part in path.strip("/").split("/")]
        for pattern, methods in ROUTES:
            found = _match(pattern, parts)
            if found is None:
                continue
            if method not in methods:
                raise Refused(405, "Method Not Allowed", "", [("allow", ", ".join(sorted(methods)))])
            return methods[method](self, found, query, headers, _read(method, headers, body))
        raise Refused(404, "Not Found", "no such path")

    # --- customers ---------------------------------------------------------------------------------------------------

    def list_customers(self, ids, query, headers, body):
        page = _number(query, "page", 1, 1, 100000)
        size = _number(query, "per_page", 10, 1, 50)
        rows = list(self.customers.values())
        if "tier" in query:
            _among(query["tier"], TIERS, "tier")
            rows = [row for row in rows if row["tier"] == query["tier"]]
        if "newsletter" in query:
            _among(query["newsletter"], ("true", "false"), "newsletter")
            rows = [row for row in rows if row["newsletter"] == (query["newsletter"] == "true")]
        sort = query.get("sort", "created_at")
        _among(sort, ("name", "-name", "credit", "-credit", "created_at", "-created_at"), "sort")
        if sort != "created_at":
            rows = sorted(rows, key=lambda row: row[sort.lstrip("-")], reverse=sort.startswith("-"))
        start = (page - 1) * size
        pages = -(-len(rows) // size)
        return 200, [], {"customers": rows[start : start + size], "page": page, "per_page": size, "total": len(rows), "pages": pages}

    def create_customer(self, ids, query, headers, body):
        values = self.customer_values(body, None)
        now = _now()
        record = {"id": self.new_id("cus"), **values, "version": 1, "created_at": now, "updated_at": now}
        self.customers[record["id"]] = record
        self.emit("customer.created", record)
        return 201, [("location", f"/customers/{record['id']}")], dict(record)

    def customer_values(self, body, own):
        _known(body, CUSTOMER_FIELDS)
        values = {
            "email": _text(body, "email", 3, 80, pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+"),
            "name": _text(body, "name", 1, 60),
            "tier": _enum(body, "tier", TIERS, "basic"),
            "credit": _integer(body, "credit", 0, 10000, 0),
            "newsletter": _flag(body, "newsletter", False),
        }
        if any(other["email"].lower() == values["email"].lower() and other["id"] != own for other in self.customers.values()):
            raise Refused(409, "Conflict", "this email is taken")
        return values

    def get_customer(self, ids, query, headers, body):
        return 200, [], self.customer(ids["customer_id"])

    def customer(self, id):
        if id not in self.customers:
            raise Refused(404, "Not Found", "no such customer")
        return self.customers[id]

    def patch_customer(self, ids, query, headers, body):
        record = self.customer(ids["customer_id"])
        _known(body, CUSTOMER_FIELDS)
        merged = {**{field: record[field] for field in CUSTOMER_FIELDS}, **body}
        values = self.customer_values(merged, record["id"])
        return self.save_customer(record, values)

    def put_customer(self, ids, query, headers, body):
        record = self.customer(ids["customer_id"])
        values = self.customer_values(body, record["id"])
        return self.save_customer(record, values)

    def save_customer(self, record, values):
        record.update(values)
        record["version"] += 1
        record["updated_at"] = _now()
        self.emit("customer.updated", record)
        return 200, [], dict(record)

    def delete_customer(self, ids, query, headers, body):
        record = self.customer(ids["customer_id"])
        if any(order["customer_id"] == record["id"] for order in self.orders.values()):
            raise Refused(409, "Conflict", "it has orders")
        del self.customers[record["id"]]
        self.emit("customer.deleted", record)
        return 204, [], None

    # --- orders --------------------------------------------------------------------------------------------------------

    def list_orders(self, ids, query, headers, body):
        limit = _number(query, "limit", 20, 1, 50)
        rows = list(self.orders.values())
        if "status" in query:
            _among(query["status"], tuple(TABLE), "status")
            rows = [row for row in rows if row["status"] == query["status"]]
        if "priority" in query:
            _among(query["priority"], PRIORITIES, "priority")
            rows = [row for row in rows if row["priority"] == query["priority"]]
        if "customer_id" in query:
            rows = [row for row in rows if row["customer_id"] == query["customer_id"]]
        if "min_total" in query:
            least = _number(query, "min_total", 0, 0, 10**12)
            rows = [row for row in rows if row["total"] >= least]
        if "max_total" in query:
            most = _number(query, "max_total", 0, 0, 10**12)
            rows = [row for row in rows if row["total"] <= most]
        field = query.get("order_by", "created_at")
        _among(field, ("created_at", "total", "quantity", "reference"), "order_by")
        direction = query.get("direction", "desc" if field == "created_at" else "asc")
        _among(direction, ("asc", "desc"), "direction")
        key = (lambda row: row["number"]) if field == "created_at" else (lambda row: (row[field], row["number"]))
        rows = sorted(rows, key=key, reverse=direction == "desc")
        total = len(rows)
        if query.get("cursor"):
            rows = rows[self.position(query["cursor"], rows, key, direction) :]
        page, rest = rows[:limit], rows[limit:]
        cursor = _cursor(page[-1]["id"], key(page[-1])) if rest else None
        return 200, [], {"data": [_shown(row) for row in page], "has_more": bool(rest), "next_cursor": cursor, "total": total}

    def position(self, cursor, rows, key, direction):
        id, last = _uncursor(cursor)
        for index, row in enumerate(rows):
            if row["id"] == id:
                return index + 1
        if direction == "desc":
            return sum(1 for row in rows if key(row) >= last)
        return sum(1 for row in rows if key(row) <= last)

    def create_order(self, ids, query, headers, body):
        key = headers.get("idempotency-key")
        print_ = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if key is not None and key in self.keys:
            known, answer = self.keys[key]
            if known != print_:
                raise Refused(409, "Conflict", "this key was used with another body")
            return 201, [("location", f"/orders/{answer['id']}"), ("idempotent-replayed", "true")], dict(answer)
        values = self.order_values(body, None)
        now = _now()
        stamps = dict.fromkeys(STAMPS.values())
        record = {"id": self.new_id("ord"), **values, "status": "draft", "total": values["quantity"] * values["unit_price"],
                  "version": 1, "created_at": now, "updated_at": now, **stamps, "number": self.number()}
        self.orders[record["id"]] = record
        if key is not None:
            self.keys[key] = (print_, _shown(record))
        self.emit("order.created", _shown(record))
        return 201, [("location", f"/orders/{record['id']}")], _shown(record)

    def order_values(self, body, own):
        _known(body, ORDER_FIELDS)
        values = {
            "customer_id": _text(body, "customer_id", 1, 40),
            "reference": _text(body, "reference", 3, 30, pattern=r"[A-Za-z0-9-]+"),
            "quantity": _integer(body, "quantity", 1, 999),
            "unit_price": _integer(body, "unit_price", 1, 1000000),
            "priority": _enum(body, "priority", PRIORITIES, "normal"),
            "note": _text(body, "note", 0, 200, default=None),
            "tags": _tags(body),
            "due_on": _text(body, "due_on", 10, 10, default=None, pattern=r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"),
        }
        if values["customer_id"] not in self.customers:
            raise Refused(422, "Unprocessable Content", "no such customer")
        if any(other["reference"] == values["reference"] and other["id"] != own for other in self.orders.values()):
            raise Refused(409, "Conflict", "this reference is taken")
        return values

    def order(self, id):
        found = self.orders.get(id) or next((row for row in self.orders.values() if row["reference"] == id), None)
        if found is None:
            raise Refused(404, "Not Found", "no such order")
        return found

    def get_order(self, ids, query, headers, body):
        return 200, [], _shown(self.order(ids["order_id"]))

    def patch_order(self, ids, query, headers, body):
        record = self.order(ids["order_id"])
        _known(body, ORDER_FIELDS)
        if record["status"] != "draft" and set(body) - {"note", "tags"}:
            raise Refused(409, "Conflict", f"an order that is {record['status']} is locked")
        merged = {**{field: record[field] for field in ORDER_FIELDS}, **body}
        record.update(self.order_values(merged, record["id"]))
        record["total"] = record["quantity"] * record["unit_price"]
        record["version"] += 1
        record["updated_at"] = _now()
        self.emit("order.updated", _shown(record))
        return 200, [], _shown(record)

    def delete_order(self, ids, query, headers, body):
        record = self.order(ids["order_id"])
        if record["status"] not in ("draft", "cancelled"):
            raise Refused(409, "Conflict", f"an order that is {record['status']} stays")
        del self.orders[record["id"]]
        self.comments = {id: row for id, row in self.comments.items() if row["order_id"] != record["id"]}
        self.emit("order.deleted", _shown(record))
        return 204, [], None

    def act(self, trigger, ids):
        record = self.order(ids["order_id"])
        target = TABLE[record["status"]].get(trigger)
        if target is None:
            raise Refused(409, "Conflict", f"cannot {trigger} while {record['status']}")
        now = _now()
        record["status"] = target
        record[STAMPS[target]] = now
        record["version"] += 1
        record["updated_at"] = now
        self.emit(f"order.{target}", _shown(record))
        return 200, [], _shown(record)

    # --- comments --------------------------------------------------------------------------------------------------------

    def list_comments(self, ids, query, headers, body):
        order = self.order(ids["order_id"])
        limit = _number(query, "limit", 20, 1, 50)
        offset = _number(query, "offset", 0, 0, 100000)
        rows = [row for row in self.comments.values() if row["order_id"] == order["id"]]
        if "author" in query:
            rows = [row for row in rows if row["author"] == query["author"]]
        return 200, [], {"comments": rows[offset : offset + limit], "total_count": len(rows)}

    def create_comment(self, ids, query, headers, body):
        order = self.order(ids["order_id"])
        _known(body, ("author", "text"))
        record = {"id": self.new_id("com"), "order_id": order["id"], "author": _text(body, "author", 1, 40), "text": _text(body, "text", 1, 500), "created_at": _now()}
        self.comments[record["id"]] = record
        return 201, [], dict(record)

    def comment(self, ids):
        order = self.order(ids["order_id"])
        record = self.comments.get(ids["comment_id"])
        if record is None or record["order_id"] != order["id"]:
            raise Refused(404, "Not Found", "no such comment")
        return record

    def get_comment(self, ids, query, headers, body):
        return 200, [], self.comment(ids)

    def delete_comment(self, ids, query, headers, body):
        del self.comments[self.comment(ids)["id"]]
        return 204, [], None

    # --- webhooks ----------------------------------------------------------------------------------------------------------

    def list_webhooks(self, ids, query, headers, body):
        return 200, [], {"webhooks": list(self.webhooks.values())}

    def create_webhook(self, ids, query, headers, body):
        _known(body, ("url", "active"))
        secret = "whsec_" + base64.b64encode(self.random.randbytes(24)).decode()
        record = {"id": self.new_id("whk"), "url": _text(body, "url", 10, 200, pattern=r"https?://\S+"), "active": _flag(body, "active", True), "secret": secret,
                  "created_at": _now()}
        self.webhooks[record["id"]] = record
        return 201, [], dict(record)

    def webhook(self, ids):
        if ids["webhook_id"] not in self.webhooks:
            raise Refused(404, "Not Found", "no such webhook")
        return self.webhooks[ids["webhook_id"]]

    def get_webhook(self, ids, query, headers, body):
        return 200, [], self.webhook(ids)

    def delete_webhook(self, ids, query, headers, body):
        del self.webhooks[self.webhook(ids)["id"]]
        return 204, [], None

    def emit(self, type_, data):
        self.events += 1
        event = {"id": f"evt_{self.events:06}", "type": type_, "timestamp": _now(), "data": data}
        content = json.dumps(event).encode()
        for hook in self.webhooks.values():
            if hook["active"]:
                self.outbox.append((hook["url"], _signed(event, content, hook["secret"]), content))

    # --- ids ----------------------------------------------------------------------------------------------------------------

    def new_id(self, prefix):
        return prefix + "_" + "".join(self.random.choices(string.ascii_lowercase + string.digits, k=12))

    def number(self):
        self.events += 0
        self._number = getattr(self, "_number", 0) + 1
        return self._number


def _action(trigger):
    return lambda desk, ids, query, headers, body: desk.act(trigger, ids)


ROUTES = [
    (("customers",), {"GET": Desk.list_customers, "POST": Desk.create_customer}),
    (("customers", "{customer_id}"), {"GET": Desk.get_customer, "PATCH": Desk.patch_customer, "PUT": Desk.put_customer, "DELETE": Desk.delete_customer}),
    (("orders",), {"GET": Desk.list_orders, "POST": Desk.create_order}),
    (("orders", "{order_id}"), {"GET": Desk.get_order, "PATCH": Desk.patch_order, "DELETE": Desk.delete_order}),
    *[(("orders", "{order_id}", trigger), {"POST": _action(trigger)}) for trigger in TRIGGERS],
    (("orders", "{order_id}", "comments"), {"GET": Desk.list_comments, "POST": Desk.create_comment}),
    (("orders", "{order_id}", "comments", "{comment_id}"), {"GET": Desk.get_comment, "DELETE": Desk.delete_comment}),
    (("webhooks",), {"GET": Desk.list_webhooks, "POST": Desk.create_webhook}),
    (("webhooks", "{webhook_id}"), {"GET": Desk.get_webhook, "DELETE": Desk.delete_webhook}),
]


def _match(pattern, parts):
    if len(pattern) != len(parts):
        return None
    found = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            found[expected[1:-1]] = part
        elif expected != part:
            return None
    return found


def _read(method, headers, body):
    if method not in ("POST", "PUT", "PATCH") or (not body and method == "POST" and "content-type" not in headers):
        return {}
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "Unsupported Media Type", "send application/json")
    try:
        value = json.loads(body)
    except ValueError:
        raise Refused(400, "Bad Request", "the body is no JSON") from None
    if not isinstance(value, dict):
        raise Refused(400, "Bad Request", "the body is no object")
    return value


def _invalid(field, why):
    return Refused(400, "Bad Request", f"{field}: {why}")


def _known(body, fields):
    for field in body:
        if field not in fields:
            raise _invalid(field, "unknown")


def _text(body, field, least, most, default=..., pattern=None):
    if field not in body:
        if default is ...:
            raise _invalid(field, "missing")
        return default
    value = body[field]
    if value is None and default is None:
        return None
    if not isinstance(value, str):
        raise _invalid(field, "must be a string")
    if not least <= len(value) <= most:
        raise _invalid(field, f"must have {least} to {most} characters")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise _invalid(field, "is not well formed")
    return value


def _integer(body, field, least, most, default=...):
    if field not in body:
        if default is ...:
            raise _invalid(field, "missing")
        return default
    value = body[field]
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(field, "must be an integer")
    if not least <= value <= most:
        raise _invalid(field, f"must be {least} to {most}")
    return value


def _enum(body, field, options, default):
    value = body.get(field, default)
    if value not in options:
        raise _invalid(field, f"must be one of {', '.join(options)}")
    return value


def _flag(body, field, default):
    value = body.get(field, default)
    if not isinstance(value, bool):
        raise _invalid(field, "must be true or false")
    return value


def _tags(body):
    value = body.get("tags", [])
    if not isinstance(value, list) or len(value) > 5:
        raise _invalid("tags", "must be a list of up to five")
    if not all(isinstance(one, str) and 1 <= len(one) <= 20 for one in value):
        raise _invalid("tags", "must be short strings")
    return list(value)


def _number(query, name, default, least, most):
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,15}", text) or not least <= int(text) <= most:
        raise _invalid(name, f"must be a number from {least} to {most}")
    return int(text)


def _among(value, options, name):
    if value not in options:
        raise _invalid(name, f"must be one of {', '.join(options)}")


def _shown(row):
    return {field: value for field, value in row.items() if field != "number"}


def _cursor(id, key):
    return base64.urlsafe_b64encode(json.dumps([id, key]).encode()).decode().rstrip("=")


def _uncursor(text):
    try:
        id, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise _invalid("cursor", "was not given by this list") from None
    return id, tuple(key) if isinstance(key, list) else key


def _now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signed(event, content, secret):
    stamp = str(int(datetime.now(UTC).timestamp()))
    signed = f"{event['id']}.{stamp}.".encode() + content
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return {"content-type": "application/json", "webhook-id": event["id"], "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.b64encode(mac).decode()}


def _post(url, headers, body):
    with contextlib.suppress(OSError):
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=2).close()
