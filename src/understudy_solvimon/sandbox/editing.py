"""Effects that change a draft by hand: lines added, replaced and taken away; computed again; shown beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import invoicing
from understudy_solvimon.sandbox.accounts import Account, account_of
from understudy_solvimon.sandbox.invoices import UNSETTLED, parties, periods_of, recompute, refresh_invoices
from understudy_solvimon.sandbox.ownlines import account_alone, base_of, drafted
from understudy_solvimon.sandbox.terms import Record, body_of, judged, needed, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

# --- lines ------------------------------------------------------------------------------------------------------------


def add_line(tx: Transaction, call: Call) -> Record:
    """Add a line to an invoice that is not FINAL."""
    assert call.record is not None
    invoice = _open(call.record)
    row = _line(tx, invoice, body_of(call), tx.new_id("invoice_line"))
    return _kept(tx, invoice, [*(invoice.get("own_lines") or ()), row])


def replace_line(tx: Transaction, call: Call) -> Record:
    """Put a line in the place of one that was added."""
    invoice, place = _named(tx, call)
    rows = list(invoice["own_lines"])
    rows[place] = _line(tx, invoice, body_of(call), rows[place]["id"])
    return tx.kind("invoice").public(_kept(tx, invoice, rows))


def delete_line(tx: Transaction, call: Call) -> Record:
    """Take away a line that was added."""
    invoice, place = _named(tx, call)
    rows = [row for index, row in enumerate(invoice["own_lines"]) if index != place]
    return tx.kind("invoice").public(_kept(tx, invoice, rows))


def delete_lines(tx: Transaction, call: Call) -> Record:
    """Take away lines by their places: added ones, and those of an invoice that was begun anew."""
    assert call.record is not None
    invoice = _open(call.record)
    places = list(_places(needed(body_of(call), "periods", "the places of the lines to take away")))
    chosen = [_at(invoice, place, where) for place, where in places]
    for line, (_, where) in zip(chosen, places, strict=True):
        if "id" not in line and invoice.get("base") is None:
            raise Problem("cannot_process", "is computed from the subscription; only lines that were added can be taken away",
                          field=where, location="body", resource="invoice", id=invoice["id"])
    gone = {line["id"] for line in chosen if "id" in line}
    if invoice.get("base") is not None:
        of_base = {place for (place, _), line in zip(places, chosen, strict=True) if "id" not in line}
        invoice = tx.update("invoice", invoice["id"], {"base": invoicing.without(invoice["base"], of_base)})
    return _kept(tx, invoice, [row for row in invoice.get("own_lines") or () if row["id"] not in gone])


def _open(invoice: Record) -> Record:
    if invoice["status"] not in UNSETTLED:
        raise Problem("illegal_transition", f"cannot change the lines of an invoice while {invoice['status']}; only of a draft",
                      resource="invoice", id=invoice["id"])
    if invoice.get("credit"):
        raise Problem("illegal_transition", "cannot change the lines of a credit invoice; they are those it takes back",
                      resource="invoice", id=invoice["id"])
    return invoice


def _named(tx: Transaction, call: Call) -> tuple[Record, int]:
    """The invoice and the place of the added line a path names."""
    *_, invoice_id, line_id = (value for name, value in call.path.items() if name != "version")
    refresh_invoices(tx)
    invoice = tx.get("invoice", str(invoice_id))
    if invoice is None:
        raise tx.dangling("invoice", str(invoice_id), None)
    for place, row in enumerate(_open(invoice).get("own_lines") or ()):
        if row["id"] == line_id:
            return invoice, place
    raise Problem("dangling_reference", f'no line "{line_id}" was added to the invoice', resource="invoice", id=invoice["id"])


def _line(tx: Transaction, invoice: Record, body: Mapping[str, Any], id: str) -> Record:
    row: Record = {**{field: value for field, value in body.items() if value is not None}, "id": id}
    if row.get("product_item_id") is not None:
        tx.need("product_item", row["product_item_id"], "product_item_id")
    if row.get("pricing_plan_subscription_id") is not None:
        tx.need("subscription", row["pricing_plan_subscription_id"], "pricing_plan_subscription_id")
    starts, ends = when(row, "start_at"), when(row, "end_at")
    if starts is not None and ends is not None and ends <= starts:
        raise Problem("cannot_process", f"must lie after start_at, {row['start_at']}", field="end_at", location="body")
    with judged():
        drafted(tx, account_alone(tx, invoice), invoice, row)
    return row


def _kept(tx: Transaction, invoice: Record, rows: Sequence[Record]) -> Record:
    apart = not periods_of(tx, invoice) and not invoice.get("in_advance_of") and invoice.get("own_lines") is None
    base = {"base": base_of(invoice)} if apart and invoice.get("base") is None and invoice.get("periods") else {}
    tx.update("invoice", invoice["id"], {"own_lines": list(rows), **base})
    return recompute(tx, invoice["id"])


Place = tuple[int, int, int]


def _places(asked: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Place, str]]:
    for p, period in enumerate(asked):
        for g, group in enumerate(period["groups"]):
            for n, line in enumerate(group["lines"]):
                where = f"periods.{p}.groups.{g}.lines.{n}.line_order"
                yield (period["period_order"], group["group_order"], line["line_order"]), where


def _at(invoice: Mapping[str, Any], place: Place, where: str) -> Record:
    for period in invoice.get("periods") or ():
        for group in period["groups"]:
            for line in group["lines"]:
                if (period["period_order"], group["group_order"], line["line_order"]) == place:
                    found: Record = line
                    return found
    raise Problem("cannot_process", "there is no such line on the invoice", field=where, location="body", resource="invoice", id=invoice["id"])


# --- computed again ---------------------------------------------------------------------------------------------------


def refresh_invoice(tx: Transaction, call: Call) -> Record:
    """Take over anew what an invoice says of its customer, its terms and its prices."""
    assert call.record is not None
    invoice = _open(call.record)
    asked = body_of(call)
    wanted = {*(asked.get("types") or ()), *([asked["type"]] if asked.get("type") else ())} or {"FULL"}
    for kind in _REFRESHED if "FULL" in wanted else [kind for kind in _REFRESHED if kind in wanted]:
        _REFRESHED[kind](tx, tx.need("invoice", invoice["id"]))
    return recompute(tx, invoice["id"])


def _of_customer(tx: Transaction, invoice: Record) -> None:
    account = _account(tx, invoice)
    tx.update("invoice", invoice["id"], {**parties(account.payer, account.entity), "timezone": account.payer.get("timezone") or "UTC"})


def _of_subscription(field: str) -> Callable[[Transaction, Record], None]:
    def taken(tx: Transaction, invoice: Record) -> None:
        value = _account(tx, invoice).subscription.get(field)
        if value is not None:
            tx.update("invoice", invoice["id"], {field: value})

    return taken


def _account(tx: Transaction, invoice: Record) -> Account:
    subscription = tx.get("subscription", str(invoice.get("pricing_plan_subscription_id")))
    return account_alone(tx, invoice) if subscription is None else account_of(tx, subscription)


def _nothing(_: Transaction, __: Record) -> None:
    """Prices and rates come with the computing itself."""


_REFRESHED: Mapping[str, Callable[[Transaction, Record], None]] = {
    "CUSTOMER": _of_customer,
    "BILLING_ENTITY": _of_customer,
    "CUSTOM_FIELD": _of_subscription("custom_fields"),
    "PAYMENT_ACCEPTOR": _of_subscription("payment_acceptor_ids"),
    "PO_NUMBER": _of_subscription("purchase_order_number"),
    "TAX_RATES": _nothing,
}
