"""Effects on what is sold: meters, calculations, products and their items, plan versions.

Nothing here knows subscriptions or money; what is said of prices is in `prices`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import metering
from understudy_solvimon.sandbox.offers import calculation_of
from understudy_solvimon.sandbox.prices import add_pricing, copied, show_pricings
from understudy_solvimon.sandbox.terms import Record, body_of, setting

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

# --- metering ---------------------------------------------------------------------------------------------------------

_PARTS = (("meter_values", "meter_value"), ("meter_properties", "meter_property"))


def meter_saved(tx: Transaction, change: Happening) -> None:
    """Give entries that name a value or property by reference its id; keep an active meter's entries."""
    assert change.after is not None
    resolved = {field: [_entry(tx, target, entry, f"{field}.{index}") for index, entry in enumerate(change.after[field])]
                for field, target in _PARTS if change.after.get(field)}
    if change.before is not None and change.before.get("status") == "ACTIVE" and change.before.get("grown") == change.after.get("grown"):
        _check_active_meter(tx, change.before, {**change.after, **resolved})
    tx.update("meter", change.id, resolved)


def _entry(tx: Transaction, target: str, entry: Record, place: str) -> Record:
    if entry.get("id") is not None:
        return entry
    found = tx.by_key(target, entry["reference"]) if entry.get("reference") is not None else None
    if found is None:
        raise tx.dangling(target, str(entry.get("reference") or ""), f"{place}.id")
    return {**entry, "id": found["id"]}


def _check_active_meter(tx: Transaction, before: Record, after: Record) -> None:
    for field, target in _PARTS:
        old = {entry["id"] for entry in before.get(field) or ()}
        new = {entry["id"] for entry in after.get(field) or ()}
        added = [tx.need(target, id) for id in new - old]
        if old - new or any(part.get("type") != "ENUM" for part in added):
            raise Problem("locked", f"cannot change {field} while ACTIVE; only properties of type ENUM may be added",
                          field=field, location="body")


def meter_property_updated(tx: Transaction, change: Happening) -> None:
    """Keep the enum values of an active property: new ones may be added, none removed."""
    before, after = change.before or {}, change.after or {}
    gone = set(before.get("enum_values") or ()) - set(after.get("enum_values") or ())
    if gone and before.get("status") == "ACTIVE":
        raise Problem("locked", f"cannot remove {', '.join(sorted(gone))} while ACTIVE; values may only be added",
                      field="enum_values", location="body")


def calculation_saved(tx: Transaction, change: Happening) -> None:
    """Hold a calculation to one value or property, of its meter where that lists any."""
    record = change.after or {}
    value, counted = record.get("meter_value_id"), record.get("meter_property_id")
    if record.get("calculation_type") not in metering.KINDS:
        raise Problem("cannot_process", f"must be one of {', '.join(metering.KINDS)}", field="calculation_type", location="body")
    if value is None and counted is None:
        raise Problem("cannot_process", "required, unless meter_property_id says what to count", field="meter_value_id",
                      location="body")
    if value is None and record.get("calculation_type") != "UNIQUE":
        raise Problem("cannot_process", "must be UNIQUE, which alone counts a property; the others need a meter_value_id",
                      field="calculation_type", location="body")
    meter = tx.need("meter", str(record.get("meter_id")), "meter_id")
    for field, id in (("meter_values", value), ("meter_properties", counted)):
        known = [entry.get("id") for entry in meter.get(field) or ()]
        if id is not None and known and id not in known:
            raise Problem("cannot_process", f"must be one of the {field} of the meter {meter.get('reference')}",
                          field="meter_value_id" if field == "meter_values" else "meter_property_id", location="body")


# --- products ---------------------------------------------------------------------------------------------------------

_ALIGNED: Mapping[str, frozenset[str]] = {
    "activate": frozenset({"DRAFT"}),
    "deprecate": frozenset({"ACTIVE"}),
    "archive": frozenset({"DRAFT", "ACTIVE", "DEPRECATED"}),
}


def activate_product(tx: Transaction, call: Call) -> Record:
    """Activate a product, and its DRAFT items where `align_product_item_status` asks for it."""
    return _move_product(tx, call, "activate")


def deprecate_product(tx: Transaction, call: Call) -> Record:
    """Deprecate a product, and its ACTIVE items where asked for."""
    return _move_product(tx, call, "deprecate")


def archive_product(tx: Transaction, call: Call) -> Record:
    """Archive a product, and its items where asked for."""
    return _move_product(tx, call, "archive")


def _move_product(tx: Transaction, call: Call, trigger: str) -> Record:
    assert call.record is not None
    product = tx.fire("product", call.record["id"], trigger)
    if call.query.get("align_product_item_status") is True:
        _align(tx, product["id"], trigger)
    return product


def update_product(tx: Transaction, call: Call) -> Record:
    """Change a product, and where a change of its status is to be followed, its items."""
    assert call.record is not None
    body = body_of(call)
    product = tx.update("product", call.record["id"], body)
    trigger = _TRIGGERS.get(str(body.get("status")))
    if trigger is not None and call.query.get("align_product_item_status") is True:
        _align(tx, product["id"], trigger)
    return tx.need("product", product["id"])


_TRIGGERS: Mapping[str, str] = {"ACTIVE": "activate", "DEPRECATED": "deprecate", "ARCHIVED": "archive"}


def _align(tx: Transaction, product: str, trigger: str) -> None:
    for item in tx.find("product_item", product_id=product):
        if item.get("status") in _ALIGNED[trigger]:
            tx.fire("product_item", item["id"], trigger)


def delete_product(tx: Transaction, call: Call) -> Record:
    """Delete a draft product, its draft items with it where asked for; nothing else may refer to it."""
    assert call.record is not None
    items = tx.find("product_item", product_id=call.record["id"])
    if items and call.query.get("align_product_item_status") is not True:
        raise Problem("in_use", f"the product_item {items[0]['id']} refers to it by product_id; delete that first, or let "
                      "align_product_item_status delete it along", resource="product", id=call.record["id"])
    for item in items:
        tx.delete("product_item", item["id"])
    return tx.delete("product", call.record["id"])


def product_item_saved(tx: Transaction, change: Happening) -> None:
    """Hold a usage-based item to a calculation, and a new one to a product that still takes items."""
    item = change.after or {}
    if item.get("model_type") == "USAGE_BASED" and calculation_of(item) is None:
        raise Problem("cannot_process", "required of a USAGE_BASED item", field="usage_based.meter_value_calculation_id",
                      location="body")
    product = tx.need("product", str(item.get("product_id")), "product_id")
    if change.before is None and product.get("status") in ("DEPRECATED", "ARCHIVED"):
        raise Problem("cannot_process", f"the product is {product['status']}; only a DRAFT or ACTIVE one takes new items",
                      field="product_id", location="body", resource="product", id=product["id"])


# --- plan versions ----------------------------------------------------------------------------------------------------


def create_version(tx: Transaction, call: Call) -> Record:
    """A plan version: the next number where none is given, another version's pricings where asked for, its own else."""
    values = {field: value for field, value in body_of(call).items() if field not in ("status", "pricing_categories")}
    plan = tx.need("pricing_plan", values["pricing_plan_id"], "pricing_plan_id")
    source = _source(tx, values)
    if values.get("version") is None:
        known = tx.find("pricing_plan_version", pricing_plan_id=plan["id"])
        values["version"] = 1 + max((other["version"] for other in known), default=0)
    status = body_of(call).get("status") or "DRAFT"
    version = tx.create("pricing_plan_version", values if status == "ACTIVE" else {**values, "status": status})
    for pricing in tx.find("pricing", pricing_plan_version_id=source["id"]) if source else ():
        add_pricing(tx, {**copied(tx, pricing), "pricing_plan_version_id": version["id"]}, plan, "")
    for place, pricing in _nested(body_of(call)):
        add_pricing(tx, {**pricing, "pricing_plan_version_id": version["id"]}, plan, place)
    tx.settle()  # while it is a draft still: what it shows of its pricings is locked with it
    return tx.fire("pricing_plan_version", version["id"], "activate") if status == "ACTIVE" else version


def put_version(tx: Transaction, call: Call) -> Record:
    """Create a version, or change the one of the same plan and number: its fields, and its pricings where it brings some."""
    body = body_of(call)
    known = tx.first("pricing_plan_version", pricing_plan_id=body["pricing_plan_id"], version=body.get("version"))
    if known is None or body.get("version") is None:
        return create_version(tx, call)
    plan = tx.need("pricing_plan", body["pricing_plan_id"], "pricing_plan_id")
    given = {field: value for field, value in body.items() if field not in ("pricing_categories", "status")}
    tx.update("pricing_plan_version", known["id"], given)
    if "pricing_categories" in body:
        for pricing in tx.find("pricing", pricing_plan_version_id=known["id"]):
            tx.delete("pricing", pricing["id"])
        for place, pricing in _nested(body):
            add_pricing(tx, {**pricing, "pricing_plan_version_id": known["id"]}, plan, place)
        tx.settle()
    return tx.update("pricing_plan_version", known["id"], {"status": body["status"]} if body.get("status") else {})


def _source(tx: Transaction, values: Mapping[str, Any]) -> Record | None:
    field = "copied_from_pricing_plan_version_id"
    return tx.need("pricing_plan_version", values[field], field) if values.get(field) else None


def _nested(body: Mapping[str, Any]) -> Iterator[tuple[str, Record]]:
    for order, category in enumerate(body.get("pricing_categories") or ()):
        for index, pricing in enumerate(category.get("pricings") or ()):
            yield f"pricing_categories.{order}.pricings.{index}", pricing


def version_changed(tx: Transaction, change: Happening) -> None:
    """Keep the list of its versions on the plan."""
    version = change.after or change.before or {}
    plan = tx.get("pricing_plan", str(version.get("pricing_plan_id")))
    if plan is None:
        return
    infos = [{"version": other["version"], "id": other["id"], "status": other["status"]}
             for other in tx.find("pricing_plan_version", pricing_plan_id=plan["id"])]
    tx.update("pricing_plan", plan["id"], {"pricing_plan_version_infos": infos})


def version_updated(tx: Transaction, change: Happening) -> None:
    """Pricings are changed by their own calls: what an update says of them is put back, and so is a number that was taken away."""
    before, after = change.before or {}, change.after or {}
    if after.get("version") is None:
        tx.update("pricing_plan_version", change.id, {"version": before.get("version")})
    elif before.get("version") != after["version"]:
        version_changed(tx, change)
    show_pricings(tx, change.id)


def version_activated(tx: Transaction, change: Happening) -> None:
    """Activate the DRAFT products and items a version prices, so that what may be subscribed to may be billed."""
    if not setting(tx, "activate_catalogue_with_version"):
        return
    for item in items_priced(tx, change.id):
        product = tx.get("product", str(item.get("product_id")))
        if product is not None and product.get("status") == "DRAFT":
            tx.fire("product", product["id"], "activate")
        if item.get("status") == "DRAFT":
            tx.fire("product_item", item["id"], "activate")


def items_priced(tx: Transaction, version: str) -> list[Record]:
    """The product items a version prices, each once."""
    ids = dict.fromkeys(id for pricing in tx.find("pricing", pricing_plan_version_id=version)
                        for part in pricing.get("items") or () for id in part.get("product_item_ids") or ())
    return [item for id in ids if (item := tx.get("product_item", id)) is not None]
