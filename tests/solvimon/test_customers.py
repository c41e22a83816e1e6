"""Customers: what is derived, what is forgotten."""

from __future__ import annotations

from solvimon import worlds
from solvimon.bench import Bench, refused

TAX_IDS = [{"id": "368807022", "type": "GENERIC_TAX_ID"}, {"id": "second", "type": "GENERIC_TAX_ID"}]


def test_tax_id_is_the_first_of_the_tax_ids() -> None:
    """Send your first API request, step 3; what else was said stays."""
    bench = Bench()
    kept = bench.make("customer", reference="superstore-001", type="ORGANIZATION", organization={"legal_name": "SuperStore", "tax_ids": TAX_IDS})
    assert kept["organization"]["tax_id"] == "368807022"
    changed = bench.change("customer", kept["id"], organization={**kept["organization"], "tax_ids": TAX_IDS[1:], "tax_exempt": True})
    assert (changed["organization"]["tax_id"], changed["organization"]["tax_exempt"]) == ("second", True)


def test_an_individual_has_no_organization() -> None:
    """Nothing is derived of what is not there."""
    kept = Bench().make("customer", reference="jane", type="INDIVIDUAL", individual={"name": {"first_name": "Jane"}})
    assert "organization" not in kept


def test_an_unknown_time_zone_is_warned_of_and_bills_follow_utc() -> None:
    """The field is free text; periods need a zone."""
    bench = Bench()
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Per receipt", worlds.flat("1"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    worlds.customer(bench, zone="Mars/Olympus")
    assert "Mars/Olympus" in bench.warnings[-1]
    assert bench.call("init_subscription", worlds.init("entity_NL"))["invoice"]["billing_period_end"] == "2025-06-06T00:00:00Z"


def test_a_forgotten_customer_keeps_its_id_and_loses_its_data() -> None:
    """GDPR erasure: CLOSED, reference kept so that invoices still name it."""
    bench = Bench()
    customer = worlds.customer(bench)
    kept = bench.call("forget_customer", None, customer)
    assert kept["status"] == "CLOSED"
    assert {"email", "organization"}.isdisjoint(kept)
    assert kept["reference"] == "acme-001"


def test_a_customer_who_is_billed_cannot_be_forgotten() -> None:
    """The subscription comes first."""
    bench = Bench()
    made = worlds.tutorial(bench)
    assert "cancel or void" in refused(bench, "forget_customer", None, made["customer"]).message
    bench.fire("subscription", made["subscription"]["id"], "void")
    assert bench.call("forget_customer", None, made["customer"])["status"] == "CLOSED"
