"""Effects of payment schedules: their requests, one after the other on the clock, each a charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy_solvimon import money, payments, periods
from understudy_solvimon.payments import Due
from understudy_solvimon.sandbox.provider import charge
from understudy_solvimon.sandbox.terms import Record, body_of, judged, missing, setting, zone_of

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction


def create_payment_schedule(tx: Transaction, call: Call) -> Record:
    """A payment schedule with its requests; what is due already is charged at once."""
    return _begin(tx, body_of(call), "")


def init_payment_schedule(tx: Transaction, call: Call) -> Record:
    """A payment schedule with the customer and the method that come along."""
    body = body_of(call)
    wanted = dict(body["payment_schedule"])
    made: Record = {}
    if body.get("customer") is not None:
        made["customer"] = tx.create("customer", {**body["customer"], "status": "ACTIVE"})
        wanted["customer_id"] = made["customer"]["id"]
    if wanted.get("customer_id") is None:
        raise missing("payment_schedule.customer_id", "required, unless the customer comes along")
    if body.get("payment_method") is not None:
        made["payment_method"] = tx.create("payment_method", {"customer_id": wanted["customer_id"], **body["payment_method"]})
        wanted["payment_method_id"] = made["payment_method"]["id"]
    if wanted.get("payment_method_id") is None:
        raise missing("payment_schedule.payment_method_id", "required, unless the payment_method comes along")
    schedule = _begin(tx, wanted, "payment_schedule")
    tx.settle()
    return {
        **{name: tx.kind(name).public(tx.need(name, record["id"])) for name, record in made.items()},
        "payment_schedule": tx.kind("payment_schedule").public(tx.need("payment_schedule", schedule["id"])),
        "payment_requests": [tx.kind("payment_request").public(one) for one in tx.find("payment_request", payment_schedule_id=schedule["id"])],
    }


def _begin(tx: Transaction, values: Record, place: str) -> Record:
    customer = tx.need("customer", values["customer_id"], f"{place}.customer_id".lstrip("."))
    with judged(place):
        dues = payments.charges(values, tx.now, zone_of(customer))
    schedule = tx.create("payment_schedule", values)
    for index, due in enumerate(dues):
        _request(tx, schedule, index, due)
    return schedule


def _request(tx: Transaction, schedule: Record, index: int, due: Due) -> None:
    tx.create("payment_request", {
        "payment_schedule_id": schedule["id"],
        "customer_id": schedule["customer_id"],
        "execute_at": periods.stamp(due.at),
        "index": index,
        "amount": money.amount(due.amount.quantity, due.amount.currency),
    })


def request_created(tx: Transaction, change: Happening) -> None:
    """Charge at once what is due already."""
    request = tx.get("payment_request", change.id)
    if request is not None and request["status"] == "SCHEDULED" and periods.instant(request["execute_at"]) <= tx.now:
        tx.fire("payment_request", change.id, "execute")


def request_executed(tx: Transaction, change: Happening) -> None:
    """Charge a request's method, then those to fall back to; a RECURRING schedule plans its next one."""
    request = tx.need("payment_request", change.id)
    schedule = tx.need("payment_schedule", request["payment_schedule_id"])
    if schedule["type"] == "RECURRING":
        zone = zone_of(tx.get("customer", schedule["customer_id"]) or {})
        due = payments.next_charge(schedule, request["index"] + 1, zone)
        if due is not None:
            _request(tx, schedule, request["index"] + 1, due)
    fallback = schedule.get("payment_method_fallback") or {}
    more = fallback.get("payment_method_ids") or () if fallback.get("enabled") else ()
    for id in (schedule["payment_method_id"], *more):
        method = tx.get("payment_method", id)
        if method is None or method["status"] != "ACTIVE":
            continue
        payment = charge(tx, method, money.money(request["amount"]), {
            "customer_id": request["customer_id"], "context": {"type": "PAYMENT_REQUEST"}, "payment_request_id": request["id"]})
        if payment["result"] != payments.REFUSED:
            return
    _refused(tx, request, schedule)


def request_charged(tx: Transaction, change: Happening) -> None:
    """What becomes of a request once its payment is known to have gone well or not."""
    payment = tx.need("payment", change.id)
    request = tx.get("payment_request", str(payment.get("payment_request_id")))
    if request is None or request["status"] != "IN_PROGRESS":
        return
    if payment["result"] == payments.AUTHORIZED:
        tx.fire("payment_request", request["id"], "settle")
        _finish(tx, request["payment_schedule_id"])
    elif change.fact == "refuse":
        _refused(tx, request, tx.need("payment_schedule", request["payment_schedule_id"]))


def _refused(tx: Transaction, request: Record, schedule: Record) -> None:
    """Try again by the dunning schedule where the schedule wants that; else it has failed."""
    delays = setting(tx, "dunning_schedule") if (schedule.get("dunning") or {}).get("enabled") else ()
    tried = int(request.get("tried") or 0)
    if tried < len(delays) and schedule["status"] == "ACTIVE":
        with judged("settings.dunning_schedule"):
            at = tx.now + periods.duration(str(delays[tried]))
        tx.update("payment_request", request["id"], {"tried": tried + 1, "execute_at": periods.stamp(at)})
        tx.fire("payment_request", request["id"], "retry")
        return
    tx.fire("payment_request", request["id"], "fail")
    _finish(tx, schedule["id"])


def _finish(tx: Transaction, schedule_id: str) -> None:
    """A schedule is DONE once none of its requests waits."""
    schedule = tx.need("payment_schedule", schedule_id)
    waiting = [one for one in tx.find("payment_request", payment_schedule_id=schedule_id) if one["status"] in ("SCHEDULED", "IN_PROGRESS", "ON_HOLD")]
    if not waiting and schedule["status"] == "ACTIVE":
        tx.fire("payment_schedule", schedule_id, "finish")


# --- paused, gone on, cancelled ---------------------------------------------------------------------------------------


def schedule_paused(tx: Transaction, change: Happening) -> None:
    """Hold what was to be charged."""
    _each(tx, change.id, "SCHEDULED", "hold")


def schedule_resumed(tx: Transaction, change: Happening) -> None:
    """Charge what fell due meanwhile, and go on."""
    _each(tx, change.id, "ON_HOLD", "release")
    for request in tx.find("payment_request", payment_schedule_id=change.id, status="SCHEDULED"):
        if periods.instant(request["execute_at"]) <= tx.now:
            tx.fire("payment_request", request["id"], "execute")


def schedule_cancelled(tx: Transaction, change: Happening) -> None:
    """Skip what was still to come."""
    for state in ("SCHEDULED", "ON_HOLD"):
        _each(tx, change.id, state, "skip")


def _each(tx: Transaction, schedule_id: str, state: str, trigger: str) -> None:
    for request in tx.find("payment_request", payment_schedule_id=schedule_id, status=state):
        tx.fire("payment_request", request["id"], trigger)
