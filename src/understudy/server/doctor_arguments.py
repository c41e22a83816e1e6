"""The arguments of `understudy doctor`: those of `serve`, since it looks at what these would lead to."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from understudy.server.serve_arguments import GROUPS

_EXAMPLES = """\
examples:
  understudy doctor
  understudy doctor their-api.yaml --port 8080 --data ./kept
  understudy doctor their-api.yaml --key-env API_KEY --json

Give it what you would give to `understudy serve`. Each line is ok, warn (it works, with less) or fail (it does not), with what to do.

exit status: 0 nothing fails, 1 something does"""


def add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser], documents: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare `doctor`."""
    doctor = commands.add_parser(
        "doctor",
        help="look for what would keep a server from starting, or would make it slow",
        description="Look for the usual troubles before a server is started: the port, the documents, the behaviour file, the fixture, keys, the folder, the clock, "
        "certificates, Python and its libraries. Nothing is served and nothing is changed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    documents(doctor)
    for title, rows in GROUPS.items():
        if title != "what is printed":
            group = doctor.add_argument_group(f"{title} (as of serve)")
            for name, words in rows:
                group.add_argument(name, **words)
    doctor.add_argument("--key-env", metavar="NAME", help="also see to the environment variable that holds a real API's key, as check and drift take it")
    doctor.add_argument("--json", action="store_true", help="print it as JSON: {\"good\": …, \"findings\": [{\"level\", \"about\", \"message\", \"do\"}]}")
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from understudy.server.doctor import doctor  # the whole engine: not for --help

    return doctor(options)
