"""The arguments of `understudy webhooks ...`.

Nothing heavy is imported here: `--help` is to be quick. What a command does stands in the module its row names.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from understudy.webhooks.profiles import PROFILES

SERVER = "http://localhost:4010"
_SECRET = "where the secrets are: env:NAME or file:PATH, one secret in each line, the newest first (default: env:UNDERSTUDY_WEBHOOK_SECRET, if set)"
_PROFILE = "how deliveries are signed: none, a known scheme (see below), or a YAML file with a scheme of your own"
_SCHEMES = f"signing schemes: {', '.join(PROFILES)}"
_STATUSES = "exit status: 0 done, 2 could not be done"

Arguments = tuple[tuple[tuple[str, ...], dict[str, Any]], ...]


def _one(*names: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, options


_WHERE: Arguments = (
    _one("--url", default=SERVER, metavar="SERVER", dest="server", help=f"the running server (default: {SERVER})"),
    _one("--world", metavar="NAME", help="the world (default: default)"),
)
_SIGNING: Arguments = (
    _one("--profile", metavar="NAME|FILE", help=_PROFILE),
    _one("--secret", metavar="FROM", help=_SECRET),
)
_HOSTS: Arguments = (
    _one("--allow-host", action="append", default=[], metavar="HOST", help="another host that may be called: a name, *.a.name, an address or a network (may be repeated)"),
)

COMMANDS: dict[str, tuple[str, str, Arguments, str, str]] = {
    # command: (what it does, module:function, arguments, examples, exit status)
    "listen": (
        "receive deliveries: verify, show and record each",
        "listening:listen",
        (
            _one("--port", type=int, default=4020, help="the port to listen on, 0 for any free one (default: 4020)"),
            *_SIGNING,
            _one("--tolerance", metavar="TIME", help="how old a signature may be, such as 5m, or any (default: as the scheme has it)"),
            _one("--record", metavar="FILE.jsonl", help="append each delivery to this file, a line of JSON each"),
            _one("--forward", metavar="URL", help="pass each delivery on as it is, and answer what is answered there"),
            _one("--status", type=int, nargs="+", default=[200], metavar="N", help="answer these statuses, one after the other, the last one from then on (default: 200)"),
            _one("--subscribe", nargs="?", const=SERVER, metavar="SERVER", help=f"be an endpoint of this running server until the end (default: {SERVER})"),
            _one("--types", nargs="+", metavar="TYPE", help="with --subscribe: of these types of events only; * stands for anything"),
            _one("--world", metavar="NAME", help="with --subscribe: of this world (default: default)"),
            *_HOSTS,
        ),
        "understudy webhooks listen --subscribe --record today.jsonl\n"
        "WEBHOOK_SECRET=... understudy webhooks listen --profile standard-webhooks --secret env:WEBHOOK_SECRET --forward http://localhost:3000/hooks\n"
        "understudy webhooks listen --subscribe --status 500 500 200",
        "exit status: 0 stopped, 2 could not listen",
    ),
    "add": (
        "have a URL told of events",
        "hooking:run",
        (
            _one("endpoint", metavar="URL", help="the receiver"),
            _one("--types", nargs="+", metavar="TYPE", help="of these types of events only; * stands for anything"),
            _one("--profile", metavar="NAME", help="how its deliveries are signed (default: as the server's behaviour file says)"),
            _one("--secret", metavar="FROM", help="sign with this secret: env:NAME or file:PATH (default: one is made and shown once)"),
            _one("--description", metavar="TEXT", help="what it is, for people"),
            *_WHERE,
        ),
        "understudy webhooks add http://localhost:3000/hooks\nunderstudy webhooks add http://localhost:3000/hooks --types 'CUSTOMER.*' --profile standard-webhooks",
        _STATUSES,
    ),
    "list": ("every endpoint", "hooking:run", _WHERE, "understudy webhooks list", _STATUSES),
    "remove": (
        "have an endpoint told no more", "hooking:run", (_one("id", help="the endpoint, as list shows it"), *_WHERE), "understudy webhooks remove endpoint_5f0c6a1e", _STATUSES,
    ),
    "trigger": (
        "record an event with data of your own, and deliver it",
        "hooking:run",
        (
            _one("type", help="the event's type"),
            _one("--data", nargs="+", metavar="JSON|@FILE|KEY=VALUE", help="its data: JSON, a file of JSON, or fields, a.b=1 for those within others; a value that is JSON is taken as such"),
            *_WHERE,
        ),
        "understudy webhooks trigger CUSTOMER.CREATED --data reference=acme email=a@acme.example\n"
        "understudy webhooks trigger CUSTOMER.UPDATED --data '{\"reference\": \"acme\"}'\nunderstudy webhooks trigger CUSTOMER.UPDATED --data @customer.json",
        _STATUSES,
    ),
    "log": (
        "the deliveries so far, a line each",
        "hooking:run",
        (
            _one("--follow", action="store_true", help="go on with those to come, until interrupted"),
            _one("--type", metavar="TYPE", help="of this type of events; * stands for anything"),
            _one("--endpoint", metavar="ID", help="to this endpoint"),
            _one("--state", choices=("due", "delivered", "failing", "given_up", "disabled", "late"), help="in this state"),
            _one("--since", metavar="ISO", help="made at this moment of the world's clock or later"),
            _one("--json", action="store_true", help="as lines of JSON"),
            *_WHERE,
        ),
        "understudy webhooks log --state failing\nunderstudy webhooks log --follow --type 'CUSTOMER.*'",
        _STATUSES,
    ),
    "resend": (
        "send one delivery again",
        "hooking:run",
        (_one("id", help="the delivery, as log shows it"), _one("--to", metavar="URL", help="to this URL instead of its endpoint's"), *_WHERE),
        "understudy webhooks resend msg_6E3Iarr4cAT500000001\nunderstudy webhooks resend msg_6E3Iarr4cAT500000001 --to http://localhost:3000/hooks",
        "exit status: 0 sent and taken, 1 sent and not taken, 2 could not be sent",
    ),
    "replay": (
        "send a recorded series again, and hold each answer against the one before",
        "replays:replay",
        (
            _one("file", nargs="?", metavar="FILE", help="a recording, as listen --record makes it"),
            _one("--since", metavar="ISO", help="instead of a file: what the running server has delivered since; of a file: only what was received since"),
            _one("--type", metavar="TYPE", help="only deliveries of this type; * stands for anything"),
            _one("--to", metavar="URL", required=True, help="the receiver"),
            _one("--speed", choices=("real", "max"), default="max", help="at the pace they were received, or one after the other at once (default: max)"),
            _one("--duplicate", type=float, default=0.0, metavar="P", help="send a delivery twice with this probability, 0 to 1"),
            _one("--shuffle", type=int, default=0, metavar="N", help="let each come up to N places early or late"),
            _one("--drop", type=float, default=0.0, metavar="P", help="leave a delivery out with this probability, 0 to 1"),
            _one("--stale-signature", action="store_true", help="sign as of an hour too long ago; the receiver is to refuse (4xx)"),
            _one("--no-resign", action="store_true", help="send the recorded signatures as they are"),
            _one("--seed", type=int, default=0, metavar="N", help="another seed draws otherwise (default: 0)"),
            _one("--probe", metavar="URL", help="ask this URL before and after each duplicate: its JSON must stay the same"),
            _one("--header", action="append", default=[], metavar="'NAME: VALUE'", help="send this header too (may be repeated); env:VAR as value: that variable's"),
            _one("--report", metavar="FILE.jsonl", help="write each result as a line of JSON, the sums last"),
            _one("--timeout", type=float, default=10.0, metavar="SECONDS", help="for each answer (default: 10)"),
            *_SIGNING,
            *_HOSTS,
            *_WHERE,
        ),
        "understudy webhooks replay today.jsonl --to http://localhost:3000/hooks --secret env:WEBHOOK_SECRET\n"
        "understudy webhooks replay today.jsonl --to http://localhost:3000/hooks --duplicate 1 --probe http://localhost:3000/state\n"
        "understudy webhooks replay --since 2025-05-06T00:00:00Z --to http://localhost:3000/hooks --shuffle 5 --seed 7",
        "exit status: 0 nothing regressed, 1 something did, 2 could not run, 130 interrupted (the report holds what was done)",
    ),
}  # fmt: skip


def add_webhooks(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `webhooks` and its commands."""
    webhooks = commands.add_parser(
        "webhooks",
        help="receive, trigger, look at, resend and replay deliveries",
        description="Receive, trigger, look at, resend and replay deliveries.",
        epilog="examples:\n" + _indented("\n".join(row[3].split("\n")[0] for row in COMMANDS.values())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = webhooks.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="action")
    for name, (says, run, arguments, examples, statuses) in COMMANDS.items():
        schemes = f"\n\n{_SCHEMES}" if any("--profile" in names for names, _ in arguments) else ""
        action = actions.add_parser(
            name, help=says, description=f"{says[0].upper()}{says[1:]}.", formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"examples:\n{_indented(examples)}{schemes}\n\n{statuses}",
        )  # fmt: skip
        for names, options in arguments:
            action.add_argument(*names, **options)
        action.set_defaults(run=_runner(run))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _runner(named: str) -> Any:
    """The command's function, its module imported only when it runs."""
    module, function = named.split(":")
    return lambda options: getattr(import_module(f"understudy.server.{module}"), function)(options)  # noqa: PLW0108
