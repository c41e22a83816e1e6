"""Effects on prices: pricings with their items and configs, groups of them, and what a plan version shows of them.

Nothing here knows subscriptions, or money beyond the check that a config can be priced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import conditions, configs
from understudy_solvimon.sandbox.offers import calculation_of
from understudy_solvimon.sandbox.terms import Record, body_of, check_numbers, judged, missing

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

# --- pricings ---------------------------------------------------------------------------------------------------------


_HOLDERS = ("pricing_plan_version_id", "pricing_plan_schedule_id")
"""What a pricing may belong to, itself or through its group."""


def create_pricing(tx: Transaction, call: Call) -> Record:
    """A pricing on a version, on a schedule or in a group of a version."""
    values = dict(body_of(call))
    if values.get("pricing_group_id") is not None and values.get("pricing_plan_version_id") is None:
        group = tx.need("pricing_group", values["pricing_group_id"], "pricing_group_id")
        values |= {field: group[field] for field in _HOLDERS if group.get(field) is not None}
    if values.get("pricing_plan_version_id") is None and values.get("pricing_plan_schedule_id") is None:
        raise missing("pricing_plan_version_id", "required, unless pricing_plan_schedule_id or pricing_group_id is given")
    return add_pricing(tx, values, plan_of(tx, values), "")


def pricing_updated(tx: Transaction, change: Happening) -> None:
    """Check what a pricing has become, and give its new parts ids."""
    record = change.after or {}
    if change.before is not None and change.before.get("items") == record.get("items"):
        return
    check_numbers(record.get("items"), "items.")
    tx.update("pricing", change.id, prepared(tx, record, plan_of(tx, record), ""))


def plan_of(tx: Transaction, pricing: Mapping[str, Any]) -> Record:
    """The plan behind a pricing's version or schedule."""
    id = pricing.get("pricing_plan_version_id")
    if id is None:
        schedule = tx.get("schedule", str(pricing.get("pricing_plan_schedule_id"))) or {}
        return tx.get("pricing_plan", str(schedule.get("pricing_plan_id"))) or {}
    version = tx.need("pricing_plan_version", id, "pricing_plan_version_id")
    return tx.get("pricing_plan", version["pricing_plan_id"]) or {}


def add_pricing(tx: Transaction, values: Record, plan: Record, place: str) -> Record:
    """A pricing kept, its parts given ids and checked. Raises Problem under `place`."""
    return tx.create("pricing", prepared(tx, values, plan, place))


def prepared(tx: Transaction, pricing: Record, plan: Record, place: str) -> Record:
    """A pricing with ids for its items and configs, checked to the last band."""
    for index, id in enumerate(pricing.get("product_ids") or ()):
        _check_sellable(tx, id, f"{place}.product_ids.{index}".lstrip("."))
    items = [_item(tx, item, plan, f"{place}.items.{index}".lstrip("."))
             for index, item in enumerate(pricing.get("items") or ())]
    return {**pricing, "items": items} if "items" in pricing else pricing


def create_group(tx: Transaction, call: Call) -> Record:
    """A group of a version or of a schedule, and the pricings that come with it."""
    group = tx.create("pricing_group", {field: value for field, value in body_of(call).items() if field != "pricings"})
    held = {field: group[field] for field in _HOLDERS if group.get(field) is not None}
    plan = plan_of(tx, held)
    pricings = [add_pricing(tx, {**pricing, **held, "pricing_group_id": group["id"]}, plan, f"pricings.{index}")
                for index, pricing in enumerate(body_of(call).get("pricings") or ())]
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
    _check_currencies(item, plan, place)

    def prepare(config: Record, at: str, index: int) -> Record:
        config = {**config, "order": config.get("order") or index + 1}
        with judged(at):
            configs.check(config, plan.get("pricing_currencies") or ())
        return {**_identified(tx, config, "pricing_item_config", "PRICING_ITEM_CONFIG"),
                **_conditions(tx, config, products, at)}

    return _each_config(written, prepare, place)


def _check_currencies(item: Mapping[str, Any], plan: Mapping[str, Any], place: str) -> None:
    """Hold prices by currency to the plan's currencies, each named once, its fallback among them."""
    rows = item.get("pricing_currency_configs") or ()
    known, named = plan.get("pricing_currencies") or (), [row.get("currency") for row in rows]
    for index, row in enumerate(rows):
        at = f"{place}.pricing_currency_configs.{index}"
        if known and row.get("currency") not in known:
            raise _unfit(f"{at}.currency", f"{row.get('currency')} is none of the plan's currencies: {', '.join(known)}")
        if row.get("currency") in named[:index]:
            raise _unfit(f"{at}.currency", f"{row.get('currency')} is given twice; each currency has its prices once")
        if row.get("fallback_currency") not in (None, *named):
            raise _unfit(f"{at}.fallback_currency", f"{row['fallback_currency']} has no prices of its own to fall back to")


def _unfit(field: str, message: str) -> Problem:
    return Problem("cannot_process", message, field=field, location="body")


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


def copied(tx: Transaction, pricing: Record) -> Record:
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
    if config.get("split_pricing"):
        result["split_pricing"] = _split(tx, config["split_pricing"], products, f"{at}.split_pricing")
    return result


def _split(tx: Transaction, said: Record, products: Sequence[Record], at: str) -> Record:
    """The properties usage is split by, named by id, each required by the meters behind the items."""
    rows = []
    for index, row in enumerate(said.get("meter_properties") or ()):
        record = _property(tx, row, f"{at}.meter_properties.{index}")
        _check_required(tx, record, products, f"{at}.meter_properties.{index}.id")
        rows.append({**row, "id": record["id"]})
    return {**said, "meter_properties": rows}


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
    group = tx.get("pricing_group", str(pricing.get("pricing_group_id")))
    if group is not None:
        tx.update("pricing_group", group["id"], {"pricings": tx.find("pricing", pricing_group_id=group["id"])})


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
