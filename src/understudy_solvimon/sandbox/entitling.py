"""Effects on features and entitlements: what plans and schedules promise, checked by type, and looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import entitlements, periods
from understudy_solvimon.entitlements import Promise
from understudy_solvimon.sandbox.terms import Record, judged, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction


def entitlements_saved(tx: Transaction, change: Happening) -> None:
    """Refuse promises of features that are not there, or that do not fit their type."""
    rows = (change.after or {}).get("entitlements") or ()
    if rows == ((change.before or {}).get("entitlements") or ()):
        return
    for index, row in enumerate(rows):
        place = f"entitlements.{index}"
        feature = _feature(tx, row)
        if feature is None:
            named = row.get("feature_id") or row.get("feature_reference")
            if named is None:
                raise Problem("cannot_process", "must name its feature, by feature_id or feature_reference", field=place, location="body")
            raise tx.dangling("feature", str(named), place)
        with judged(place):
            entitlements.check(feature, row)


def _feature(tx: Transaction, row: Mapping[str, Any]) -> Record | None:
    if row.get("feature_id") is not None:
        return tx.get("feature", str(row["feature_id"]))
    return tx.by_key("feature", row["feature_reference"]) if row.get("feature_reference") is not None else None


def customer_entitlements(tx: Transaction, call: Call) -> Record:
    """What a customer's subscriptions entitle it to, altogether and one by one."""
    assert call.record is not None
    return summary_of(tx, tx.find("subscription", customer_id=call.record["id"]))


def subscription_entitlements(tx: Transaction, call: Call) -> Record:
    """What one subscription entitles to."""
    assert call.record is not None
    return summary_of(tx, [call.record])


def summary_of(tx: Transaction, subscriptions: Sequence[Record]) -> Record:
    """The entitlements of subscriptions, merged feature by feature, and those of each."""
    each = [(one["id"], _of_subscription(tx, one)) for one in subscriptions if one["status"] in ("ACTIVE", "CANCELLED")]
    merged = entitlements.merged(promise for _, promises in each for promise in promises)
    return {
        "entitlements": [entitlements.shown(promise) for promise in merged],
        "pricing_plan_subscription_entitlements": [
            {"pricing_plan_subscription_id": id, "entitlements": [entitlements.shown(promise) for promise in promises]} for id, promises in each],
    }


def _of_subscription(tx: Transaction, subscription: Record) -> list[Promise]:
    """What a subscription promises now: its plan's pricings and, before them, its schedule's own entitlements."""
    schedule = next((one for one in tx.find("schedule", pricing_plan_subscription_id=subscription["id"]) if _runs(tx, subscription, one)), None)
    if schedule is None:
        return []
    enabled = {row["pricing_id"] for row in schedule.get("enabled_pricings") or ()}
    pricings = tx.find("pricing", pricing_plan_version_id=schedule["pricing_plan_version_id"])
    pricings += tx.find("pricing", pricing_plan_schedule_id=schedule["id"])
    of_plan = [promise for one in pricings if one.get("product_type") != "ADDON" or one["id"] in enabled for promise in _promises(tx, one)]
    return entitlements.overridden(entitlements.merged(of_plan), _promises(tx, schedule))


def _runs(tx: Transaction, subscription: Mapping[str, Any], schedule: Mapping[str, Any]) -> bool:
    ends = [end for end in (when(schedule, "end_at"), when(subscription, "ends_at")) if end is not None]
    return periods.instant(schedule["start_at"]) <= tx.now and all(tx.now < end for end in ends)


def _promises(tx: Transaction, of: Mapping[str, Any]) -> Iterator[Promise]:
    for row in of.get("entitlements") or ():
        feature = _feature(tx, row)
        if feature is not None:
            yield entitlements.promise(feature, row)
