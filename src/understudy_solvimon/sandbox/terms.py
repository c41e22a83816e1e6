"""The sandbox's terms: its settings with their defaults, and refusals turned into problems.

Settings come from the behaviour file and the fixture; what they leave out is here. Nothing here reads a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from understudy.problems import Problem
from understudy_solvimon import money, periods
from understudy_solvimon.refusal import Refusal

if TYPE_CHECKING:
    from understudy.engine.outcomes import Call
    from understudy.engine.transaction import Transaction

Record = dict[str, Any]

DEFAULTS: Mapping[str, Any] = {
    "events_ahead": "PT30M",  # how far ahead of the clock a usage event may lie
    "grace_period": "PT8H",  # from the end of a period, or the lifting of a hold, to FINAL
    "invoice_open_status": False,  # true: OPEN in the period and DRAFT from its end
    "put_after_invoice_final_on_next_invoice": False,  # late usage events: true, on the next invoice; false, nowhere
    "activate_catalogue_with_version": True,  # a plan version's activation activates the DRAFT items it prices
    "billing_period": {"type": "MONTH", "value": 1},
    "billing_time": "EXACT",
    "billing_currency": "EUR",
    "due_date_configuration": {"type": "PERIOD_AFTER_INVOICE_DATE", "period": {"type": "DAY", "value": 30}},
    "invoice_date_determination_type": "AFTER_END_OF_BILLING_PERIOD",
    "invoice_number": {"prefix": "INV", "separator": "-", "first_number": 1, "minimum_number_of_digits": 6},
    "tax_rates": {},  # reference or country of the billing entity -> percent of the STANDARD category
    "invoice_approval": False,  # true: after its grace an invoice waits for an approval request
    "dunning_schedule": ["P1D", "P3D", "P5D", "P7D"],  # after each refused charge of a final invoice
    "exchange_rates": {},  # currency -> currency -> decimal string
}


_BEYOND = 3000
"""Nobody bills that far ahead."""


def body_of(call: Call) -> Record:
    """The members of a request's body that say something: none where there is no body, or null. Raises Problem as `check_numbers`."""
    body = {field: value for field, value in (call.body or {}).items() if value is not None}
    check_numbers(body)
    return body


_NUMERIC = frozenset({"quantity", "number", "percentage", "sales_tax_percentage", "conversion", "minimum_number", "maximum_number"})


def check_numbers(value: Any, place: str = "") -> None:
    """Refuse text where a decimal number belongs, at any depth; a document may not say so. Raises Problem `invalid_field`."""
    if isinstance(value, Mapping):
        for field, part in value.items():
            if field in _NUMERIC and isinstance(part, str):
                with judged(f"{place}{field}", "invalid_field"):
                    money.number(part)
            elif isinstance(part, Mapping | list):
                check_numbers(part, f"{place}{field}.")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            check_numbers(part, f"{place}{index}.")


def setting(tx: Transaction, name: str) -> Any:
    """A setting of the world, else its default."""
    return tx.settings.get(name, DEFAULTS[name])


def length_of(tx: Transaction, name: str) -> timedelta:
    """A setting that is a duration."""
    with judged(f"settings.{name}"):
        return periods.duration(str(setting(tx, name)))


@contextmanager
def judged(place: str = "", kind: str = "cannot_process") -> Iterator[None]:
    """Turn a refusal into a problem with the body's field, `place` and what the refusal names within it.

    The kind is `cannot_process` unless said: a body that reaches an effect fits its schema, so what is refused here is
    what no schema can say.
    """
    try:
        yield
    except Refusal as refusal:
        raise Problem(kind, refusal.message, field=refusal.under(place).field or None, location="body") from None


def moment(text: str, place: str = "") -> datetime:
    """A time stamp of a request. Raises Problem: `invalid_field`, or `cannot_process` for one too far ahead to bill."""
    with judged(place, "invalid_field"):
        found = periods.instant(text)
    if found.year >= _BEYOND:
        raise Problem("cannot_process", f"must lie before the year {_BEYOND}", field=place or None, location="body")
    return found


def when(record: Mapping[str, Any], field: str) -> datetime | None:
    """A record's time stamp, None where it has none."""
    value = record.get(field)
    return None if value is None else periods.instant(str(value))


def in_force(row: Mapping[str, Any], at: datetime) -> bool:
    """Whether what begins at `start_at` and ends at `end_at`, either of them left out, holds at a moment."""
    start, end = when(row, "start_at"), when(row, "end_at")
    return (start is None or start <= at) and (end is None or at < end)


def zone_of(customer: Mapping[str, Any]) -> ZoneInfo:
    """A customer's time zone; UTC where it has none that is known (said in the request log when the customer is kept)."""
    try:
        return periods.zone(customer.get("timezone"))
    except Refusal:
        return periods.zone(None)


def missing(field: str, message: str) -> Problem:
    """The problem of a field that has to be there."""
    return Problem("missing_field", message, field=field, location="body")


def needed(values: Mapping[str, Any], field: str, message: str) -> Any:
    """A member that has to be there, by its dotted path. Raises Problem `missing_field`."""
    found: Any = values
    for name in field.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is None:
        raise missing(field, f"required: {message}")
    return found


def one_of(tx: Transaction, resource: str, values: Mapping[str, Any], stem: str, place: str = "") -> Record | None:
    """The record named by `{stem}_id` or `{stem}_reference`; None where neither is given.

    Raises Problem `dangling_reference` that names the field, `cannot_process` where the two name different records.
    """
    id, reference = values.get(f"{stem}_id"), values.get(f"{stem}_reference")
    prefix = f"{place}." if place else ""
    named = tx.need(resource, str(id), f"{prefix}{stem}_id") if id is not None else None
    if reference is None:
        return named
    keyed = tx.by_key(resource, reference)
    if keyed is None:
        raise tx.dangling(resource, str(reference), f"{prefix}{stem}_reference")
    if named is not None and named["id"] != keyed["id"]:
        raise Problem("cannot_process", f"names another {resource} than {stem}_id does", field=f"{prefix}{stem}_reference",
                      location="body")
    return keyed
