"""The suite of Lantern, an invented shop: what anyone who bills through an API would want to know of their own code.

Each test begins in a world of its own, at 1 May 2025, 08:00, with the shop's two plans; `quire` is an account signed up for one of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from examples.conftest import Shop
from examples.lantern.usage import NotReported
from understudy import Sandbox

pytestmark = pytest.mark.sandbox(fixture="lantern/catalogue.yaml")


@pytest.mark.usefixtures("quire")
def test_a_job_reported_twice_is_billed_once(shop: Shop) -> None:
    """The printer's program was killed before it noted that it had said so."""
    first = shop.usage.printed("quire", "print-job-0001", 120)
    again = shop.usage.printed("quire", "print-job-0001", 120)
    assert again["id"] == first["id"]
    (invoice,) = shop.billing.invoices("quire")
    assert [line["total"]["quantity"] for line in invoice["line_items"]] == ["20.00", "12.00"]


@pytest.mark.usefixtures("quire")
def test_a_report_that_fails_is_made_again_until_it_is_taken(shop: Shop, sandbox: Sandbox) -> None:
    """Twice 503, then an answer that was lost on its way though the report was taken: it pauses in between, and counts once."""
    sandbox.fail("POST /v1/ingest/meter-data", status=503, times=1)
    sandbox.fail("POST /v1/ingest/meter-data", status=429, retry_after=30, times=1)
    sandbox.fail("POST /v1/ingest/meter-data", answer="reset", carried_out=True, times=1)
    shop.usage.printed("quire", "print-job-0001", 120)
    assert shop.pauses == [1.0, 30.0, 4.0]
    (invoice,) = shop.billing.invoices("quire")
    assert invoice["total_amount"]["quantity"] == "32.00"


@pytest.mark.usefixtures("quire")
def test_a_report_is_given_up_when_the_trouble_lasts(shop: Shop, sandbox: Sandbox) -> None:
    """Five times, each after a longer pause; what is wrong with the report itself is not tried again."""
    with sandbox.fail("POST /v1/ingest/*", delay=60), pytest.raises(NotReported):
        shop.usage.printed("quire", "print-job-0001", 120)
    assert shop.pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    with pytest.raises(httpx.HTTPStatusError):
        shop.usage.printed("quire", "short", 120)
    assert len(shop.pauses) == 5


def test_the_month_ends_in_an_invoice_and_a_mail(shop: Shop, sandbox: Sandbox) -> None:
    """Eight hours after the month the draft is final; the shop hears of it and writes to the customer."""
    shop.billing.sign_up("quire", "studio", card="authorised")
    shop.usage.printed("quire", "print-job-0001", 300)
    sandbox.clock.set("2025-06-01T07:59:59Z")
    assert shop.hooks.mails("quire") == []
    sandbox.clock.set("2025-06-01T08:00:00Z")
    assert shop.hooks.mails("quire") == ["Your invoice of 50.00 EUR"]
    assert shop.hooks.paid("quire") == [("50.00", True)]


@pytest.mark.usefixtures("quire")
def test_a_webhook_is_believed_only_if_it_is_signed_and_fresh(shop: Shop, sandbox: Sandbox) -> None:
    """Another body, another secret or an hour's age: 401, and nothing is written down."""
    sandbox.clock.advance("P1M")
    (told,) = [one for one in sandbox.webhooks.deliveries("INVOICE.STATUS_TO_FINAL") if one.state == "delivered"]
    headers = {name.lower(): value for name, value in told.attempts[0].headers}
    assert shop.hooks.receive(headers, b'{"type": "INVOICE.PAID"}') == 401
    assert shop.hooks.receive({}, b"{}") == 401
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds").replace("+00:00", "Z")
    assert shop.hooks.receive({**headers, "x-payload-signature-timestamp": old}, b"{}") == 401
    assert shop.hooks.paid("quire") == [("20.00", False)]


@pytest.mark.usefixtures("quire")
def test_a_webhook_that_comes_twice_is_done_once(shop: Shop, sandbox: Sandbox) -> None:
    """At least once, says the vendor: doubled on its way, and sent again by hand."""
    sandbox.fail(event="INVOICE.STATUS_TO_FINAL", webhook="twice")
    sandbox.clock.advance("P1M")
    told = sandbox.webhooks.deliveries("INVOICE.STATUS_TO_FINAL")
    assert sandbox.webhooks.resend(told[0]).attempts[-1].status == 200
    assert shop.hooks.mails("quire") == ["Your invoice of 20.00 EUR"]


def test_a_webhook_that_was_missed_comes_again(shop: Shop, sandbox: Sandbox) -> None:
    """The shop is down for an hour: what it was to be told waits, and comes in order when it is back."""
    shop.billing.sign_up("quire", "studio", card="authorised")
    sandbox.webhooks.route("https://lantern.example/hooks/billing", lambda posted: 503)
    sandbox.clock.set("2025-06-01T08:30:00Z")
    assert shop.hooks.mails("quire") == []
    sandbox.webhooks.route("https://lantern.example/hooks/billing", lambda posted: shop.hooks.receive(posted.headers, posted.body))
    sandbox.clock.advance("PT8H")
    assert shop.hooks.mails("quire") == ["Your invoice of 20.00 EUR"]
    assert shop.hooks.paid("quire") == [("20.00", True)]


def test_a_declined_card_stops_printing_until_it_is_good(shop: Shop, sandbox: Sandbox) -> None:
    """Refused twice, then taken: after a day, and three days after that."""
    shop.billing.sign_up("quire", "studio", card="declined_twice_insufficient_funds")
    sandbox.clock.set("2025-06-01T08:00:00Z")
    assert not shop.hooks.may_print("quire")
    sandbox.clock.advance("P4D")
    assert shop.hooks.may_print("quire")
    assert shop.hooks.mails("quire") == ["Your invoice of 20.00 EUR", "Your card was declined", "Your card was declined"]


def test_another_card_pays_what_is_open(shop: Shop, sandbox: Sandbox) -> None:
    """The customer types in a new one and does not wait for the next try."""
    subscription = shop.billing.sign_up("quire", "studio", card="declined")
    sandbox.clock.set("2025-06-01T08:00:00Z")
    (invoice, _) = shop.billing.invoices("quire")
    shop.billing.change_card("quire", subscription, "authorised")
    shop.billing.pay(invoice["id"])
    sandbox.webhooks.deliver()
    assert shop.hooks.may_print("quire")
    assert shop.hooks.paid("quire") == [("20.00", True)]


def test_a_plan_changed_in_the_middle_of_the_month_is_billed_by_the_day(shop: Shop, quire: str, sandbox: Sandbox) -> None:
    """Fifteen days of one and sixteen of the other; a page costs what it did when it was printed."""
    shop.usage.printed("quire", "print-job-0001", 100)
    sandbox.clock.set("2025-05-16T00:00:00Z")
    shop.billing.change_plan(quire, "atelier", "2025-05-16T00:00:00Z")
    shop.usage.printed("quire", "print-job-0002", 100)
    (invoice,) = shop.billing.invoices("quire")
    assert [(line["description"], line["total"]["quantity"]) for line in invoice["line_items"]] == [
        ("Studio", "9.68"), ("Studio", "10.00"), ("Atelier", "25.81"), ("Atelier", "5.00")]


def test_a_trial_costs_nothing_and_the_first_month_half(shop: Shop, sandbox: Sandbox) -> None:
    """May is free, June has the coupon, July is July; printing in the trial is free too."""
    shop.billing.sign_up("quire", "studio", trial_until="2025-06-01T00:00:00Z", code="HELLO")
    shop.usage.printed("quire", "print-job-0001", 500)
    sandbox.clock.set("2025-08-01T08:00:00Z")
    assert [one["total_amount"]["quantity"] for one in shop.billing.invoices("quire")][:3] == ["0.00", "10.00", "20.00"]


def test_who_leaves_early_pays_for_the_initial_term(shop: Shop, sandbox: Sandbox) -> None:
    """Six months were agreed on: cancelled in the second, it ends with the sixth."""
    subscription = shop.billing.sign_up("quire", "studio", months=6)
    sandbox.clock.set("2025-06-20T00:00:00Z")
    assert shop.billing.cancel(subscription) == "2025-11-01T00:00:00Z"
    sandbox.clock.set("2026-02-01T00:00:00Z")
    assert [one["total_amount"]["quantity"] for one in shop.billing.invoices("quire")] == ["20.00"] * 6


def test_every_invoice_is_seen_however_many_pages_there_are(shop: Shop, sandbox: Sandbox) -> None:
    """Four customers and two months, three to a page."""
    for number in range(4):
        shop.billing.sign_up(f"reader-{number}", "studio")
    sandbox.clock.set("2025-06-30T00:00:00Z")
    seen = [one["id"] for one in shop.billing.invoices(page_size=3)]
    assert (len(seen), len(set(seen))) == (8, 8)


def test_a_job_printed_before_the_contract_was_signed_finds_its_price(shop: Shop) -> None:
    """Nobody could price it when it was reported; once there is a subscription it is looked at anew."""
    shop.billing.take_in("quire")
    told = shop.usage.printed("quire", "print-job-0001", 100)
    assert not shop.usage.is_billed(told)
    shop.billing.subscribe("quire", "studio")
    assert shop.usage.find_prices_for("quire", since="2025-05-01T00:00:00Z") == 1
    assert shop.usage.is_billed(told)
    (invoice,) = shop.billing.invoices("quire")
    assert invoice["total_amount"]["quantity"] == "30.00"


def test_money_given_back_is_a_credit_note_of_the_invoice(shop: Shop, sandbox: Sandbox) -> None:
    """A part of it; more than the invoice came to is refused."""
    shop.billing.sign_up("quire", "studio", card="authorised")
    sandbox.clock.advance("P1M")
    invoice = next(iter(shop.billing.invoices("quire")))
    note = shop.billing.give_back(invoice["id"], "5.00", "Two pages were blurred")
    assert (note["type"], note["total_amount"]["quantity"]) == ("CREDIT", "-5.00")
    assert note["credit"]["original_invoice_info"]["id"] == invoice["id"]
    with pytest.raises(httpx.HTTPStatusError):
        shop.billing.give_back(invoice["id"], "15.01", "All of it and a cent")
