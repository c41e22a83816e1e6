"""Effects on wallets: granted by hand, by plans and by top-ups, drawn on by invoices, asked what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import money, payments, periods, wallets
from understudy_solvimon.money import ZERO
from understudy_solvimon.sandbox.provider import charge
from understudy_solvimon.sandbox.terms import Record, body_of, moment, setting, when
from understudy_solvimon.wallets import Grant, Use

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

# --- what is there ----------------------------------------------------------------------------------------------------


def grants_of(tx: Transaction, wallet_id: str) -> list[Grant]:
    """A wallet's grants, in order of creation."""
    return [Grant(_quantity(row), periods.instant(row["start_at"]), when(row, "expire_at"))
            for row in tx.find("wallet_grant", wallet_id=wallet_id)]


def _quantity(grant: Mapping[str, Any]) -> Fraction:
    said = grant.get("grant_credits") or grant.get("grant_amount") or {"quantity": "0"}
    return money.number(said["quantity"])


def uses_of(tx: Transaction, wallet_id: str, but: str | None = None) -> list[Use]:
    """What was taken of a wallet, in order; without what the billing period `but` takes."""
    return [Use(money.number(row["quantity"]), periods.instant(row["start_at"]), periods.instant(row["end_at"]), row["settled"])
            for row in tx.find("wallet_use", wallet_id=wallet_id) if row["billing_period_id"] != but]


def wallets_for(tx: Transaction, customer_id: str, credit_type_id: str) -> list[Record]:
    """A customer's active wallets of a kind of credits, the oldest first."""
    return [wallet for wallet in tx.find("wallet", customer_id=customer_id) if wallet["status"] == "ACTIVE" and _credits_of(tx, wallet) == credit_type_id]


def _credits_of(tx: Transaction, wallet: Mapping[str, Any]) -> str | None:
    """The credit type of a wallet; None of one that holds money."""
    credit = (tx.get("wallet_type", wallet["wallet_type_id"]) or {}).get("credit") or {}
    held: str | None = (credit.get("credits_grant") or {}).get("credit_type_id") if credit.get("grant_type") == "CREDITS" else None
    return held


def available_credits(tx: Transaction, customer_id: str, credit_type_id: str, start: datetime, end: datetime, but: str | None) -> Fraction:
    """How many credits a customer can still use for a stretch of time, not counting what the billing period `but` takes."""
    return money.total(wallets.available(grants_of(tx, one["id"]), uses_of(tx, one["id"], but), start, end)
                       for one in wallets_for(tx, customer_id, credit_type_id))


def wallet_balance(tx: Transaction, call: Call) -> Record:
    """What a wallet holds at a time."""
    assert call.record is not None
    return _status(tx, call.record, _asked(tx, call))


def customer_wallet_balances(tx: Transaction, call: Call) -> Record:
    """What each of a customer's wallets holds at a time."""
    assert call.record is not None
    at = _asked(tx, call)
    rows = [{"wallet_id": one["id"], "wallet_balance": _status(tx, one, at)} for one in tx.find("wallet", customer_id=call.record["id"])]
    return {"wallet_balances": rows, "balance_at": periods.stamp(at)}


def _asked(tx: Transaction, call: Call) -> datetime:
    said = body_of(call).get("balance_at")
    return tx.now if said is None else moment(said, "balance_at")


def _status(tx: Transaction, wallet: Record, at: datetime) -> Record:
    found = wallets.balance(grants_of(tx, wallet["id"]), uses_of(tx, wallet["id"]), at)
    values = {"balance": found.balance, "reserved_balance": found.reserved, "open_balance": found.open}
    return {**{name: _valued(tx, wallet, value) for name, value in values.items()}, "balance_at": periods.stamp(at)}


def _valued(tx: Transaction, wallet: Record, value: Fraction) -> Record:
    credits = _credits_of(tx, wallet)
    if credits is not None:
        return {"credits": {"quantity": money.text(value), "credit_type_id": credits}}
    return {"amount": money.amount(value, currency_of(tx, wallet) or setting(tx, "billing_currency"))}


def currency_of(tx: Transaction, wallet: Mapping[str, Any]) -> str | None:
    """The currency of a wallet that holds money: its first grant's, else its type's; None where neither says one."""
    for row in tx.find("wallet_grant", wallet_id=wallet["id"]):
        if row.get("grant_amount"):
            return str(row["grant_amount"]["currency"])
    kind = tx.get("wallet_type", wallet["wallet_type_id"]) or {}
    said: str | None = (kind.get("balance") or {}).get("default_currency") or ((kind.get("credit") or {}).get("amount_grant") or {}).get("default_currency")
    return said


# --- granted ----------------------------------------------------------------------------------------------------------


def create_wallet_grant(tx: Transaction, call: Call) -> Record:
    """Put something into a wallet, of the kind it holds, from now on unless said otherwise."""
    body: Record = body_of(call)
    wallet = tx.need("wallet", body["wallet_id"], "wallet_id")
    if wallet["status"] in ("DEPRECATED", "ARCHIVED"):
        raise Problem("illegal_transition", f"cannot grant into a wallet while {wallet['status']}", field="wallet_id", location="body",
                      resource="wallet", id=wallet["id"])
    if wallet["customer_id"] != tx.need("customer", body["customer_id"], "customer_id")["id"]:
        raise _wrong("customer_id", "is not the wallet's customer")
    _check_kind(tx, wallet, body)
    starts = moment(body["start_at"], "start_at") if body.get("start_at") else tx.now
    if body.get("expire_at") and moment(body["expire_at"], "expire_at") <= starts:
        raise _wrong("expire_at", f"must lie after the grant begins, {periods.stamp(starts)}")
    return tx.create("wallet_grant", {**body, "start_at": periods.stamp(starts)})


def _check_kind(tx: Transaction, wallet: Record, body: Mapping[str, Any]) -> None:
    credits = _credits_of(tx, wallet)
    if credits is None and not body.get("grant_amount"):
        raise _wrong("grant_amount", "is needed: the wallet holds money")
    held = currency_of(tx, wallet) if credits is None else None
    if held is not None and body["grant_amount"]["currency"] != held:
        raise _wrong("grant_amount.currency", f"must be {held}, which the wallet holds")
    if credits is not None and (body.get("grant_credits") or {}).get("credit_type_id") != credits:
        raise _wrong("grant_credits.credit_type_id", f"must be {credits}, which the wallet holds")


def _wrong(field: str, message: str) -> Problem:
    return Problem("cannot_process", message, field=field, location="body")


def wallet_granted(tx: Transaction, change: Happening) -> None:
    """What a customer can use has changed: its open invoices are priced anew."""
    grant = change.after or {}
    for period in tx.find("billing_period", customer_id=grant.get("customer_id")):
        if period["status"] in ("RUNNING", "ENDED") and not period["closed"] and not period["stale"]:
            tx.update("billing_period", period["id"], {"stale": True})


# --- drawn on ---------------------------------------------------------------------------------------------------------


def draw(tx: Transaction, invoice: Record, period: Mapping[str, Any], used: Mapping[str, Fraction]) -> None:
    """Reserve what a period's part of an invoice takes of its customer's wallets, in the place of what it took before."""
    known = {row["id"] for row in tx.find("wallet_use", billing_period_id=period["id"])}
    if not known and not used:
        return
    parts = {f"{wallet_id}|{period['id']}": (wallet_id, part) for wallet_id, part in _shares(tx, period, used)}
    for id in known - parts.keys():
        tx.delete("wallet_use", id)
    for id, (wallet_id, part) in parts.items():
        values = {"wallet_id": wallet_id, "invoice_id": invoice["id"], "billing_period_id": period["id"], "quantity": money.text(part),
                  "start_at": period["start_at"], "end_at": period["end_at"], "settled": False}
        if id in known:
            tx.update("wallet_use", id, values)
        else:
            tx.create("wallet_use", {"id": id, **values})


def _shares(tx: Transaction, period: Mapping[str, Any], used: Mapping[str, Fraction]) -> Iterator[tuple[str, Fraction]]:
    """What a period takes of each wallet, the oldest first."""
    start, end = periods.instant(period["start_at"]), periods.instant(period["end_at"])
    for credit_type, wanted in used.items():
        left = wanted
        for wallet in wallets_for(tx, period["customer_id"], credit_type):
            part = min(left, wallets.available(grants_of(tx, wallet["id"]), uses_of(tx, wallet["id"], period["id"]), start, end))
            if part > 0:
                yield wallet["id"], part
                left -= part


def uses_settled(tx: Transaction, change: Happening) -> None:
    """A FINAL invoice has taken what it reserved; wallets that are low by then are topped up."""
    touched = []
    for row in tx.find("wallet_use", invoice_id=change.id):
        if not row["settled"]:
            tx.update("wallet_use", row["id"], {"settled": True})
            touched.append(row["wallet_id"])
    for wallet_id in dict.fromkeys(touched):
        topped_up(tx, wallet_id)


def uses_released(tx: Transaction, change: Happening) -> None:
    """An invoice that will never be FINAL takes nothing."""
    for row in tx.find("wallet_use", invoice_id=change.id):
        if not row["settled"]:
            tx.delete("wallet_use", row["id"])


# --- topped up --------------------------------------------------------------------------------------------------------


def create_auto_top_up(tx: Transaction, call: Call) -> Record:
    """Fill a wallet up by itself whenever it is low; at once, where it is."""
    body: Record = body_of(call)
    wallet = tx.need("wallet", body["wallet_id"], "wallet_id")
    credits = _credits_of(tx, wallet)
    for field in ("threshold", "top_up"):
        said = (body[field].get("credits") or {}).get("credit_type_id")
        if (credits is None) != (body[field].get("amount") is not None and said is None) or (credits is not None and said != credits):
            raise _wrong(field, f"must be in {'money' if credits is None else 'credits of type ' + credits}, as the wallet is")
    return tx.create("auto_top_up", {field: value for field, value in body.items() if value is not None})


def auto_top_up_created(tx: Transaction, change: Happening) -> None:
    """A wallet that is low already is topped up at once."""
    _top_up(tx, tx.need("auto_top_up", change.id))


def topped_up(tx: Transaction, wallet_id: str) -> None:
    """Fill a wallet up where it is low by now."""
    for config in tx.find("auto_top_up", wallet_id=wallet_id, status="ACTIVE"):
        _top_up(tx, config)


def _top_up(tx: Transaction, config: Record) -> None:
    found = wallets.balance(grants_of(tx, config["wallet_id"]), uses_of(tx, config["wallet_id"]), tx.now)
    method = tx.get("payment_method", config["payment_method_id"])
    waiting = tx.find("payment", auto_top_up_id=config["id"], result=payments.PENDING)
    if found.open >= _level(config["threshold"]) or waiting or method is None or method["status"] != "ACTIVE":
        return
    wallet = tx.need("wallet", config["wallet_id"])
    charge(tx, method, money.money(config["price"]), {
        "customer_id": wallet["customer_id"], "context": {"type": "DIRECT"}, "auto_top_up_id": config["id"]})


def _level(said: Mapping[str, Any]) -> Fraction:
    return money.number((said.get("credits") or said.get("amount") or {"quantity": "0"})["quantity"])


def top_up_paid(tx: Transaction, change: Happening) -> None:
    """Grant what a top-up has paid for."""
    payment = tx.need("payment", change.id)
    config = tx.get("auto_top_up", str(payment.get("auto_top_up_id")))
    if config is None or payment["result"] != payments.AUTHORIZED:
        return
    wallet, said = tx.need("wallet", config["wallet_id"]), config["top_up"]
    entity = next(iter(tx.find("billing_entity", object_type="BILLING_ENTITY")), {})
    tx.create("wallet_grant", {
        "customer_id": wallet["customer_id"], "wallet_id": wallet["id"], "start_at": tx.stamp, "paid_amount": config["price"],
        **({"billing_entity_id": entity["id"]} if entity else {}),
        **({"grant_credits": said["credits"]} if said.get("credits") else {"grant_amount": said["amount"]})})


# --- on an invoice ----------------------------------------------------------------------------------------------------


def used_on(lines: Iterator[Mapping[str, Any]]) -> dict[str, Fraction]:
    """How many credits of each type lines were paid with, from their details."""
    used: dict[str, Fraction] = {}
    for facts in lines:
        said = ((facts.get("details") or {}).get("wallet_balance_details") or {}).get("used_wallet_credits")
        if said:
            used[said["credit_type_id"]] = used.get(said["credit_type_id"], ZERO) + money.number(said["quantity"])
    return used
