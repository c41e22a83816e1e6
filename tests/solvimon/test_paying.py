"""Payments over the engine: first ones, automatic ones, refused ones, given back, taken back, scheduled."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from solvimon.worlds import amount, flat


def world(price: str = "9.99", **settings: Any) -> Bench:
    """A plan of one monthly price in advance, its customer there; nobody subscribed yet."""
    bench = Bench(**settings)
    made = worlds.catalogue(bench)
    made["item"] = worlds.item(bench, made, "monthly_fee", "RECURRING")
    worlds.price(bench, made, "Monthly fee", flat(price), item=made["item"])
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    worlds.customer(bench)
    return bench


def method(bench: Bench, name: str = "authorised", **members: Any) -> Record:
    """A card whose charges go as its name says."""
    (customer,) = bench.all("customer")
    return bench.make("payment_method", customer_id=customer["id"], type="CARD", integration_reference=name, **members)


def init(bench: Bench, **more: Any) -> Record:
    """A subscription with what comes along."""
    answer: Record = bench.call("init_subscription", {**worlds.init("entity_NL"), **more})
    return answer


def charged(name: str, **settings: Any) -> tuple[Bench, Record]:
    """A world whose subscription is charged with a method of this name; its first invoice FINAL after a month."""
    bench = world(**settings)
    card = method(bench, name)
    body = worlds.init("entity_NL", payment_method_id=card["id"])
    bench.call("init_subscription", body)
    bench.advance("2025-06-06T08:00:00Z")
    return bench, bench.all("invoice")[0]


def again(bench: Bench, invoice: Record) -> Record:
    """An invoice as it is now."""
    return bench.read("invoice", invoice["id"])


FIRST = {"payment_acceptor_reference": "adyen_b2c_subscriptions", "external_reference": "N9KKLBTLMJS8F6V5", "amount": amount("9.99")}


# --- the first payment ------------------------------------------------------------------------------------------------


def test_a_first_payment_makes_the_first_invoice_final_and_paid() -> None:
    """N18: plan at 9.99 EUR, first_payment 9.99 AUTHORIZED: FINAL and paid; the acceptor nobody knows is warned of."""
    bench = world()
    answer = init(bench, first_payment={**FIRST, "result": "AUTHORIZED"})
    (invoice,) = bench.all("invoice")
    assert (invoice["status"], invoice["paid"], invoice["payment_status"], invoice["invoice_number"]) == ("FINAL", True, "PAID", "INV-000001")
    assert (invoice["paid_invoice_amount"], invoice["open_invoice_amount"]) == (amount("9.99"), amount("0.00"))
    assert (answer["invoice"]["status"], answer["first_payment"]["invoice_id"]) == ("FINAL", invoice["id"])
    assert [name for name, _ in bench.emitted] == ["INVOICE.PAID"]
    assert any("adyen_b2c_subscriptions" in said for said in bench.warnings)


@pytest.mark.parametrize("result", ["REFUSED", "PENDING", "ERROR", "CANCELLED"])
def test_another_result_makes_it_final_and_not_paid(result: str) -> None:
    """The payment is recorded; nothing is charged by itself for it."""
    bench = world()
    init(bench, first_payment={**FIRST, "result": result}, payment_method={"type": "CARD", "integration_reference": "authorised"})
    (invoice,) = bench.all("invoice")
    (payment,) = bench.all("payment")
    assert (invoice["status"], invoice["paid"], payment["result"]) == ("FINAL", False, result)


def test_a_method_that_comes_along_is_stored_and_charged_later() -> None:
    """The first invoice by the first payment, the second by the method."""
    bench = world()
    answer = init(bench, first_payment={**FIRST, "result": "AUTHORIZED"},
                  payment_method={"type": "CARD", "integration_details": {"payment_gateway_variant": "ADYEN", "adyen": {"recurring_detail_reference": "8415"}}})
    (card,) = bench.all("payment_method")
    assert answer["payment_method"]["id"] == card["id"]
    assert bench.all("subscription")[0]["payment_method_id"] == card["id"]
    bench.advance("2025-07-06T08:00:00Z")
    _, second, *_ = bench.all("invoice")
    assert (second["status"], second["paid"]) == ("FINAL", True)
    assert [payment["context"]["type"] for payment in bench.all("payment")] == ["INIT_PRICING_PLAN_SUBSCRIPTION", "INVOICE"]


# --- by itself --------------------------------------------------------------------------------------------------------


def test_a_final_invoice_is_charged_with_the_subscriptions_method() -> None:
    """Authorised: paid at once, told as INVOICE.PAID."""
    bench, invoice = charged("authorised")
    (payment,) = bench.all("payment")
    assert (invoice["paid"], payment["result"], payment["amount"], payment["invoice_id"]) == (True, "AUTHORIZED", amount("9.99"), invoice["id"])


def test_without_a_method_or_where_its_acceptor_does_not_want_it_nothing_is_charged() -> None:
    """Omitting the method: invoices are generated, not charged; auto_charge_payment_method false: the same."""
    for acceptor in (None, {"auto_charge_payment_method": False}):
        bench = world()
        named = {}
        if acceptor is not None:
            made = bench.make("payment_acceptor", reference="cards", type="PAYMENT_GATEWAY", payment_gateway=acceptor, status="ACTIVE")
            named = {"payment_acceptor_ids": [made["id"]], "payment_method_id": method(bench)["id"]}
        bench.call("init_subscription", worlds.init("entity_NL", **named))
        bench.advance("2025-06-06T08:00:00Z")
        invoice = bench.all("invoice")[0]
        assert (invoice["status"], invoice["paid"], bench.all("payment")) == ("FINAL", False, [])


def test_a_delayed_charge_pays_when_it_settles() -> None:
    """PENDING for two days."""
    bench, invoice = charged("delayed_P2D")
    assert (bench.all("payment")[0]["result"], invoice["paid"]) == ("PENDING", False)
    bench.advance("2025-06-08T08:00:00Z")
    assert (bench.all("payment")[0]["result"], again(bench, invoice)["paid"]) == ("AUTHORIZED", True)


def test_a_charge_back_opens_the_invoice_again() -> None:
    """Paid for three days, then not."""
    bench, invoice = charged("chargeback_P3D")
    assert invoice["paid"]
    bench.advance("2025-06-09T08:00:00Z")
    kept = again(bench, invoice)
    assert (kept["paid"], kept["payment_status"], kept["open_invoice_amount"]) == (False, "UNPAID", amount("9.99"))
    assert bench.all("payment")[0]["result"] == "CHARGED_BACK"


def test_a_charge_that_waits_for_the_payer_goes_on_when_verified() -> None:
    """verify-details with the payment's id; giving up refuses it."""
    for ending, result, paid in (("", "AUTHORIZED", True), (":refused", "REFUSED", False)):
        bench, invoice = charged("action_required")
        (payment,) = bench.all("payment")
        said = bench.call("verify_payment", {"adyen": {"redirect_result": payment["id"] + ending}})
        assert (said, again(bench, invoice)["paid"]) == ({"payment_status": result}, paid)


# --- dunning ----------------------------------------------------------------------------------------------------------


def test_a_refused_charge_is_tried_again_by_the_schedule() -> None:
    """Refused twice, then authorised: after one day, and three days after that."""
    bench, invoice = charged("declined_twice_insufficient_funds")
    (action,) = again(bench, invoice)["dunning_actions"]
    assert (action["status"], action["failure_reason"]) == ("PENDING", "INSUFFICIENT_FUNDS")
    bench.advance("2025-06-07T08:00:00Z")
    assert [payment["result"] for payment in bench.all("payment")] == ["REFUSED", "REFUSED"]
    bench.advance("2025-06-10T07:59:59Z")
    assert len(bench.all("payment")) == 2
    bench.advance("2025-06-10T08:00:00Z")
    assert [payment["result"] for payment in bench.all("payment")] == ["REFUSED", "REFUSED", "AUTHORIZED"]
    kept = again(bench, invoice)
    assert (kept["paid"], [one["status"] for one in kept["dunning_actions"]]) == (True, ["SUCCESSFUL"])
    assert [one.get("dunning_action_details", {}).get("attempt") for one in bench.all("payment")] == [None, 1, 2]


def test_dunning_gives_up_at_the_end_of_its_schedule() -> None:
    """Two attempts more, as it is set; then FAILED, and nothing any more."""
    bench, invoice = charged("declined", dunning_schedule=["P1D", "P1D"])
    bench.advance("2025-06-30T00:00:00Z")
    assert len(bench.all("payment")) == 3
    assert [one["status"] for one in again(bench, invoice)["dunning_actions"]] == ["FAILED"]
    assert bench.all("dunning") == []


def test_dunning_is_cancelled_by_word() -> None:
    """cancel-dunning-actions; with another payment method; with the subscription."""
    for way in ("invoice", "method", "subscription"):
        bench, invoice = charged("declined")
        (subscription,) = bench.all("subscription")
        if way == "invoice":
            bench.call("cancel_dunning", None, invoice)
        elif way == "method":
            other = method(bench)
            bench.call("update_payment_method", {"payment_method_id": other["id"], "cancel_dunning_actions": True}, subscription)
        else:
            bench.call("cancel_subscription", {"type": "NOW", "cancel_dunning_actions": True}, subscription)
        bench.advance("2025-06-20T00:00:00Z")
        assert len([one for one in bench.all("payment") if one["invoice_id"] == invoice["id"]]) == 1, way
        assert [one["status"] for one in again(bench, invoice)["dunning_actions"]] == ["CANCELLED"], way


def test_another_method_is_tried_by_the_next_attempt() -> None:
    """Replaced while dunning goes on."""
    bench, invoice = charged("declined")
    (subscription,) = bench.all("subscription")
    bench.call("update_payment_method", {"payment_method_id": method(bench)["id"]}, subscription)
    bench.advance("2025-06-07T08:00:00Z")
    assert again(bench, invoice)["paid"]


# --- by word ----------------------------------------------------------------------------------------------------------


def final() -> tuple[Bench, Record]:
    """An invoice of 9.99, FINAL, with no method."""
    bench = world()
    bench.call("init_subscription", worlds.init("entity_NL"))
    bench.advance("2025-06-06T08:00:00Z")
    return bench, bench.all("invoice")[0]


def pay(bench: Bench, invoice: Record, quantity: str, result: str = "AUTHORIZED") -> Record:
    """A payment made elsewhere."""
    bench.call("create_payment", {"invoice_id": invoice["id"], "external_reference": "X1", "amount": amount(quantity), "result": result})
    return again(bench, invoice)


PAID = [
    (["4.00"], "PARTIALLY_PAID", False, "4.00", "5.99"),
    (["4.00", "5.99"], "PAID", True, "9.99", "0.00"),
    (["9.99"], "PAID", True, "9.99", "0.00"),
    (["10.00"], "OVERPAID", True, "10.00", "-0.01"),
]


@pytest.mark.parametrize(("parts", "status", "paid", "closed", "left"), PAID)
def test_what_is_paid_and_open_follows_the_payments(parts: list[str], status: str, paid: bool, closed: str, left: str) -> None:
    """payment_status, paid, paid, closed and open amount."""
    bench, invoice = final()
    for part in parts:
        kept = pay(bench, invoice, part)
    assert (kept["payment_status"], kept["paid"]) == (status, paid)
    assert [kept[field]["quantity"] for field in ("paid_invoice_amount", "closed_invoice_amount", "open_invoice_amount")] == [closed, closed, left]


@pytest.mark.parametrize("result", ["REFUSED", "PENDING", "CANCELLED", "ERROR", "CHARGED_BACK", "REFUNDED"])
def test_payments_that_did_not_come_in_pay_nothing(result: str) -> None:
    """Only AUTHORIZED does."""
    bench, invoice = final()
    assert pay(bench, invoice, "9.99", result)["payment_status"] == "UNPAID"


def test_pay_charges_the_stored_method_and_marks_as_paid_without_one() -> None:
    """The customer's default method is one; a refusal leaves the invoice open and starts no dunning."""
    for name, paid, payments in (("authorised", True, 1), ("declined", False, 1), (None, True, 0)):
        bench, invoice = final()
        if name is not None:
            method(bench, name, is_default=True)
        kept = bench.call("pay_invoice", None, invoice)
        assert (kept["paid"], len(bench.all("payment")), bench.all("dunning")) == (paid, payments, [])


def test_an_invoice_is_paid_once_final_once_and_in_its_currency() -> None:
    """Refused by field."""
    bench, invoice = final()
    assert refused(bench, "create_payment", {
        "invoice_id": invoice["id"], "external_reference": "X", "amount": amount("9.99", "USD"), "result": "AUTHORIZED"}).field == "amount.currency"
    pay(bench, invoice, "9.99")
    body = {"invoice_id": invoice["id"], "external_reference": "X", "result": "AUTHORIZED"}
    assert "twice" in refused(bench, "create_payment", body).message
    draft = bench.all("invoice")[1]
    assert "while DRAFT" in refused(bench, "create_payment", {**body, "invoice_id": draft["id"]}).message


def test_a_payment_is_given_back_in_parts_and_taken_back_whole() -> None:
    """Refund 4.00, then too much, then the rest: REFUNDED; a reversal cancels."""
    bench, invoice = final()
    pay(bench, invoice, "9.99")
    (payment,) = bench.all("payment")
    bench.call("refund_payment", {"amount": amount("4.00")}, payment)
    assert again(bench, invoice)["payment_status"] == "PARTIALLY_PAID"
    assert refused(bench, "refund_payment", {"amount": amount("6.00")}, payment).field == "amount.quantity"
    assert bench.call("refund_payment", {}, payment)["payment"]["result"] == "REFUNDED"
    assert again(bench, invoice)["open_invoice_amount"] == amount("9.99")
    assert refused(bench, "refund_payment", {}, payment).kind == "illegal_transition"
    pay(bench, invoice, "9.99")
    assert bench.call("reverse_payment", None, bench.all("payment")[1])["payment"]["result"] == "CANCELLED"
    assert again(bench, invoice)["payment_status"] == "UNPAID"


def test_authorize_charges_here_and_now() -> None:
    """A token or a stored method; SUCCESS, FAILURE or ACTION_REQUIRED with where to send the payer."""
    bench, invoice = final()
    acceptor = bench.make("payment_acceptor", reference="cards", type="PAYMENT_GATEWAY", status="ACTIVE")
    for token, status in (("declined", "FAILURE"), ("action_required", "ACTION_REQUIRED"), ("tok_x", "SUCCESS")):
        answer = bench.call("authorize_payment", {
            "payment_acceptor_id": acceptor["id"], "invoice_id": invoice["id"], "stripe": {"confirmation_token_id": token}})
        assert (answer["status"], "action" in answer) == (status, status == "ACTION_REQUIRED")
    assert again(bench, invoice)["paid"]
    assert refused(bench, "authorize_payment", {"payment_acceptor_id": acceptor["id"]}).field == "amount"


def test_tokens_become_methods_and_one_is_the_default() -> None:
    """Declined: none; action required: SETUP until refreshed; a new default takes the place of the old."""
    bench = world()
    (customer,) = bench.all("customer")
    acceptor = bench.make("payment_acceptor", reference="cards", type="PAYMENT_GATEWAY", status="ACTIVE")
    wanted = {"payment_acceptor_id": acceptor["id"], "customer_id": customer["id"], "payment_gateway_variant": "STRIPE"}
    said = [bench.call("tokenize_method", {**wanted, "stripe": {"confirmation_token_id": token}})["status"]
            for token in ("declined", "action_required", "authorised")]
    assert said == ["FAILURE", "ACTION_REQUIRED", "SUCCESS"]
    assert [one["status"] for one in bench.all("payment_method")] == ["SETUP", "ACTIVE"]
    bench.call("refresh_methods", {"customer_id": customer["id"]})
    first, second = bench.all("payment_method")
    assert first["status"] == "ACTIVE"
    bench.change("payment_method", first["id"], is_default=True)
    bench.change("payment_method", second["id"], is_default=True)
    assert [one.get("is_default") for one in bench.all("payment_method")] == [False, True]
    (option,) = bench.call("method_options", {"customer_id": customer["id"]})
    assert option["payment_acceptor"]["reference"] == "cards"


# --- schedules --------------------------------------------------------------------------------------------------------


def scheduled(bench: Bench, name: str = "authorised", **members: Any) -> Record:
    """Three installments from 1 June on, unless said otherwise."""
    card = method(bench, name)
    (entity,) = bench.all("billing_entity")
    made: Record = bench.call("create_payment_schedule", {
        "reference": "in-three", "customer_id": card["customer_id"], "payment_method_id": card["id"], "billing_entity_id": entity["id"],
        "type": "INSTALLMENTS", "installments": {
            "variant": "INTERVAL", "total_amount": amount("100.00"), "number_of_installments": 3,
            "interval": {"start_at": "2025-06-01T00:00:00Z", "period": {"type": "MONTH", "value": 1}}}, **members})
    return made


def states(bench: Bench) -> list[str]:
    """The requests' states."""
    return [one["status"] for one in bench.all("payment_request")]


def test_a_schedule_charges_on_its_days_and_is_done() -> None:
    """One after the other."""
    bench = world()
    made = scheduled(bench)
    assert states(bench) == ["SCHEDULED"] * 3
    bench.advance("2025-07-01T00:00:00Z")
    assert states(bench) == ["DONE", "DONE", "SCHEDULED"]
    bench.advance("2025-08-01T00:00:00Z")
    assert bench.read("payment_schedule", made["id"])["status"] == "DONE"
    assert [one["amount"]["quantity"] for one in bench.all("payment")] == ["33.34", "33.33", "33.33"]


def test_a_paused_schedule_holds_and_goes_on_with_what_is_due() -> None:
    """Two months later both are charged at once; cancelled, the rest is skipped."""
    bench = world()
    made = scheduled(bench)
    bench.fire("payment_schedule", made["id"], "pause")
    bench.advance("2025-07-02T00:00:00Z")
    assert states(bench) == ["ON_HOLD"] * 3
    bench.fire("payment_schedule", made["id"], "activate")
    assert states(bench) == ["DONE", "DONE", "SCHEDULED"]
    bench.fire("payment_schedule", made["id"], "cancel")
    assert states(bench) == ["DONE", "DONE", "SKIPPED"]


def test_a_refused_request_fails_or_is_tried_again_or_falls_back() -> None:
    """As the schedule says."""
    bench = world()
    scheduled(bench, "declined")
    bench.advance("2025-06-01T00:00:00Z")
    assert states(bench) == ["FAILED", "SCHEDULED", "SCHEDULED"]
    bench = world()
    scheduled(bench, "declined_once", dunning={"enabled": True})
    bench.advance("2025-06-01T00:00:00Z")
    assert states(bench)[0] == "SCHEDULED"
    bench.advance("2025-06-02T00:00:00Z")
    assert states(bench)[0] == "DONE"
    bench = world()
    scheduled(bench, "declined", payment_method_fallback={"enabled": True, "payment_method_ids": [method(bench)["id"]]})
    bench.advance("2025-06-01T00:00:00Z")
    assert (states(bench)[0], [one["result"] for one in bench.all("payment")]) == ("DONE", ["REFUSED", "AUTHORIZED"])


def test_a_recurring_schedule_plans_one_request_at_a_time() -> None:
    """For ever, or until its end."""
    bench = world()
    scheduled(bench, type="RECURRING", recurring={
        "charge": {"amount": amount("5.00")}, "start_at": "2025-06-01T00:00:00Z", "end_at": "2025-08-01T00:00:00Z", "period": {"type": "MONTH", "value": 1}})
    assert states(bench) == ["SCHEDULED"]
    bench.advance("2025-06-01T00:00:00Z")
    assert states(bench) == ["DONE", "SCHEDULED"]
    bench.advance("2026-01-01T00:00:00Z")
    assert states(bench) == ["DONE", "DONE"]
    assert bench.all("payment_schedule")[0]["status"] == "DONE"


def test_a_schedule_comes_with_its_customer_and_method() -> None:
    """/init: what is due now is charged now."""
    bench = world()
    (entity,) = bench.all("billing_entity")
    answer = bench.call("init_payment_schedule", {
        "customer": {"reference": "new", "type": "INDIVIDUAL"}, "payment_method": {"integration_reference": "authorised"},
        "payment_schedule": {"reference": "once", "billing_entity_id": entity["id"], "type": "ONE_OFF", "one_off": {"charge": {"amount": amount("25.00")}}}})
    assert (answer["payment_schedule"]["status"], answer["payment_requests"][0]["status"]) == ("DONE", "DONE")
    assert answer["payment_method"]["customer_id"] == answer["customer"]["id"]
