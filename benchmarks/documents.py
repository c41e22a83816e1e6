"""Every OpenAPI document of some folders: what is understood of it, and what stock schemathesis finds in what is played.

    python benchmarks/documents.py [FOLDER ...] [--examples 5] [--cases 300] [--details FILE] [--only TEXT] [--peers FOLDER]

Each document is loaded, inferred and played in process, alone, by a process of its own; schemathesis runs all its checks
and phases against it with a fixed seed and a good credential for each security scheme. `--cases` is the most cases of the
coverage phase for one operation (a deep body has tens of thousands; documents where that cut something are marked with
the number of operations). A document counts as one that no other document beside it refers to. `--details` writes each
distinct failure with the request that shows it. A failure is the stand-in's unless a rule of `tests/support/reasons.py`
says why it is the document's or the fuzzer's; then its word stands behind `not the stand-in's`.

`--peers FOLDER` plays the same documents with other mock servers too, with the same settings: what is found there in
`node_modules` of `npm install --prefix FOLDER @stoplight/prism-cli @mockoon/cli`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT / "src"), str(ROOT / "tests")]  # without this folder: its requests.py is not the library of that name

from support.documents import KEY, credentials, documents, whole, without_dead_links  # noqa: E402  # not installed with the package
from support.reasons import STATE, Document, Failure, reason  # noqa: E402


def judge(path: Path, examples: int, cases: int) -> dict[str, Any]:
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
    document, dead = without_dead_links(whole(sources.read(path), path))
    told: dict[tuple[str, int], set[str]] = {}
    sandbox.stage.observe = lambda entry: told.setdefault((f"{entry.method} {entry.target}", entry.status), set()).add(entry.reason.partition(":")[0])
    verdict = fuzz(document, App(sandbox), examples=examples, cases=cases, settings=credentials(script.contract.operations))
    row |= {"theirs": [["link", "", one, "", f"link: {one}"] for one in dead], "seconds": time.perf_counter() - start}
    return row | judged(verdict, Document(document, contradictions(script.contract)), row["theirs"], told)


def judged(verdict: Any, document: Document, theirs: list[Any], told: Mapping[tuple[str, int], set[str]]) -> dict[str, Any]:
    """A verdict's failures, those that a rule knows a reason for apart."""
    row: dict[str, Any] = {"calls": verdict.calls, "statuses": dict(verdict.statuses), "errors": verdict.errors, "cut": sorted(verdict.cut), "failures": []}
    for key, shown in verdict.failures.items():
        exchange = verdict.exchanges[key]
        target = exchange.uri.partition("://")[2].partition("/")[2]
        kinds = told.get((f"{exchange.method} /{target}", exchange.status), set()) & STATE
        found = reason(Failure(key[0], key[2], exchange, next(iter(sorted(kinds)), ""), key[1] if " /" in key[1] else ""), document)
        (row["failures"] if found is None else theirs).append([*key, shown, found])
    return row | {"theirs": theirs}


def contradictions(contract: Any) -> dict[str, str]:
    """Operations with an answer that no value satisfies, and why, as the contract finds it."""
    found = {}
    for operation in contract.operations:
        for response in operation.responses.values():
            for schema in response.content.values():
                why = contract.contradiction(schema) if schema is not None else None
                if why is not None:
                    found[operation.key] = why
    return found


# --- processes ---------------------------------------------------------------------------------------------------


def _child(work: Any, out: Any) -> None:
    try:
        out.put(work())
    except BaseException as fault:  # a row of the table, whatever it is
        out.put({"faults": [f"{type(fault).__name__}: {fault}", traceback.format_exc()[-3000:]]})


def in_a_process(work: Any, limit: float) -> dict[str, Any]:
    """The row, from a process that may take this many seconds."""
    out: Any = multiprocessing.Queue()
    child = multiprocessing.Process(target=_child, args=(work, out))
    child.start()
    try:
        row: dict[str, Any] = out.get(timeout=limit)
    except Exception:
        row = {"faults": [f"not done within {limit:.0f} s"]}
        child.terminate()
    child.join()
    return row


# --- the table ---------------------------------------------------------------------------------------------------


def line(name: str, row: Mapping[str, Any]) -> str:
    """One row of the table."""
    if "faults" in row:
        return f"{name:58} {row['faults'][0][:120]}"
    found = Counter(failure[0] for failure in row.get("failures", ()))
    said = ", ".join(f"{check} {count}" for check, count in found.most_common()) or "none"
    rest = row["operations"] - row["modelled"]
    theirs = Counter(failure[4].partition(":")[0] for failure in row.get("theirs", ()))
    said += f"; not the stand-in's: {', '.join(f'{kind} {count}' for kind, count in theirs.most_common())}" if theirs else ""
    said += f"; cut {len(row['cut'])}" if row.get("cut") else ""
    said += f"; {len(row['errors'])} errors of schemathesis" if row.get("errors") else ""
    return f"{name:58} {row['operations']:5} {row['modelled']:9} {rest:5} {row.get('calls', 0):7} {row['opened']:6.2f}  {said}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "openapi"])
    parser.add_argument("--examples", type=int, default=5)
    parser.add_argument("--cases", type=int, default=300, help="the most cases of the coverage phase for one operation")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one document")
    parser.add_argument("--details", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{'document':58} {'oper.':>5} {'modelled':>9} {'not':>5} {'calls':>7} {'open s':>6}  failures by check", flush=True)
    total: Counter[str] = Counter()
    for path in documents(options.folders):
        if options.only not in str(path):
            continue
        row = in_a_process(lambda path=path: judge(path, options.examples, options.cases), options.limit)
        total.update(failure[0] for failure in row.get("failures", ()))
        print(line("/".join(path.parts[-3:])[-58:], row), flush=True)
        if options.details is not None:
            with options.details.open("a", encoding="utf-8") as details:
                details.write(json.dumps({"document": str(path), **row}) + "\n")
    print("together:", ", ".join(f"{check} {count}" for check, count in total.most_common()) or "no failure", flush=True)


if __name__ == "__main__":
    main()
