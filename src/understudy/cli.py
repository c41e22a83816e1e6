"""The command line: `understudy serve` and what goes with it.

Nothing is decided here; arguments become options, faults become messages and an exit status (2: could not run).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from understudy import __version__
from understudy.check.arguments import add_check, add_drift
from understudy.completion import add_completion
from understudy.parsing import Parser
from understudy.proxy.arguments import add_learn, add_proxy, add_upstream, pass_through
from understudy.server.arguments import add_webhooks
from understudy.server.doctor_arguments import add_doctor
from understudy.server.serve_arguments import add_serve

_EPILOG = """\
examples:
  understudy serve
  understudy serve their-api.yaml
  understudy doctor their-api.yaml
  understudy inspect their-api.yaml
  understudy check their-api.yaml --url http://localhost:8000

`understudy COMMAND --help` has examples of each.

exit status: 0 done, 1 done and something was found (check, drift, doctor, inspect, proxy, learn, replay), 2 could not be done,
130 interrupted, 143 terminated"""


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
    parser = Parser(prog="understudy", description="A stand-in for any HTTP API, driven by its OpenAPI document.", epilog=_EPILOG,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"understudy {__version__}")
    commands: Any = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_serve(commands)
    _add_inspect(commands)
    _add_diagram(commands)
    _add_world(commands)
    add_webhooks(commands)
    add_check(commands, _add_documents)
    add_drift(commands, _add_documents)
    add_proxy(commands, _add_documents)
    add_learn(commands, _add_documents)
    add_doctor(commands, _add_documents)
    add_completion(commands, _parser)
    return parser


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="print what is understood of a document, and why",
        description="Print each resource with its operations, lifecycle and paging, what is not modelled, and the convention "
        "behind each line. Exit status 0: understood; 1: understood, and the behaviour file says what the documents no longer bear "
        "out (changed or orphaned lines; new operations are only told); 2: broken, with all that is wrong.",
        epilog="examples:\n  understudy inspect their-api.yaml\n  understudy inspect --yaml their-api.yaml > their-api.behaviour.yaml\n"
        "  understudy inspect catalogue.yaml orders.yaml --overlay local.overlay.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
        "diagram",
        help="draw lifecycles and relations",
        description="Print lifecycles and relations as Mermaid diagrams.",
        epilog="examples:\n  understudy diagram\n  understudy diagram their-api.yaml > their-api.mmd\n\nexit status: 0 drawn, 1 drawn and the behaviour "
        "file no longer fits, 2 broken",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_documents(diagram)
    diagram.set_defaults(run=_diagram)


def _diagram(options: argparse.Namespace) -> int:
    from understudy.inspecting import draw  # as above

    return draw(options.spec, options.behaviour, options.overlay)


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = add_serve(commands, _add_documents)
    front = serve.add_argument_group("what a real API answers")
    front.add_argument("--pass-through", action="append", metavar="PATTERN", default=[],
                       help="let the real API at --to answer these operations: a shell pattern on METHOD /path or /path (may be repeated)")
    add_upstream(front)
    serve.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    from understudy.server.serving import serve  # uvicorn and Starlette, 150 ms: not for --help

    if options.pass_through or options.to:
        return pass_through(options, serve)
    return serve(options)


_ACTIONS: dict[str, tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]] = {
    # action: (what it does, what it takes, examples)
    "list": ("every world of the server", (), ("list", "list --url http://localhost:8080")),
    "new": ("begin a world", (("name", "what to call it"),), ("new mine", "new mine --from tutorial", "new mine --from default/before")),
    "fork": ("begin a world as another one is", (("world", "the other one"), ("name", "what to call the new one")), ("fork default mine",)),
    "snapshot": ("save a world as it is now", (("world", "which"), ("name", "what to call the moment")), ("snapshot default before",)),
    "restore": ("put a world back to a snapshot of it", (("world", "which"), ("name", "the snapshot")), ("restore default before",)),
    "diff": ("what became of a world since a snapshot, or since its fixture", (("world", "which"), ("name?", "the snapshot")),
             ("diff default", "diff default before --json")),
    "export": ("write a world as a fixture file", (("world", "which"), ("file?", "where to (default: standard output)")),
               ("export default", "export default today.json")),
}  # fmt: skip
_DONE = "exit status: 0 done, 2 could not be done"


def _add_world(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    world = commands.add_parser(
        "world", help="list, begin, save, put back, compare and write down worlds of a running server", formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_epilog("world", [row[2][0] for row in _ACTIONS.values()]),
    )  # fmt: skip
    actions = world.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    for name, (says, arguments, examples) in _ACTIONS.items():
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.", epilog=_epilog("world", examples),
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
        for argument, about in arguments:
            action.add_argument(argument.rstrip("?"), help=about, nargs="?" if argument.endswith("?") else None)
        action.add_argument("--url", default="http://localhost:4010", help="the server (default: http://localhost:4010)")
        if name == "new":
            action.add_argument("--from", dest="source", metavar="NAME", help="a fixture, a world, or a snapshot as WORLD/NAME")
        if name == "diff":
            action.add_argument("--json", action="store_true", help="print all of it as JSON")
        action.set_defaults(run=_world)


def _epilog(command: str, examples: Sequence[str]) -> str:
    return "\n".join(["examples:", *(f"  understudy {command} {example}" for example in examples), "", _DONE])


def _world(options: argparse.Namespace) -> int:
    from understudy.server.asking import run  # http.client, 20 ms: not for --help

    return run(options)


if __name__ == "__main__":
    sys.exit(main())
