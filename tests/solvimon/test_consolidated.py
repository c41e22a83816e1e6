"""Several subscriptions and several customers on one invoice: combined, forwarded, used by children."""

from __future__ import annotations

from typing import Any

from solvimon import worlds
from solvimon.bench import Bench, Record


def two(**each: Any) -> tuple[Bench, dict[str, Record]]:
    """The guide's world with a price of 0.50, a parent `acme-001` subscribed, and its child `acme-002`."""
    bench = Bench("2025-05-06T10:30:00Z")
    made = worlds.catalogue(bench)
    worlds.price(bench, made, "Employees", worlds.flat("0.50"))
    worlds.subscribe(bench, made, **each)
    made["child"] = worlds.customer(bench, "acme-002", parent_customer_id=made["customer"]["id"])
    return bench, made


def subscribe(bench: Bench, made: dict[str, Record], reference: str, **more: Any) -> Record:
    """A further subscription to the same plan."""
    body = worlds.init("entity_NL", **{"reference": reference, **more})
    answer: Record = bench.call("init_subscription", body)
    return answer


def use(bench: Bench, customer: str, number: str, reference: str) -> Record:
    """A usage event of a customer."""
    event: Record = bench.call("ingest", {**worlds.event(reference, number), "customer_reference": customer})
    return event


def test_subscriptions_that_combine_share_an_invoice() -> None:
    """`combine` on both: one invoice with a period for each, final once, under one number."""
    bench, made = two(combine=True)
    subscribe(bench, made, "second", customer_reference="acme-001", combine=True)
    bench.call("ingest", {**worlds.event("evt_first_0001", "4"), "pricing_plan_subscription_reference": "acme-001-sub"})
    bench.call("ingest", {**worlds.event("evt_second_001", "6"), "pricing_plan_subscription_reference": "second"})
    (invoice,) = bench.all("invoice")
    assert invoice["total_amount"]["quantity"] == "5.00"
    assert [period["amount_excluding_tax"]["quantity"] for period in invoice["periods"]] == ["2.00", "3.00"]
    assert len(invoice["pricing_plan_subscription_ids"]) == 2
    bench.advance("2025-06-07T00:00:00Z")
    states = [(one["status"], one.get("invoice_number")) for one in bench.all("invoice")]
    assert states == [("FINAL", "INV-000001"), ("DRAFT", None)]


def test_subscriptions_that_do_not_combine_do_not() -> None:
    """One says so, the other not: two invoices."""
    bench, made = two(combine=True)
    subscribe(bench, made, "second", customer_reference="acme-001")
    assert len(bench.all("invoice")) == 2


def test_other_periods_are_other_invoices() -> None:
    """What begins on another day is not combined."""
    bench, _ = two(combine=True)
    body = worlds.init("entity_NL", "2025-05-01T00:00:00Z", reference="second", combine=True)
    bench.call("init_subscription", body)
    assert len(bench.all("invoice")) == 2


def test_an_invoice_is_forwarded_to_who_pays() -> None:
    """FORWARD_BILLING: the child's usage, the parent's invoice, and the group says whose it is."""
    bench, made = two()
    subscribe(bench, made, "daughter", customer_reference="acme-002", variant="FORWARD_BILLING", forward_customer_id=made["customer"]["id"])
    use(bench, "acme-002", "10", "evt_of_the_child")
    _, invoice = bench.all("invoice")
    assert invoice["customer_id"] == made["customer"]["id"]
    assert invoice["total_amount"]["quantity"] == "5.00"
    (group,) = invoice["periods"][0]["groups"]
    assert group["forwarded_from_customer_id"] == made["child"]["id"]
    assert group["billing_customer_id"] == made["customer"]["id"]


def test_a_forwarded_subscription_that_combines_joins_its_payers_invoice() -> None:
    """Consolidated billing of parent and child: one invoice to the parent for both."""
    bench, made = two(combine=True)
    subscribe(bench, made, "daughter", customer_reference="acme-002", forward_customer_id=made["customer"]["id"], combine=True)
    use(bench, "acme-001", "2", "evt_of_the_parent")
    use(bench, "acme-002", "10", "evt_of_the_child")
    (invoice,) = bench.all("invoice")
    assert invoice["total_amount"]["quantity"] == "6.00"


def test_a_child_that_only_processes_is_billed_by_its_parents_subscription() -> None:
    """processing_only: its events are booked where its parent subscribes."""
    bench, made = two()
    bench.change("customer", made["child"]["id"], processing_only=True)
    event = use(bench, "acme-002", "10", "evt_of_the_child")
    assert event["processed_details"] == {"type": "DEFAULT"}
    (invoice,) = bench.all("invoice")
    assert invoice["total_amount"]["quantity"] == "5.00"


def test_a_child_that_does_more_than_process_is_not() -> None:
    """Without processing_only nobody else is billed."""
    bench, _ = two()
    assert use(bench, "acme-002", "10", "evt_of_the_child")["processed_details"]["type"] == "NOT_MATCHED"


def test_usage_replicated_to_the_parent_is_billed_to_both_and_deleted_from_both() -> None:
    """replicate_meter_data_ingest_to_parent on the child's subscription."""
    bench, made = two()
    subscribe(bench, made, "daughter", customer_reference="acme-002", replicate_meter_data_ingest_to_parent=True)
    use(bench, "acme-002", "10", "evt_of_the_child")
    assert [one["total_amount"]["quantity"] for one in bench.all("invoice")] == ["5.00", "5.00"]
    bench.call("delete_event_by_reference", {"reference": "evt_of_the_child"})
    assert [one["total_amount"]["quantity"] for one in bench.all("invoice")] == ["0.00", "0.00"]


def test_groups_and_members_name_each_other() -> None:
    """Either side says it, both show it; a deleted group leaves its members in none."""
    bench, made = two()
    group = bench.make("subscription_group", reference="all", pricing_plan_subscription_ids=[made["subscription"]["id"]])
    other = subscribe(bench, made, "daughter", customer_reference="acme-002", pricing_plan_subscription_group_id=group["id"])
    other_id = other["pricing_plan_subscription"]["id"]
    assert bench.read("subscription_group", group["id"])["pricing_plan_subscription_ids"] == [made["subscription"]["id"], other_id]
    bench.change("subscription_group", group["id"], pricing_plan_subscription_ids=[other_id])
    assert bench.read("subscription", made["subscription"]["id"])["pricing_plan_subscription_group_id"] is None
    bench.drop("subscription_group", group["id"])
    assert bench.read("subscription", other_id)["pricing_plan_subscription_group_id"] is None


def test_a_parents_invoice_tells_what_each_child_used() -> None:
    """display_invoice_sub_lines_per_processing_only_customer: 10 of 18 and 3 of 18 at 0.50, and 5 of the parent's own; taken back, it is gone."""
    bench, made = two(display_invoice_sub_lines_per_processing_only_customer=True)
    children = [worlds.customer(bench, f"child-{name}", processing_only=True, parent_customer_id=made["customer"]["id"], organization={"legal_name": name})
                for name in ("Anna", "Bert")]
    use(bench, "child-Anna", "4", "evt_anna_0001")
    use(bench, "child-Bert", "3", "evt_bert_0001")
    use(bench, "child-Anna", "6", "evt_anna_0002")
    use(bench, "acme-001", "5", "evt_own_00001")
    (line,) = bench.all("invoice")[0]["periods"][0]["groups"][0]["lines"]
    assert line["amount_excluding_tax"]["quantity"] == "9.00"
    shown = [(part["description"], part["processing_only_customer_id"], part["details"]["meter_value"]["number"], part["details"]["amount"]["quantity"])
             for part in line["sub_lines"]]
    assert shown == [("Anna", children[0]["id"], "10", "5.00"), ("Bert", children[1]["id"], "3", "1.50")]
    bench.call("delete_event_by_reference", {"reference": "evt_bert_0001"})
    (line,) = bench.all("invoice")[0]["periods"][0]["groups"][0]["lines"]
    assert [part["description"] for part in line["sub_lines"]] == ["Anna"]


def test_without_that_word_no_child_is_told_of() -> None:
    """The same usage, one line."""
    bench, made = two()
    worlds.customer(bench, "child-1", processing_only=True, parent_customer_id=made["customer"]["id"])
    use(bench, "child-1", "4", "evt_child_001")
    (line,) = bench.all("invoice")[0]["periods"][0]["groups"][0]["lines"]
    assert "sub_lines" not in line
