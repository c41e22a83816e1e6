"""Every OpenAPI document of some folders: what is understood of it, and what stock schemathesis finds in what is played.

    python benchmarks/documents.py [FOLDER ...] [--examples 5] [--cases 300] [--details FILE] [--only TEXT] [--peers FOLDER]
    python benchmarks/documents.py FOLDER --together [--behaviour openapi/solvimon.behaviour.yaml]

Each document is loaded, inferred and played in process, alone, by a process of its own; schemathesis runs all its checks
and phases against it with a fixed seed and a good credential for each security scheme. `--cases` is the most cases of the
coverage phase for one operation (a deep body has tens of thousands; documents where that cut something are marked with
the number of operations). A document counts as one that no other document beside it refers to. `--details` writes each
distinct failure with the request that shows it; the table counts in how many operations a check fails. A failure is the stand-in's unless a rule of `tests/support/reasons.py`
says why it is the document's or the fuzzer's; then its word stands behind `not the stand-in's`.

`--together` serves all of them as one API, with the rules of a behaviour file if there is one, and judges that by each.

`--peers FOLDER` plays the same documents with other mock servers too, with the same settings: what is found there in
`node_modules` of `npm install --prefix FOLDER @stoplight/prism-cli @mockoon/cli`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT / "src"), str(ROOT / "tests")]  # without this folder: its requests.py is not the library of that name

from support.documents import KEY, credentials, documents, whole, without_dead_links  # noqa: E402  # not installed with the package
from support.reasons import Document  # noqa: E402


def judge(path: Path, examples: int, cases: int, served: tuple[Path, ...] = (), behaviour: Path | None = None) -> dict[str, Any]:
    """One document's row; where others are `served`, it is one of them, and judges what they are together."""
    from support.judging import judged_in_play
    from understudy.behaviour.roles import is_modelled
    from understudy.theatre import Options, Unplayable, open_theatre
    from understudy.world import sources

    start = time.perf_counter()
    try:
        spec = tuple(str(one) for one in served) or str(path)
        sandbox = open_theatre(Options(spec=spec, behaviour=str(behaviour) if behaviour else None, keys=frozenset({KEY})))
    except (Unplayable, sources.Unreadable, ValueError) as fault:
        return {"faults": str(fault).splitlines()}
    script = sandbox.script
    modelled = sum(is_modelled(role, script.behaviour) for role in script.roles.values())
    row: dict[str, Any] = {"operations": len(script.roles), "modelled": modelled, "opened": time.perf_counter() - start}
    if not script.roles:
        return row
    return row | judged_in_play(path, sandbox, examples=examples, cases=cases) | {"seconds": time.perf_counter() - start}


def judge_peer(path: Path, base_url: str, examples: int, cases: int) -> dict[str, Any]:
    """One document's row for a server that plays it at an address."""
    from support.fuzzing import fuzz
    from support.judging import contradictions, judged
    from understudy.theatre import Options, understand
    from understudy.world import sources

    start = time.perf_counter()
    contract = understand(Options(spec=str(path))).script.contract
    document, _ = without_dead_links(whole(sources.read(path), path))
    verdict = fuzz(document, None, base_url=base_url, examples=examples, cases=cases, settings=credentials(contract.operations))
    row = judged(verdict, Document(document, contradictions(contract)), [], {})
    return row | {"operations": len(contract.operations), "seconds": time.perf_counter() - start}


# --- peers -------------------------------------------------------------------------------------------------------

PEERS = {
    "prism": lambda port, spec: ["prism", "mock", "--host", "127.0.0.1", "--port", str(port), "--verboseLevel", "silent", spec],
    "mockoon": lambda port, spec: ["mockoon-cli", "start", "--data", spec, "--port", str(port), "--hostname", "127.0.0.1", "--disable-log-to-file"],
}
"""The command of each, in `node_modules/.bin` of the folder it was installed into."""


@contextmanager
def peer(name: str, folder: Path, path: Path) -> Iterator[str]:
    """Another mock server playing a document in one piece, without the base paths of its servers; its address."""
    from understudy.world import sources

    document = {part: value for part, value in whole(sources.read(path), path).items() if part not in ("servers", "host", "basePath")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as place:
        spec = Path(place) / "document.json"
        spec.write_text(json.dumps(document), encoding="utf-8")
        program, *arguments = PEERS[name](port, str(spec))
        command = [str(folder / "node_modules" / ".bin" / program), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            listens(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def listens(port: int, process: Any, limit: float = 60) -> None:
    """Wait until something listens there. Raises OSError."""
    until = time.monotonic() + limit
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until or process.poll() is not None:
                raise
            time.sleep(0.2)


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


def counted(row: Mapping[str, Any]) -> Counter[str]:
    """In how many operations each check fails."""
    return Counter(check for check, _ in {(failure[0], failure[1]) for failure in row.get("failures", ())})


def line(name: str, row: Mapping[str, Any]) -> str:
    """One row of the table."""
    if "faults" in row:
        return f"{name:58} {row['faults'][0][:120]}"
    found = counted(row)
    said = ", ".join(f"{check} {count}" for check, count in found.most_common()) or "none"
    modelled, opened = row.get("modelled", ""), f"{row['opened']:6.2f}" if "opened" in row else ""
    rest = row["operations"] - row["modelled"] if "modelled" in row else ""
    theirs = Counter(failure[4].partition(":")[0] for failure in row.get("theirs", ()))
    said += f"; not the stand-in's: {', '.join(f'{kind} {count}' for kind, count in theirs.most_common())}" if theirs else ""
    said += f"; cut {len(row['cut'])}" if row.get("cut") else ""
    said += f"; {len(row['errors'])} errors of schemathesis" if row.get("errors") else ""
    return f"{name:58} {row['operations']:5} {modelled:>9} {rest:>5} {row.get('calls', 0):7} {opened:>6}  {said}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "openapi"])
    parser.add_argument("--examples", type=int, default=5)
    parser.add_argument("--cases", type=int, default=300, help="the most cases of the coverage phase for one operation")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one document")
    parser.add_argument("--details", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--together", action="store_true", help="serve all of them as one API")
    parser.add_argument("--behaviour", type=Path, help="the behaviour file of what is served together")
    parser.add_argument("--peers", type=Path, help="where other mock servers are installed; they play the same documents")
    options = parser.parse_args()
    print(f"{'document':58} {'oper.':>5} {'modelled':>9} {'not':>5} {'calls':>7} {'open s':>6}  failures by check", flush=True)
    total: dict[str, Counter[str]] = {}
    for path in documents(options.folders):
        if options.only not in str(path):
            continue
        for name, row in rows(path, options):
            total.setdefault(name, Counter()).update(counted(row))
            shown = "/".join(path.parts[-3:])[-58:] if name == "understudy" else f"    {name}"
            print(line(shown, row), flush=True)
            if options.details is not None:
                with options.details.open("a", encoding="utf-8") as details:
                    details.write(json.dumps({"document": str(path), "server": name, **row}) + "\n")
    for name, found in total.items():
        print(f"together, {name}:", ", ".join(f"{check} {count}" for check, count in found.most_common()) or "no failure", flush=True)


def rows(path: Path, options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """A document's row for each server, this one first."""
    served = tuple(documents(options.folders)) if options.together else ()
    yield "understudy", in_a_process(lambda: judge(path, options.examples, options.cases, served, options.behaviour), options.limit)
    for name in PEERS if options.peers is not None else ():
        try:
            with peer(name, options.peers, path) as base_url:
                yield name, in_a_process(lambda url=base_url: judge_peer(path, url, options.examples, options.cases), options.limit)
        except OSError as fault:
            yield name, {"faults": [f"did not start: {fault}"]}


if __name__ == "__main__":
    main()
