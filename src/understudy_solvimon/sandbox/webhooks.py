"""Effects on webhooks: their secrets, which are shown once and sign along for a day when rolled; tests; sending again.

What is sent when, and what of a webhook is read to send it, is said by rows of the behaviour file.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from understudy_solvimon import periods

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Happening, Transaction

Record = dict[str, Any]

PROTOCOL = "HmacSHA256"
ALONG = timedelta(hours=24)
"""How long a rolled secret signs along."""
UNSENT = {"successful": False, "message": "nothing is sent from here"}


def webhook_saved(tx: Transaction, change: Happening) -> None:
    """Put a secret away that was given, or made up for a new webhook; it is shown this once."""
    record = tx.get("webhook", change.id)
    if record is None or (change.before is not None and "secret_key" not in record):
        return
    secret = record.pop("secret_key", None) or _made(tx)
    tx.show_once({"secret_key": secret})
    tx.replace("webhook", change.id, {
        **record,
        "authentication_type": record.get("authentication_type") or _authentication(record),
        "signing_protocol": record.get("signing_protocol") or PROTOCOL,
        "secrets": [{"key": secret, "until": None}],
    })  # fmt: skip


def _authentication(record: Record) -> str:
    return "PASSWORD" if record.get("username") else "API_KEY" if record.get("api_key") else "NONE"


def _made(tx: Transaction) -> str:
    return str(tx.ids(None, "hex", 64))


def roll_webhook_secret(tx: Transaction, call: Call) -> Record:
    """Give a webhook a new secret; the one before signs along for a day."""
    assert call.record is not None
    body = call.body or {}
    secret = body.get("secret_key") or _made(tx)
    tx.show_once({"secret_key": secret})
    protocol = body.get("signing_protocol") or call.record.get("signing_protocol") or PROTOCOL
    return _rolled(tx, call.record, [{"key": secret, "until": None}], {"signing_protocol": protocol})


def remove_webhook_secret(tx: Transaction, call: Call) -> Record:
    """Take a webhook's secret away; it signs along for a day, then nothing is signed."""
    assert call.record is not None
    return _rolled(tx, call.record, [], {})


def _rolled(tx: Transaction, record: Record, new: Iterable[Record], more: Record) -> Record:
    kept = {field: value for field, value in record.items() if field != "signing_protocol"}
    until = periods.stamp(tx.now + ALONG)
    old = [{"key": one["key"], "until": one["until"] or until} for one in record.get("secrets", ()) if _lasts(tx, one)]
    previous = {"previous_signing_protocol": record["signing_protocol"], "secret_rolled_at": tx.stamp} if "signing_protocol" in record else {}
    return tx.replace("webhook", record["id"], {**kept, **previous, **more, "secrets": [*old, *new]})


def _lasts(tx: Transaction, secret: Record) -> bool:
    return secret["until"] is None or periods.instant(secret["until"]) > tx.now


def list_webhook_actions(tx: Transaction, call: Call) -> Record:
    """What webhooks can be told of, by kind of record."""
    actions: dict[str, list[str]] = {}
    for type in tx.events():
        actions.setdefault(type.partition(".")[0], []).append(type)
    return {"data": [{"object_type": kind, "actions": types} for kind, types in actions.items()]}


def try_webhook(tx: Transaction, call: Call) -> Record:
    """Try a webhook that is stored."""
    assert call.record is not None
    return _tried(tx, call, call.record)


def try_connection(tx: Transaction, call: Call) -> Record:
    """Try a webhook that is not stored, as it is described."""
    record = {**(call.body or {}), "secrets": [{"key": (call.body or {}).get("secret_key") or _made(tx), "until": None}]}
    return _tried(tx, call, {"authentication_type": _authentication(record), **record})


def _tried(tx: Transaction, call: Call, record: Record) -> Record:
    if call.told is None:
        tx.ask("test", id=str(record.get("id", "")), record=record, type="WEBHOOK.TEST")
    return _said(call)


def send_penalty_box(tx: Transaction, call: Call) -> Record:
    """Send a webhook at once what it has failed to take."""
    assert call.record is not None
    if call.told is None:
        tx.ask("head", id=call.record["id"])
    return _said(call)


def resend_webhook_event(tx: Transaction, call: Call) -> Record:
    """Send something again that a webhook was told or is to be told."""
    assert call.record is not None
    if call.told is None:
        tx.ask("resend", id=call.record["id"])
    return call.record


def _said(call: Call) -> Record:
    return UNSENT if call.told is None else {"successful": call.told.successful, "message": call.told.message}
