"""From the names of files to an `Api` and the stand-in of it: the one place of the package that reads documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from understudy.check.subjects import Api
from understudy.check.targets import InProcess
from understudy.engine.guarding import key_header
from understudy.server.app import App
from understudy.server.posting import Poster
from understudy.server.sending import Sender
from understudy.theatre import Theatre, open_theatre
from understudy.understanding import Options, Understood, understand

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
KEY = "sk_check"


def read_api(spec: str | Sequence[str] | None, behaviour: str | None = None) -> Api:
    """Documents with their behaviour. Raises as `understand`."""
    return api_of(understand(Options(spec=spec, behaviour=behaviour)))


def api_of(understood: Understood) -> Api:
    """What was understood, arranged for checking."""
    return Api(understood.script.contract, understood.script.behaviour, understood.title, understood.said)


def stand_in(options: Options) -> tuple[Theatre, InProcess]:
    """The stand-in of a document, in process, back at its fixture whenever it is reset. Raises as `open_theatre`."""
    sandbox = open_theatre(replace(options, now=options.now or NOW, keys=options.keys or frozenset({KEY})))
    app = App(sandbox, poster=Poster())
    assert app.sender is not None
    target = InProcess(app, lambda: sandbox.reset("default"), stop=app.sender.stop)
    target.stands_in = True
    target.run(_started(app.sender))
    return sandbox, target


async def _started(sender: Sender) -> None:
    sender.start()


def credentials(api: Api, key: str | None) -> dict[str, dict[str, str]]:
    """The headers that carry a key, and those that carry a wrong one."""
    rule = api.behaviour.auth
    if rule is not None:
        names = rule.headers[:1] or (("authorization",) if rule.bearer else ())
        return {"good": {name: _carried(name, key or KEY) for name in names}, "wrong": {name: _carried(name, "not-a-key") for name in names}}
    found = key_header(api.contract.operations)
    if found is None:
        return {"good": {"authorization": f"Bearer {key}"}} if key else {}
    name, prefix = found
    return {"good": {name: f"{prefix}{key or KEY}"}, "wrong": {name: f"{prefix}not-a-key"}}


def _carried(name: str, key: str) -> str:
    return f"Bearer {key}" if name == "authorization" else key
