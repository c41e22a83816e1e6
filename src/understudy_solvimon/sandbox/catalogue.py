"""Effects on what is sold: meters, calculations, products and their items, plan versions, pricings.

Nothing here knows subscriptions or money beyond the check that a config can be priced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import conditions, configs
from understudy_solvimon.sandbox.terms import Record, judged, missing, setting

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
    if change.before is not None and change.before.get("status") == "ACTIVE":
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
        for item in tx.find("product_item", product_id=product["id"]):
            if item.get("status") in _ALIGNED[trigger]:
                tx.fire("product_item", item["id"], trigger)
    return product


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


def calculation_of(item: Mapping[str, Any]) -> str | None:
    """The id of the calculation behind a usage-based item, from the nested form or the deprecated one."""
    nested: str | None = (item.get("usage_based") or {}).get("meter_value_calculation_id")
    return nested or item.get("meter_value_calculation_id")


# --- plan versions ----------------------------------------------------------------------------------------------------


def create_version(tx: Transaction, call: Call) -> Record:
    """A plan version: the next number where none is given, another version's pricings where asked for, its own else."""
    values = {field: value for field, value in call.body.items() if field not in ("status", "pricing_categories")}
    plan = tx.need("pricing_plan", values["pricing_plan_id"], "pricing_plan_id")
    source = _source(tx, values)
    if values.get("version") is None:
        known = tx.find("pricing_plan_version", pricing_plan_id=plan["id"])
        values["version"] = 1 + max((other["version"] for other in known), default=0)
    status = call.body.get("status") or "DRAFT"
    version = tx.create("pricing_plan_version", values if status == "ACTIVE" else {**values, "status": status})
    for pricing in tx.find("pricing", pricing_plan_version_id=source["id"]) if source else ():
        _add_pricing(tx, {**_copied(tx, pricing), "pricing_plan_version_id": version["id"]}, plan, "")
    for place, pricing in _nested(call.body):
        _add_pricing(tx, {**pricing, "pricing_plan_version_id": version["id"]}, plan, place)
    tx.settle()  # while it is a draft still: what it shows of its pricings is locked with it
    return tx.fire("pricing_plan_version", version["id"], "activate") if status == "ACTIVE" else version


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


# --- pricings ---------------------------------------------------------------------------------------------------------


_HOLDERS = ("pricing_plan_version_id", "pricing_plan_schedule_id")
"""What a pricing may belong to, itself or through its group."""


def create_pricing(tx: Transaction, call: Call) -> Record:
    """A pricing on a version, on a schedule or in a group of a version."""
    values = dict(call.body)
    if values.get("pricing_group_id") is not None and values.get("pricing_plan_version_id") is None:
        group = tx.need("pricing_group", values["pricing_group_id"], "pricing_group_id")
        values |= {field: group[field] for field in _HOLDERS if group.get(field) is not None}
    if values.get("pricing_plan_version_id") is None and values.get("pricing_plan_schedule_id") is None:
        raise missing("pricing_plan_version_id", "required, unless pricing_plan_schedule_id or pricing_group_id is given")
    return _add_pricing(tx, values, _plan_of(tx, values), "")


def pricing_updated(tx: Transaction, change: Happening) -> None:
    """Check what a pricing has become, and give its new parts ids."""
    record = change.after or {}
    if change.before is not None and change.before.get("items") == record.get("items"):
        return
    tx.update("pricing", change.id, _prepared(tx, record, _plan_of(tx, record), ""))


def _plan_of(tx: Transaction, pricing: Mapping[str, Any]) -> Record:
    id = pricing.get("pricing_plan_version_id")
    if id is None:
        return {}
    version = tx.need("pricing_plan_version", id, "pricing_plan_version_id")
    return tx.get("pricing_plan", version["pricing_plan_id"]) or {}


def _add_pricing(tx: Transaction, values: Record, plan: Record, place: str) -> Record:
    return tx.create("pricing", _prepared(tx, values, plan, place))


def _prepared(tx: Transaction, pricing: Record, plan: Record, place: str) -> Record:
    """A pricing with ids for its items and configs, checked to the last band."""
    for index, id in enumerate(pricing.get("product_ids") or ()):
        _check_sellable(tx, id, f"{place}.product_ids.{index}".lstrip("."))
    items = [_item(tx, item, plan, f"{place}.items.{index}".lstrip("."))
             for index, item in enumerate(pricing.get("items") or ())]
    return {**pricing, "items": items} if "items" in pricing else pricing


def create_group(tx: Transaction, call: Call) -> Record:
    """A group of a version or of a schedule, and the pricings that come with it."""
    group = tx.create("pricing_group", {field: value for field, value in call.body.items() if field != "pricings"})
    held = {field: group[field] for field in _HOLDERS if group.get(field) is not None}
    plan = _plan_of(tx, held)
    pricings = [_add_pricing(tx, {**pricing, **held, "pricing_group_id": group["id"]}, plan, f"pricings.{index}")
                for index, pricing in enumerate(call.body.get("pricings") or ())]
    return {**group, "pricings": pricings} if pricings else group


def _check_sellable(tx: Transaction, id: str, place: str) -> None:
    product = tx.need("product", id, place)
    if product.get("status") in ("DEPRECATED", "ARCHIVED"):
        raise Problem("cannot_process", f"the product is {product['status']}; only a DRAFT or ACTIVE one can be priced",
                      field=place, location="body", resource="product", id=id)


def _item(tx: Transaction, item: Record, plan: Record, place: str) -> Record:
    products = [tx.need("product_item", id, f"{place}.product_item_ids.{index}")
                for index, id in enumerate(item.get("product_item_ids") or ())]
    written = _identified(tx, item, "pricing_item", "PRICING_ITEM")

    def prepare(config: Record, at: str, index: int) -> Record:
        config = {**config, "order": config.get("order") or index + 1}
        with judged(at):
            configs.check(config, plan.get("pricing_currencies") or ())
        return {**_identified(tx, config, "pricing_item_config", "PRICING_ITEM_CONFIG"),
                **_conditions(tx, config, products, at)}

    return _each_config(written, prepare, place)


def _identified(tx: Transaction, part: Record, resource: str, object_type: str) -> Record:
    return {**part, "object_type": object_type, "id": part.get("id") or tx.new_id(resource)}


_NESTED = ("billing_period_configs", "pricing_currency_configs")


def _each_config(row: Record, prepare: Callable[[Record, str, int], Record], place: str) -> Record:
    """A pricing item with `prepare` done to every config in it, wherever it stands."""
    result = dict(row)
    if row.get("configs"):
        result["configs"] = [prepare(part, f"{place}.configs.{n}", n) for n, part in enumerate(row["configs"])]
    for name in _NESTED:
        if row.get(name):
            result[name] = [_each_config(part, prepare, f"{place}.{name}.{n}") for n, part in enumerate(row[name])]
    return result


def _copied(tx: Transaction, pricing: Record) -> Record:
    """A pricing's values for another version, under new ids."""
    kept = {field: value for field, value in pricing.items() if field not in ("id", "object_type")}
    kept["items"] = [_each_config({**item, "id": None}, lambda part, _, __: {**part, "id": None}, "")
                     for item in pricing.get("items") or ()]
    return kept


# --- conditions -------------------------------------------------------------------------------------------------------


def _conditions(tx: Transaction, config: Record, products: Sequence[Record], at: str) -> Record:
    result = {}
    for field in ("conditions", "tiering_conditions"):
        if config.get(field):
            result[field] = _resolved(tx, config[field], products, f"{at}.{field}")
    return result


def _resolved(tx: Transaction, said: Record, products: Sequence[Record], at: str) -> Record:
    """Conditions whose properties are named by id, exist, and are required by the meters behind the items."""
    types: dict[str, str] = {}
    result: Record = _copy(said)
    for place, leaf in conditions.leaves(result):
        record = _property(tx, leaf, f"{at}.{place}")
        leaf["id"] = record["id"]  # type: ignore[index]  # the copy made above
        types[record["id"]] = record.get("type", "STRING")
        _check_required(tx, record, products, f"{at}.{place}.id")
        _warn_of_values(tx, record, leaf)
    with judged(at):
        conditions.check(result, types)
    return result


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def _property(tx: Transaction, leaf: Mapping[str, Any], place: str) -> Record:
    if leaf.get("id") is not None:
        return tx.need("meter_property", leaf["id"], f"{place}.id")
    if leaf.get("reference") is None:
        raise missing(f"{place}.id", "required: the meter property to compare")
    found = tx.by_key("meter_property", leaf["reference"])
    if found is None:
        raise tx.dangling("meter_property", leaf["reference"], f"{place}.reference")
    return found


def _check_required(tx: Transaction, property: Record, products: Sequence[Record], place: str) -> None:
    for item in products:
        calculation = tx.get("meter_value_calculation", str(calculation_of(item)))
        meter = tx.get("meter", calculation["meter_id"]) if calculation else None
        if meter is None:
            continue
        entry = next((entry for entry in meter.get("meter_properties") or () if entry.get("id") == property["id"]), None)
        if entry is None or not entry.get("required"):
            raise Problem("cannot_process", f"{property.get('reference')} must be a required property of the meter "
                          f"{meter.get('reference')} to be used in conditions", field=place, location="body")


def _warn_of_values(tx: Transaction, property: Record, leaf: Mapping[str, Any]) -> None:
    if property.get("type") != "ENUM":
        return
    given = [value for value in (leaf.get("value"), *(leaf.get("values") or ())) if value is not None]
    strange = [value for value in given if value not in (property.get("enum_values") or ())]
    if strange:
        tx.warn(f"{', '.join(strange)}: not among the values of {property.get('reference')}, so no event will match")


# --- what a version shows of its pricings -----------------------------------------------------------------------------


def pricing_changed(tx: Transaction, change: Happening) -> None:
    """Keep a version's `pricing_categories` what its pricings are."""
    pricing = change.after or change.before or {}
    if pricing.get("pricing_plan_version_id") is not None:
        show_pricings(tx, pricing["pricing_plan_version_id"])


def version_updated(tx: Transaction, change: Happening) -> None:
    """Pricings are changed by their own calls: what an update says of them is put back."""
    show_pricings(tx, change.id)


def show_pricings(tx: Transaction, id: str) -> None:
    """Group a version's pricings by the category of their first product."""
    version = tx.get("pricing_plan_version", id)
    if version is None:
        return
    grouped: dict[str | None, list[Record]] = {}
    for pricing in tx.find("pricing", pricing_plan_version_id=id):
        grouped.setdefault(_category(tx, pricing), []).append(pricing)
    known = {part.get("product_category_id"): part["id"] for part in version.get("pricing_categories") or () if "id" in part}
    shown = [_shown(known.get(category) or tx.new_id("pricing_category"), category, pricings)
             for category, pricings in grouped.items()]
    if shown or version.get("pricing_categories"):
        tx.update("pricing_plan_version", id, {"pricing_categories": shown})


def _category(tx: Transaction, pricing: Record) -> str | None:
    first = next(iter(pricing.get("product_ids") or ()), None)
    product = tx.get("product", first) if first else None
    return product.get("category_id") if product else None


def _shown(id: str, category: str | None, pricings: list[Record]) -> Record:
    named = {"product_category_id": category} if category else {}
    return {"object_type": "PRICING_CATEGORY", "id": id, **named, "pricings": pricings}
