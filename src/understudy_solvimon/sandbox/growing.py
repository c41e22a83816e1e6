"""Meters that grow with the usage events sent to them (`meter_validation=DYNAMIC`).

Solvimon guide, "Dynamic meter creation": what an event names and is not there is made, ACTIVE and not required.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy_solvimon.sandbox.terms import Record, missing

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


def grown_meter(tx: Transaction, body: Mapping[str, Any]) -> Record:
    """The meter an event names with every value and property the event carries, made where they are missing."""
    reference = body.get("meter_reference")
    meter = tx.get("meter", str(body["meter_id"])) if body.get("meter_id") else tx.by_key("meter", reference)
    if meter is None and reference is None:
        raise missing("meter_reference", "required: the meter to make, where there is none")
    if meter is None:
        meter = tx.create("meter", {"reference": reference, "name": reference, "status": "ACTIVE", "meter_values": [], "meter_properties": []})
    values = [_value(tx, row) for row in body.get("meter_values") or () if not _known(tx, meter, "meter_values", "meter_value", row)]
    properties = [_property(tx, row) for row in body.get("meter_properties") or ()
                  if not _known(tx, meter, "meter_properties", "meter_property", row)]
    for row in body.get("meter_properties") or ():
        _grow_enum(tx, meter, row)
    if not values and not properties:
        return meter
    return tx.update("meter", meter["id"], {
        "meter_values": [*(meter.get("meter_values") or ()), *values],
        "meter_properties": [*(meter.get("meter_properties") or ()), *properties],
        "grown": int(meter.get("grown") or 0) + 1,
    })


def _known(tx: Transaction, meter: Mapping[str, Any], field: str, resource: str, row: Mapping[str, Any]) -> Record | None:
    """The meter's part that an event's entry names by id, own reference or label."""
    name = row.get("id") or row.get("reference")
    for entry in meter.get(field) or ():
        part = tx.get(resource, entry["id"]) or {}
        if name in (entry["id"], part.get("reference"), entry.get("reference")):
            return part
    return None


def _value(tx: Transaction, row: Mapping[str, Any]) -> Record:
    """An entry for a value that is not on the meter: an AMOUNT where one was sent, unless the entry says its type."""
    said = row.get("dynamic_validation_settings") or {}
    kind = said.get("type") or ("AMOUNT" if row.get("amount") is not None else "NUMBER")
    return _entry(tx, "meter_value", row, {"type": kind}, said)


def _property(tx: Transaction, row: Mapping[str, Any]) -> Record:
    """An entry for a property that is not on the meter: a STRING, unless the entry says its type."""
    said = row.get("dynamic_validation_settings") or {}
    kind = said.get("type") or "STRING"
    values = {"enum_values": [row["value"]]} if kind == "ENUM" and row.get("value") else {}
    return _entry(tx, "meter_property", row, {"type": kind, **values}, said)


def _entry(tx: Transaction, resource: str, row: Mapping[str, Any], made: Record, said: Mapping[str, Any]) -> Record:
    reference = row.get("reference")
    if row.get("id") is not None:
        part = tx.need(resource, row["id"], f"{resource}s.id")
    else:
        part = tx.by_key(resource, reference) or tx.create(
            resource, {"reference": reference, "name": reference, "status": "ACTIVE", **made})
    return {"id": part["id"], "reference": part["reference"], "required": bool(said.get("required"))}


def _grow_enum(tx: Transaction, meter: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    part = _known(tx, meter, "meter_properties", "meter_property", row)
    known = (part or {}).get("enum_values") or []
    if part is not None and part.get("type") == "ENUM" and row.get("value") and row["value"] not in known:
        tx.update("meter_property", part["id"], {"enum_values": [*known, row["value"]]})
