"""Laws of what a query asks for beside filters and pages: expansions, cursors that are none or of another list, unknown parameters."""

from __future__ import annotations

import re
from typing import Any

from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.laws.lists import _asked, _pages, _several
from understudy.check.laws.records import volatile
from understudy.check.session import Impossible, Session, items_path
from understudy.check.steps import Ref, at
from understudy.check.subjects import Subject
from understudy.check.walking import page, quantities, walk
from understudy.contract.values import Operation

SEGURA = "metamorphic relations of queries (Segura et al., TSE 2018)"
AIP = "Google AIP-158"


def _expansions(subject: Subject, operation: Operation | None) -> list[str]:
    """The names that may be asked to be expanded."""
    parameter = next((one for one in operation.parameters if one.name == subject.lists.expand), None) if operation is not None else None
    if parameter is None or parameter.schema is None:
        return []
    shape = subject.api.contract.shape(parameter.schema, "request")
    return [str(one) for one in shape.enum or (subject.api.contract.shape(shape.items, "request").enum if shape.items else None) or ()]


def expands(s: Session, subject: Subject) -> None:
    """An expanded record is the record, with what it refers to beside its id."""
    operation = s.operation(subject, "retrieve")
    record = s.create(subject)
    plain = s.get(record)
    given = [Claim("among", {"value": status(plain.step), "options": ["2xx"]}, "it is read without")]
    for name in _expansions(subject, operation):
        reply = s.send(s.step(operation, subject, record, query=((str(subject.lists.expand), name),)))
        stem = re.sub(r"_ids?$", "", name)
        s.claim("among", f"asked to expand {name} it is answered {reply.status}", at=operation, mark=f"{name} status", value=status(reply.step), options=["2xx"], given=given)
        s.claim("same", f"expanding {name} changes the rest of the record", at=operation, mark=f"{name} rest", left=Ref(plain.step, record.inside), right=Ref(reply.step, record.inside),
                ignoring=sorted({*volatile(subject), name, stem, f"{stem}s"}), given=given)
        target = s.api.subjects.get(subject.resource.refers_to.get(name, ""))
        if target is not None and isinstance(record.value.get(name), str):
            found = Ref(reply.step, (*record.inside, stem, target.id_field))
            s.claim("equal", f"expanding {name} shows another record", at=operation, mark=f"{name} id", left=Ref(plain.step, (*record.inside, name)), right=found,
                    given=[*given, Claim("there", {"value": found}, "it was expanded")])


def unknown(s: Session, subject: Subject) -> None:
    """A parameter nobody knows is refused, or changes nothing."""
    operation = s.operation(subject, "list")
    plain = s.send(s.step(operation, subject))
    odd = s.send(s.step(operation, subject, query=(("understudy_no_such_parameter", "1"),)))
    items = items_path(subject)
    s.claim("equal", "a parameter that nobody knows changes the list", at=operation, left=Ref(plain.step, items), right=Ref(odd.step, items),
            given=[Claim("among", {"value": status(one.step), "options": ["2xx"]}, "it was answered") for one in (plain, odd)])


def foreign_cursors(s: Session, subject: Subject) -> None:
    """A cursor that is none is refused; one of another filter is refused, or gives what this filter asks for."""
    operation, lists = s.operation(subject, "list"), subject.lists
    none = s.send(s.step(operation, subject, query=((str(lists.cursor), "understudy-no-such-cursor"),)))
    if "lists" in subject.said and {"400", "422", "4XX"} & operation.responses.keys():
        s.claim("among", f"a cursor that is none is answered {none.status}", at=operation, mark="none", value=status(none.step), options=["4xx"])
    everything = _several(s, subject)
    where = quantities(lists.meta).get("next_cursor")
    for one in subject.filters if where else ():
        values = _asked(s, subject, one, everything.values)
        if len(values) < 2 or one.word != "equals":
            continue
        first = page(s, subject, ((str(lists.limit), 1), (one.parameter, s.bound(values[0]))))
        if at(first.value, where or ()) in (None, ""):
            continue
        other = s.send(s.step(operation, subject, query=((one.parameter, s.bound(values[1])), (str(lists.cursor), Ref(first.step, where or ())))))
        s.claim("sound", f"a cursor of {one.parameter}={values[0]} asked with {one.parameter}={values[1]} lists what does not satisfy it", at=operation, mark=one.parameter,
                items=Ref(other.step, items_path(subject)), field=one.field, word=one.word, bound=s.bound(values[1]),
                given=[Claim("among", {"value": status(other.step), "options": ["2xx"]}, "it was taken")])


def backwards(s: Session, subject: Subject) -> None:
    """The page before the one after a page is that page."""
    _several(s, subject)
    where: Any = quantities(subject.lists.meta).get("previous_cursor")
    found = walk(s, subject, 2, most=2)
    if len(found.pages) < 2 or at(found.pages[1].value, where) in (None, ""):
        raise Impossible("no cursor leads back")
    reply = page(s, subject, ((str(subject.lists.limit), 2), (str(subject.lists.before), Ref(found.pages[1].step, where))))
    s.claim("equal", "the page before the second is not the first", at=s.operation(subject, "list"), left=found.rows[0], right=Ref(reply.step, items_path(subject)))


QUERIES = (
    Law("expansions", expands, "an expanded record is the record, with what it refers to", SEGURA, frozenset({"create", "retrieve"}),
        lambda subject: bool(_expansions(subject, subject.operations.get("retrieve"))), "lists"),
    Law("unknown parameters", unknown, "a parameter that nobody knows is refused, or changes nothing", SEGURA, frozenset({"list"}), tag="lists"),
    Law("foreign cursors", foreign_cursors, "a cursor that is none, or of another query, misleads nobody", AIP, frozenset({"create", "list"}),
        lambda subject: _pages(subject) and subject.lists.style == "cursor", "lists"),
    Law("pages backwards", backwards, "the page before the one after a page is that page", SEGURA, frozenset({"create", "list"}),
        lambda subject: _pages(subject) and subject.lists.before is not None and "previous_cursor" in quantities(subject.lists.meta), "lists"),
)
