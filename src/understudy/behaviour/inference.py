"""A behaviour inferred from a document alone: pure, deterministic, every decision with the convention that made it.

1. Nothing is guessed in silence: what is assumed leaves a note, and what fits no convention stays "not modelled".
2. What a convention is stands in the sibling modules; here they are asked in order and their answers put together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from understudy.behaviour.candidates import Candidate, is_patch, item_parameters, reasons
from understudy.behaviour.drafting import Draft
from understudy.behaviour.events import events_of
from understudy.behaviour.gathering import Cast, above, bound, gather
from understudy.behaviour.looking import Look
from understudy.behaviour.model import Behaviour, Idempotency, Lists, Note, Resource, Rule
from understudy.behaviour.naming import plain, singular, snake
from understudy.behaviour.paging import Known, lists_of
from understudy.behaviour.records import examples_of, id_form, is_made_up, object_type_of, stamps_of
from understudy.behaviour.references import Reference, Target, Targets, references
from understudy.behaviour.roles import assign, is_modelled
from understudy.behaviour.states import stated
from understudy.contract.values import Operation, Parameter

if TYPE_CHECKING:
    from understudy.contract.contract import Contract

_DAY = timedelta(hours=24)
_REPEATING = "a header parameter called idempotency key, or a request id whose description says so"
_CORE = ("style", "page", "limit", "offset", "cursor", "before", "first_page", "default_limit", "order_by",
         "direction", "descending", "expand")  # fmt: skip
"""What the behaviour's own `lists` says for all resources: the commonest of these taken together."""

_FACTS = {"created": "made", "updated": "changed"}


def infer(contract: Contract) -> Behaviour:
    """What a document lets one understand of its API. What it does not is left out, and said so in a note."""
    look = Look(contract)
    cast = gather(look, contract.operations)
    scopes = _scopes(contract.operations)
    drafts = [Draft(name, candidate, look, scopes) for name, candidate in cast.candidates.items()]
    resources = {draft.name: _resource(draft) for draft in drafts}
    resources = _related(drafts, resources)
    resources, spoken = events_of(contract.webhooks, resources)
    shared = _shared_lists(resources.values())
    idempotency, said = _idempotency(contract.operations)
    notes = [note for draft in drafts for note in draft.notes]
    excluded = [pair for draft in drafts for pair in draft.candidate.excluded]
    idle = [pair for draft in drafts for pair in draft.idle]
    behaviour = Behaviour(
        resources=resources,
        lists=shared,
        idempotency=idempotency,
        operations={operation.key: Rule(role="example") for operation, _ in excluded},
    )
    refusals = _refusals(contract, behaviour, cast, [*excluded, *idle])
    return replace(behaviour, notes=(*_opening(contract, resources), *notes, *spoken, *_called_back(contract), *said, *refusals))


def _called_back(contract: Contract) -> Iterable[Note]:
    """A line for each callback: it is sent once, when the operation was answered."""
    for operation in contract.operations:
        for callback in contract.callbacks(operation):
            finding = f"{callback.method} {callback.expression}: {callback.name}, sent once when it was answered"
            yield Note(operation.key, finding, "the operation's callbacks")


def _scopes(operations: Iterable[Operation]) -> frozenset[str]:
    """Query parameters that most operations take which are no GET: they name an account, not a property."""
    changing = [one for one in operations if one.method not in ("GET", "HEAD")]
    counts = Counter(
        parameter.name for one in changing for parameter in one.parameters if parameter.location == "query"
    )
    return frozenset(name for name, count in counts.items() if len(changing) > 4 and 2 * count > len(changing))


def _opening(contract: Contract, resources: Mapping[str, Resource]) -> Iterable[Note]:
    count = len(contract.operations)
    if not count:
        yield Note("document", "no operations, so nothing to model", "paths")
    elif not resources:
        finding = "no resources: every operation answers an example of what it declares, and nothing is kept"
        yield Note("document", finding, "no path holds items that some operation makes; RPC-style, or read-only")
    if any(operation.path.startswith(("/v{", "/{version}", "/{api")) for operation in contract.operations):
        yield Note(
            "document",
            "any value of the version segment is taken",
            "a constant beginning with a parameter; `version` can fix it",
        )


def _refusals(
    contract: Contract, behaviour: Behaviour, cast: Cast, said: Iterable[tuple[Operation, str]]
) -> Iterable[Note]:
    """Why each operation that is not modelled is not, in the order of the document."""
    why = {**reasons(cast.sites.values(), cast.refused), **{operation.key: reason for operation, reason in said}}
    roles = assign(contract.operations, behaviour)
    for operation in contract.operations:
        role = roles[operation.key]
        if not is_modelled(role, behaviour):
            yield Note(operation.key, "not modelled", why.get(operation.key, role.convention))


# --- one resource ------------------------------------------------------------------------------------------------


def _resource(draft: Draft) -> Resource:
    candidate = draft.candidate
    paths = list(dict.fromkeys(path for site in candidate.sites for path in site.documented))
    draft.say("a singleton" if candidate.singleton else "a resource", _why(candidate))
    resource = Resource(
        name=draft.name,
        collections=tuple(paths),
        singleton=candidate.singleton,
        put_creates=candidate.put_creates,
        wrap=candidate.wrap,
        request_wrap=candidate.request_wrap,
        given=0 if candidate.made or candidate.singleton else 1,
    )
    for step in (_identified, _parented, _stamped, _typed, stated, _listed):
        resource = step(draft, resource)
    _say_how_made(draft)
    return resource


def _why(candidate: Candidate) -> str:
    if candidate.singleton:
        return "one path both answers an object and changes it"
    if candidate.site.joined:
        return "items under the singular, their list under the plural"
    return "a collection path and what stands at its items" if candidate.site.items else "one path lists and creates"


def _say_how_made(draft: Draft) -> None:
    candidate = draft.candidate
    if not candidate.made and not candidate.singleton:
        draft.say(
            "one record is there from the beginning", "it is listed, retrieved and changed, but no operation makes one"
        )
    if candidate.put_creates:
        draft.say("PUT on an item makes it", "nothing else makes one, so the client chooses the id")
    if candidate.wrap:
        draft.say(
            f'answers hold the record in "{candidate.wrap}"', "a property named after the resource, or the only one"
        )
    if candidate.request_wrap:
        draft.say(
            f'requests hold the record in "{candidate.request_wrap}"',
            "a property named after the resource, or the only one",
        )
    if any(
        is_patch(draft.look, one) for site in candidate.sites for one in site.items.values() if one.method == "PATCH"
    ):
        draft.say("PATCH takes a JSON Patch", "its body is an array of objects with `op` and `path` (RFC 6902)")
    for view in candidate.views:
        draft.say(
            f"also at {view.documented[0]}",
            "records of the same schema, and the path's parameters are properties of it",
        )


def _identified(draft: Draft, resource: Resource) -> Resource:
    candidate, own = draft.candidate, draft.candidate.identity
    if candidate.singleton:
        return replace(resource, id_field=own.field)
    part = candidate.record.properties.get(own.field)
    items = candidate.listing.items if candidate.listing else None
    shown = examples_of(part, candidate.answering, own.field, candidate.wrap, items) if is_made_up(own.field) else ()
    form = id_form(draft.look, part, shown)
    draft.say(f'the id is "{own.field}"', own.convention)
    if form.convention:
        draft.say(f"ids look like {_looks(form.prefix, form.form, form.length)}", form.convention)
    if own.key:
        draft.say(
            f'a path may also name it by "{own.key}"', f"path parameters {', '.join(item_parameters(candidate.site))}"
        )
    return replace(
        resource, id_field=own.field, key=own.key, id_prefix=form.prefix, id_form=form.form, id_length=form.length
    )


def _looks(prefix: str | None, form: str | None, length: int | None) -> str:
    rest = form or "letters and digits"
    text = f"{length} of {rest}" if length else rest
    return f"{prefix}{'' if prefix[-1] == '-' else '_'} and {text}" if prefix else text


def _parented(draft: Draft, resource: Resource) -> Resource:
    parents: dict[str, str] = {}
    for site in draft.candidate.sites:
        for parameter, parent in above(site):
            declared = bound(parameter, parent, draft.candidate)
            parents[parameter] = declared or _private(parameter, parent, draft.candidate)
            convention = "a property of the record" if declared else "the record shows none: kept beside it, never sent"
            draft.say(f'{{{parameter}}} of the path is its "{parents[parameter]}"', convention)
    return replace(resource, parents=parents) if parents else resource


def _private(parameter: str, parent: str, candidate: Candidate) -> str:
    name = snake((*singular(parent), "id")) if parent else parameter
    return f"_{name}" if name in candidate.record.properties or name == candidate.identity.field else name


def _stamped(draft: Draft, resource: Resource) -> Resource:
    stamps, forms = stamps_of(draft.look, draft.candidate.record)
    for word, prop in stamps.items():
        form = f", in {forms[prop]}" if prop in forms else ""
        draft.say(f'"{prop}" is when it was {_FACTS[word]}{form}', "name and type of the property")
    return replace(resource, stamps=stamps, stamp_forms=forms) if stamps else resource


def _typed(draft: Draft, resource: Resource) -> Resource:
    found = object_type_of(draft.look, draft.candidate.record)
    if found is None:
        return resource
    draft.say(f'"{found[0]}" is always {found[1]}', "an enum of one, or a const")
    return replace(resource, object_field=found[0], object_type=found[1])


# --- lists -------------------------------------------------------------------------------------------------------


def _listed(draft: Draft, resource: Resource) -> Resource:
    candidate = draft.candidate
    if candidate.listing is None:
        return resource
    operation = next(site.operations["GET"] for site in candidate.sites if "GET" in site.operations)
    place = (
        f'in "{candidate.listing.items}"'
        if candidate.listing.items
        else "as a bare array"
        if not candidate.listing.key_map
        else "as a map"
    )
    draft.say(f"lists answer the records {place}", candidate.listing.convention)
    if candidate.listing.doubt:
        draft.say(candidate.listing.doubt, "the choice above is deterministic, and may be wrong")
    known = Known(_spelled(candidate), resource.stamps, draft.scopes)
    lists, findings = lists_of(draft.look, operation, candidate.listing, candidate.record, known)
    for finding, convention in findings:
        draft.say(finding, convention)
    return replace(resource, lists=lists)


def _spelled(candidate: Candidate) -> dict[str, str]:
    """The record's properties by their plain names, its id also by the resource's: plan_ids for a plan's id."""
    spelled = {plain(prop): prop for prop in reversed(tuple(candidate.record.properties))}
    if candidate.identity.declared:
        for name in ("".join(candidate.name), ""):
            spelled.setdefault(f"{name}id", candidate.identity.field)
    return spelled


def _shared_lists(resources: Iterable[Resource]) -> Lists:
    """The commonest way of paging, as the behaviour's own."""
    own = [one.lists for one in resources if one.lists is not None]
    if not own:
        return Lists()
    core = Counter(tuple(getattr(lists, name) for name in _CORE) for lists in own).most_common(1)[0][0]
    items, count = Counter(lists.items for lists in own).most_common(1)[0]
    return Lists(**dict(zip(_CORE, core, strict=True)), items=items if 1 < count > len(own) // 2 else None)


# --- references --------------------------------------------------------------------------------------------------


def _related(drafts: Iterable[Draft], resources: Mapping[str, Resource]) -> dict[str, Resource]:
    """The references between resources; only what some operation makes can be demanded to be there."""
    made = [draft for draft in drafts if draft.candidate.made]
    rows = {draft.name: _target(draft, resources[draft.name]) for draft in made}
    targets = Targets(list(rows.values()))
    result = {}
    for draft in drafts:
        resource = resources[draft.name]
        own = rows.get(draft.name) or _target(draft, resource)
        found = references(draft.look, draft.candidate.record, own, targets) + _by_nesting(draft, resource, targets)
        result[draft.name] = _referring(draft, resource, found)
    return result


def _target(draft: Draft, resource: Resource) -> Target:
    candidate = draft.candidate
    return Target(draft.name, candidate.name, candidate.schemas, resource.key, resource.id_field)


def _by_nesting(draft: Draft, resource: Resource, targets: Targets) -> list[Reference]:
    found = {}
    for site in draft.candidate.sites:
        for parameter, parent in above(site):
            target = targets.named(singular(parent))
            if target is not None and target.resource != draft.name:
                name = resource.parents[parameter]
                found[name] = Reference(name, target.resource, False, "nested in the parent's path")
    return list(found.values())


def _referring(draft: Draft, resource: Resource, found: Iterable[Reference]) -> Resource:
    by_id = {one.field: one for one in found if not one.by_key}
    by_key: dict[str, str] = {}
    for one in found:
        beside = next((other.field for other in by_id.values() if other.resource == one.resource), None)
        if one.by_key and beside is not None and beside not in by_key.values():
            by_key[one.field] = beside
        elif one.by_key:
            by_id.setdefault(one.field, one)
    for one in by_id.values():
        draft.say(f'"{one.field}" refers to {one.resource}', one.convention)
    refers_to = {name: one.resource for name, one in by_id.items()}
    return replace(resource, refers_to=refers_to, by_key=by_key) if refers_to else resource


# --- headers -----------------------------------------------------------------------------------------------------


def _idempotency(operations: Iterable[Operation]) -> tuple[Idempotency | None, list[Note]]:
    found: dict[str, set[str]] = {}
    windows: dict[str, timedelta] = {}
    for operation in operations:
        for parameter in operation.parameters:
            if parameter.location == "header" and _repeats(parameter):
                found.setdefault(parameter.name.lower(), set()).add(operation.method)
                windows.setdefault(parameter.name.lower(), _window(parameter))
    if not found:
        return None, []
    header = max(found, key=lambda name: len(found[name]))
    hours = int(windows[header].total_seconds()) // 3_600
    note = Note("document", f"{header} makes a repeated request answer as the first did, for {hours} hours", _REPEATING)
    return Idempotency(header, windows[header], methods=frozenset(found[header])), [note]


def _repeats(parameter: Parameter) -> bool:
    text = parameter.description.lower()
    return "idempoten" in plain(parameter.name) or (
        plain(parameter.name).endswith("requestid") and ("idempoten" in text or "stores keys" in text)
    )


def _window(parameter: Parameter) -> timedelta:
    """How long a key counts, where the description says; else a day."""
    match = re.search(r"(\d{1,3}) (hour|day)s?", parameter.description)
    return timedelta(**{f"{match[2]}s": int(match[1])}) if match and int(match[1]) else _DAY
