"""A finding as a shell script to copy and paste: its requests with curl, and whether the law is kept, with python3.

1. The script needs bash, curl and python3 alone (and jsonschema, where a shape is judged). No key stands in it: `API_KEY` is asked for.
2. It exits with 0 where nothing breaks the law, 1 where it is broken, 2 where there was no answer.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from understudy.check import claims
from understudy.check.claims import Claim
from understudy.check.findings import Finding
from understudy.check.inbox import RECEIVE
from understudy.check.steps import ABSENT, Joined, Ref, Step, refs, text

Credentials = Mapping[str, Mapping[str, str]]

_HEAD = """\
# {law}: {message}
# at {operation}; source of the law: {source}
# Exits with 0 where nothing breaks the law, 1 where it is broken, 2 where there was no answer. Begin with a fresh start of the target.
URL=${{URL:-{url}}}; {key}D=$(mktemp -d)
pick() {{ python3 -c 'import json,sys
v=json.load(open(sys.argv[1]))
for p in json.loads(sys.argv[2]): v=v[p]
print("" if v is None else "true" if v is True else "false" if v is False else v, end="")' "$D/$1.body" "$2" 2>/dev/null; }}
call() {{ n=$1; shift; curl -sS -o "$D/$n.body" -D "$D/$n.head" -w '%{{http_code}}' "$@" >"$D/$n.status" || rm -f "$D/$n.status"; echo "$n: $(cat "$D/$n.status" 2>/dev/null) $(head -c 300 "$D/$n.body" 2>/dev/null)"; }}
"""
_RECEIVER = """\
python3 - "$D" {port} <<'PY' & RECEIVER=$!; trap 'kill $RECEIVER' EXIT; sleep 1
import base64, json, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
came = []
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try: body = json.loads(raw)
        except ValueError: body = None
        headers = {{name.lower(): value for name, value in self.headers.items()}}
        came.append({{"path": self.path, "headers": headers, "body": body, "raw": base64.b64encode(raw).decode(), "at": time.time()}})
        open(sys.argv[1] + "/came", "w").write(json.dumps(came))
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *arguments): pass
HTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver).serve_forever()
PY
"""
_CAME = """sleep 2; cp "$D/came" "$D/{index}.body" 2>/dev/null || echo '[]' >"$D/{index}.body"; printf 200 >"$D/{index}.status"; echo "{index}: what came: $(head -c 300 "$D/{index}.body")\""""
_TAIL = """\
python3 - "$D" <<'PY'
import json, os, re, sys
class Absent: pass
class Unmade(Exception): pass
def found(step, path, part):
    name = os.path.join(sys.argv[1], str(step))
    if not os.path.exists(name + ".status"): raise Unmade
    if part == "status": return int(open(name + ".status").read())
    text = open(name + ".body", encoding="utf-8", errors="replace").read() if os.path.exists(name + ".body") else ""
    if part == "text": return text
    if part == "headers":
        lines = (line.partition(":") for line in open(name + ".head", encoding="latin-1"))
        return {{key.strip().lower(): value.strip() for key, _, value in lines}}.get(path[0], Absent())
    if part == "link":
        head = open(name + ".head", encoding="latin-1").read()
        rows = re.findall(r'<([^>]*)>[^<]*?rel="?([^";,]*)', "".join(line[5:] for line in head.splitlines() if line.lower().startswith("link:")))
        return next((address for address, rel in rows if path[0] in rel.split()), Absent())
    try: value = json.loads(text)
    except ValueError: return Absent()
    for step in path:
        try: value = value[step]
        except (KeyError, IndexError, TypeError): return Absent()
    return value
def put(value, several=False):
    if isinstance(value, dict) and "$ref" in value: return found(*value["$ref"])
    if isinstance(value, dict) and "$joined" in value:
        pages = put(value["$joined"])
        if not pages: raise Unmade
        return [row for page in pages for row in page] if all(isinstance(page, list) for page in pages) else Absent()
    if isinstance(value, dict): return {{name: put(part) for name, part in value.items()}}
    if isinstance(value, list):
        made = []
        for part in value:
            try: made.append(put(part))
            except Unmade: pass
        return made
    return value
def judge(claim):
    if any(judge(one) is not True for one in claim["given"]): return None
    try: values = {{name: put(value) for name, value in claim["values"].items()}}
    except Unmade: return None
    return globals()[claim["predicate"]](**values)
{functions}
statuses = [open(os.path.join(sys.argv[1], name)).read() for name in os.listdir(sys.argv[1]) if name.endswith(".status")]
verdict = judge(json.loads({claim}))
if verdict is not False and (not statuses or "000" in statuses):
    print("no answer"); sys.exit(2)
print({{True: "kept", False: "BROKEN: " + {says}, None: "nothing in these answers breaks the law"}}[verdict])
sys.exit(1 if verdict is False else 0)
PY
"""


def script(finding: Finding, url: str, credentials: Credentials, source: str = "") -> str:
    """The whole script, for `bash`."""
    needs_key = any(step.credentials in ("good", "other") and credentials.get("good") for step in finding.steps)
    key = 'API_KEY=${API_KEY:?put the key of the API here}; ' if needs_key else ""
    if any(_variable(name, value, credentials) == "OTHER_KEY" for name, value in credentials.get("other", {}).items() if name in credentials.get("good", {})):
        key += "OTHER_KEY=${OTHER_KEY:?put the key of another world here}; " if any(step.credentials == "other" for step in finding.steps) else ""
    head = _HEAD.format(law=finding.law, message=_line(finding.message), operation=finding.operation, source=_line(source), url=url, key=key)
    calls = "\n".join(_calls(finding, credentials))
    port = next((found[1] for step in finding.steps if (found := re.search(r"http://127\.0\.0\.1:(\d+)/", json.dumps(_marked_all(step.body))))), None)
    if port is not None and any(step.method == RECEIVE for step in finding.steps):
        head += _RECEIVER.format(port=port)
    encoded = repr(json.dumps(_as_data(finding.claim), ensure_ascii=True))
    tail = _TAIL.format(functions=_functions(finding.claim), claim=encoded, says=json.dumps(_line(finding.message)))
    return f"{head}{calls}\n{tail}"


def _line(words: str) -> str:
    return " ".join(words.split())


def _calls(finding: Finding, credentials: Credentials) -> list[str]:
    lines, waiting = [], 0
    for index, step in enumerate(finding.steps):
        if waiting and step.together != waiting:
            lines.append("wait")
        waiting = step.together
        lines.append(_call(index, step, credentials))
    return [*lines, "wait"] if waiting else lines


def _marked_all(value: Any) -> Any:
    """A body that can be written as JSON, whatever stands for references."""
    return _marked(value, dict.fromkeys(refs(value), "x")) if value is not ABSENT else None


def _call(index: int, step: Step, credentials: Credentials) -> str:
    if step.method == RECEIVE:
        return _CAME.format(index=index)
    names = {ref: f"v{index}_{place}" for place, ref in enumerate(dict.fromkeys(refs(step)))}
    picks = [f"{name}=$({_pick(ref)})" for ref, name in names.items()]
    guards = [f'[ -n "${name}" ]' for name in names.values()]
    call = " ".join(["call", str(index), "-X", step.method, *_headers(step, credentials, names), *_body(step, names), _url(step, names)])
    lines = [*picks, " && ".join([*guards, call]) + (" &" if step.together else "")]
    return "; ".join(lines)


def _pick(ref: Ref) -> str:
    if ref.part == "headers":
        return f"sed -n 's/^{re.escape(str(ref.path[0]))}: *//Ip' \"$D/{ref.step}.head\" 2>/dev/null | tr -d '\\r'"
    if ref.part == "link":
        return f"sed -n 's/.*<\\([^>]*\\)>; *rel=\"\\{{0,1\\}}{ref.path[0]}.*/\\1/Ip' \"$D/{ref.step}.head\" 2>/dev/null | head -1"
    return f"pick {ref.step} {shlex.quote(json.dumps(list(ref.path)))}"


def _variable(name: str, value: str, credentials: Credentials) -> str:
    """The variable of the shell that holds a key."""
    return "API_KEY" if value == credentials["good"][name] else "OTHER_KEY"


def _headers(step: Step, credentials: Credentials, names: Mapping[Ref, str]) -> list[str]:
    found = []
    for name, value in credentials.get(step.credentials, {}).items():
        shown = value
        if step.credentials != "wrong" and name in credentials.get("good", {}):
            prefix = "Bearer " if value.startswith("Bearer ") else ""
            found.append(f'-H "{name}: {prefix}${_variable(name, value, credentials)}"')
        else:
            found.append(f"-H {shlex.quote(f'{name}: {shown}')}")
    for name, value in step.headers.items():
        found.append(f"-H {_spliced(f'{name}: ', names)}{_spliced(value, names)}")
    if step.body is not ABSENT or step.raw is not None:
        found.append(f"-H {shlex.quote(f'Content-Type: {step.media}')}")
    return found


def _body(step: Step, names: Mapping[Ref, str]) -> list[str]:
    if step.raw is not None:
        return ["--data-binary", shlex.quote(step.raw.decode("utf-8", "replace"))]
    if step.body is ABSENT:
        return []
    return ["--data-binary", _json(step.body, names)]


def _json(body: Any, names: Mapping[Ref, str]) -> str:
    """A JSON body in quotes for the shell; a value from an earlier answer is put in as the string it is."""
    marks = {f"\u0001{name}\u0001": name for name in names.values()}
    encoded = json.dumps(_marked(body, names), ensure_ascii=False)
    quoted = shlex.quote(encoded) if encoded.startswith(("{", "[")) else encoded
    for mark, name in marks.items():
        quoted = quoted.replace(json.dumps(mark)[1:-1], f"'\"${name}\"'")
    return quoted


def _marked(value: Any, names: Mapping[Ref, str]) -> Any:
    if isinstance(value, Ref):
        return f"\u0001{names[value]}\u0001"
    if isinstance(value, dict):
        return {name: _marked(part, names) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(part, names) for part in value]
    return value


def _url(step: Step, names: Mapping[Ref, str]) -> str:
    if step.url is not None:
        name = names[step.url]
        return f'"$(case "${name}" in http*) echo "${name}";; *) echo "$URL${name}";; esac)"'
    path = step.path
    for name, value in step.parameters.items():
        path = path.replace(f"{{{name}}}", f"${{{names[value]}}}" if isinstance(value, Ref) else quote(text(value), safe=""))
    pairs = [(name, one) for name, value in step.query for one in (value if isinstance(value, list) else [value])]
    query = "&".join(f"{quote(name, safe='')}={f'${{{names[value]}}}' if isinstance(value, Ref) else quote(text(value), safe='')}" for name, value in pairs)
    return f'"$URL{path}{f"?{query}" if query else ""}"'


def _spliced(value: Any, names: Mapping[Ref, str]) -> str:
    return f'"${names[value]}"' if isinstance(value, Ref) else shlex.quote(text(value))


# --- the claim as data ----------------------------------------------------------------------------------------------------


def _as_data(claim: Claim) -> dict[str, Any]:
    return {"predicate": claim.predicate, "values": {name: _encoded(value) for name, value in claim.values.items()}, "given": [_as_data(one) for one in claim.given]}


def _encoded(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"$ref": [value.step, list(value.path), value.part]}
    if isinstance(value, Joined):
        return {"$joined": [_encoded(part) for part in value.parts]}
    if isinstance(value, dict):
        return {name: _encoded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(part) for part in value]
    return value


def _functions(claim: Claim) -> str:
    """The source of the predicates a claim uses, without annotations that would need imports."""
    wanted = {"plain", "accepts", *_predicates(claim)}
    sources = [inspect.getsource(getattr(claims, name)) for name in sorted(wanted)]
    return "\n".join(["from typing import Any", *sources])


def _predicates(claim: Claim) -> set[str]:
    return {claim.predicate}.union(*(_predicates(one) for one in claim.given))
