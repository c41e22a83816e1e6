"""What the billing API tells the shop, received: believed only if it is signed, done only once."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

TOLERANCE = timedelta(minutes=5)

TABLES = """
create table seen (fact text primary key);
create table accounts (id text primary key, owes integer not null default 0);
create table invoices (id text primary key, account text not null, total text not null, paid integer not null);
create table mails (account text not null, subject text not null);
"""


class Hooks:
    """The shop's endpoint, and what it knows by being told, in a database."""

    def __init__(self, secret: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._secret = secret.encode()
        self._now = now
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.database.executescript(TABLES)

    def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take a delivery; the status to answer."""
        if not self._is_genuine(headers, body):
            return 401
        event = json.loads(body)
        fact = f"{event['type']} {event['data'].get('id')} {event['created_at']}"
        with self.database:
            known = self.database.execute("insert or ignore into seen values (?)", (fact,)).rowcount == 0
            if not known and event["type"] in _DONE:
                _DONE[event["type"]](self, event["data"])
        return 200

    def _is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """As the vendor's page on webhooks has it: HMAC-SHA256 over `{timestamp}.{payload}` in hexadecimal; one of the `v1=` must fit."""
        stamp = headers.get("x-payload-signature-timestamp", "")
        try:
            if abs(self._now() - datetime.fromisoformat(stamp)) > TOLERANCE:
                return False
        except ValueError:
            return False
        wanted = hmac.new(self._secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        given = [part.strip().removeprefix("v1=").lower() for part in headers.get("x-payload-signature", "").split(",")]
        return any(hmac.compare_digest(wanted, one) for one in given)

    # --- what is done -----------------------------------------------------------------------------------------------

    def _final(self, invoice: dict[str, Any]) -> None:
        account, total = invoice["customer_reference"], invoice["total_amount"]["quantity"]
        self.database.execute("insert or ignore into invoices values (?, ?, ?, ?)", (invoice["id"], account, total, invoice["paid"]))
        self._mail(account, f"Your invoice of {total} EUR")

    def _paid(self, invoice: dict[str, Any]) -> None:
        self.database.execute("update invoices set paid = 1 where id = ?", (invoice["id"],))
        self._owe(invoice["customer_reference"], owes=False)

    def _charged(self, payment: dict[str, Any]) -> None:
        if payment["result"] == "REFUSED":
            (account,) = self.database.execute("select account from invoices where id = ?", (payment["invoice_id"],)).fetchone()
            self._owe(account, owes=True)
            self._mail(account, "Your card was declined")

    def _owe(self, account: str, *, owes: bool) -> None:
        self.database.execute("insert into accounts values (?, ?) on conflict (id) do update set owes = excluded.owes", (account, owes))

    def _mail(self, account: str, subject: str) -> None:
        self.database.execute("insert into mails values (?, ?)", (account, subject))

    # --- what is known ----------------------------------------------------------------------------------------------

    def may_print(self, account: str) -> bool:
        """Whether an account owes nothing for longer than it should."""
        return not self.database.execute("select 1 from accounts where id = ? and owes", (account,)).fetchone()

    def mails(self, account: str) -> list[str]:
        """The subjects of what was sent to an account, in order."""
        return [subject for (subject,) in self.database.execute("select subject from mails where account = ? order by rowid", (account,))]

    def paid(self, account: str) -> list[tuple[str, bool]]:
        """The totals of an account's invoices, and whether each is paid."""
        return [(total, bool(paid)) for total, paid in self.database.execute("select total, paid from invoices where account = ? order by rowid", (account,))]


_DONE: dict[str, Callable[[Hooks, dict[str, Any]], None]] = {
    "INVOICE.STATUS_TO_FINAL": Hooks._final,
    "INVOICE.PAID": Hooks._paid,
    "PAYMENT.CREATED": Hooks._charged,
}
