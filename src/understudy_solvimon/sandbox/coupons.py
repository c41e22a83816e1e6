"""Effects of coupons and promotion codes: redeemed by schedules, counted, listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy.problems import Problem
from understudy_solvimon import codes, periods
from understudy_solvimon.sandbox.lists import paged
from understudy_solvimon.sandbox.terms import Record, body_of, check_numbers, judged, moment, when

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction


def coupon_saved(tx: Transaction, change: Happening) -> None:
    """Refuse a coupon that could never be redeemed, or that takes off what is no number."""
    _check_window(change.after or {})
    check_numbers((change.after or {}).get("discount"), "discount.")


def create_promotion_code(tx: Transaction, call: Call) -> Record:
    """A code, made up where none is given."""
    body: Record = body_of(call)
    _check_window(body)
    code = body.get("code") or codes.made(body.get("code_format") or codes.FORMAT, tx.new_id("promotion_code"))
    return tx.create("promotion_code", {**body, "code": code})


def _check_window(values: Mapping[str, Any]) -> None:
    starts, ends = (moment(str(values[name]), name) if values.get(name) is not None else None for name in ("start_at", "end_at"))
    if starts is not None and ends is not None and ends <= starts:
        raise Problem("cannot_process", f"must lie after start_at, {values['start_at']}", field="end_at", location="body")


# --- redeeming --------------------------------------------------------------------------------------------------------


def schedule_redeems(tx: Transaction, change: Happening) -> None:
    """Redeem the coupons and codes that a schedule names and did not name before. Refuses the request where one may not be."""
    schedule = tx.get("schedule", change.id)
    subscription = tx.get("subscription", str((schedule or {}).get("pricing_plan_subscription_id")))
    if schedule is None or subscription is None or not subscription.get("customer_id"):
        return
    before = change.before or {}
    counts_from = schedule["start_at"] if change.before is None else max(schedule["start_at"], tx.stamp)
    for index, id in enumerate(schedule.get("coupon_ids") or ()):
        if id not in (before.get("coupon_ids") or ()):
            _redeem(tx, tx.need("coupon", id, f"coupon_ids.{index}"), None, subscription, schedule, counts_from, f"coupon_ids.{index}")
    for index, code in enumerate(schedule.get("promotion_codes") or ()):
        if code not in (before.get("promotion_codes") or ()):
            place = f"promotion_codes.{index}"
            named = tx.first("promotion_code", code=code)
            if named is None:
                raise tx.dangling("promotion_code", code, place)
            _redeem(tx, tx.need("coupon", named["coupon_id"]), named, subscription, schedule, counts_from, place)


def _redeem(
    tx: Transaction, coupon: Record, code: Record | None, subscription: Record, schedule: Record, counts_from: str, place: str
) -> None:
    known = tx.find("coupon_redemption", pricing_plan_subscription_id=subscription["id"], coupon_id=coupon["id"])
    if known:
        return
    for resource, record in (("coupon", coupon), ("promotion_code", code)):
        if record is not None:
            _check_redeemable(tx, resource, record, place)
            tx.update(resource, record["id"], {"number_of_redemptions": int(record.get("number_of_redemptions") or 0) + 1})
    allowed = ((code or {}).get("limited_to") or {}).get("customer_ids") or ()
    if allowed and subscription["customer_id"] not in allowed:
        raise _not_now(f"the code {(code or {}).get('code')} is not for this customer", place)
    tx.create("coupon_redemption", {
        "coupon_id": coupon["id"],
        "promotion_code_id": None if code is None else code["id"],
        "customer_id": subscription["customer_id"],
        "pricing_plan_subscription_id": subscription["id"],
        "pricing_plan_schedule_id": schedule["id"],
        "redeemed_at": tx.stamp,
        "counts_from": counts_from,
    })


def _check_redeemable(tx: Transaction, resource: str, record: Mapping[str, Any], place: str) -> None:
    said = f"the {resource.replace('_', ' ')} {record.get('code') or record.get('reference')}"
    if record["status"] != "ACTIVE":
        raise Problem("illegal_transition", f"cannot redeem {said} while {record['status']}; activate it first", field=place,
                      location="body", resource=resource, id=record["id"])
    with judged(place):
        starts, ends = when(record, "start_at"), when(record, "end_at")
    if starts is not None and tx.now < starts:
        raise _not_now(f"{said} can be redeemed from {periods.stamp(starts)} on", place)
    if ends is not None and ends <= tx.now:
        raise _not_now(f"{said} could be redeemed until {periods.stamp(ends)}", place)
    most = record.get("maximum_redemptions")
    if most is not None and int(record.get("number_of_redemptions") or 0) >= most:
        raise _not_now(f"{said} was redeemed {most} times, as often as it may be", place)


def _not_now(message: str, place: str) -> Problem:
    return Problem("cannot_process", message, field=place, location="body")


# --- listing ----------------------------------------------------------------------------------------------------------


def coupon_redemptions(tx: Transaction, call: Call) -> Record:
    """Where a coupon was redeemed, newest first."""
    assert call.record is not None
    return _redemptions(tx, call, coupon_id=call.record["id"])


def promotion_code_redemptions(tx: Transaction, call: Call) -> Record:
    """Where a promotion code was redeemed, newest first."""
    assert call.record is not None
    return _redemptions(tx, call, promotion_code_id=call.record["id"])


def _redemptions(tx: Transaction, call: Call, **of: str) -> Record:
    asked = {name: call.query[name] for name in ("customer_id", "pricing_plan_subscription_id") if call.query.get(name)}
    rows = tx.find("coupon_redemption", **of, **asked)
    return paged(call, [_shown(tx, row) for row in reversed(rows)])


def _shown(tx: Transaction, row: Record) -> Record:
    code = tx.get("promotion_code", str(row.get("promotion_code_id")))
    details = {"promotion_code_details": {"promotion_code_id": code["id"], "code": code["code"]}} if code else {}
    kept = ("coupon_id", "redeemed_at", "customer_id", "pricing_plan_subscription_id")
    return {**{name: row[name] for name in kept}, **details}
