"""Usage buckets as records: running aggregates to which bookings are added and from which they are taken.

1. There is one bucket for each (period, schedule, item, config, currency); distinct values are records of their own,
   counted, so that adding to a bucket costs the same whatever is in it.
2. Nothing here knows how an event comes to be booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import metering
from understudy_solvimon.metering import Aggregate
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


def add_booking(tx: Transaction, booking: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Add a booking to its bucket, which is made with these facts where it is the first."""
    one = _single(tx, booking, 1)
    known = tx.get("usage_bucket", booking["bucket"])
    if known is None:
        tx.create("usage_bucket", {"id": booking["bucket"], **facts, **aggregate_written(one)})
    else:
        tx.update("usage_bucket", booking["bucket"], aggregate_written(metering.merge(aggregate_of(known), one)))


def _single(tx: Transaction, booking: Mapping[str, Any], step: int) -> Aggregate:
    """One event's aggregate, its distinct value counted up or down."""
    if "text" in booking:
        return Aggregate(1, distinct=_count(tx, booking, step))
    return metering.single(Fraction(booking["value"]), Fraction(booking["floor"]), Fraction(booking["cap"]))


def _count(tx: Transaction, booking: Mapping[str, Any], step: int) -> int:
    """Count a distinct value up or down; 1 where that made it new, or gone."""
    id = f"{booking['bucket']}|{booking['text']}"
    known = tx.get("usage_value", id)
    if known is None:
        tx.create("usage_value", {"id": id, "bucket": booking["bucket"], "count": 1})
        return 1
    if known["count"] + step == 0:
        tx.delete("usage_value", id)
        return 1
    tx.update("usage_value", id, {"count": known["count"] + step})
    return 0


def aggregate_of(bucket: Mapping[str, Any]) -> Aggregate:
    """The value of a bucket's record."""
    return Aggregate(bucket["count"], Fraction(bucket["sum"]), _fraction(bucket["highest"]), _fraction(bucket["lowest"]),
                     bucket["distinct"], Fraction(bucket["floor"]), Fraction(bucket["cap"]))


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def aggregate_written(aggregate: Aggregate) -> Record:
    """An aggregate as a bucket's record holds it."""
    return {
        "count": aggregate.count,
        "sum": str(aggregate.sum),
        "highest": None if aggregate.highest is None else str(aggregate.highest),
        "lowest": None if aggregate.lowest is None else str(aggregate.lowest),
        "distinct": aggregate.distinct,
        "floor": str(aggregate.floor),
        "cap": str(aggregate.cap),
    }


def take_booking(tx: Transaction, booking: Mapping[str, Any]) -> bool:
    """Take an event out of its bucket; false where the bucket has to be taken anew from its events."""
    bucket = tx.get("usage_bucket", booking["bucket"])
    if bucket is None:
        return True
    rest = metering.without(aggregate_of(bucket), _single(tx, booking, -1), booking["calculation"])
    if rest is None:
        return False
    if rest.count == 0:
        tx.delete("usage_bucket", bucket["id"])
    else:
        tx.update("usage_bucket", bucket["id"], aggregate_written(rest))
    return True


def retake_bucket(tx: Transaction, period: str, booking: Mapping[str, Any]) -> None:
    """Take a booking's bucket anew from the events of its period. Costs as much as there are events."""
    whole = metering.EMPTY
    for event in tx.find("usage_event", billing_period_id=period):
        for other in () if event["deleted"] else event["bookings"]:
            if other["bucket"] == booking["bucket"]:
                one = metering.single(Fraction(other["value"]), Fraction(other["floor"]), Fraction(other["cap"]))
                whole = metering.merge(whole, one)
    if whole.count:
        tx.update("usage_bucket", booking["bucket"], aggregate_written(whole))
    else:
        tx.delete("usage_bucket", booking["bucket"])


def empty_buckets(tx: Transaction, period: str) -> None:
    """Drop all buckets of a period."""
    for bucket in tx.find("usage_bucket", billing_period_id=period):
        for value in tx.find("usage_value", bucket=bucket["id"]):
            tx.delete("usage_value", value["id"])
        tx.delete("usage_bucket", bucket["id"])
