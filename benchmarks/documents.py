"""Every OpenAPI document of some folders: what is understood of it, and what stock schemathesis finds in what is played.

    python benchmarks/documents.py [FOLDER ...] [--examples 5] [--details FILE] [--only TEXT]

Each document is loaded, inferred and played in process, alone, by a process of its own; schemathesis runs all its checks
against it with a fixed seed and a good credential for each security scheme. A document counts as one that no other
document beside it refers to. `--details` writes each distinct failure with the request that shows it.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT / "src"), str(ROOT / "tests")]  # without this folder: its requests.py is not the library of that name

KEY = "a-good-key"
OPENAPI = (b"openapi", b"swagger", b'"openapi"', b'"swagger"')


def documents(folders: list[Path]) -> Iterator[Path]:
    """The files that say at their beginning that they are OpenAPI documents, in order."""
    for folder in folders:
        files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        for path in files:
            if path.suffix in (".yaml", ".yml", ".json") and path.is_file() and any(
                line.lstrip(b" {").startswith(OPENAPI) for line in path.read_bytes()[:4000].splitlines()
            ):
                yield path


def credentials(operations: Any) -> dict[str, Any]:
    """What schemathesis is told to send: the alternative that most operations ask for, and no other beside it."""
    asked = Counter(tuple(one.name for one in operation.security[0]) for operation in operations if operation.security)
    most = asked.most_common(1)[0][0] if asked else ()
    schemes = {one.name: one.scheme for operation in operations for alternative in operation.security or () for one in alternative}
    headers, cookies, query = {}, {}, {}
    for scheme in (schemes[name] for name in most):
        if scheme.get("type") == "apiKey":
            {"header": headers, "cookie": cookies, "query": query}[scheme["in"]][scheme["name"]] = KEY
        elif scheme.get("scheme", scheme.get("type")) == "basic":
            headers["Authorization"] = "Basic " + base64.b64encode(f"{KEY}:{KEY}".encode()).decode()
        else:
            headers["Authorization"] = f"Bearer {KEY}"
    parameters = {f"cookie.{name}": key for name, key in cookies.items()} | {f"query.{name}": key for name, key in query.items()}
    return {"headers": headers} | ({"parameters": parameters} if parameters else {})


STATE = frozenset({"illegal_transition", "already_exists", "dangling_reference", "in_use", "locked", "cannot_process", "unknown_record"})
"""Kinds of problems that no schema can tell: what is refused fits the schema, and the records do not allow it."""


def reason_of(failure: list[str], told: Mapping[tuple[str, int], set[str]]) -> str | None:
    """Why a failure is the document's and not the stand-in's; None where it is ours."""
    check, _, message, shown = failure
    match = re.match(r"(\w+) https?://[^/]+(\S*).*? -> (\d+)", shown, re.DOTALL)
    if match is None:
        return None
    status = int(match[3])
    kind = next(iter(sorted(told.get((f"{match[1]} {match[2]}", status), set()) & STATE)), "")
    if check == "positive_data_acceptance" and kind:
        return f"{kind}: the document declares {status} for it and none of the 404 and 409 that the check lets pass"
    if check == "status_code_conformance" and status < 400 and not re.search(r"Documented: .*(\b[23]\d\d|default|[23]XX)", message):
        return "success: the operation declares no status for a request that is answered"
    if check == "status_code_conformance" and f"{status}" in message and 400 <= status < 500:
        return f"{kind or status}: the operation declares no status for a request that has to be refused"
    return None


def judge(path: Path, examples: int) -> dict[str, Any]:
    """One document's row."""
    from support.fuzzing import fuzz
    from understudy.behaviour.roles import is_modelled
    from understudy.sandbox import Options, Unplayable, open_sandbox
    from understudy.server.app import App
    from understudy.world import sources

    start = time.perf_counter()
    try:
        sandbox = open_sandbox(Options(spec=str(path), keys=frozenset({KEY})))
    except (Unplayable, sources.Unreadable, ValueError) as fault:
        return {"faults": str(fault).splitlines()}
    script = sandbox.script
    modelled = sum(is_modelled(role, script.behaviour) for role in script.roles.values())
    row: dict[str, Any] = {"operations": len(script.roles), "modelled": modelled, "opened": time.perf_counter() - start}
    if not script.roles:
        return row
    document = whole(sources.read(path), path)
    told: dict[tuple[str, int], set[str]] = {}
    sandbox.stage.observe = lambda entry: told.setdefault((f"{entry.method} {entry.target}", entry.status), set()).add(entry.reason.partition(":")[0])
    verdict = fuzz(document, App(sandbox), examples=examples, settings=credentials(script.contract.operations))
    row |= {"calls": verdict.calls, "statuses": dict(verdict.statuses), "errors": verdict.errors, "failures": [], "theirs": []}
    for key, shown in verdict.failures.items():
        reason = reason_of([*key, shown], told)
        row["failures" if reason is None else "theirs"].append([*key, shown, reason])
    row["seconds"] = time.perf_counter() - start
    return row


def whole(document: Any, path: Path) -> Any:
    """A document in one piece, as schemathesis reads it: what stands in other files is put in place of the reference.

    A reference back to what it stands in is left open (any value), so that the document ends.
    """
    files: dict[Path, Any] = {path.resolve(): document}

    def at(file: Path, pointer: str) -> Any:
        from understudy.world import sources

        value = files[file] if file in files else files.setdefault(file, sources.read(file))
        for step in pointer.strip("/").split("/") if pointer.strip("/") else ():
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def laid(value: Any, file: Path, inside: tuple[tuple[Path, str], ...]) -> Any:
        if isinstance(value, list):
            return [laid(part, file, inside) for part in value]
        if not isinstance(value, dict):
            return value
        ref = value.get("$ref")
        if not isinstance(ref, str) or (file == path.resolve() and ref.startswith("#")):
            return {key: laid(part, file, inside) for key, part in value.items()}
        name, _, pointer = ref.partition("#")
        target = ((file.parent / unquote(name)).resolve() if name else file, pointer)
        return {} if target in inside or len(inside) > 14 else laid(at(*target), target[0], (*inside, target))

    return laid(document, path.resolve(), ())


def _child(path: Path, examples: int, out: Any) -> None:
    try:
        out.put(judge(path, examples))
    except BaseException as fault:  # a row of the table, whatever it is
        import traceback

        out.put({"faults": [f"{type(fault).__name__}: {fault}", traceback.format_exc()[-3000:]]})


def in_a_process(path: Path, examples: int, limit: float) -> dict[str, Any]:
    """The row, from a process that may take this many seconds."""
    out: Any = multiprocessing.Queue()
    child = multiprocessing.Process(target=_child, args=(path, examples, out))
    child.start()
    try:
        row: dict[str, Any] = out.get(timeout=limit)
    except Exception:
        row = {"faults": [f"not done within {limit:.0f} s"]}
        child.terminate()
    child.join()
    return row


def line(name: str, row: Mapping[str, Any]) -> str:
    """One row of the table."""
    if "faults" in row:
        return f"{name:58} {row['faults'][0][:120]}"
    found = Counter(failure[0] for failure in row.get("failures", ()))
    said = ", ".join(f"{check} {count}" for check, count in found.most_common()) or "none"
    rest = row["operations"] - row["modelled"]
    theirs = Counter(failure[4].partition(":")[0] for failure in row.get("theirs", ()))
    said += f"; of the document: {', '.join(f'{kind} {count}' for kind, count in theirs.most_common())}" if theirs else ""
    errors = f"; {len(row['errors'])} errors of schemathesis" if row.get("errors") else ""
    return f"{name:58} {row['operations']:5} {row['modelled']:9} {rest:5} {row.get('calls', 0):7} {row['opened']:6.2f}  {said}{errors}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "openapi"])
    parser.add_argument("--examples", type=int, default=5)
    parser.add_argument("--limit", type=float, default=600, help="seconds for one document")
    parser.add_argument("--details", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{'document':58} {'oper.':>5} {'modelled':>9} {'not':>5} {'calls':>7} {'open s':>6}  failures by check", flush=True)
    total: Counter[str] = Counter()
    for path in documents(options.folders):
        if "behaviour" in path.name or options.only not in str(path):
            continue
        row = in_a_process(path, options.examples, options.limit)
        total.update(failure[0] for failure in row.get("failures", ()))
        print(line("/".join(path.parts[-3:])[-58:], row), flush=True)
        if options.details is not None:
            with options.details.open("a", encoding="utf-8") as details:
                details.write(json.dumps({"document": str(path), **row}) + "\n")
    print("together:", ", ".join(f"{check} {count}" for check, count in total.most_common()) or "no failure", flush=True)


if __name__ == "__main__":
    main()
