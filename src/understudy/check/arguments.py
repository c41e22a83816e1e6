"""What `understudy check` and `understudy drift` take: declared apart, so that `--help` imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

NEEDS = "understudy check needs more than the stand-in itself: pip install 'understudy[check]'"

Subcommands = Any


def _added(commands: Subcommands, documents: Callable[[argparse.ArgumentParser], None], name: str, **words: str) -> argparse.ArgumentParser:
    """A command over documents. `words`: help, description, epilog."""
    command: argparse.ArgumentParser = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **words)
    documents(command)
    return command


def add_check(commands: Subcommands, documents: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare `check`."""
    command = _added(
        commands, documents, "check",
        help="hold an implementation to its contract",
        description="Hold the stand-in, or whatever listens at a URL, to its document and its behaviour: every answer's status and shape, and laws "
        "of records, lifecycles, lists, keys and refusals. Exit status 0: nothing found; 1: findings; 2: it could not be run.",
        epilog="examples:\n  understudy check\n  understudy check their-api.yaml --url http://localhost:8000 --key-env API_KEY --report junit:check.xml\n"
        "  understudy check their-api.yaml --law pages --law 'idempotency*' --include 'POST /orders*' --max-time 30",
    )
    command.add_argument("--url", metavar="URL", help="what to check (default: the stand-in, in process)")
    command.add_argument("--fixture", metavar="NAME|FILE", help="the stand-in's world to begin with")
    _add_choice(command)
    _add_manners(command)
    command.add_argument("--other-key-env", metavar="NAME", help="the environment variable that holds another account's key, which is to see and touch nothing of the first")
    command.add_argument("--layers", action="append", default=[], metavar="LAYER", help="lint, laws, fuzz (may be repeated; default: all)")
    command.add_argument("--workers", type=int, metavar="N", help="so many at once in schemathesis; the laws need a quiet target (default: 1)")
    command.add_argument("--fuzz-time", type=float, metavar="SECONDS", help="how long stock schemathesis is run at most (default: 60)")
    command.add_argument("--scenario", action="append", default=[], metavar="FILE", help="also play the workflows of an Arazzo document (may be repeated)")
    command.add_argument("--inputs", metavar="FILE", help="inputs of its workflows: by name, or by workflow and name, as JSON or YAML")
    command.add_argument("--brief", action="store_true", help="leave the scripts out of what is printed")
    command.add_argument("--list-laws", action="store_true", help="print every law with its source, and end")
    command.set_defaults(run=_check)


def add_drift(commands: Subcommands, documents: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare `drift`."""
    command = _added(
        commands, documents, "drift",
        help="play a real implementation and the stand-in in lockstep, and show where they part",
        description="Send the same sequences to the stand-in (or --against) and to a real implementation, from a fresh start each, with ids, times and cursors "
        "matched by correspondence; group what differs by operation and field, each in a class. Exit status 0: nothing new; 1: drift; 2: it could not be run.",
        epilog="examples:\n  understudy drift their-api.yaml --url http://localhost:8000 --reset /reset\n"
        "  understudy drift their-api.yaml --url http://localhost:8000 --baseline drift.json --traffic recorded.har",
    )
    command.add_argument("--url", metavar="URL", help="the real implementation")
    command.add_argument("--against", metavar="URL", help="compare with this one instead of the stand-in")
    command.add_argument("--fixture", metavar="NAME|FILE", help="the stand-in's world to begin with")
    command.add_argument("--traffic", action="append", default=[], metavar="FILE|URL",
                         help="also replay recorded requests: an HTTP Archive, a log of requests, or a running stand-in's log by its URL (may be repeated)")
    command.add_argument("--baseline", metavar="FILE", help="drift that is known: only what is new is exit status 1")
    command.add_argument("--update-baseline", action="store_true", help="write what is found to --baseline, and end with 0")
    _add_choice(command)
    _add_manners(command)
    command.set_defaults(run=_drift)


def _drift(options: argparse.Namespace) -> int:
    import sys  # with what follows

    try:
        from understudy.check import drift_command  # as below
    except ModuleNotFoundError as fault:
        print(f"understudy: {NEEDS} ({fault.name} is missing)", file=sys.stderr)
        return 2
    return drift_command.drift(options)


def _add_choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("--include", action="append", default=[], metavar="PATTERN", help="only these operations: a shell pattern on METHOD /path or /path (may be repeated)")
    command.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="not these operations")
    command.add_argument("--law", action="append", default=[], metavar="PATTERN", help="only these laws, by name or tag; see --list-laws")
    command.add_argument("--without-law", action="append", default=[], metavar="PATTERN", help="not these laws")
    command.add_argument("--tag", action="append", default=[], metavar="TAG", help="only operations with this tag of the document")
    command.add_argument("--seed", type=int, metavar="N", help="another seed generates other values (default: 1; it is printed)")
    command.add_argument("--max-time", type=float, metavar="SECONDS", help="stop after so long, with what there is")
    command.add_argument("--report", action="append", default=[], metavar="FORM:FILE", help="also write junit, sarif, html or jsonl (may be repeated)")
    command.add_argument("--config", metavar="FILE", help="settings (default: [check] in understudy.toml, [tool.understudy.check] in pyproject.toml)")


def _add_manners(command: argparse.ArgumentParser) -> None:
    command.add_argument("--key-env", metavar="NAME", help="the environment variable that holds the API's key")
    command.add_argument("--key-file", metavar="FILE", help="the file that holds it")
    command.add_argument("--reset", metavar="PATH", help="a path of the target that puts it back to its beginning when posted to")
    command.add_argument("--allow-writes", action="store_true", help="write to, and delete from, a target that is not this machine")
    command.add_argument("--rate", type=float, metavar="N", help="requests in a second at most (default: no limit on this machine, else 20)")
    command.add_argument("--timeout", type=float, metavar="SECONDS", help="wait so long for an answer (default: 10)")
    command.add_argument("--ca", metavar="FILE", help="an authority, beside the known ones, whose certificates are trusted (PEM)")
    command.add_argument("--insecure", action="store_true", help="accept any certificate")


def _check(options: argparse.Namespace) -> int:
    import sys  # with what follows

    try:
        from understudy.check import command  # jsonschema, httpx and the whole engine: not for --help
    except ModuleNotFoundError as fault:
        print(f"understudy: {NEEDS} ({fault.name} is missing)", file=sys.stderr)
        return 2
    if options.list_laws:
        print("\n".join(command.names()))
        return 0
    return command.check(options)
