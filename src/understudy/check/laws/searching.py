"""Laws of free-text search in lists. Which properties are searched is not asked: what a search finds by a whole value, it finds by its words."""

from __future__ import annotations

from understudy.check.claims import Claim
from understudy.check.laws.law import Law
from understudy.check.laws.lists import SEGURA
from understudy.check.session import Record, Session
from understudy.check.subjects import Subject
from understudy.check.walking import Walk, declared, whole


def _texts(subject: Subject, record: Record) -> dict[str, str]:
    """What was written in words."""
    return {name: value for name, value in record.sent.items() if isinstance(value, str) and len(value.split()) > 1 and name not in subject.resource.refers_to}


def search(s: Session, subject: Subject) -> None:
    """What is found by a whole text is found by its first and its last word; a text with signs in it finds what holds these signs."""
    record = s.create(subject)
    s.create(subject)
    for name, value in _texts(subject, record).items():
        found = _searched(s, subject, value)
        held = Claim("lists", {"items": found.items, "key": subject.id_field, "value": record.id}, f"it is found by its {name}")
        words = value.split()
        for word in (words[0], words[-1]):
            one = _searched(s, subject, word)
            s.claim("lists", f"a search for the {name} finds it, one for a word of it does not", at=s.operation(subject, "list"), mark=f"{name} word", items=one.items, key=subject.id_field,
                    value=record.id, given=[held, *one.ended])
        _signs(s, subject, record, name, value, held)


def _signs(s: Session, subject: Subject, record: Record, name: str, value: str, held: Claim) -> None:
    """Signs that a store may take for `anything` are signs."""
    for sign in "%*":
        one = _searched(s, subject, f"{value[:2]}{sign}{value[-2:]}")
        s.claim("omits", f"a search takes {sign} for anything", at=s.operation(subject, "list"), mark=f"{name} sign", items=one.items, key=subject.id_field, value=record.id, given=[held, *one.ended])


def _searched(s: Session, subject: Subject, text: str) -> Walk:
    return whole(s, subject, ((str(subject.lists.search), text),))


SEARCHING = (
    Law("search", search, "what a search finds by a whole text it finds by its words; signs stand for themselves", SEGURA, frozenset({"create", "list"}),
        lambda subject: bool(subject.said) and declared(subject, subject.lists.search), "lists"),
)
