"""What `understudy proxy` and `understudy learn` take: declared apart, so that `--help` imports nothing heavy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

NEEDS = "understudy proxy and learn need more than the stand-in itself: pip install 'understudy[proxy]'"

Subcommands = Any


def add_proxy(commands: Subcommands, documents: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare `proxy`."""
    command = commands.add_parser(
        "proxy",
        help="stand in front of a real API, check and keep what goes by",
        description="Pass every request on to a real API and its answer back, each held to the document and to the laws that can be judged of what goes by. What is "
        "wrong stands in the answer's header Understudy-Violations, on the terminal and in the report. Exit status: 0 nothing was wrong, 1 something was, 2 it could not be run.",
        epilog="examples:\n  understudy proxy --to https://api.example their-api.yaml\n  understudy proxy --to https://api.example their-api.yaml --record today.har --report junit:proxy.xml\n"
        "  understudy proxy --to https://api.example their-api.yaml --stand-in 'POST /payments*'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    documents(command)
    add_upstream(command, required=True)
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    command.add_argument("--port", type=int, default=4030, help="the port to listen on, 0 for any free one (default: 4030)")
    command.add_argument("--record", metavar="FILE", help="keep what goes by in this HTTP Archive, without secrets; one that was begun before is gone on with")
    command.add_argument("--stand-in", action="append", default=[], metavar="PATTERN", help="let the stand-in answer these operations: a shell pattern on METHOD /path or /path (may be repeated)")
    command.add_argument("--fixture", metavar="NAME|FILE", help="the stand-in's world to begin with")
    command.add_argument("--law", action="append", default=[], metavar="PATTERN", help="only these laws, by name; see understudy check --list-laws")
    command.add_argument("--without-law", action="append", default=[], metavar="PATTERN", help="not these laws")
    command.add_argument("--report", action="append", default=[], metavar="FORM:FILE", help="at the end also write junit, sarif, html or jsonl (may be repeated)")
    command.add_argument("--no-headers", action="store_true", help="let every answer stream and judge it afterwards: what is wrong stands in the report alone")
    command.add_argument("--forwarded", action="store_true", help="tell the real API who asked, in X-Forwarded-For, -Host and -Proto")
    command.add_argument("--quiet", action="store_true", help="print a line only for what is wrong")
    command.set_defaults(run=_runner("command:proxy"))


def add_learn(commands: Subcommands, documents: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare `learn`."""
    command = commands.add_parser(
        "learn",
        help="turn recorded traffic into a fixture and into lines for the behaviour file",
        description="Read an HTTP Archive, such as `understudy proxy --record` writes, and print what it shows of the API's behaviour as a unified diff to the behaviour file, "
        "each line with its evidence; with --fixture, write the calls that lead to the world it shows. Exit status: 0 nothing to change, 1 there is something, 2 it could not be read.",
        epilog="examples:\n  understudy learn today.har their-api.yaml\n  understudy learn today.har their-api.yaml --write --fixture today.yaml --before before.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE", help="the HTTP Archive (HAR 1.2)")
    documents(command)
    command.add_argument("--write", action="store_true", help="change the behaviour file (exit status 0)")
    command.add_argument("--fixture", metavar="FILE", help="write a fixture: the records that were there before, and the calls that were made")
    command.add_argument("--before", metavar="FILE", help="write a fixture of the records that were there before the first call, to replay the traffic on")
    command.set_defaults(run=_runner("learn_command:learn"))


def add_upstream(command: argparse._ActionsContainer, *, required: bool = False) -> None:
    """What says where the real API is and how it is reached."""
    command.add_argument("--to", metavar="URL", required=required, help="the real API, with its base path if it has one")
    command.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="wait so long for the real API (default: 30)")
    command.add_argument("--ca", metavar="FILE", help="the certificate authority of the real API, PEM (default: the system's)")
    command.add_argument("--insecure", action="store_true", help="accept any certificate of the real API")


def _runner(named: str) -> Callable[[argparse.Namespace], int]:
    module, function = named.split(":")

    def run(options: argparse.Namespace) -> int:
        try:
            found = import_module(f"understudy.proxy.{module}")  # httpcore, jsonschema and the whole engine: not for --help
        except ModuleNotFoundError as fault:
            print(f"understudy: {NEEDS} ({fault.name} is missing)", file=sys.stderr)
            return 2
        return int(getattr(found, function)(options))

    return run


def pass_through(options: argparse.Namespace, serve: Callable[..., int]) -> int:
    """Serve with the real API behind some operations."""
    if not (options.pass_through and options.to):
        print("understudy: --pass-through PATTERN and --to URL go together: which operations the real API answers, and where it is", file=sys.stderr)
        return 2
    try:
        from understudy.proxy import command  # as above
    except ModuleNotFoundError as fault:
        print(f"understudy: {NEEDS} ({fault.name} is missing)", file=sys.stderr)
        return 2
    return command.serve(options, serve)
