"""What is billed in advance: an invoice at the beginning, which is the one a first payment pays."""

from __future__ import annotations

from solvimon import worlds
from solvimon.bench import Bench, Record


def begun(**more: object) -> tuple[Bench, Record]:
    """A plan of 9.99 in advance and 0.50 an employee in arrears, subscribed; the answer of `/init`."""
    bench = Bench("2025-05-06T10:30:00Z")
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Employees", worlds.flat("0.50"))
    worlds.price(bench, made, "Fee", worlds.flat("9.99", billing_in_advance=True), item=worlds.item(bench, made, "fee", "RECURRING"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    worlds.customer(bench)
    answer: Record = bench.call("init_subscription", {**worlds.init("entity_NL"), **more})
    return bench, answer


def shown(bench: Bench) -> list[tuple[str, str, str]]:
    """State, beginning and total of every invoice."""
    return [(one["status"], one["billing_period_start"][:10], one["total_amount"]["quantity"]) for one in bench.all("invoice")]


def test_the_first_invoice_is_that_of_what_is_billed_in_advance() -> None:
    """A draft of the first month's fee at once, final after the grace; the month's own holds usage and the next fee."""
    bench, answer = begun()
    assert answer["invoice"]["total_amount"]["quantity"] == "9.99"
    bench.call("ingest", worlds.event("evt_in_arrears", "4"))
    assert shown(bench) == [("FINAL", "2025-05-06", "9.99"), ("DRAFT", "2025-05-06", "11.99")]
    bench.advance("2025-06-06T08:00:00Z")
    assert shown(bench)[1:] == [("FINAL", "2025-05-06", "11.99"), ("DRAFT", "2025-06-06", "9.99")]


def test_a_first_payment_pays_what_is_billed_in_advance() -> None:
    """9.99 authorised at the beginning: that invoice is FINAL and paid, the month's stays open."""
    payment = {"external_reference": "N9KKLBTLMJS8F6V5", "amount": worlds.amount("9.99"), "result": "AUTHORIZED"}
    bench, answer = begun(first_payment=payment)
    assert (answer["invoice"]["status"], answer["invoice"]["paid"]) == ("FINAL", True)
    assert [one["paid"] for one in bench.all("invoice")] == [True, False]


def test_the_invoice_of_a_month_has_a_period_for_each_of_the_two() -> None:
    """The month in arrears and the month to come, each with its own times."""
    bench, _ = begun()
    bench.call("ingest", worlds.event("evt_in_arrears", "4"))
    periods = bench.all("invoice")[1]["periods"]
    assert [(one["start_at"], one["end_at"], one["amount_excluding_tax"]["quantity"]) for one in periods] == [
        ("2025-05-06T00:00:00Z", "2025-06-06T00:00:00Z", "2.00"), ("2025-06-06T00:00:00Z", "2025-07-06T00:00:00Z", "9.99")]
