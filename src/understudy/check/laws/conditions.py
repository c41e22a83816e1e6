"""Laws of conditional requests: a tag is of one state of a record, and a change that builds on an older one is not done."""

from __future__ import annotations

from understudy.check.claims import Claim, status
from understudy.check.laws.law import Law
from understudy.check.laws.records import _other, volatile
from understudy.check.session import Impossible, Record, Reply, Session
from understudy.check.steps import Ref
from understudy.check.subjects import Subject
from understudy.contract.values import Operation

RFC = "RFC 9110 section 13"


def _tag(reply: Reply) -> Ref:
    return Ref(reply.step, ("etag",), "headers")


def _asks(operation: Operation | None, header: str) -> bool:
    return operation is not None and any(one.location == "header" and one.name.lower() == header for one in operation.parameters)


def _tagged(s: Session, record: Record) -> Reply:
    reply = s.get(record)
    if "etag" not in reply.answer.headers:
        raise Impossible(f"a {record.subject.name} comes without an ETag")
    return reply


def unmodified(s: Session, subject: Subject) -> None:
    """The tag of a record that nobody changed stays, and with it the record is not sent again."""
    record, operation = s.create(subject), s.operation(subject, "retrieve")
    first, second = _tagged(s, record), _tagged(s, record)
    s.claim("equal", "the ETag of a record that nobody changed is another", at=operation, mark="stays", left=_tag(first), right=_tag(second))
    if _asks(operation, "if-none-match"):
        late = s.send(s.step(operation, subject, record, headers={"if-none-match": _tag(first)}))
        s.claim("among", f"If-None-Match with the record's own ETag is answered {late.status}", at=operation, mark="304", value=status(late.step), options=[304],
                given=[Claim("equal", {"left": _tag(first), "right": _tag(second)}, "the tag is still that one")])


def lost(s: Session, subject: Subject) -> None:
    """A change that builds on the record as it is is done, and gives another tag; one that builds on an older one is not."""
    record, operation = s.create(subject), s.operation(subject, "update")
    first = _tagged(s, record)
    one, other = _other(s, subject, record), _other(s, subject, record)
    if one is None or other is None:
        raise Impossible("no change of it is known")
    done = s.change(record, one, headers={"if-match": _tag(first)})
    s.claim("among", f"a change under the current ETag is answered {done.status}", at=operation, mark="current", value=status(done.step), options=["2xx"])
    second = _tagged(s, record)
    accepted = Claim("among", {"value": status(done.step), "options": ["2xx"]}, "the first was accepted")
    s.claim("differ", "the ETag is the same after a change", at=operation, mark="changes", left=_tag(first), right=_tag(second), given=[accepted])
    stale = s.change(record, other, headers={"if-match": _tag(first)})
    s.claim("among", f"a change under an old ETag is answered {stale.status}", at=operation, mark="stale", value=status(stale.step), options=[412, 409], given=[accepted])
    last = s.get(record)
    s.claim("unchanged", "a change refused for its ETag was done", at=operation, mark="untouched", before=Ref(second.step, record.inside), after=Ref(last.step, record.inside),
            ignoring=volatile(subject), given=[Claim("among", {"value": status(stale.step), "options": ["4xx"]}, "it was refused")])
    body = _other(s, subject, record)
    if body is not None:
        step = s.step(operation, subject, record, headers={"if-match": _tag(last)}, body=body)
        replies = s.send_together([step, step])
        s.claim("one_wins", "of two changes at once under one ETag not exactly one was done", at=operation, mark="race", statuses=[status(reply.step) for reply in replies])


CONDITIONS = (
    Law("tags stay", unmodified, "the ETag of an unchanged record stays, and 304 says so", RFC, frozenset({"create", "retrieve"}),
        lambda subject: _asks(subject.operations.get("retrieve"), "if-none-match") or _asks(subject.operations.get("update"), "if-match"), "tags"),
    Law("lost updates", lost, "a change that builds on an older state is refused, and not done", RFC, frozenset({"create", "retrieve", "update"}),
        lambda subject: _asks(subject.operations.get("update"), "if-match") and subject.written("update")[1] is None, "tags"),
)
