"""Which operations a fault may strike: named by operationId, or by method and path with `*` for anything.

Made once for the faults a world holds, so that a request asks one table. Nothing here counts or strikes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches

from understudy.behaviour.roles import bare_key
from understudy.engine.plans import Script
from understudy.faults.aim import Aim, Target
from understudy.faults.fault import Fault
from understudy.problems import Problem
from understudy.webhooks.matching import like

READS = frozenset({"list", "retrieve", "search", "singleton"})


def aim(script: Script, faults: Iterable[Fault]) -> Aim:
    """What these faults may strike; what names an operation that is no more strikes nothing."""
    found: dict[str, list[Target]] = {}
    deliveries, depth = [], 0
    for fault in faults:
        depth = max(depth, fault.stale)
        if fault.webhook is not None:
            deliveries.append(fault.id)
            continue
        for key, path in targets(script, fault):
            found.setdefault(key, []).append(Target(fault.id, path))
    return Aim({key: tuple(own) for key, own in found.items()}, tuple(deliveries), depth)


def targets(script: Script, fault: Fault) -> Iterator[tuple[str, str | None]]:
    """The keys of the operations a fault may strike, each once, with the one path that is meant, if one is."""
    found = [one for pattern in fault.operation or ("*",) for one in _meant(script, pattern)]
    for key, path in dict.fromkeys(found):
        if not fault.stale or is_read(script, key):
            yield key, path


def is_read(script: Script, key: str) -> bool:
    """Whether an operation changes nothing."""
    return key.startswith("GET ") or (key in script.roles and script.roles[key].kind in READS)


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
    bare = bare_key(wanted)
    for fit in _EXACT if "*" not in wanted else _OPEN:
        found = [(key, None) for key, own in script.bare_keys.items() if fit(key, own, wanted, bare)]
        if found:
            return list(found)
    return [] if "*" in wanted else _concrete(script, method.upper(), path.strip())


_Fit = Callable[[str, str, str, str], bool]
_EXACT: tuple[_Fit, ...] = (lambda key, own, wanted, bare: key == wanted, lambda key, own, wanted, bare: own == bare)
_OPEN: tuple[_Fit, ...] = (lambda key, own, wanted, bare: like(key, wanted), lambda key, own, wanted, bare: like(own, bare))


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
