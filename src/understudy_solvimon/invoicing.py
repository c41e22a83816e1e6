"""Lines to totals, and both shapes of an invoice out of that one calculation.

1. Draft lines pass through `STEPS`, in that order, and are then taxed; nothing else changes what a line costs.
2. A line is rounded once; every total is a sum of rounded lines, so an invoice is always the sum of what it shows.
3. The guide's shape is flat (`line_items`, `total_amount`, `billing_period_*`), the reference's is periods, groups,
   lines. Nothing here is computed for one of them alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

from understudy_solvimon import money
from understudy_solvimon.charges import DISCOUNT, EXCLUDING, INCLUDING, REVENUE, DraftLine, Group, Rate, Step, Terms
from understudy_solvimon.commitments import committed
from understudy_solvimon.discounts import discounted
from understudy_solvimon.money import ZERO, Money
from understudy_solvimon.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice line. `net` and `tax` are rounded; `facts` are the JSON members of the reference's line as they are."""

    description: str | None
    quantity: Fraction
    unit_price: Money | None
    net: Fraction
    tax: Fraction
    rate: Rate
    group: Group
    facts: Mapping[str, Any] = field(default_factory=dict)
    kind: str = REVENUE
    span: int = 0

    @property
    def gross(self) -> Fraction:
        """The line's amount with tax."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with its lines. `start` and `end` are time stamps as the API writes them."""

    start: str | None
    end: str | None
    length: Mapping[str, Any] | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """Everything an invoice's amounts follow from."""

    currency: str
    spans: tuple[Span, ...]
    amount_type: str = EXCLUDING
    country: str | None = None


STEPS: tuple[Step, ...] = (discounted, committed)
"""What happens to draft lines before tax, in order (assumed: the vendor's order is not known)."""


def settled(drafts: Iterable[DraftLine], terms: Terms) -> tuple[Line, ...]:
    """Draft lines as an invoice's lines: every step in order, then tax and rounding."""
    lines = tuple(drafts)
    for step in STEPS:
        lines = step(lines, terms)
    return tuple(_taxed_lines(lines, terms.currency))


def _taxed_lines(drafts: Iterable[DraftLine], currency: str) -> Iterator[Line]:
    """Each line with its tax; a discount takes back the tax of what it takes, so that several never take more than all."""
    left = ZERO
    for draft in drafts:
        before = taxed(left, draft.rate, draft.amount_type, currency) if draft.kind == DISCOUNT else (ZERO, ZERO)
        left = money.rounded(draft.price, currency) + (left if draft.kind == DISCOUNT else ZERO)
        net, tax = (now - then for now, then in zip(taxed(left, draft.rate, draft.amount_type, currency), before, strict=True))
        yield Line(draft.description, draft.quantity, draft.unit_price, net, tax, draft.rate, draft.group, draft.facts, draft.kind,
                   draft.span)


def taxed(value: Fraction, rate: Rate, amount_type: str, currency: str) -> tuple[Fraction, Fraction]:
    """A price as a line's net amount and tax, both rounded; the price holds the tax already where it is INCLUDING_TAX."""
    if amount_type == INCLUDING:
        gross = money.rounded(value, currency)
        net = money.rounded(gross / (1 + rate.percentage / 100), currency)
        return net, gross - net
    net = money.rounded(value, currency)
    return net, money.rounded(net * rate.percentage / 100, currency)


def total(bill: Bill) -> Fraction:
    """What the invoice asks for, tax included."""
    return money.total(line.gross for line in _lines(bill))


def document(bill: Bill) -> dict[str, Any]:
    """The members of an invoice that follow from its lines, in both shapes."""
    return {**guide_shape(bill), **reference_shape(bill)}


def guide_shape(bill: Bill) -> dict[str, Any]:
    """The guide's flat invoice: period, total and line items. A line's total includes tax, so that they add up."""
    return {
        "billing_period_start": bill.spans[0].start if bill.spans else None,
        "billing_period_end": bill.spans[0].end if bill.spans else None,
        "total_amount": money.amount(total(bill), bill.currency),
        "line_items": [_line_item(line, bill.currency) for line in _lines(bill)],
    }


def reference_shape(bill: Bill) -> dict[str, Any]:
    """The reference's invoice: periods hold groups, groups hold lines, with tax summaries at every level."""
    lines = list(_lines(bill))
    return {
        "billing_currency": bill.currency,
        "pricing_amount_type": bill.amount_type,
        "invoice_amount_excluding_tax": money.amount(money.total(line.net for line in lines), bill.currency),
        "invoice_amount_including_tax": money.amount(total(bill), bill.currency),
        "tax_summary": {**_sums(lines, bill.currency), **({"country_code": bill.country} if bill.country else {})},
        "tax_categories": _tax_categories(lines, bill.currency),
        "periods": [_period(order, span, bill.currency) for order, span in enumerate(bill.spans, 1)],
    }


def settlement(owed: Fraction, paid: Fraction, currency: str, credited: Fraction = ZERO) -> dict[str, Any]:
    """The payment members of an invoice: what is paid, what is closed (paid or credited) and what is still open."""
    open_amount = owed - paid - credited
    return {
        "paid": bool(paid) and open_amount <= 0,
        "payment_status": _payment_status(owed - credited, paid),
        "paid_invoice_amount": money.amount(paid, currency),
        "closed_invoice_amount": money.amount(paid + credited, currency),
        "open_invoice_amount": money.amount(open_amount, currency),
    }


def _payment_status(due: Fraction, paid: Fraction) -> str:
    if not paid:
        return "UNPAID"
    return "PARTIALLY_PAID" if paid < due else "PAID" if paid == due else "OVERPAID"


def number(count: int, rules: Mapping[str, Any]) -> str:
    """The number of the `count`-th invoice, by the reference's DocumentNumberConfiguration: prefix, separator, digits."""
    value = int(rules.get("first_number", 1)) + (count - 1) * int(rules.get("increment_by", 1))
    digits = str(value).rjust(int(rules.get("minimum_number_of_digits", 6)), "0")
    prefix = rules.get("prefix", "INV")
    return f"{prefix}{rules.get('separator', '-')}{digits}" if prefix else digits


# --- writing ----------------------------------------------------------------------------------------------------------


def _lines(bill: Bill) -> Iterator[Line]:
    for span in bill.spans:
        yield from span.lines


def _line_item(line: Line, currency: str) -> dict[str, Any]:
    items = line.facts.get("product_items") or ()
    written: dict[str, Any] = {"description": line.description, "quantity": money.text(line.quantity)}
    if items:
        written = {"product_item_reference": items[0].get("reference"), **written}
    if line.unit_price is not None:
        written["unit_price"] = money.exact_amount(line.unit_price)
    return {**written, "total": money.amount(line.gross, currency)}


def _period(order: int, span: Span, currency: str) -> dict[str, Any]:
    grouped = [list(lines) for _, lines in groupby(span.lines, key=lambda line: line.group.key)]
    return {
        "period_order": order,
        "start_at": span.start,
        "end_at": span.end,
        **({"billing_period": dict(span.length)} if span.length else {}),
        **_amounts(span.lines, currency),
        "tax_categories": _tax_categories(span.lines, currency),
        "groups": [_group(place, lines, currency) for place, lines in enumerate(grouped, 1)],
    }


def _group(order: int, lines: Sequence[Line], currency: str) -> dict[str, Any]:
    return {
        "group_order": order,
        **lines[0].group.facts,
        **_amounts(lines, currency),
        "tax_categories": _tax_categories(lines, currency),
        "lines": [_line(place, line, currency) for place, line in enumerate(lines, 1)],
    }


def _line(order: int, line: Line, currency: str) -> dict[str, Any]:
    return {
        "line_order": order,
        "type": line.kind,
        "description": line.description,
        **_line_members(line, currency),
        **_amounts([line], currency),
        "tax_categories": _tax_categories([line], currency),
    }


def _line_members(line: Line, currency: str) -> dict[str, Any]:
    """A line's own members; its details say its amount without tax, as rounded on this line."""
    details = line.facts.get("details")
    if details is None:
        return dict(line.facts)
    return {**line.facts, "details": {"amount": money.amount(line.net, currency), **details}}


def _amounts(lines: Iterable[Line], currency: str) -> dict[str, Any]:
    rows = list(lines)
    return {
        "amount_excluding_tax": money.amount(money.total(line.net for line in rows), currency),
        "amount_including_tax": money.amount(money.total(line.gross for line in rows), currency),
    }


def _sums(lines: Sequence[Line], currency: str) -> dict[str, Any]:
    return {
        "base_amount": money.amount(money.total(line.net for line in lines), currency),
        "tax_amount": money.amount(money.total(line.tax for line in lines), currency),
        "total_amount": money.amount(money.total(line.gross for line in lines), currency),
    }


def _tax_categories(lines: Iterable[Line], currency: str) -> list[dict[str, Any]]:
    by_rate: dict[Rate, list[Line]] = {}
    for line in lines:
        by_rate.setdefault(line.rate, []).append(line)
    return [
        {"category": rate.category, "percentage": money.text(rate.percentage), **_sums(rows, currency)}
        for rate, rows in by_rate.items()
    ]


# --- crediting --------------------------------------------------------------------------------------------------------


def credit(invoice: Mapping[str, Any], asked: Mapping[str, Any]) -> Bill:
    """The bill that takes back an invoice, or the periods, groups and lines of it that a credit request names.

    An amount given is without tax where the invoice's prices are (assumed). Raises Refusal: an order that is not on
    the invoice, an amount in another currency, below zero or above what was billed.
    """
    periods = asked.get("periods")
    if periods is None and asked.get("groups") is not None:
        periods = [{"period_order": 1, "groups": asked["groups"]}]
    chosen = _Credit(invoice)
    spans = [chosen.span(period, None, "") for period in invoice.get("periods") or ()] if periods is None else [
        chosen.span(_at(invoice.get("periods") or (), "period_order", part, f"periods.{index}"), part, f"periods.{index}")
        for index, part in enumerate(periods)
    ]
    return Bill(chosen.currency, tuple(spans), chosen.amount_type, (invoice.get("tax_summary") or {}).get("country_code"))


def copied(invoice: Mapping[str, Any]) -> Bill:
    """The bill of another invoice with the same lines, as that one shows them."""
    taken_back = credit(invoice, {})
    shown = iter(invoice.get("line_items") or ())
    spans = tuple(replace(span, lines=tuple(_turned(line, next(shown, {})) for line in span.lines)) for span in taken_back.spans)
    return replace(taken_back, spans=spans)


def without(invoice: Mapping[str, Any], places: Collection[tuple[int, int, int]]) -> dict[str, Any]:
    """An invoice's periods and line items without the lines at these places: orders of period, group and line."""
    items: list[Any] = []
    shown = iter(invoice.get("line_items") or ())
    periods = []
    for period in invoice.get("periods") or ():
        groups = []
        for group in period["groups"]:
            lines = []
            for line in group["lines"]:
                item = next(shown, None)
                if (period["period_order"], group["group_order"], line["line_order"]) not in places:
                    lines.append(line)
                    items.append(item)
            groups += [{**group, "lines": lines}] if lines else []
        periods.append({**period, "groups": groups})
    return {**invoice, "periods": periods, "line_items": items}


def _turned(line: Line, shown: Mapping[str, Any]) -> Line:
    price = money.money(shown["unit_price"]) if shown.get("unit_price") else None
    return replace(line, net=-line.net, tax=-line.tax, quantity=money.number(shown.get("quantity") or "1"), unit_price=price)


@dataclass(frozen=True, slots=True)
class _Credit:
    invoice: Mapping[str, Any]

    @property
    def currency(self) -> str:
        return str(self.invoice["billing_currency"])

    @property
    def amount_type(self) -> str:
        return str(self.invoice.get("pricing_amount_type") or EXCLUDING)

    def span(self, period: Mapping[str, Any], part: Mapping[str, Any] | None, place: str) -> Span:
        groups = period.get("groups") or ()
        asked = (part or {}).get("groups")
        if asked is not None:
            lines = [line for index, piece in enumerate(asked) for line in self.group(
                _at(groups, "group_order", piece, f"{place}.groups.{index}"), piece, f"{place}.groups.{index}")]
        elif part is not None and part.get("amount") is not None:
            lines = self.part(period, part, next((line for group in groups for line in group["lines"]), {}), groups, place)
        else:
            lines = [line for group in groups for line in self.group(group, None, "")]
        return Span(period.get("start_at"), period.get("end_at"), period.get("billing_period"), tuple(lines))

    def group(self, group: Mapping[str, Any], part: Mapping[str, Any] | None, place: str) -> list[Line]:
        asked = (part or {}).get("lines")
        if asked is not None:
            return [line for index, piece in enumerate(asked) for line in self.line(
                group, _at(group["lines"], "line_order", piece, f"{place}.lines.{index}"), piece, f"{place}.lines.{index}")]
        if part is not None and part.get("amount") is not None:
            return self.part(group, part, group["lines"][0], [group], place)
        return [line for whole in group["lines"] for line in self.line(group, whole, None, "")]

    def line(self, group: Mapping[str, Any], line: Mapping[str, Any], part: Mapping[str, Any] | None, place: str) -> list[Line]:
        if part is not None and part.get("amount") is not None:
            return self.part(line, part, line, [group], place)
        net, gross = (money.money(line[name]).quantity for name in ("amount_excluding_tax", "amount_including_tax"))
        return [Line(line.get("description"), Fraction(-1), Money(net, self.currency), -net, net - gross, _rate(line),
                     _group_of(group), _line_facts(line), line.get("type") or REVENUE)]

    def part(self, whole: Mapping[str, Any], part: Mapping[str, Any], like: Mapping[str, Any],
             groups: Sequence[Mapping[str, Any]], place: str) -> list[Line]:
        given = money.money(part["amount"], f"{place}.amount")
        if given.currency != self.currency:
            raise Refusal(f"{place}.amount.currency", f"must be {self.currency}, as the invoice is")
        billed = money.money(whole["amount_including_tax" if self.amount_type == INCLUDING else "amount_excluding_tax"])
        if not 0 <= given.quantity <= billed.quantity:
            raise Refusal(f"{place}.amount.quantity", f"must lie between 0 and {money.text(billed.quantity)}, which was billed")
        net, tax = taxed(-given.quantity, _rate(like), self.amount_type, self.currency)
        return [Line(like.get("description"), Fraction(-1), Money(-net, self.currency), net, tax, _rate(like),
                     _group_of(groups[0]), _line_facts(like), like.get("type") or REVENUE)]


def _at(rows: Sequence[Mapping[str, Any]], order: str, asked: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    for row in rows:
        if row[order] == asked.get(order):
            return row
    raise Refusal(f"{place}.{order}", f"must be one of the invoice's: {', '.join(str(row[order]) for row in rows) or 'none'}")


_LINE_FACTS = ("pricing_type", "discount_type", "coupon_data", "commitment_type", "pricing_item_id", "pricing_item_config_id",
               "product_items", "conditions")
_GROUP_OWN = frozenset({"group_order", "amount_excluding_tax", "amount_including_tax", "tax_categories", "lines"})


def _line_facts(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in _LINE_FACTS if name in line}


def _group_of(group: Mapping[str, Any]) -> Group:
    facts = {name: value for name, value in group.items() if name not in _GROUP_OWN}
    return Group((str(group["group_order"]),), facts)


def _rate(line: Mapping[str, Any]) -> Rate:
    rows = line.get("tax_categories") or [{}]
    return Rate(money.number(rows[0].get("percentage", "0")), rows[0].get("category", "STANDARD"))
