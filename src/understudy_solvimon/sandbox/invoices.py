"""Effects on invoices: opened and closed with their period, kept current, held, numbered, paid, credited.

1. An invoice is computed again only when something under it changed (`stale` on its billing period).
2. Everything that makes an invoice FINAL goes through `finalise`, which numbers it first; after that its lock holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import charges, invoicing, money, periods
from understudy_solvimon.invoicing import Bill
from understudy_solvimon.sandbox.accounts import Account, account_of
from understudy_solvimon.sandbox.billing import Reckoned, advance_of, bill_of, reckoned
from understudy_solvimon.sandbox.ownlines import alone, with_own_lines
from understudy_solvimon.sandbox.settling import mark_paid
from understudy_solvimon.sandbox.terms import Record, body_of, length_of, missing, one_of, setting, zone_of
from understudy_solvimon.sandbox.wallets import draw, used_on

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

UNSETTLED = ("OPEN", "DRAFT")

# --- the period's invoice ---------------------------------------------------------------------------------------------


def open_invoice(tx: Transaction, period: Record, subscription: Record) -> Record:
    """The invoice of a period that begins, with what can be charged already; one that combines takes the period in."""
    account = account_of(tx, subscription)
    together = _together(account, period) if subscription.get("combine") is True else None
    shared = tx.first("invoice", together=together) if together else None
    if shared is not None and shared["status"] in UNSETTLED and shared["type"] == "STANDARD":
        ids = [*shared["pricing_plan_subscription_ids"], subscription["id"]]
        tx.update("invoice", shared["id"], {"pricing_plan_subscription_ids": list(dict.fromkeys(ids))})
        tx.update("billing_period", period["id"], {"invoice_id": shared["id"]})
        return recompute(tx, shared["id"])
    invoice = begun_invoice(tx, account, periods.instant(period["end_at"]), {
        "billing_period_id": period["id"], **({"together": together} if together else {})})
    tx.update("billing_period", period["id"], {"invoice_id": invoice["id"]})
    return recompute(tx, invoice["id"])


def open_advance_invoice(tx: Transaction, period: Record, subscription: Record) -> Record | None:
    """The invoice of what a subscription's first period is billed at its beginning; None where that is nothing."""
    part, any = advance_of(tx, period)
    if not any:
        return None
    account = account_of(tx, subscription)
    begins = periods.instant(period["start_at"])
    tx.update("billing_period", period["id"], {"begun_with": part.handed_on})
    invoice = begun_invoice(tx, account, begins, {"in_advance_of": period["id"]})
    tx.update("billing_period", period["id"], {"advance_invoice_id": invoice["id"]})
    tx.update("invoice", invoice["id"], {**written(bill_of(account, [part])), "validation_result": list(part.flaws)})
    if not invoice["on_hold"]:
        start_grace(tx, invoice["id"], begins)
    return tx.need("invoice", invoice["id"])


def _together(account: Account, period: Record) -> str:
    """What the invoices of subscriptions that combine have in common."""
    return "|".join((account.payer["id"], str(account.entity.get("id")), account.currency, period["start_at"], period["end_at"]))


def begun_invoice(tx: Transaction, account: Account, moment: datetime, own: Record) -> Record:
    """An invoice of an account, without lines unless `own` holds them; dated by the end of what it bills."""
    subscription = account.subscription
    named = {name: subscription[name] for name in ("purchase_order_number", "payment_acceptor_ids") if subscription.get(name)}
    return tx.create("invoice", {
        "type": "STANDARD",
        "status": "OPEN" if setting(tx, "invoice_open_status") else "DRAFT",
        "billing_type": "DEFAULT",
        "on_hold": bool(subscription.get("init_invoice_on_hold")),
        **parties(account.payer, account.entity),
        "timezone": account.payer.get("timezone") or "UTC",
        "billing_period": subscription["billing_period"],
        "pricing_plan_subscription_id": subscription["id"],
        "pricing_plan_subscription_ids": [subscription["id"]],
        **named,
        **dated(tx, subscription, account.zone, moment),
        **written(Bill(account.currency, (), charges.EXCLUDING)),
        **own,
    })


def parties(customer: Mapping[str, Any], entity: Mapping[str, Any]) -> Record:
    """Whom an invoice goes to, and who issues it."""
    named = {"customer_reference": customer.get("reference"), "billing_entity_id": entity.get("id")}
    return {"customer_id": customer["id"], **{name: value for name, value in named.items() if value is not None}}


def recompute(tx: Transaction, invoice_id: str) -> Record:
    """Compute an invoice anew, and note what each of its periods hands on to the next."""
    invoice = tx.need("invoice", invoice_id)
    known = periods_of(tx, invoice)
    if not known:
        return _recompute_alone(tx, invoice)
    parts = [_reckoned(tx, invoice, period) for period in known]
    account = account_of(tx, tx.need("subscription", str(known[0]["pricing_plan_subscription_id"])))
    bill = with_own_lines(tx, invoice, bill_of(account, parts))
    for period, part in zip(known, parts, strict=True):
        if part.handed_on != period.get("handed_on"):
            tx.update("billing_period", period["id"], {"handed_on": part.handed_on})
            _spoil_next(tx, period)
    flaws = [flaw for part in parts for flaw in part.flaws]
    return tx.update("invoice", invoice_id, {
        **written(bill), "has_usage_based_pricing": any(_metered(bill)), "validation_result": flaws, **_applied(tx, bill)})


def _reckoned(tx: Transaction, invoice: Record, period: Record) -> Reckoned:
    """What a period comes to; the credits it uses are reserved before the next period of the invoice is looked at."""
    part = reckoned(tx, period)
    draw(tx, invoice, period, used_on(line.facts for span in part.spans for line in span.lines))
    return part


def _recompute_alone(tx: Transaction, invoice: Record) -> Record:
    """One that no period ends for: billed at a beginning, or made by hand; a credit stays as it was made."""
    if invoice.get("credit") or (invoice.get("own_lines") is None and invoice.get("base") is None and not invoice.get("in_advance_of")):
        return invoice
    begun = tx.get("billing_period", str(invoice.get("in_advance_of")))
    if begun is None:
        return tx.update("invoice", invoice["id"], written(alone(tx, invoice)))
    part, _ = advance_of(tx, begun)
    account = account_of(tx, tx.need("subscription", begun["pricing_plan_subscription_id"]))
    return tx.update("invoice", invoice["id"], written(with_own_lines(tx, invoice, bill_of(account, [part]))))


def _spoil_next(tx: Transaction, period: Record) -> None:
    for other in tx.find("billing_period", previous_id=period["id"]):
        if other.get("invoice_id") and not other["closed"]:
            tx.update("billing_period", other["id"], {"stale": True})


def periods_of(tx: Transaction, invoice: Record) -> list[Record]:
    """The billing periods an invoice bills; none for a one-off, a credit, or what is billed at the beginning."""
    if invoice.get("billing_period_id") is None:
        return []
    own = tx.get("billing_period", invoice["billing_period_id"])
    if invoice.get("together") is None:
        return [own] if own is not None else []
    return tx.find("billing_period", invoice_id=invoice["id"])


def _applied(tx: Transaction, bill: Bill) -> Record:
    """The coupons and promotion codes that lowered something on a bill."""
    data = [line.facts["coupon_data"] for span in bill.spans for line in span.lines if "coupon_data" in line.facts]
    coupons = {one["coupon_id"]: tx.get("coupon", one["coupon_id"]) or {} for one in data}
    codes = {one["promotion_code_id"]: tx.get("promotion_code", one["promotion_code_id"]) or {} for one in data
             if one.get("promotion_code_id")}
    return {
        "coupons": [{"coupon_id": id, "coupon_name": coupon.get("name") or ""} for id, coupon in coupons.items()],
        "promotion_codes": [
            {"coupon_id": code.get("coupon_id") or "", "promotion_code_details": {"promotion_code_id": id, "code": code.get("code") or ""}}
            for id, code in codes.items()],
    }


def _metered(bill: Bill) -> list[bool]:
    return ["meter_value" in line.facts for span in bill.spans for line in span.lines]


def written(bill: Bill, paid: Fraction = money.ZERO) -> Record:
    """The members of an invoice that follow from its bill and what is paid of it."""
    return {**invoicing.document(bill), **invoicing.settlement(invoicing.total(bill), paid, bill.currency)}


def refresh_invoices(tx: Transaction) -> None:
    """Bring every invoice up to date whose period, or one before it, has changed since it was computed."""
    while stale := tx.find("billing_period", stale=True):
        for period in stale:
            _settle(tx, period)


def _settle(tx: Transaction, period: Record) -> None:
    tx.update("billing_period", period["id"], {"stale": False})
    invoice = tx.get("invoice", str(period.get("invoice_id")))
    if invoice is not None and invoice["status"] in UNSETTLED:
        recompute(tx, invoice["id"])


def period_over(tx: Transaction, period: Record) -> None:
    """Take in the last usage, and let the grace begin unless the invoice is on hold or another of its periods runs."""
    invoice = tx.get("invoice", str(period.get("invoice_id")))
    if invoice is None or invoice["status"] not in UNSETTLED:
        return
    _redate(tx, period, invoice)
    if period["stale"]:
        _settle(tx, period)
    if any(other["status"] == "RUNNING" for other in periods_of(tx, invoice)):
        return
    if invoice["status"] == "OPEN":
        tx.fire("invoice", invoice["id"], "draft")
    if not invoice["on_hold"]:
        start_grace(tx, invoice["id"], periods.instant(period["end_at"]))


def _redate(tx: Transaction, period: Record, invoice: Record) -> None:
    """A period that ended before its time moves the dates that hang on its end."""
    if invoice.get("billing_period_end") != period["end_at"]:
        subscription = tx.need("subscription", period["pricing_plan_subscription_id"])
        zone = account_of(tx, subscription).zone
        tx.update("invoice", invoice["id"], dated(tx, subscription, zone, periods.instant(period["end_at"])))
        _settle(tx, period)


# --- dates ------------------------------------------------------------------------------------------------------------


def dated(tx: Transaction, terms: Mapping[str, Any], zone: Any, end: datetime) -> Record:
    """The invoice date that follows from a period's end, and when it is due."""
    date = _INVOICE_DATES[setting(tx, "invoice_date_determination_type")](end)
    due = _due(terms.get("due_date_configuration") or setting(tx, "due_date_configuration"), date, zone)
    return {"invoice_date": periods.stamp(date), "due_date": periods.stamp(due)}


_INVOICE_DATES: Mapping[str, Callable[[datetime], datetime]] = {
    "AFTER_END_OF_BILLING_PERIOD": lambda end: end,
    "AT_END_OF_BILLING_PERIOD": lambda end: end - timedelta(days=1),
    "WHEN_INVOICE_GOES_TO_FINAL": lambda end: end,
}


def _due(rule: Mapping[str, Any], date: datetime, zone: Any) -> datetime:
    due = periods.later(date, periods.length(rule["period"]), 1, zone) if rule.get("period") else date
    if rule.get("type") == "END_OF_THE_MONTH":
        month = periods.Rhythm(due, periods.Length("MONTH", 1), zone, "CALENDAR")
        return periods.period_at(month, due).whole_end - timedelta(days=1)
    return due


# --- grace and finality -----------------------------------------------------------------------------------------------


def start_grace(tx: Transaction, invoice_id: str, since: datetime) -> None:
    """Let an invoice become FINAL once the grace period is over; at once where it is."""
    ends = since + length_of(tx, "grace_period")
    if ends <= tx.now:
        _grace_over(tx, invoice_id)
        return
    stop_grace(tx, invoice_id)
    tx.create("grace_period", {"id": invoice_id, "ends_at": periods.stamp(ends)})


def stop_grace(tx: Transaction, invoice_id: str) -> None:
    """Let an invoice stay as it is."""
    if tx.get("grace_period", invoice_id) is not None:
        tx.delete("grace_period", invoice_id)


def grace_elapsed(tx: Transaction, change: Happening) -> None:
    """The grace period is over."""
    _grace_over(tx, change.id)


def _grace_over(tx: Transaction, invoice_id: str) -> None:
    """Make an invoice FINAL, or ask for approval where the world wants that."""
    stop_grace(tx, invoice_id)
    if not setting(tx, "invoice_approval"):
        finalise(tx, invoice_id)
    elif not tx.find("approval_request", source_id=invoice_id, status="PENDING_REVIEW"):
        tx.create("approval_request", {"source_type": "INVOICE", "source_id": invoice_id})


def finalise(tx: Transaction, invoice_id: str) -> Record:
    """Number an invoice and make it FINAL. Raises Problem `illegal_transition` where its state does not allow it."""
    stop_grace(tx, invoice_id)
    invoice = tx.need("invoice", invoice_id)
    if invoice["status"] in UNSETTLED:
        for period in periods_of(tx, invoice):
            if period["stale"]:
                _settle(tx, period)
        tx.update("invoice", invoice_id, {"invoice_number": _next_number(tx, invoice), "updated_to_final_at": tx.stamp,
                                          **_final_dates(tx, invoice)})
    final = tx.fire("invoice", invoice_id, "finalize")
    for request in tx.find("approval_request", source_id=invoice_id, status="PENDING_REVIEW"):
        tx.fire("approval_request", request["id"], "cancel")
    _close(tx, final)
    return final


def _close(tx: Transaction, invoice: Record) -> None:
    """The period of an invoice that is settled takes no more usage."""
    for period in periods_of(tx, invoice):
        tx.update("billing_period", period["id"], {"closed": True, "stale": False})


def _final_dates(tx: Transaction, invoice: Record) -> Record:
    if setting(tx, "invoice_date_determination_type") != "WHEN_INVOICE_GOES_TO_FINAL" or invoice["type"] != "STANDARD":
        return {}
    subscription = tx.get("subscription", (invoice.get("pricing_plan_subscription_ids") or [""])[0]) or {}
    return dated(tx, subscription, zone_of(invoice), tx.now)


def _next_number(tx: Transaction, invoice: Record) -> str:
    """Numbers run for each billing entity."""
    id = str(invoice.get("billing_entity_id") or "none")
    known = tx.get("invoice_sequence", id)
    count = 1 + (known["count"] if known else 0)
    if known is None:
        tx.create("invoice_sequence", {"id": id, "count": count})
    else:
        tx.update("invoice_sequence", id, {"count": count})
    return invoicing.number(count, setting(tx, "invoice_number"))


def void_invoice(tx: Transaction, invoice_id: str) -> None:
    """Void an invoice that is not FINAL; a FINAL one is corrected by a credit invoice."""
    invoice = tx.get("invoice", invoice_id)
    if invoice is not None and invoice["status"] in UNSETTLED:
        stop_grace(tx, invoice_id)
        _close(tx, tx.fire("invoice", invoice_id, "void"))


def invoice_archived(tx: Transaction, change: Happening) -> None:
    """An archived invoice becomes nothing else."""
    stop_grace(tx, change.id)
    _close(tx, tx.need("invoice", change.id))


# --- changes by hand --------------------------------------------------------------------------------------------------


_PLAIN = frozenset({"invoice_date", "due_date", "delivery_date", "purchase_order_number", "footnote", "notes", "payment_acceptor_ids",
                    "linked_invoices_ids", "custom_fields", "linked_integrations"})
"""What can be said of an invoice; all else follows from what it bills and what is paid of it."""


def update_invoice(tx: Transaction, call: Call) -> Record:
    """Change an invoice: its hold, its status, whether it is paid, and its plain fields."""
    assert call.record is not None
    body = body_of(call)
    id = call.record["id"]
    plain = {field: value for field, value in body.items() if field in _PLAIN}
    invoice = tx.update("invoice", id, plain)
    if body.get("on_hold", invoice["on_hold"]) != invoice["on_hold"]:
        _hold(tx, tx.update("invoice", id, {"on_hold": body["on_hold"]}))
    if body.get("status", invoice["status"]) != invoice["status"]:
        if body["status"] == "FINAL":
            finalise(tx, id)
        else:
            tx.update("invoice", id, {"status": body["status"]})
    if body.get("paid", invoice["paid"]) != invoice["paid"]:
        mark_paid(tx, tx.need("invoice", id), body["paid"])
    return tx.need("invoice", id)


def _hold(tx: Transaction, invoice: Record) -> None:
    """A hold stops the grace; lifting it starts the grace again, unless the period still runs."""
    if invoice["on_hold"]:
        stop_grace(tx, invoice["id"])
        return
    period = tx.get("billing_period", str(invoice.get("billing_period_id")))
    if invoice["status"] == "DRAFT" and (period is None or period["status"] != "RUNNING"):
        start_grace(tx, invoice["id"], tx.now)


def create_invoice(tx: Transaction, call: Call) -> Record:
    """A one-off invoice: a DRAFT on hold, without lines yet."""
    body: Record = body_of(call)
    customer = one_of(tx, "customer", body, "customer")
    if customer is None:
        raise missing("customer_reference", "required: whom to bill, by customer_reference or customer_id")
    entities = [tx.need("billing_entity", body["billing_entity_id"], "billing_entity_id")] if body.get("billing_entity_id") \
        else tx.find("billing_entity", object_type="BILLING_ENTITY")
    if len(entities) != 1:
        raise Problem("cannot_process", "required: there is not exactly one billing entity to take", field="billing_entity_id",
                      location="body")
    zone = zone_of(customer)
    bill = Bill(body.get("billing_currency") or setting(tx, "billing_currency"), (),
                body.get("pricing_amount_type") or charges.EXCLUDING, (entities[0].get("registered_address") or {}).get("country"))
    plain = {field: value for field, value in body.items() if field not in ("status", "paid", "periods")}
    return tx.create("invoice", {
        "billing_type": "DEFAULT",
        "on_hold": True,
        "timezone": customer.get("timezone") or "UTC",
        **dated(tx, {}, zone, tx.now),
        **plain,
        **parties(customer, entities[0]),
        **written(bill),
        "status": "DRAFT",
    })
