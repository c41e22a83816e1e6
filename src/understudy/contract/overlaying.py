"""OpenAPI Overlay 1.0 and 1.1: a file of changes to make to documents before they are read.

1. The only file that meets jsonpath_rfc9535, which is imported when there is an overlay.
2. A document is changed in place, action by action; each fault names the action and says what would be right.
3. Nothing is opened here, and nothing is known of OpenAPI: a document is a JSON value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from understudy.contract.documents import join
from understudy.contract.values import Fault

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathQuery

Location = tuple[str | int, ...]

FIELDS = ("overlay", "info", "extends", "actions")
ACTION_FIELDS = ("target", "description", "update", "copy", "remove")


class _Incompatible(Exception):
    """Two values that cannot be merged (Overlay 1.1, Action Object): the place within the update, and what stands there."""


@dataclass(frozen=True, slots=True)
class _Action:
    where: str
    target: JSONPathQuery
    copied: JSONPathQuery | None
    raw: Mapping[str, Any]


def overlay(documents: Sequence[tuple[str, Any]], data: Any, where: str, base: str) -> list[Fault]:
    """Apply an overlay to documents (URI and value), changing them in place; what is wrong with it, all at once.

    `where` is what the file is called, `base` its URI. An action that changes nothing is a warning; where the file's form is
    wrong, or its `extends` names none of the documents, nothing is applied.
    """
    faults = list(_form(data, where))
    if faults:
        return faults
    chosen = _extended(documents, data.get("extends"), base)
    if not chosen:
        named = ", ".join(uri for uri, _ in documents) or "none"
        return [Fault(f"{where}#/extends", f"names {data['extends']}, which is none of the documents: {named}")]
    actions = [_compiled(f"{where}#/actions/{n}", raw, faults) for n, raw in enumerate(data["actions"])]
    for action in actions if not faults else ():
        faults += _applied(action, [value for _, value in chosen])  # type: ignore[arg-type]  # compiled, as nothing is wrong
    return faults


def _extended(documents: Sequence[tuple[str, Any]], extends: str | None, base: str) -> Sequence[tuple[str, Any]]:
    """The documents an overlay is for: the one it extends, by address or file name; of a single document it is not asked."""
    if extends is None or len(documents) == 1:
        return documents
    target = join(base, extends)
    same = [one for one in documents if one[0] == target]
    return same or [one for one in documents if one[0].rpartition("/")[2] == target.rpartition("/")[2]]


# --- form --------------------------------------------------------------------------------------------------------


def _form(data: Any, where: str) -> Iterator[Fault]:
    """What is wrong with the form of an overlay (Overlay 1.1, Overlay Object)."""
    if not isinstance(data, Mapping):
        yield Fault(f"{where}#", "an overlay is an object with `overlay`, `info` and `actions`")
        return
    version = data.get("overlay")
    if not isinstance(version, str) or not version.startswith(("1.0", "1.1")):
        yield Fault(f"{where}#/overlay", f"is the version of the overlay, 1.0.0 or 1.1.0, not {version}")
    info = data.get("info")
    if not isinstance(info, Mapping) or not isinstance(info.get("title"), str) or not isinstance(info.get("version"), str):
        yield Fault(f"{where}#/info", "is an object with a `title` and a `version`, both text")
    if not isinstance(data.get("extends", ""), str):
        yield Fault(f"{where}#/extends", "is the address of the document to change, as text")
    yield from _unknown(data, FIELDS, f"{where}#")
    actions = data.get("actions")
    if not isinstance(actions, list) or not actions:
        yield Fault(f"{where}#/actions", "is a list of at least one action")
    else:
        for number, action in enumerate(actions):
            yield from _action_form(action, f"{where}#/actions/{number}", str(version))


def _action_form(action: Any, at: str, version: str) -> Iterator[Fault]:
    if not isinstance(action, Mapping):
        yield Fault(at, "an action is an object with a `target`, and `update`, `copy` or `remove`")
        return
    if not isinstance(action.get("target"), str):
        yield Fault(f"{at}/target", "is a JSONPath, such as $.paths['/pets'].get")
    if not isinstance(action.get("remove", False), bool):
        yield Fault(f"{at}/remove", f"is true or false, not {action['remove']}")
    if "copy" in action and (not isinstance(action["copy"], str) or version.startswith("1.0")):
        yield Fault(f"{at}/copy", "is a JSONPath, in overlays of version 1.1.0")
    if "copy" in action and "update" in action and not action.get("remove"):
        yield Fault(at, "has `update` and `copy`; an action has one of them")
    yield from _unknown(action, ACTION_FIELDS, at)


def _unknown(value: Mapping[str, Any], known: Sequence[str], at: str) -> Iterator[Fault]:
    for name in value:
        if name not in known and not str(name).startswith("x-"):
            near = get_close_matches(str(name), known, n=1)
            yield Fault(f"{at}/{name}", f"is not known here; {f'{near[0]} is' if near else ', '.join(known) + ' are'}")


def _compiled(at: str, raw: Mapping[str, Any], faults: list[Fault]) -> _Action | None:
    target = _query(f"{at}/target", raw["target"], faults)
    copied = _query(f"{at}/copy", raw["copy"], faults) if "copy" in raw else None
    return _Action(at, target, copied, raw) if target is not None else None


def _query(at: str, text: str, faults: list[Fault]) -> JSONPathQuery | None:
    import jsonpath_rfc9535 as jsonpath  # 60 ms: only where there is an overlay

    try:
        return jsonpath.compile(text)
    except jsonpath.JSONPathError as fault:
        faults.append(Fault(at, f"is no JSONPath (RFC 9535): {fault}; right would be, for example, $.paths['/pets'].get"))
        return None


# --- actions -----------------------------------------------------------------------------------------------------


def _applied(action: _Action, documents: Sequence[Any]) -> list[Fault]:
    """Apply an action to each document; what was wrong, and whether it changed nothing."""
    raw, faults = action.raw, list[Fault]()
    if not raw.get("remove") and "update" not in raw and "copy" not in raw:
        return [Fault(action.where, "changes nothing: it has neither `update` nor `copy` nor `remove`", "warning")]
    matched = 0
    for document in documents:
        found = [node.location for node in action.target.finditer(document)]
        matched += len(found)
        faults += _removed(action, document, found) if raw.get("remove") else _updated(action, document, found)
    if not matched:
        faults.append(Fault(f"{action.where}/target", f"changes nothing: nothing is at {raw['target']}", "warning"))
    return faults


def _removed(action: _Action, document: Any, found: Sequence[Location]) -> list[Fault]:
    for location in sorted(found, reverse=True):  # of a list the last first: the others stay where they are
        if not location:
            return [Fault(f"{action.where}/target", "the whole document cannot be removed")]
        holder = _at(document, location[:-1])
        del holder[location[-1]]
    return []


def _updated(action: _Action, document: Any, found: Sequence[Location]) -> list[Fault]:
    word = "copy" if action.copied is not None else "update"
    update = action.raw.get("update")
    if action.copied is not None and found:
        sources = [node.value for node in action.copied.finditer(document)]
        if len(sources) != 1:
            return [Fault(f"{action.where}/copy", f"selects {len(sources)} nodes; it must select one")]
        update = _copied(sources[0])
    kinds = {_kind(_at(document, location)) for location in found}
    if len(kinds) > 1:
        return [Fault(f"{action.where}/target", f"selects {' and '.join(sorted(kinds))}; an action changes nodes of one kind")]
    try:
        for location in found:
            _merge_at(document, location, update)
    except _Incompatible as fault:
        return [Fault(f"{action.where}/{word}", str(fault))]
    return []


def _at(document: Any, location: Location) -> Any:
    for step in location:
        document = document[step]
    return document


def _kind(value: Any) -> str:
    return "objects" if isinstance(value, dict) else "lists" if isinstance(value, list) else "plain values"


def _copied(value: Any) -> Any:
    """A value of its own for each place it is put."""
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _merge_at(document: Any, location: Location, update: Any) -> None:
    """Merge an update into the node at a location (Overlay 1.1, Action Object). Raises _Incompatible."""
    target = _at(document, location)
    if isinstance(target, list):
        target.extend(_copied(update) if isinstance(update, list) else [_copied(update)])
    elif isinstance(target, dict):
        if not isinstance(update, Mapping):
            raise _Incompatible("must be an object: the target is one")
        _merge(target, update, "")
    elif isinstance(update, Mapping | list):
        raise _Incompatible("must be a plain value: the target is one")
    else:
        _at(document, location[:-1])[location[-1]] = update


def _merge(target: dict[str, Any], update: Mapping[str, Any], at: str) -> None:
    for name, new in update.items():
        old = target.get(name)
        if name not in target:
            target[name] = _copied(new)
        elif isinstance(old, dict) and isinstance(new, Mapping):
            _merge(old, new, f"{at}.{name}")
        elif isinstance(old, list) and isinstance(new, list):
            old.extend(_copied(new))
        elif isinstance(old, dict | list) or isinstance(new, Mapping | list):
            raise _Incompatible(f"{at}.{name}".lstrip(".") + f" has {_kind(new)} where the document has {_kind(old)}; remove those first")
        else:
            target[name] = new
