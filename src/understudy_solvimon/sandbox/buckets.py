"""Usage buckets as records: running aggregates to which bookings are added and from which they are taken.

1. There is one bucket for each (period, schedule, item, config, currency, split); distinct values are records of their own,
   counted, so that adding to a bucket costs the same whatever is in it.
2. Nothing here knows how an event comes to be booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from understudy_solvimon import metering
from understudy_solvimon.metering import Aggregate
from understudy_solvimon.money import exact
from understudy_solvimon.sandbox.terms import Record

if TYPE_CHECKING:
    from understudy.engine.transaction import Transaction


PER_CUSTOMER = "display_invoice_sub_lines_per_processing_only_customer"


def add_booking(tx: Transaction, booking: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Add a booking to its bucket, which is made with these facts where it is the first."""
    one = _single(tx, booking, 1)
    _share(tx, booking, 1)
    known = tx.get("usage_bucket", booking["bucket"])
    if known is None:
        tx.create("usage_bucket", {"id": booking["bucket"], **facts, **aggregate_written(one)})
    else:
        tx.update("usage_bucket", booking["bucket"], aggregate_written(metering.merge(aggregate_of(known), one)))


def _single(tx: Transaction, booking: Mapping[str, Any], step: int) -> Aggregate:
    """One event's aggregate, its distinct value counted up or down."""
    if "text" in booking:
        return Aggregate(1, distinct=_count(tx, booking, step))
    return metering.single(exact(booking["value"]), exact(booking["floor"]), exact(booking["cap"]))


def _share(tx: Transaction, booking: Mapping[str, Any], step: int) -> None:
    """Add a booking to, or take it from, what its customer has of its bucket; only of those an invoice tells apart."""
    if "customer" not in booking:
        return
    id = f"{booking['bucket']}|{booking['customer']}"
    known = tx.get("usage_share", id)
    whole = (exact(known["sum"]) if known else Fraction(0)) + step * exact(booking["value"])
    values = {"bucket": booking["bucket"], "customer_id": booking["customer"], "sum": str(whole)}
    if known is None:
        tx.create("usage_share", {"id": id, **values})
    else:
        tx.update("usage_share", id, values)


def shares_of(tx: Transaction, bucket: str) -> list[tuple[str, Fraction]]:
    """How much of a bucket's sum each customer has that an invoice tells apart, in order of their first usage."""
    return [(row["customer_id"], exact(row["sum"])) for row in tx.find("usage_share", bucket=bucket) if row["sum"] != "0"]


def _count(tx: Transaction, booking: Mapping[str, Any], step: int) -> int:
    """Count a distinct value up or down; 1 where that made it new to its bucket, or gone.

    A value of usage that persists is counted in the first period it was seen in, and moves where that changes.
    """
    base = booking.get("rolling") or booking["bucket"]
    id = f"{base}|{booking['text']}"
    known = tx.get("usage_value", id)
    counts: dict[str, int] = dict(known["counts"]) if known else {}
    place = f"{booking.get('begun', '')}|{booking['bucket']}"
    first = min(counts, default=None)
    counts[place] = counts.get(place, 0) + step
    if counts[place] <= 0:
        del counts[place]
    if known is None:
        tx.create("usage_value", {"id": id, "bucket": base, "counts": counts})
    elif counts:
        tx.update("usage_value", id, {"counts": counts})
    else:
        tx.delete("usage_value", id)
    return _moved(tx, booking["bucket"], first, min(counts, default=None))


def _moved(tx: Transaction, bucket: str, first: str | None, now: str | None) -> int:
    """What a bucket's distinct values change by; those of another bucket the value came from or went to, too."""
    if first == now:
        return 0
    own = 0
    for place, step in ((first, -1), (now, 1)):
        if place is None:
            continue
        other = place.partition("|")[2]
        if other == bucket:
            own = 1
        elif (known := tx.get("usage_bucket", other)) is not None:
            tx.update("usage_bucket", other, {"distinct": known["distinct"] + step})
    return own


def aggregate_of(bucket: Mapping[str, Any]) -> Aggregate:
    """The value of a bucket's record."""
    return Aggregate(bucket["count"], exact(bucket["sum"]), _fraction(bucket["highest"]), _fraction(bucket["lowest"]),
                     bucket["distinct"], exact(bucket["floor"]), exact(bucket["cap"]))


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else exact(text)


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
    _share(tx, booking, -1)
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
                one = metering.single(exact(other["value"]), exact(other["floor"]), exact(other["cap"]))
                whole = metering.merge(whole, one)
    if whole.count:
        tx.update("usage_bucket", booking["bucket"], aggregate_written(whole))
    else:
        tx.delete("usage_bucket", booking["bucket"])


def empty_buckets(tx: Transaction, period: str) -> None:
    """Drop all buckets of a period."""
    for bucket in tx.find("usage_bucket", billing_period_id=period):
        for share in tx.find("usage_share", bucket=bucket["id"]):
            tx.delete("usage_share", share["id"])
        for value in tx.find("usage_value", bucket=bucket["id"]):
            tx.delete("usage_value", value["id"])
        for value in tx.find("usage_value", bucket=bucket["id"].partition("|")[2]):
            _forget(tx, value, bucket["id"])
        tx.delete("usage_bucket", bucket["id"])


def _forget(tx: Transaction, value: Mapping[str, Any], bucket: str) -> None:
    """Take a bucket's part out of a value that persists over periods."""
    counts = {place: count for place, count in value["counts"].items() if place.partition("|")[2] != bucket}
    first, now = min(value["counts"], default=None), min(counts, default=None)
    if counts:
        tx.update("usage_value", value["id"], {"counts": counts})
    else:
        tx.delete("usage_value", value["id"])
    _moved(tx, bucket, first, now)
