"""A small tracker of tasks over SQL, written for itself: members, projects, and the tasks within a project.

It is the second reference of the mutants, of another style than the first: whole numbers for ids, `state` for status, bare
arrays with Link headers, pages by offset, PUT and merge patches, entity tags with If-Match, members by bearer token.
It shares no line with the engine, nor with the first reference.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import threading
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlencode

SCHEMA = """
create table members (id integer primary key autoincrement, handle text unique, name text, email text, admin integer, createdAt text);
create table projects (id integer primary key autoincrement, slug text unique, title text, colour text, budget real, archived integer, revision integer, createdAt text, modifiedAt text);
create table tasks (id integer primary key autoincrement, projectId integer, title text, points integer, priority integer, dueDate text, assigneeId integer, labels text,
                    state text, revision integer, createdAt text, modifiedAt text, finishedAt text);
"""
STATES = {"start": {"open": "doing"}, "finish": {"doing": "done"}, "drop": {"open": "dropped", "doing": "dropped"}, "reopen": {"done": "open", "dropped": "open"}}
FINAL = ("done", "dropped")
COLOURS = ["red", "green", "blue"]
NOTHING = object()


class No(Exception):
    def __init__(self, status, slug, detail):
        super().__init__(detail)
        self.status, self.slug, self.detail = status, slug, detail


# --- values: each field has a check, and a default unless it must be sent ----------------------------------------------


def words(least, most, pattern=None):
    def check(value):
        if not isinstance(value, str) or not least <= len(value) <= most or (pattern and not re.fullmatch(pattern, value)):
            return f"a string of {least} to {most} characters"
        return None

    return check


def number(least, most, kind=int):
    def check(value):
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int) or not least <= value <= most:
            return f"a number from {least} to {most}"
        return None

    return check


def one_of(options):
    return lambda value: None if value in options else f"one of {options}"


def flag(value):
    return None if isinstance(value, bool) else "true or false"


def day(value):
    try:
        date.fromisoformat(value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "")
    except (TypeError, ValueError):
        return "a date"
    return None


def labels(value):
    if not isinstance(value, list) or len(value) > 4 or any(words(1, 12)(one) for one in value):
        return "up to four short strings"
    return None


def or_null(check):
    return lambda value: None if value is None else check(value)


FIELDS = {
    "members": {"handle": (words(2, 20, "[a-z][a-z0-9-]+"), NOTHING), "name": (words(1, 60), NOTHING), "email": (words(3, 60, r"[^@\s]+@[^@\s]+\.[^@\s]+"), NOTHING), "admin": (flag, False)},
    "projects": {"slug": (words(2, 30, "[a-z][a-z0-9-]+"), NOTHING), "title": (words(1, 80), NOTHING), "colour": (one_of(COLOURS), "red"), "budget": (or_null(number(0, 1e6, float)), None),
                 "archived": (flag, False)},
    "tasks": {"title": (words(1, 120), NOTHING), "points": (or_null(number(0, 100)), None), "priority": (number(1, 5), 3), "dueDate": (or_null(day), None),
              "assigneeId": (or_null(number(1, 10**9)), None), "labels": (labels, [])},
}
UNIQUE = {"members": "handle", "projects": "slug"}
FILTERS = {"members": {"admin": ("admin = ?", "flag")},
           "projects": {"archived": ("archived = ?", "flag"), "colour": ("colour = ?", COLOURS)},
           "tasks": {"state": ("state = ?", ["open", "doing", "done", "dropped"]), "priority": ("priority = ?", "number"), "assigneeId": ("assigneeId = ?", "number"),
                     "minPoints": ("points >= ?", "number"), "dueBefore": ("dueDate < ?", "day")}}
SORTS = {"members": ("handle", "createdAt"), "projects": ("title", "budget", "createdAt"), "tasks": ("priority", "points", "dueDate", "title")}


def shown(table, row):
    value = {name: row[name] for name in row.keys()}  # noqa: SIM118
    for name in ("admin", "archived"):
        if name in value:
            value[name] = bool(value[name])
    if "labels" in value:
        value["labels"] = json.loads(value["labels"])
    return value


def tag(value):
    return '"' + hashlib.sha1(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16] + '"'


def now():
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Tracker:
    def __init__(self):
        self.lock = threading.Lock()
        self.db = None
        self.reset()

    def reset(self):
        if self.db is not None:
            self.db.close()
        self.db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    # --- the ways in ----------------------------------------------------------------------------------------------------

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        with self.lock:
            status, extra, value = self.answer(scope["method"], scope["path"], parse_qs(scope["query_string"].decode(), keep_blank_values=True), headers, body)
        content = b"" if value is None else json.dumps(value).encode()
        extra = {"content-length": str(len(content)), **({"content-type": "application/json"} if content else {}), **extra}
        await send({"type": "http.response.start", "status": status, "headers": [(name.encode(), text.encode()) for name, text in extra.items()]})
        await send({"type": "http.response.body", "body": content})

    def answer(self, method, path, query, headers, body):
        try:
            return self.routed(method, path, query, headers, body)
        except No as no:
            more = {"content-type": "application/problem+json", **({"allow": no.detail} if no.status == 405 else {}), **({"www-authenticate": "Bearer"} if no.status == 401 else {})}
            return no.status, more, {"type": f"https://tracker.example/problems/{no.slug}", "title": no.slug.replace("-", " "), "status": no.status, "detail": no.detail}

    def routed(self, method, path, query, headers, body):
        if (method, path) == ("POST", "/_reset"):
            self.reset()
            return 204, {}, None
        if headers.get("authorization") != "Bearer t_test":
            raise No(401, "no-token", "send Authorization: Bearer …")
        for pattern, methods in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method not in methods:
                raise No(405, "method", ", ".join(methods))
            if found:
                table, *ids = [part for part in found.groups() if part is not None]
                return methods[method](self, table, [int(one) if one.isdigit() else one for one in ids], query, headers, body)
        raise No(404, "not-found", "there is no such path")

    # --- what every table can -------------------------------------------------------------------------------------------

    def index(self, table, ids, query, headers, body):
        where, values = (["projectId = ?"], [self.row("projects", ids[0])["id"]]) if table == "tasks" else (["1"], [])
        for name, (test, kind) in FILTERS[table].items():
            if name in query:
                where.append(test)
                values.append(asked(name, query[name][-1], kind))
        if table == "projects" and query.get("q", [""])[-1]:
            where.append("title like '%' || ? || '%' escape '\\'")
            values.append(re.sub(r"([%_\\])", r"\\\1", query["q"][-1]))
        offset, limit = cut(query, "offset", 0, 0, 10**6), cut(query, "limit", 25, 1, 100)
        sort = query.get("sort", ["id"])[-1]
        if sort != "id" and sort.removeprefix("-") not in SORTS[table]:
            raise No(400, "invalid", f"sort: one of {SORTS[table]}")
        order = f"{sort.removeprefix('-')} {'desc' if sort.startswith('-') else 'asc'}, id asc"
        condition = " and ".join(where)
        total = self.db.execute(f"select count(*) from {table} where {condition}", values).fetchone()[0]
        rows = self.db.execute(f"select * from {table} where {condition} order by {order} limit ? offset ?", [*values, limit, offset]).fetchall()
        path = f"/projects/{ids[0]}/tasks" if table == "tasks" else f"/{table}"
        return 200, {"x-total-count": str(total), **links(path, query, offset, limit, total)}, [shown(table, row) for row in rows]

    def make(self, table, ids, query, headers, body):
        values = self.checked(table, read(headers, body), {})
        stamp = now()
        more = {"createdAt": stamp, **({"modifiedAt": stamp, "revision": 1} if table != "members" else {})}
        if table == "tasks":
            more |= {"projectId": self.row("projects", ids[0])["id"], "state": "open", "finishedAt": None}
        id = self.write(f"insert into {table} ({', '.join([*values, *more])}) values ({', '.join('?' * len([*values, *more]))})", [*values.values(), *more.values()]).lastrowid
        value = shown(table, self.row(table, id))
        return 201, {"location": f"/projects/{ids[0]}/tasks/{id}" if table == "tasks" else f"/{table}/{id}", "etag": tag(value)}, value

    def get(self, table, ids, query, headers, body):
        value = shown(table, self.own(table, ids))
        return (304, {"etag": tag(value)}, None) if headers.get("if-none-match") == tag(value) else (200, {"etag": tag(value)}, value)

    def put(self, table, ids, query, headers, body):
        return self.changed(table, ids, headers, self.checked(table, read(headers, body), self.own(table, ids)))

    def patch(self, table, ids, query, headers, body):
        row = self.own(table, ids)
        old = shown(table, row)
        sent = read(headers, body, "application/merge-patch+json")
        merged = {name: old[name] for name in FIELDS[table]} | sent
        return self.changed(table, ids, headers, self.checked(table, merged, row))

    def changed(self, table, ids, headers, values):
        old = self.own(table, ids)
        self.guard(table, old, headers)
        if table == "tasks" and old["state"] in FINAL:
            raise No(409, "closed", f"a task that is {old['state']} is not changed")
        stamps = {"modifiedAt": now(), "revision": old["revision"] + 1} if table != "members" else {}
        self.write(f"update {table} set {', '.join(f'{name} = ?' for name in [*values, *stamps])} where id = ?", [*values.values(), *stamps.values(), old["id"]])
        value = shown(table, self.row(table, old["id"]))
        return 200, {"etag": tag(value)}, value

    def remove(self, table, ids, query, headers, body):
        row = self.own(table, ids)
        self.guard(table, row, headers)
        users = {"projects": "select 1 from tasks where projectId = ?", "members": "select 1 from tasks where assigneeId = ?"}
        if table in users and self.db.execute(users[table], [row["id"]]).fetchone():
            raise No(409, "in-use", "tasks refer to it")
        self.write(f"delete from {table} where id = ?", [row["id"]])
        return 204, {}, None

    def act(self, table, ids, query, headers, body):
        *ids, trigger = ids
        row = self.own(table, ids)
        state = STATES[trigger].get(row["state"])
        if state is None:
            raise No(409, "wrong-state", f"cannot {trigger} while {row['state']}")
        finished = now() if state == "done" else None
        self.write("update tasks set state = ?, finishedAt = ?, revision = revision + 1, modifiedAt = ? where id = ?", [state, finished, now(), row["id"]])
        value = shown(table, self.row(table, row["id"]))
        return 200, {"etag": tag(value)}, value

    # --- rows -------------------------------------------------------------------------------------------------------------

    def row(self, table, id):
        found = self.db.execute(f"select * from {table} where id = ?", [id]).fetchone()
        if found is None:
            raise No(404, "not-found", f"there is no {table[:-1]} {id}")
        return found

    def own(self, table, ids):
        row = self.row(table, ids[-1])
        if table == "tasks" and row["projectId"] != ids[0]:
            raise No(404, "not-found", f"there is no task {ids[-1]} in this project")
        return row

    def guard(self, table, row, headers):
        if "if-match" in headers and headers["if-match"] not in ("*", tag(shown(table, row))):
            raise No(412, "changed", "it was changed meanwhile")

    def checked(self, table, sent, old):
        for name in sent:
            if name not in FIELDS[table]:
                raise No(422, "invalid", f"{name}: unknown")
        values = {}
        for name, (check, default) in FIELDS[table].items():
            if name not in sent and default is NOTHING:
                raise No(422, "invalid", f"{name}: missing")
            values[name] = sent.get(name, default)
            wrong = check(values[name])
            if wrong:
                raise No(422, "invalid", f"{name}: must be {wrong}")
        if values.get("assigneeId") is not None and not self.db.execute("select 1 from members where id = ?", [values["assigneeId"]]).fetchone():
            raise No(422, "invalid", "assigneeId: there is no such member")
        return {**values, "labels": json.dumps(values["labels"])} if table == "tasks" else values

    def write(self, statement, values):
        try:
            return self.db.execute(statement, values)
        except sqlite3.IntegrityError:
            raise No(409, "taken", "another one has this name") from None


T = Tracker
EACH = {"GET": T.get, "PUT": T.put, "PATCH": T.patch, "DELETE": T.remove}
ROUTES = [
    (r"/(members|projects)", {"GET": T.index, "POST": T.make}),
    (r"/(members)/([0-9]{1,15})", {name: done for name, done in EACH.items() if name != "PATCH"}),
    (r"/(projects)/([0-9]{1,15})", EACH),
    (r"(?=/projects/[0-9]{1,15}/(tasks))/projects/([0-9]{1,15})/tasks", {"GET": T.index, "POST": T.make}),
    (r"(?=/projects/[0-9]{1,15}/(tasks))/projects/([0-9]{1,15})/tasks/([0-9]{1,15})", EACH),
    (r"(?=/projects/[0-9]{1,15}/(tasks))/projects/([0-9]{1,15})/tasks/([0-9]{1,15})/(start|finish|drop|reopen)", {"POST": T.act}),
]


def read(headers, body, *more):
    if headers.get("content-type", "").split(";")[0].strip() not in ("application/json", *more):
        raise No(415, "media-type", "send application/json")
    try:
        value = json.loads(body)
    except ValueError:
        raise No(400, "no-json", "the body is no JSON") from None
    if not isinstance(value, dict):
        raise No(422, "invalid", "the body is no object")
    return value


def cut(query, name, default, least, most):
    text = query.get(name, [str(default)])[-1]
    if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
        raise No(400, "invalid", f"{name}: a number from {least} to {most}")
    return int(text)


def asked(name, text, kind):
    if kind == "flag" and text in ("true", "false"):
        return int(text == "true")
    if kind == "number" and re.fullmatch(r"\d{1,9}", text):
        return int(text)
    if (kind == "day" and not day(text)) or (isinstance(kind, list) and text in kind):
        return text
    raise No(400, "invalid", f"{name}: not one of its values")


def links(path, query, offset, limit, total):
    def link(rel, at):
        pairs = [(name, value) for name, values in query.items() for value in values if name not in ("offset", "limit")]
        return f'<{path}?{urlencode([*pairs, ("offset", at), ("limit", limit)])}>; rel="{rel}"'

    found = [link("first", 0)]
    if offset > 0:
        found.append(link("prev", max(0, offset - limit)))
    if offset + limit < total:
        found.append(link("next", offset + limit))
    found.append(link("last", max(0, (total - 1) // limit * limit)))
    return {"link": ", ".join(found)}
