"""Lines added to an invoice by hand, priced and taxed as those of a subscription are.

Nothing here writes; a line that cannot be priced is refused when it is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import charges, configs, invoicing, money, pricing
from understudy_solvimon.charges import DraftLine, Group, Scope, Terms
from understudy_solvimon.invoicing import Bill, Span
from understudy_solvimon.periods import Length
from understudy_solvimon.pricing import Usage
from understudy_solvimon.refusal import Refusal
from understudy_solvimon.sandbox.accounts import Account, country_of
from understudy_solvimon.sandbox.lines import LARGEST, exchange, shown_item, tax_rate
from understudy_solvimon.sandbox.terms import Record, zone_of

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


def with_own_lines(tx: Transaction, invoice: Mapping[str, Any], bill: Bill) -> Bill:
    """A bill with the lines that were added to its invoice by hand, in a period of their own behind the others."""
    rows = invoice.get("own_lines") or ()
    if not rows:
        return bill
    account = account_alone(tx, invoice)
    drafts = tuple(drafted(tx, account, invoice, row) for row in rows)
    starts, ends = [row["start_at"] for row in rows if row.get("start_at")], [row["end_at"] for row in rows if row.get("end_at")]
    day = invoice.get("invoice_date")
    span = Span(min(starts, default=day), max(ends, default=day), None, invoicing.settled(drafts, Terms(account.currency)))
    return replace(bill, spans=(*bill.spans, span))


def alone(tx: Transaction, invoice: Mapping[str, Any]) -> Bill:
    """The bill of an invoice that no billing period stands behind: what it was copied from, and its own lines."""
    entity = tx.get("billing_entity", str(invoice.get("billing_entity_id"))) or {}
    empty = Bill(invoice["billing_currency"], (), invoice.get("pricing_amount_type") or charges.EXCLUDING, country_of(entity))
    base = invoice.get("base")
    return with_own_lines(tx, invoice, empty if base is None else invoicing.copied(base))


def account_alone(tx: Transaction, invoice: Mapping[str, Any]) -> Account:
    """Who is billed by whom on an invoice, whatever stands behind it."""
    customer = tx.get("customer", invoice["customer_id"]) or {}
    entity = tx.get("billing_entity", str(invoice.get("billing_entity_id"))) or {}
    subscription = tx.get("subscription", str(invoice.get("pricing_plan_subscription_id"))) or {}
    said = invoice.get("sales_tax_percentage")
    terms = {**subscription, **({"sales_tax_percentage": said} if said is not None else {})}
    return Account(terms, customer, customer, entity, zone_of(customer), invoice["billing_currency"], Length("MONTH", 1))


def drafted(tx: Transaction, account: Account, invoice: Mapping[str, Any], row: Mapping[str, Any]) -> DraftLine:
    """An added line as a draft. Raises Refusal: a price in a currency without a rate, or one too long to write."""
    item = tx.get("product_item", str(row.get("product_item_id"))) or {}
    band = configs.bands_of({"bands": [row["pricing_band"]]})[0]
    quantity = Fraction(1) if row["pricing_type"] == "FIXED" else _volume(row)
    worth = pricing.worth(pricing.price(row["pricing_type"], (band,), Usage(quantity)))
    rate = None if worth is None else exchange(tx, worth.currency, account.currency)
    if worth is None or rate is None:
        raise Refusal("pricing_band.amount.currency", f"there is no exchange rate to {account.currency}")
    if max(abs(worth.quantity * rate), quantity) > LARGEST:
        raise Refusal("volume", "comes to more than an invoice can hold")
    kind = row.get("product_item_type") or item.get("type") or "REVENUE"
    sign = -1 if kind == "DEDUCTION" or str(invoice["type"]).endswith("CREDIT") else 1
    group = Group(("~own",), {"description": "Added by hand"})
    facts = {"id": row["id"], "pricing_type": row["pricing_type"], **({"product_items": [shown_item(item)]} if item else {})}
    return DraftLine(row.get("pricing_name") or item.get("name"), quantity, band.unit or band.fixed, worth.quantity * rate * sign,
                     tax_rate(tx, account, item), group, _scope(tx, item), invoice.get("pricing_amount_type") or charges.EXCLUDING,
                     facts=facts)


def _volume(row: Mapping[str, Any]) -> Fraction:
    volume = row.get("volume") or {}
    return Fraction(1) if not volume else configs.measure(volume, "volume") or money.ZERO


def _scope(tx: Transaction, item: Mapping[str, Any]) -> Scope:
    product = tx.get("product", str(item.get("product_id"))) or {}
    return Scope(product=product.get("id"), product_item=item.get("id"), product_category=product.get("category_id"))


def base_of(invoice: Mapping[str, Any]) -> Record:
    """What the lines of an invoice are read from where nothing else tells them; lines taken away go from it."""
    return {field: invoice.get(field) for field in ("billing_currency", "pricing_amount_type", "tax_summary", "periods", "line_items")}
