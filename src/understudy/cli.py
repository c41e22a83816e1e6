"""The command line: `understudy serve` and what goes with it.

Nothing is decided here; arguments become options, faults become messages and an exit status (2: could not run).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from understudy import __version__
from understudy.check.arguments import add_check, add_drift
from understudy.proxy.arguments import add_learn, add_proxy, add_upstream, pass_through
from understudy.server.arguments import add_webhooks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who read what is printed has read enough: `understudy inspect | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="understudy", description="A stand-in for any HTTP API, driven by its OpenAPI document.")
    parser.add_argument("--version", action="version", version=f"understudy {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="")
    _add_serve(commands)
    _add_inspect(commands)
    _add_diagram(commands)
    _add_world(commands)
    add_webhooks(commands)
    add_check(commands, _add_documents)
    add_drift(commands, _add_documents)
    add_proxy(commands, _add_documents)
    add_learn(commands, _add_documents)
    return parser


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="print what is understood of a document, and why",
        description="Print each resource with its operations, lifecycle and paging, what is not modelled, and the convention "
        "behind each line. Exit status 0: understood; 1: understood, and the behaviour file says what the documents no longer bear "
        "out (changed or orphaned lines; new operations are only told); 2: broken, with all that is wrong.",
    )
    _add_documents(inspect)
    inspect.add_argument("--yaml", action="store_true", help="print it as a behaviour file, to save as NAME.behaviour.yaml and edit")
    inspect.set_defaults(run=_inspect)


def _inspect(options: argparse.Namespace) -> int:
    from understudy.inspecting import inspect  # the whole engine, 100 ms: not for --help

    return inspect(options.spec, options.behaviour, options.overlay, yaml=options.yaml)


def _add_documents(command: argparse.ArgumentParser) -> None:
    """What every command takes that plays or explains documents."""
    command.add_argument("spec", nargs="*", metavar="SPEC", help="OpenAPI documents, YAML or JSON: files, folders of them, http(s) URLs, "
                         "- for standard input; several are played together (default: the bundled Solvimon sandbox's)")
    command.add_argument("--behaviour", metavar="FILE", help="what the documents do not say (default: NAME.behaviour.yaml beside each)")
    command.add_argument("--overlay", metavar="FILE", action="append", default=[],
                         help="an OpenAPI Overlay (1.0, 1.1) to apply to the documents, a file or URL (may be repeated)")


def _add_diagram(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    diagram = commands.add_parser(
        "diagram", help="draw lifecycles and relations", description="Print lifecycles and relations as Mermaid diagrams."
    )
    _add_documents(diagram)
    diagram.set_defaults(run=_diagram)


def _diagram(options: argparse.Namespace) -> int:
    from understudy.inspecting import draw  # as above

    return draw(options.spec, options.behaviour, options.overlay)


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser(
        "serve",
        help="play an API on localhost",
        description="Play an API on localhost. Without SPEC: the bundled Solvimon sandbox.",
        epilog="examples:\n  understudy serve\n  understudy serve --now 2025-05-06T10:30:00Z --fixture tutorial\n  understudy serve their-api.yaml\n"
        "  understudy serve catalogue.yaml orders.yaml --overlay local.overlay.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_documents(serve)
    serve.add_argument("--fixture", metavar="NAME|FILE", help="the world to begin with (default: default, if there is one)")
    serve.add_argument("--now", metavar="ISO", help="the world's start time, such as 2025-05-06T10:30:00Z; the clock stands still there")
    serve.add_argument("--clock", choices=("running", "frozen"), help="let the clock run, or stand still")
    serve.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other ids (default: 0)")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=4010, help="the port to listen on, 0 for any free one (default: 4010)")
    serve.add_argument("--api-key", action="append", metavar="KEY", help="accept this key only (may be repeated); without it any key is good")
    serve.add_argument("--no-auth", action="store_true", help="ask for no key")
    serve.add_argument("--strict-auth", action="store_true", help="take no OAuth token but those granted at the document's token address")
    serve.add_argument("--data", metavar="DIR", help="keep worlds in this folder; without it nothing is kept after exit")
    serve.add_argument("--durability", choices=("commit", "relaxed"), default="commit",
                       help="with --data: on disk before each response leaves (commit, the default), or within 100 ms (relaxed)")
    serve.add_argument("--max-worlds", type=_count, default=10_000, metavar="N", help="worlds at once (default: 10000)")
    serve.add_argument("--idle", type=_seconds, metavar="SECONDS", help="forget a world, but not `default`, that nothing asked for so long")
    serve.add_argument("--world-per-key", action="store_true", help="give each API key a world of its own")
    serve.add_argument("--cors", action="append", metavar="ORIGIN", default=[], help="let web pages of this origin read answers (may be repeated)")
    serve.add_argument("--allow-host", action="append", metavar="HOST", default=[],
                       help="let webhooks go to this host, address or network too, not to this machine alone (may be repeated)")
    serve.add_argument("--strict", action="store_true", help="refuse fields and parameters the document does not know")
    serve.add_argument("--quiet", action="store_true", help="do not print a line for each request")
    serve.add_argument("--pass-through", action="append", metavar="PATTERN", default=[],
                       help="let the real API at --to answer these operations: a shell pattern on METHOD /path or /path (may be repeated)")
    add_upstream(serve)
    serve.set_defaults(run=_serve)


_ACTIONS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "list": ("every world of the server", ()),
    "new": ("begin a world", (("name", "what to call it"),)),
    "fork": ("begin a world as another one is", (("world", "the other one"), ("name", "what to call the new one"))),
    "snapshot": ("save a world as it is now", (("world", "which"), ("name", "what to call the moment"))),
    "restore": ("put a world back to a snapshot of it", (("world", "which"), ("name", "the snapshot"))),
    "diff": ("what became of a world since a snapshot, or since its fixture", (("world", "which"), ("name?", "the snapshot"))),
    "export": ("write a world as a fixture file", (("world", "which"), ("file?", "where to (default: standard output)"))),
}


def _add_world(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    world = commands.add_parser("world", help="list, begin, save, put back, compare and write down worlds of a running server")
    actions = world.add_subparsers(title="actions", metavar="", required=True, dest="action")
    for name, (says, arguments) in _ACTIONS.items():
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        for argument, about in arguments:
            action.add_argument(argument.rstrip("?"), help=about, nargs="?" if argument.endswith("?") else None)
        action.add_argument("--url", default="http://localhost:4010", help="the server (default: http://localhost:4010)")
        if name == "new":
            action.add_argument("--from", dest="source", metavar="NAME", help="a fixture, a world, or a snapshot as WORLD/NAME")
        if name == "diff":
            action.add_argument("--json", action="store_true", help="print all of it as JSON")
        action.set_defaults(run=_world)


def _world(options: argparse.Namespace) -> int:
    from understudy.server.asking import run  # http.client, 20 ms: not for --help

    return run(options)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) < 10**9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number of seconds from 0")
    return seconds


def _serve(options: argparse.Namespace) -> int:
    from understudy.server.serving import serve  # uvicorn and Starlette, 150 ms: not for --help

    if options.pass_through or options.to:
        return pass_through(options, serve)
    return serve(options)


if __name__ == "__main__":
    sys.exit(main())
