"""Effects on what is sold: what is filled in, what is kept in step, what is refused and where."""

from __future__ import annotations

from typing import Any

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record, refused
from understudy.problems import Problem


@pytest.fixture
def bench() -> Bench:
    """An empty world."""
    return Bench()


@pytest.fixture
def made(bench: Bench) -> dict[str, Record]:
    """The guide's catalogue, without prices."""
    return worlds.catalogue(bench)


def pricing(made: dict[str, Record], *configs: Record, **more: Any) -> Record:
    """A pricing's body."""
    return {"pricing_plan_version_id": made["version"]["id"], "name": "Price", "product_ids": [made["product"]["id"]],
            "items": [{"product_item_ids": [made["item"]["id"]], "configs": list(configs)}], **more}


def test_meter_entries_may_name_their_value_by_reference(bench: Bench, made: dict[str, Record]) -> None:
    """An entry without an id is looked up by its reference, and gets the id."""
    meter = bench.make("meter", reference="hours", meter_values=[{"reference": "employee_count", "required": True}])
    assert meter["meter_values"][0]["id"] == made["value"]["id"]


@pytest.mark.parametrize(("entry", "field"), [({"id": "metv_nobody"}, "meter_values.0.id"), ({"reference": "nobody"}, "meter_values.0.id")])
def test_meter_entries_of_nothing_are_refused_by_place(bench: Bench, entry: Record, field: str) -> None:
    """A dangling reference, named with its index."""
    with pytest.raises(Problem) as caught:
        bench.make("meter", reference="hours", meter_values=[entry])
    assert (caught.value.kind, caught.value.field) == ("dangling_reference", field)


def test_an_active_meter_takes_only_enum_properties(bench: Bench, made: dict[str, Record]) -> None:
    """Only ENUM properties can be added to an active meter later; nothing can be taken off it."""
    meter = bench.fire("meter", made["meter"]["id"], "activate")
    another = bench.make("meter_property", reference="plan", name="Plan", type="ENUM", enum_values=["A"])
    text = bench.make("meter_property", reference="note", name="Note", type="STRING")
    grown = bench.change("meter", meter["id"], meter_properties=[*meter["meter_properties"], {"id": another["id"]}])
    assert len(grown["meter_properties"]) == 2
    for wrong in ([*grown["meter_properties"], {"id": text["id"]}], []):
        with pytest.raises(Problem, match="only properties of type ENUM"):
            bench.change("meter", meter["id"], meter_properties=wrong)


def test_values_of_an_active_property_may_only_be_added(bench: Bench, made: dict[str, Record]) -> None:
    """Enum values cannot be removed once ACTIVE."""
    id = made["property"]["id"]
    assert "DEU" in bench.change("meter_property", id, enum_values=[*worlds.COUNTRIES, "DEU"])["enum_values"]
    with pytest.raises(Problem, match="cannot remove GBR"):
        bench.change("meter_property", id, enum_values=[one for one in [*worlds.COUNTRIES, "DEU"] if one != "GBR"])


CALCULATIONS = [
    ({"calculation_type": "SUM"}, "meter_value_id", "cannot_process"),
    ({"calculation_type": "SUM", "meter_property_id": "property"}, "calculation_type", "cannot_process"),
    ({"calculation_type": "MAX", "meter_value_id": "other"}, "meter_value_id", "cannot_process"),
]


@pytest.mark.parametrize(("values", "field", "kind"), CALCULATIONS)
def test_calculations_hang_on_a_value_or_property_of_their_meter(
    bench: Bench, made: dict[str, Record], values: Record, field: str, kind: str
) -> None:
    """A value for SUM, MAX, MIN and AVERAGE; a property for UNIQUE alone."""
    made["other"] = bench.make("meter_value", reference="elsewhere", name="Elsewhere", type="NUMBER")
    given = {name: made[value]["id"] if value in made else value for name, value in values.items()}
    with pytest.raises(Problem) as caught:
        bench.make("meter_value_calculation", reference="mvc", meter_id=made["meter"]["id"], **given)
    assert (caught.value.kind, caught.value.field) == (kind, field)


def test_a_calculation_on_a_meter_without_parts_is_taken(bench: Bench, made: dict[str, Record]) -> None:
    """There is nothing yet it could contradict (assumed)."""
    meter = bench.make("meter", reference="empty")
    bench.make("meter_value_calculation", reference="mvc_2", calculation_type="SUM", meter_id=meter["id"],
               meter_value_id=made["value"]["id"])


def test_product_takes_its_items_along_where_asked(bench: Bench, made: dict[str, Record]) -> None:
    """align_product_item_status pushes the same status down, to items that can take it."""
    archived = worlds.item(bench, made, "old", "RECURRING")
    bench.fire("product_item", archived["id"], "archive")
    assert bench.call("activate_product", None, made["product"])["status"] == "ACTIVE"
    assert bench.read("product_item", made["item"]["id"])["status"] == "DRAFT"
    bench.fire("product_item", made["item"]["id"], "activate")
    assert bench.call("deprecate_product", None, made["product"], align_product_item_status=True)["status"] == "DEPRECATED"
    assert bench.read("product_item", made["item"]["id"])["status"] == "DEPRECATED"
    bench.call("archive_product", None, made["product"], align_product_item_status=True)
    assert {one["status"] for one in bench.all("product_item")} == {"ARCHIVED"}


def test_a_usage_based_item_needs_a_calculation_in_either_form(bench: Bench, made: dict[str, Record]) -> None:
    """Nested, or the deprecated field on top."""
    worlds.item(bench, made, "legacy", "USAGE_BASED", meter_value_calculation_id=made["calculation"]["id"])
    with pytest.raises(Problem) as caught:
        worlds.item(bench, made, "unmetered", "USAGE_BASED")
    assert caught.value.field == "usage_based.meter_value_calculation_id"


def test_a_deprecated_product_takes_no_new_items_and_no_prices(bench: Bench, made: dict[str, Record]) -> None:
    """DEPRECATED: cannot be added to a new plan version; no new product items can be connected."""
    bench.fire("product", made["product"]["id"], "activate")
    bench.fire("product", made["product"]["id"], "deprecate")
    with pytest.raises(Problem, match="takes new items"):
        worlds.item(bench, made, "late", "RECURRING")
    assert refused(bench, "create_pricing", pricing(made, worlds.flat("1"))).field == "product_ids.0"


# --- versions ---------------------------------------------------------------------------------------------------------


def test_versions_number_themselves_and_are_listed_on_the_plan(bench: Bench, made: dict[str, Record]) -> None:
    """The next number where none is given; pricing_plan_version_infos follows every change."""
    second = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"]})
    assert (second["version"], second["status"]) == (2, "DRAFT")
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    infos = bench.read("pricing_plan", made["plan"]["id"])["pricing_plan_version_infos"]
    assert [(info["version"], info["status"]) for info in infos] == [(1, "ACTIVE"), (2, "DRAFT")]


def test_a_version_number_is_unique_within_its_plan(bench: Bench, made: dict[str, Record]) -> None:
    """The same number on another plan is fine."""
    assert refused(bench, "create_version", {"pricing_plan_id": made["plan"]["id"], "version": 1}).kind == "already_exists"
    other = bench.make("pricing_plan", reference="other")
    assert bench.call("create_version", {"pricing_plan_id": other["id"], "version": 1})["version"] == 1


def test_a_copied_version_has_the_other_ones_pricings_under_new_ids(bench: Bench, made: dict[str, Record]) -> None:
    """copied_from_pricing_plan_version_id seeds it; the copy is its own."""
    first = worlds.price(bench, made, "Per receipt", worlds.flat("0.50"))
    copy = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"],
                                         "copied_from_pricing_plan_version_id": made["version"]["id"]})
    (pricing_copy,) = bench.all("pricing", pricing_plan_version_id=copy["id"])
    assert pricing_copy["name"] == "Per receipt"
    assert pricing_copy["id"] != first["id"]
    assert pricing_copy["items"][0]["id"] != first["items"][0]["id"]
    assert pricing_copy["items"][0]["configs"][0]["id"] != first["items"][0]["configs"][0]["id"]
    assert pricing_copy["items"][0]["configs"][0]["bands"] == first["items"][0]["configs"][0]["bands"]


def test_a_version_may_come_whole_and_active(bench: Bench, made: dict[str, Record]) -> None:
    """Pricings inside pricing_categories, status ACTIVE: made, then locked."""
    inner = {name: value for name, value in pricing(made, worlds.flat("0.50")).items() if name != "pricing_plan_version_id"}
    version = bench.call("create_version", {"pricing_plan_id": made["plan"]["id"], "status": "ACTIVE",
                                            "pricing_categories": [{"pricings": [inner]}]})
    assert version["status"] == "ACTIVE"
    shown = bench.read("pricing_plan_version", version["id"])["pricing_categories"]
    assert [part["pricings"][0]["name"] for part in shown] == ["Price"]
    assert shown[0]["product_category_id"] == made["category"]["id"]


def test_faults_in_nested_pricings_are_named_by_their_whole_path(bench: Bench, made: dict[str, Record]) -> None:
    """From the body down to the band."""
    inner = pricing(made, worlds.flat("0.50", "GBP"))
    body = {"pricing_plan_id": made["plan"]["id"], "pricing_categories": [{"pricings": [inner]}]}
    assert refused(bench, "create_version", body).field == (
        "pricing_categories.0.pricings.0.items.0.configs.0.bands.0.amount.currency")


def test_activation_locks_the_version_and_its_pricings(bench: Bench, made: dict[str, Record]) -> None:
    """Once activated you cannot edit them; a new version is the way."""
    kept = worlds.price(bench, made, "Per receipt", worlds.flat("0.50"))
    bench.fire("pricing_plan_version", made["version"]["id"], "activate")
    assert refused(bench, "create_pricing", pricing(made, worlds.flat("1"))).kind == "locked"
    for change in (lambda: bench.change("pricing", kept["id"], name="Other"), lambda: bench.drop("pricing", kept["id"]),
                   lambda: bench.change("pricing_plan_version", made["version"]["id"], version=7)):
        with pytest.raises(Problem) as caught:
            change()
        assert caught.value.kind == "locked"


# --- pricings ---------------------------------------------------------------------------------------------------------


def test_items_and_configs_get_ids_and_an_order(bench: Bench, made: dict[str, Record]) -> None:
    """prii_ and pico_, in the vendor's shape; the order is the one they are written in."""
    kept = bench.call("create_pricing", pricing(made, worlds.flat("1", conditions=worlds.where(made, "USA", "us")), worlds.flat("2")))
    (item,) = kept["items"]
    assert item["id"].startswith("prii_")
    assert [config["order"] for config in item["configs"]] == [1, 2]
    assert all(config["id"].startswith("pico_") for config in item["configs"])


def test_a_changed_pricing_keeps_its_ids_and_gives_new_parts_theirs(bench: Bench, made: dict[str, Record]) -> None:
    """An update is checked like a create."""
    kept = worlds.price(bench, made, "Per receipt", worlds.flat("0.50"))
    (item,) = kept["items"]
    changed = bench.change("pricing", kept["id"], items=[{**item, "configs": [*item["configs"], worlds.flat("1")]}])
    assert changed["items"][0]["configs"][0]["id"] == item["configs"][0]["id"]
    assert changed["items"][0]["configs"][1]["id"].startswith("pico_")
    with pytest.raises(Problem) as caught:
        bench.change("pricing", kept["id"], items=[{**item, "configs": [worlds.flat("1", "GBP")]}])
    assert caught.value.field == "items.0.configs.0.bands.0.amount.currency"


WRONG: list[tuple[Record, str, str]] = [
    (worlds.flat("1", "GBP"), "cannot_process", "items.0.configs.0.bands.0.amount.currency"),
    ({"type": "FLAT", "bands": []}, "cannot_process", "items.0.configs.0.bands"),
    ({"type": "TIERED", "bands": [{"amount": worlds.amount("1")}, {"amount": worlds.amount("2")}]}, "cannot_process",
     "items.0.configs.0.bands.0.tier_top_bound"),
    (worlds.flat("1", conditions={"meter_properties": [{"id": "metp_nobody", "value": "x", "comparator": "EQUALS"}]}),
     "dangling_reference", "items.0.configs.0.conditions.meter_properties.0.id"),
    (worlds.flat("1", conditions={"meter_properties": [{"reference": "nobody", "value": "x", "comparator": "EQUALS"}]}),
     "dangling_reference", "items.0.configs.0.conditions.meter_properties.0.reference"),
    (worlds.flat("1", conditions={"meter_properties": [{"value": "x", "comparator": "EQUALS"}]}),
     "missing_field", "items.0.configs.0.conditions.meter_properties.0.id"),
    (worlds.flat("1", conditions={"meter_properties": [{"reference": "employee_country", "value": "5", "comparator": "GREATER_THAN"}]}),
     "cannot_process", "items.0.configs.0.conditions.meter_properties.0.comparator"),
]


@pytest.mark.parametrize(("config", "kind", "field"), WRONG)
def test_configs_that_cannot_price_are_refused_by_their_whole_path(
    bench: Bench, made: dict[str, Record], config: Record, kind: str, field: str
) -> None:
    """Currencies, bands, conditions."""
    problem = refused(bench, "create_pricing", pricing(made, config))
    assert (problem.kind, problem.field) == (kind, field)


def test_conditions_want_a_required_property_of_the_items_meter(bench: Bench, made: dict[str, Record]) -> None:
    """Required is what makes a property usable in pricing conditions; one of another meter never is."""
    loose = bench.make("meter_property", reference="plan", name="Plan", type="STRING")
    meter = bench.read("meter", made["meter"]["id"])
    config = worlds.flat("1", conditions={"meter_properties": [{"id": loose["id"], "value": "x", "comparator": "EQUALS"}]})
    for required in (None, False, True):
        if required is not None:
            entries = [*meter["meter_properties"], {"id": loose["id"], "required": required}]
            bench.change("meter", meter["id"], meter_properties=entries)
        if required:
            assert bench.call("create_pricing", pricing(made, config))["id"].startswith("pric_")
        else:
            problem = refused(bench, "create_pricing", pricing(made, config))
            assert problem.field == "items.0.configs.0.conditions.meter_properties.0.id"
            assert "must be a required property" in problem.message


def test_a_condition_by_reference_is_kept_with_its_id(bench: Bench, made: dict[str, Record]) -> None:
    """So that events are matched without looking names up."""
    config = worlds.flat("1", conditions={"meter_properties": [{"reference": "employee_country", "value": "USA", "comparator": "EQUALS"}]})
    kept = bench.call("create_pricing", pricing(made, config))
    assert kept["items"][0]["configs"][0]["conditions"]["meter_properties"][0]["id"] == made["property"]["id"]


def test_a_pricing_must_hang_on_something(bench: Bench, made: dict[str, Record]) -> None:
    """A version, a schedule, or a group of a version."""
    assert refused(bench, "create_pricing", {"product_ids": [], "name": "Loose"}).field == "pricing_plan_version_id"
    group = bench.make("pricing_group", name="Group", pricing_plan_version_id=made["version"]["id"])
    kept = bench.call("create_pricing", {"product_ids": [made["product"]["id"]], "name": "Grouped", "pricing_group_id": group["id"]})
    assert kept["pricing_plan_version_id"] == made["version"]["id"]


def test_a_version_shows_its_pricings_by_product_category(bench: Bench, made: dict[str, Record]) -> None:
    """Read side only: what a client says of them in an update is put back."""
    first = worlds.price(bench, made, "One", worlds.flat("1"))
    worlds.price(bench, made, "Two", worlds.flat("2"))
    shown = bench.change("pricing_plan_version", made["version"]["id"], pricing_categories=[])["pricing_categories"]
    assert [[row["name"] for row in part["pricings"]] for part in shown] == [["One", "Two"]]
    assert shown[0]["id"].startswith("prct_")
    bench.drop("pricing", first["id"])
    assert len(bench.read("pricing_plan_version", made["version"]["id"])["pricing_categories"][0]["pricings"]) == 1
