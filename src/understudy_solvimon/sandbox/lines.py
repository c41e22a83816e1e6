"""From what is charged to draft lines: converted into the billing currency, taxed by category, described as the API does.

Nothing here prices or writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import configs, money, periods, pricing
from understudy_solvimon.charges import DraftLine, Group, Rate, Scope
from understudy_solvimon.money import Money
from understudy_solvimon.sandbox.accounts import Account, Piece, country_of
from understudy_solvimon.sandbox.entries import Entry
from understudy_solvimon.sandbox.offers import calculation_of
from understudy_solvimon.sandbox.terms import Record, judged, setting

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction

LARGEST = Fraction(10) ** 17
"""More than this, of units or money, is no line: what an invoice can write has twenty digits."""


def draft_of(tx: Transaction, account: Account, piece: Piece, entry: Entry) -> DraftLine | Record:
    """An entry as a draft line in the billing currency; a validation row where it cannot be one."""
    worth = pricing.worth(entry.priced)
    rate = None if worth is None else exchange(tx, worth.currency, account.currency)
    flaw = _flaw(entry, worth, rate, account.currency)
    if worth is None or rate is None or flaw is not None:
        tx.warn(f"{entry.item.get('reference')} is not billed: {flaw}")
        return {"status": "ERROR", "details": f"{entry.item.get('reference')} is not billed: {flaw}"}
    sign = -1 if entry.item.get("type") == "DEDUCTION" else 1
    described = entry.governing.pricing.get("name") or entry.item.get("name")
    return DraftLine(described, entry.quantity, _unit_price(entry), worth.quantity * rate * sign,
                     tax_rate(tx, account, entry.item), group_of(account, piece, entry.governing.pricing), scope_of(tx, piece, entry),
                     piece.amount_type, facts=_facts(tx, entry, worth), events=entry.events)


def scope_of(tx: Transaction, piece: Piece, entry: Entry) -> Scope:
    """What a line is of, by ids."""
    product = tx.get("product", str(entry.item.get("product_id"))) or {}
    return Scope(piece.schedule["id"], entry.governing.pricing["id"], entry.offer.pricing_item["id"],
                 entry.offer.config["id"], product.get("id"), entry.item["id"], product.get("category_id"))


def _flaw(entry: Entry, worth: Money | None, rate: Fraction | None, currency: str) -> str | None:
    if worth is None:
        return entry.flaw or "it has no price"
    if rate is None:
        return f"there is no exchange rate from {worth.currency} to {currency}"
    if max(abs(worth.quantity), abs(worth.quantity * rate), abs(entry.quantity)) > LARGEST:
        return "its quantity or price has more digits than an invoice can hold"
    return None


def exchange(tx: Transaction, source: str, target: str) -> Fraction | None:
    """The world's rate from one currency to another; None where it has none."""
    if source == target:
        return Fraction(1)
    rate = (setting(tx, "exchange_rates").get(source) or {}).get(target)
    with judged("settings.exchange_rates"):
        return None if rate is None else money.number(str(rate))


def tax_rate(tx: Transaction, account: Account, item: Mapping[str, Any]) -> Rate:
    """The rate of an item: its own category, else its product's, else that one's category's, else STANDARD."""
    product = tx.get("product", str(item.get("product_id"))) or {}
    category = item.get("tax_category") or product.get("tax_category") or _category_tax(tx, product) or "STANDARD"
    exempt = (account.payer.get("organization") or {}).get("tax_exempt") is True
    if category != "STANDARD" or exempt:
        return Rate(Fraction(0), "EXEMPT" if exempt else category)
    said = account.subscription.get("sales_tax_percentage") or _rate_of(setting(tx, "tax_rates"), account)
    return Rate(money.number(str(said)) if said is not None else Fraction(0), "STANDARD")


def _rate_of(rates: Mapping[str, Any], account: Account) -> Any:
    """The rate of the billing entity, by its reference, else by its country."""
    return rates.get(str(account.entity.get("reference")), rates.get(str(country_of(account.entity))))


def _category_tax(tx: Transaction, product: Mapping[str, Any]) -> str | None:
    return (tx.get("product_category", str(product.get("category_id"))) or {}).get("tax_category")


def _unit_price(entry: Entry) -> Money | None:
    """The price of one unit, where all units have the same one."""
    charges = entry.priced.charges
    band = configs.bands_of(entry.offer.config)[charges[0].band] if configs.bands_of(entry.offer.config) else None
    if len(charges) != 1 or band is None or band.percentage is not None:
        return None
    return band.fixed if band.unit is None else band.unit


def group_of(account: Account, piece: Piece, of: Mapping[str, Any]) -> Group:
    """The group of a pricing's lines. Raises nothing."""
    forwarded = {} if account.payer is account.customer else {
        "billing_customer_id": account.payer.get("id"), "forwarded_from_customer_id": account.customer.get("id")}
    facts = {
        "pricing": {"id": of["id"], "name": of.get("name") or ""},
        "pricing_plan_subscription_id": account.subscription["id"],
        "pricing_plan_schedule_id": piece.schedule["id"],
        "start_at": periods.stamp(piece.start),
        "end_at": periods.stamp(piece.end),
        **forwarded,
    }
    return Group((f"{piece.schedule['start_at']}|{int(of.get('display_order') or 0):09}|{of['id']}",), facts)


_ITEM_SHOWN = ("object_type", "id", "product_id", "name", "status", "reference", "description", "type", "model_type",
               "tax_category")


def shown_item(item: Mapping[str, Any]) -> Record:
    """A product item as an invoice names it."""
    return {name: item[name] for name in _ITEM_SHOWN if name in item}


def _facts(tx: Transaction, entry: Entry, worth: Money) -> Record:
    config = entry.offer.config
    conditions = {"conditions": config["conditions"]} if config.get("conditions") else {}
    metered = {"meter_value": meter_value_of(tx, entry)} if entry.meter_value else {}
    details: Record = {
        "pricing_currency": worth.currency,
        "pricing_amount": money.amount(worth.quantity, worth.currency),
        **entry.details,
    }
    parts = [_band(config, charge) for charge in entry.priced.charges]
    if len(parts) == 1:
        details["band"] = parts[0]
    sub_lines = [
        {"sub_line_order": order, "details": {"amount": money.amount(charge.price.quantity, charge.price.currency), "band": band}}
        for order, (charge, band) in enumerate(zip(entry.priced.charges, parts, strict=True), 1)
    ]
    return {
        "pricing_type": configs.kind_of(config),
        "pricing_item_id": entry.offer.pricing_item["id"],
        "pricing_item_config_id": config["id"],
        "product_items": [shown_item(entry.item)],
        **conditions,
        **metered,
        "details": details,
        **({"sub_lines": [*(sub_lines if len(parts) > 1 else []), *_per_customer(tx, entry, worth, len(parts) if len(parts) > 1 else 0)]}
           if len(parts) > 1 or entry.shares else {}),
    }


def _per_customer(tx: Transaction, entry: Entry, worth: Money, before: int) -> Iterator[Record]:
    """A sub-line for each customer that only processes: what it used, and its part of the price by that."""
    for order, (id, used) in enumerate(entry.shares, before + 1):
        customer = tx.get("customer", id) or {}
        named = (customer.get("organization") or {}).get("legal_name") or customer.get("reference") or id
        measured = {"number": money.text(used)} if is_number(entry) else {"amount": money.amount(used, worth.currency)}
        price = worth.quantity * used / entry.quantity if entry.quantity else money.ZERO
        yield {"sub_line_order": order, "description": named, "processing_only_customer_id": id,
               "details": {"amount": money.amount(price, worth.currency), "meter_value": measured}}


def is_number(entry: Entry) -> bool:
    """Whether what an entry measures is a number, not an amount of money."""
    return "amount" not in (entry.meter_value or {})


def meter_value_of(tx: Transaction, entry: Entry) -> Record:
    """What was measured, as a line says it."""
    calculation = tx.get("meter_value_calculation", str(calculation_of(entry.item))) or {}
    measured = tx.get("meter_value", str(calculation.get("meter_value_id"))) or {}
    return {"reference": measured.get("reference") or "", "type": measured.get("type") or "NUMBER", **(entry.meter_value or {})}


def _band(config: Mapping[str, Any], charge: pricing.Charge) -> Record:
    rows = config.get("bands") or (config.get("details") or {}).get("bands") or ()
    row = dict(rows[charge.band]) if len(rows) > charge.band else {}
    row.pop("fixed_amount", None)
    return {**row, "volume_share": money.text(charge.quantity),
            **({"tier_lower_bound": {"number": money.text(charge.lower)}} if charge.lower else {})}
