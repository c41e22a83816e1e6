"""What a plan's prices put into wallets: with a recurring one each period, with a one-off one once, or when it is charged.

A part of the price, or credits for it, follows from what the price comes to in the period, without tax and discounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from understudy_solvimon import money, periods, pricing
from understudy_solvimon.money import Money
from understudy_solvimon.sandbox.accounts import Account, Piece, account_of, period_of, pieces_of
from understudy_solvimon.sandbox.offers import Offer, configs_by_item
from understudy_solvimon.sandbox.terms import Record
from understudy_solvimon.sandbox.unmetered import once, standing

if TYPE_CHECKING:
    from understudy.engine.transaction import Happening, Transaction


def plan_grants(tx: Transaction, change: Happening) -> None:
    """What a plan grants at the beginning of a period."""
    period = tx.get("billing_period", change.id)
    if period is None or period["status"] != "RUNNING" or tx.first("wallet_type", object_type="WALLET_TYPE") is None:
        return
    account = account_of(tx, tx.need("subscription", period["pricing_plan_subscription_id"]))
    for piece in pieces_of(tx, account, period_of(period)):
        for item, offers in configs_by_item(tx, account.subscription, piece.schedule):
            for offer in offers[:1]:
                if item.get("model_type") != "ONE_OFF" or (piece.first and not offer.config.get("on_demand")):
                    deposit(tx, account, piece, item, offer)


def deposit(tx: Transaction, account: Account, piece: Piece, item: Record, offer: Offer) -> None:
    """Grant what a price grants, from the beginning of a piece on."""
    for row in offer.config.get("wallet_grants") or ():
        kind = tx.get("wallet_type", str(row.get("wallet_type_id")))
        value = None if kind is None else _value(row, kind, _price(account, piece, item, offer))
        if kind is None or value is None:
            tx.warn(f"wallet_grants: nothing is granted into {row.get('wallet_type_id')}: there is no such wallet type, or it is not said how much")
            continue
        _grant(tx, account, kind, value, piece.start, (row.get("expiry_policy") or {}).get("expiry_period"))


def _price(account: Account, piece: Piece, item: Record, offer: Offer) -> Money | None:
    """What the price comes to in the piece; None of what is metered, whose price is known at the end only."""
    entries = once(item, offer, offer) if item.get("model_type") == "ONE_OFF" else standing(account, piece, item, [offer])
    found = [worth for entry in entries if (worth := pricing.worth(entry.priced)) is not None]
    return Money(money.total(one.quantity for one in found), found[0].currency) if found else None


def _value(row: Mapping[str, Any], kind: Mapping[str, Any], price: Money | None) -> Record | None:
    """The members of a grant: so much money or so many credits, said outright or by the price; None where nothing is said."""
    amount, credits = row.get("amount_grant") or {}, row.get("credits_grant") or {}
    if amount.get("amount") or credits.get("credits"):
        return {"grant_amount": amount["amount"]} if amount.get("amount") else {"grant_credits": credits["credits"]}
    if price is None:
        return None
    if amount.get("percentage") is not None:
        part = price.quantity * money.number(amount["percentage"]) / 100
        return {"grant_amount": money.amount(money.rounded(part, price.currency), price.currency)}
    held = ((kind.get("credit") or {}).get("credits_grant") or {}).get("credit_type_id")
    if credits.get("conversion") is None or held is None:
        return None
    return {"grant_credits": {"quantity": money.text(price.quantity * money.number(credits["conversion"])), "credit_type_id": held}}


def _grant(tx: Transaction, account: Account, kind: Record, value: Record, start: datetime, length: Mapping[str, Any] | None) -> None:
    wallet = _wallet(tx, account.customer, kind)
    expires = {"expire_at": periods.stamp(periods.later(start, periods.length(length), 1, account.zone))} if length else {}
    tx.create("wallet_grant", {
        "customer_id": account.customer["id"], "billing_entity_id": account.entity.get("id"), "wallet_id": wallet["id"],
        "start_at": periods.stamp(start), **value, **expires})


def _wallet(tx: Transaction, customer: Record, kind: Record) -> Record:
    """The customer's wallet of a type, made where there is none."""
    known = tx.find("wallet", customer_id=customer["id"], wallet_type_id=kind["id"], status="ACTIVE")
    if known:
        return known[0]
    named = f"{customer.get('reference') or customer['id']}-{kind['reference']}"
    free = named if tx.by_key("wallet", named) is None else f"{named}-{tx.new_id('wallet')}"
    return tx.create("wallet", {"reference": free, "wallet_type_id": kind["id"], "customer_id": customer["id"], "status": "ACTIVE"})
