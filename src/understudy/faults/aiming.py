"""Which operations a fault may strike: named by operationId, or by method and path with `*` for anything.

Made once for the faults a world holds, so that a request asks one table. Nothing here counts or strikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches

from understudy.behaviour.roles import bare_key
from understudy.contract.values import Operation
from understudy.engine.plans import Script
from understudy.faults.aim import Aim, Target
from understudy.faults.fault import Fault
from understudy.problems import Problem
from understudy.webhooks.matching import like

READS = frozenset({"list", "retrieve", "search", "singleton"})


def aim(script: Script, faults: Iterable[Fault]) -> Aim:
    """What these faults may strike; what names an operation that is no more strikes nothing."""
    found: dict[str, tuple[Target, ...]] = {}
    deliveries, depth = [], 0
    for fault in faults:
        depth = max(depth, fault.stale)
        if fault.webhook is not None:
            deliveries.append(fault.id)
            continue
        for key, path in targets(script, fault):
            found[key] = (*found.get(key, ()), Target(fault.id, path))
    return Aim(found, tuple(deliveries), depth)


def targets(script: Script, fault: Fault) -> Iterator[tuple[str, str | None]]:
    """The keys of the operations a fault may strike, each once, with the one path that is meant, if one is."""
    found = [one for pattern in fault.operation or ("*",) for one in _meant(script, pattern)]
    known = {operation.key: operation for operation in script.contract.operations}
    for key, path in dict.fromkeys(found):
        if not fault.stale or (key in known and is_read(script, known[key])):
            yield key, path


def is_read(script: Script, operation: Operation) -> bool:
    """Whether an operation changes nothing."""
    return operation.method == "GET" or script.roles[operation.key].kind in READS


def check(script: Script, fault: Fault) -> None:
    """Whether each name of an operation means one. Raises ValueError with the nearest that does."""
    for pattern in fault.operation:
        if not _meant(script, pattern):
            raise ValueError(f'operation: nothing here is called "{pattern[:120]}"{_nearest(script, pattern)}')
    if fault.webhook is None and not any(True for _ in targets(script, fault)):
        raise ValueError(f"stale: concerns reads; {', '.join(fault.operation)[:200] or 'this document'} has none")


def _meant(script: Script, pattern: str) -> list[tuple[str, str | None]]:
    """The keys a name stands for: as an operationId, as it is written in the document, with other names of parameters, by `*`."""
    operations = script.contract.operations
    named = [(one.key, None) for one in operations if pattern in ("*", one.operation_id)]
    method, _, path = pattern.partition(" ")
    if named or not path:
        return list(named)
    wanted = f"{method.upper()} {path.strip()}"
    for fit in _FITS:
        found = [(key, None) for key in _keys(script) if fit(key, wanted)]
        if found:
            return list(found)
    return [] if "*" in wanted else _concrete(script, method.upper(), path.strip())


_FITS: tuple[Callable[[str, str], bool], ...] = (
    lambda key, wanted: key == wanted,
    lambda key, wanted: "*" not in wanted and bare_key(key) == bare_key(wanted),
    lambda key, wanted: "*" in wanted and like(key, wanted),
    lambda key, wanted: "*" in wanted and like(bare_key(key), bare_key(wanted)),
)


def _keys(script: Script) -> Iterator[str]:
    """All that can be struck: operations, and the places beside them where tokens are granted."""
    yield from (one.key for one in script.contract.operations)
    yield from (f"POST {path}" for path, place in script.places.items() if place.part == "token")


def _concrete(script: Script, method: str, path: str) -> list[tuple[str, str | None]]:
    """A path as clients write it."""
    try:
        return [(script.contract.match(method, path)[0].key, path)]
    except Problem:
        return []


def _nearest(script: Script, pattern: str) -> str:
    names = [one.key for one in script.contract.operations] if " " in pattern else [one.operation_id for one in script.contract.operations if one.operation_id]
    found = get_close_matches(pattern, names, n=1, cutoff=0.4)
    return f'; the nearest is "{found[0]}"' if found else '; write an operationId, or "POST /path" in which * stands for anything'
