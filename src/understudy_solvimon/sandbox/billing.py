"""From records to a bill: what one or several billing periods come to on their invoice.

1. An invoice bills its period in arrears, and the period to come for what is billed in advance; what was billed in
   advance and came out otherwise (seats, an upgrade) is made up for when its period ends.
2. Nothing here writes. The arithmetic is in the pure modules; here it is only fed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from understudy_solvimon import charges, invoicing, money, periods, pricing
from understudy_solvimon.charges import DraftLine, Terms
from understudy_solvimon.discounts import Discount
from understudy_solvimon.invoicing import Bill, Line, Span
from understudy_solvimon.money import ZERO
from understudy_solvimon.periods import Period
from understudy_solvimon.sandbox.accounts import Account, Piece, account_of, country_of, period_of, pieces_of
from understudy_solvimon.sandbox.charging import charged, charged_in_advance
from understudy_solvimon.sandbox.credits import Meter, credit_line, overage
from understudy_solvimon.sandbox.discounting import discounts_of
from understudy_solvimon.sandbox.entries import Entry, Items
from understudy_solvimon.sandbox.lines import draft_of
from understudy_solvimon.sandbox.offers import configs_by_item
from understudy_solvimon.sandbox.promises import commitments_of
from understudy_solvimon.sandbox.rhythms import period_from
from understudy_solvimon.sandbox.terms import Record, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a billing period comes to: spans of lines, what could not be billed, and what it hands to the next period."""

    spans: tuple[Span, ...]
    flaws: tuple[Record, ...]
    handed_on: Record
    amount_type: str


@dataclass(slots=True)
class _Sheet:
    """Draft lines and flaws as they are gathered."""

    tx: Transaction
    account: Account
    drafts: list[DraftLine]
    flaws: list[Record]
    meter: Meter
    offered: dict[str, Items] = field(default_factory=dict)

    def items(self, piece: Piece) -> Items:
        """What a piece's schedule offers, looked up once for each reckoning."""
        id = piece.schedule["id"]
        if id not in self.offered:
            self.offered[id] = configs_by_item(self.tx, self.account.subscription, piece.schedule)
        return self.offered[id]

    def draft(self, piece: Piece, entry: Entry, span: int = 0) -> DraftLine | None:
        """An entry as a draft line; None, with a flaw noted, where it cannot be one."""
        worth = pricing.worth(entry.priced)
        if worth is not None and money.is_credit(worth.currency):
            return replace(credit_line(self.meter, self.account, piece, entry, worth), span=span)
        found = draft_of(self.tx, self.account, piece, entry)
        if isinstance(found, DraftLine):
            return replace(found, span=span)
        self.flaws.append(found)
        return None

    def put(self, line: DraftLine | None) -> None:
        """Note a draft line, if there is one."""
        self.drafts += [line] if line is not None else []


def _sheet(tx: Transaction, account: Account, record: Record) -> _Sheet:
    period = period_of(record)
    return _Sheet(tx, account, [], [], Meter(tx, str(account.customer.get("id")), period.start, period.end, record["id"]))


def reckoned(tx: Transaction, record: Record) -> Reckoned:
    """What a billing period comes to, with what is billed in advance for the one after it."""
    subscription = tx.need("subscription", record["pricing_plan_subscription_id"])
    account = account_of(tx, subscription)
    period = period_of(record)
    before = _handed_on(tx, record)
    pieces = list(pieces_of(tx, account, period))
    sheet = _sheet(tx, account, record)
    usage: dict[str, Record] = {}
    already: list[DraftLine] = []
    for piece in pieces:
        found = charged(tx, account, piece, sheet.items(piece), record["id"], before.get("usage") or {})
        usage |= found.carried
        for entry in found.entries:
            sheet.put(sheet.draft(piece, entry))
        already += _made_up_for(sheet, piece, before.get("advance") or {})
    for more in overage(sheet.meter, account):
        sheet.flaws += [more] if isinstance(more, dict) else []
        sheet.put(None if isinstance(more, dict) else sheet.draft(*more))
    following = _following(account, record, period)
    advance = _in_advance(sheet, following, 1) if following else {}
    terms = Terms(account.currency, _discounts(tx, account, period, pieces, following), tuple(commitments_of(tx, account, pieces)),
                  tuple(already))
    spans = _spans(sheet, terms, [_frame(account, record), *([_frame_of(account, following)] if following and advance else [])])
    amount_type = pieces[0].amount_type if pieces else charges.EXCLUDING
    return Reckoned(spans, tuple(sheet.flaws), {"usage": usage, "advance": advance}, amount_type)


def advance_of(tx: Transaction, record: Record) -> tuple[Reckoned, bool]:
    """What a subscription's first period is billed at its beginning, and whether that is anything."""
    subscription = tx.need("subscription", record["pricing_plan_subscription_id"])
    account = account_of(tx, subscription)
    sheet = _sheet(tx, account, record)
    advance = _in_advance(sheet, period_of(record), 0)
    period = period_of(record)
    terms = Terms(account.currency, discounts_of(tx, account, period, list(pieces_of(tx, account, period)), 0))
    spans = _spans(sheet, terms, [_frame(account, record)])
    amount_type = sheet.drafts[0].amount_type if sheet.drafts else charges.EXCLUDING
    return Reckoned(spans, tuple(sheet.flaws), {"advance": advance}, amount_type), bool(advance)


def _discounts(
    tx: Transaction, account: Account, period: Period, pieces: Sequence[Piece], following: Period | None
) -> tuple[Discount, ...]:
    """The discounts of a period and, for what is billed in advance, of the one after it."""
    own = discounts_of(tx, account, period, pieces, 0)
    return own if following is None else (*own, *discounts_of(tx, account, following, list(pieces_of(tx, account, following)), 1))


def bill_of(account: Account, parts: Sequence[Reckoned]) -> Bill:
    """The bill of an invoice for one or several billing periods."""
    spans = tuple(span for part in parts for span in part.spans)
    amount_type = parts[0].amount_type if parts else charges.EXCLUDING
    return Bill(account.currency, spans, amount_type, country_of(account.entity))


def _handed_on(tx: Transaction, record: Record) -> Record:
    """What the period before handed on, to the first one what it was billed at its beginning, and what a request set."""
    if record.get("previous_id") is None:
        known = record.get("begun_with") or {}
    else:
        known = (tx.get("billing_period", record["previous_id"]) or {}).get("handed_on") or {}
    taken_over = record.get("taken_over")
    return {**known, "usage": {**(known.get("usage") or {}), **taken_over}} if taken_over else known


# --- in advance -------------------------------------------------------------------------------------------------------


def _following(account: Account, record: Record, period: Period) -> Period | None:
    """The period after this one; None where the subscription ends with it."""
    ends = when(account.subscription, "ends_at")
    if (ends is not None and ends <= period.end) or account.subscription.get("status") in ("VOID", "ARCHIVED"):
        return None
    return period_from(account.subscription, account.zone, period.end)


def _in_advance(sheet: _Sheet, period: Period, span: int) -> Record:
    """Draft what is billed for a period at its beginning; its prices by key, to compare with when it has passed."""
    prices: Record = {}
    for piece in pieces_of(sheet.tx, sheet.account, period):
        for entry in charged_in_advance(sheet.account, piece, sheet.items(piece)):
            line = sheet.draft(piece, entry, span)
            sheet.put(line)
            if line is not None:
                prices[f"{piece.schedule['id']}|{entry.key}"] = str(line.price)
    return prices


def _made_up_for(sheet: _Sheet, piece: Piece, billed: Mapping[str, str]) -> Iterator[DraftLine]:
    """Bill what a period in advance came to less what it was billed; yields what was billed already."""
    for entry in charged_in_advance(sheet.account, piece, sheet.items(piece)):
        line = sheet.draft(piece, entry)
        if line is None:
            continue
        before = Fraction(billed.get(f"{piece.schedule['id']}|{entry.key}", ZERO))
        if line.price != before:
            changed = line if not before else replace(line, price=line.price - before, quantity=Fraction(1), unit_price=None)
            sheet.put(changed)
        yield replace(line, price=before)


# --- spans ------------------------------------------------------------------------------------------------------------


def _spans(sheet: _Sheet, terms: Terms, frames: Sequence[Span]) -> tuple[Span, ...]:
    lines = invoicing.settled(_in_order(sheet.drafts), terms)
    return tuple(replace(frame, lines=_of(lines, index)) for index, frame in enumerate(frames))


def _in_order(drafts: Sequence[DraftLine]) -> list[DraftLine]:
    """By span, schedule and display order; those alike as the plan has them, the lines of a pricing together."""
    first: dict[str, int] = {}
    for draft in drafts:
        first.setdefault(draft.group.key[0], len(first))
    return sorted(drafts, key=lambda draft: (draft.span, draft.group.key[0].rpartition("|")[0], first[draft.group.key[0]]))


def _of(lines: Sequence[Line], span: int) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.span == span)


def _frame(account: Account, record: Record) -> Span:
    return Span(record["start_at"], record["end_at"], account.subscription["billing_period"], ())


def _frame_of(account: Account, period: Period) -> Span:
    return Span(periods.stamp(period.start), periods.stamp(period.end), account.subscription["billing_period"], ())
