"""From schedules, coupons and promotion codes to the discounts of one billing period.

Nothing here writes. What a discount takes is decided in `discounts`; here it is only said which of them count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from understudy_solvimon import configs, money, periods
from understudy_solvimon.discounts import LEVELS, Discount, FreeUsage
from understudy_solvimon.periods import Period
from understudy_solvimon.sandbox.accounts import Account, Piece
from understudy_solvimon.sandbox.lines import exchange
from understudy_solvimon.sandbox.terms import Record, when

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


def discounts_of(
    tx: Transaction, account: Account, period: Period, pieces: Sequence[Piece], span: int
) -> tuple[Discount, ...]:
    """The discounts of a billing period: those of its schedules, narrow ones first, then its coupons as redeemed.

    `span` is where the period's lines stand on the invoice: 0, or 1 where they are billed in advance.
    """
    own = [discount for piece in pieces for discount in _of_schedule(tx, account, piece)]
    return tuple(replace(one, span=span) for one in (*own, *_of_coupons(tx, account, period, pieces)))


def _worth(tx: Transaction, account: Account, amount: money.Money) -> Fraction | None:
    rate = exchange(tx, amount.currency, account.currency)
    return None if rate is None else amount.quantity * rate


# --- of schedules -----------------------------------------------------------------------------------------------------


def _of_schedule(tx: Transaction, account: Account, piece: Piece) -> Iterator[Discount]:
    said = piece.schedule.get("discount") or {}
    for level, field in LEVELS.items():
        for row in said.get(level) or ():
            if _counts(row, piece.start):
                aims = ((field, frozenset(row.get("ids") or ())),) if field and row.get("ids") else ()
                yield from _made(tx, account, row, {
                    "schedules": frozenset({piece.schedule["id"]}), "aims": aims, "facts": {"discount_type": _NAMES[level]},
                    "description": "Discount"})


def _counts(row: Mapping[str, Any], start: datetime) -> bool:
    """A discount counts for the periods that begin while it runs (assumed)."""
    starts, ends = when(row, "start_at"), when(row, "end_at")
    return (starts is None or starts <= start) and (ends is None or start < ends)


_NAMES: Mapping[str, str] = {
    "pricing_item_configs": "PRICING_ITEM_CONFIG",
    "pricing_items": "PRICING_ITEM",
    "pricings": "PRICING",
    "product_items": "PRODUCT_ITEM",
    "products": "PRODUCT",
    "product_categories": "PRODUCT_CATEGORY",
    "totals": "TOTAL",
}


def _made(tx: Transaction, account: Account, row: Mapping[str, Any], members: Mapping[str, Any]) -> Iterator[Discount]:
    """The discount of a row with a percentage or an amount, and perhaps a condition; none where a currency has no rate."""
    condition = row.get("condition") or {}
    value = (condition.get("value") or {}).get("amount")
    amount = None if row.get("amount") is None else _worth(tx, account, money.money(row["amount"]))
    threshold = Fraction(0) if value is None else _worth(tx, account, money.money(value))
    if threshold is None or (row.get("amount") is not None and amount is None):
        tx.warn(f"{members['description']} is left out: there is no exchange rate to the billing currency")
        return
    percentage = None if row.get("percentage") is None or amount is not None else money.number(row["percentage"])
    yield Discount(percentage=percentage, amount=amount, comparator=condition.get("comparator") if value is not None else None,
                   threshold=threshold, **members)


# --- of coupons -------------------------------------------------------------------------------------------------------


def _of_coupons(tx: Transaction, account: Account, period: Period, pieces: Sequence[Piece]) -> Iterator[Discount]:
    for redemption in tx.find("coupon_redemption", pricing_plan_subscription_id=account.subscription["id"]):
        coupon = tx.get("coupon", redemption["coupon_id"])
        code = tx.get("promotion_code", str(redemption.get("promotion_code_id")))
        named = [piece for piece in pieces if _names(piece.schedule, redemption["coupon_id"], code)]
        if coupon is not None and named and lasts(coupon["duration"], periods.instant(redemption["counts_from"]), period, account.zone):
            yield from _coupon(tx, account, coupon, code, named)


def _names(schedule: Mapping[str, Any], coupon_id: str, code: Mapping[str, Any] | None) -> bool:
    return coupon_id in (schedule.get("coupon_ids") or ()) or (
        code is not None and code["code"] in (schedule.get("promotion_codes") or ()))


def lasts(duration: Mapping[str, Any], since: datetime, period: Period, zone: ZoneInfo) -> bool:
    """Whether a coupon counts for a period: the first one, every one, or those that begin within a length of time."""
    if period.end <= since:
        return False
    if duration["type"] == "FOREVER":
        return True
    if duration["type"] == "ONE_TIME":
        return period.start <= since
    return period.start < periods.later(since, periods.length(duration["period"]), 1, zone)


def _coupon(
    tx: Transaction, account: Account, coupon: Record, code: Mapping[str, Any] | None, named: Sequence[Piece]
) -> Iterator[Discount]:
    limits = coupon.get("limited_to") or {}
    aims = tuple((field, frozenset(limits[name])) for name, field in _LIMITS.items() if limits.get(name))
    data = {"coupon_id": coupon["id"], **({"promotion_code_id": code["id"]} if code else {})}
    members = {
        "schedules": frozenset(one.schedule["id"] for one in named),
        "aims": aims,
        "description": coupon["name"],
        "facts": {"discount_type": "COUPON", "coupon_data": data},
    }
    said = coupon["discount"]
    if said["type"] != "USAGE":
        kept = {"PERCENTAGE": "percentage", "AMOUNT": "amount"}[said["type"]]
        yield from _made(tx, account, {kept: said[kept], "condition": said.get("condition")}, members)
        return
    measured = tx.get("meter_value", str(said["usage"]["meter_value_id"])) or {}
    quantity = configs.measure(said["usage"]) or Fraction(0)
    yield Discount(usage=FreeUsage(str(measured.get("reference")), quantity), **members)


_LIMITS = {"product_category_ids": "product_category", "product_ids": "product", "product_item_ids": "product_item"}
