"""Pricing configs as the API writes them: read into bands, checked, and the ones that apply picked out.

1. `type` and `bands` may stand on the config or in its `details`; both are read, neither is rewritten.
2. Nothing here prices anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from understudy_solvimon import money, periods
from understudy_solvimon.money import ZERO, Money
from understudy_solvimon.periods import Length, Rhythm
from understudy_solvimon.pricing import SYNONYMS, TIERS, Band
from understudy_solvimon.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Option:
    """A config of a pricing item, where it stands, and the currency and billing period it is kept for, None for all."""

    place: str
    config: Mapping[str, Any]
    currency: str | None = None
    period: Mapping[str, Any] | None = None


def options(item: Mapping[str, Any]) -> Iterator[Option]:
    """Every config of a pricing item: its own, those for one currency, those for one billing period."""
    for place, row, currency in [("", item, None), *_by_currency(item)]:
        for index, config in enumerate(row.get("configs") or ()):
            yield Option(f"{place}configs.{index}", config, currency)
        for order, part in enumerate(row.get("billing_period_configs") or ()):
            for index, config in enumerate(part.get("configs") or ()):
                at = f"{place}billing_period_configs.{order}.configs.{index}"
                yield Option(at, config, currency, part.get("billing_period"))


def applying(item: Mapping[str, Any], currency: str, period: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The configs that count for a currency and a billing period, in the order in which they are tried."""
    known = {row.get("currency"): row.get("fallback_currency") for _, row, _ in _by_currency(item)}
    wanted = currency if currency in known else next((back for back in known.values() if back in known), None)
    fitting = [
        option.config
        for option in options(item)
        if option.currency in (None, wanted) and option.period in (None, period)
    ]
    return sorted(fitting, key=lambda config: config.get("order") or 0)


def _by_currency(item: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str | None]]:
    rows = item.get("pricing_currency_configs") or ()
    return [(f"pricing_currency_configs.{index}.", row, row.get("currency")) for index, row in enumerate(rows)]


def kind_of(config: Mapping[str, Any]) -> str:
    """A config's price model as the reference names it, wherever it was written."""
    details = config.get("details") or {}
    said = config.get("type") or config.get("pricing_type") or details.get("pricing_type") or "FLAT"
    return SYNONYMS.get(said, said)


def bands_of(config: Mapping[str, Any]) -> tuple[Band, ...]:
    """A config's bands, wherever they were written. Raises Refusal that names the band."""
    rows = config.get("bands")
    place = "bands" if rows is not None else "details.bands"
    rows = rows if rows is not None else (config.get("details") or {}).get("bands") or ()
    return tuple(_band(row, f"{place}.{index}") for index, row in enumerate(rows))


def check(config: Mapping[str, Any], currencies: Sequence[str] = ()) -> None:
    """Refuse a config that cannot price every quantity. `currencies`: those the plan allows, none for any.

    Raises Refusal: no band or one without price, gaps or overlaps between bands, a foreign currency, an empty block.
    """
    kind, bands = kind_of(config), bands_of(config)
    if kind in ("NONE", "PASS_THROUGH"):
        return
    if not bands:
        raise Refusal("bands", "must hold at least one band")
    if kind in TIERS:
        _check_bounds(bands)
    elif len(bands) > 1:
        raise Refusal("bands", f"must hold one band: {kind} has no tiers")
    if config.get("type") == "PACKAGE" and bands[0].block is None:
        raise Refusal("bands.0.block_size", "must say how many units a package holds")
    for index, band in enumerate(bands):
        _check_band(kind, band, f"bands.{index}", currencies)


def _check_bounds(bands: Sequence[Band]) -> None:
    lower = ZERO
    for index, band in enumerate(bands[:-1]):
        if band.top is None:
            raise Refusal(f"bands.{index}.tier_top_bound", "is needed in every band but the last, or the bands overlap")
        if band.top <= lower:
            raise Refusal(f"bands.{index}.tier_top_bound", f"must be above {money.text(lower)}, where the band begins")
        lower = band.top
    if bands[-1].top is not None:
        last = f"bands.{len(bands) - 1}.tier_top_bound"
        raise Refusal(last, "must be left out of the last band, or what lies above it has no price")


def _check_band(kind: str, band: Band, place: str, currencies: Sequence[str]) -> None:
    if band.unit is None and band.percentage is None and band.fixed is None:
        raise Refusal(place, "must hold an amount, a percentage, a fixed_amount or credits")
    if kind in ("FIXED", "STAIR_STEP", "STAIR_STEP_TOP_UP") and band.unit is None and band.fixed is None:
        raise Refusal(f"{place}.fixed_amount", f"or an amount is needed: {kind} charges a fixed price")
    known = ", ".join(currencies)
    for name, value in _amounts(band).items():
        if value is not None and currencies and not money.is_credit(value.currency) and value.currency not in currencies:
            raise Refusal(f"{place}.{name}.currency", f"{value.currency} is none of the plan's currencies: {known}")


def _amounts(band: Band) -> dict[str, Money | None]:
    return {
        "amount": band.unit,
        "fixed_amount": band.fixed,
        "minimum_amount": band.minimum,
        "maximum_amount": band.maximum,
    }


def _band(row: Mapping[str, Any], place: str) -> Band:
    block = measure(row.get("block_size"), f"{place}.block_size")
    if block is not None and block <= 0:
        raise Refusal(f"{place}.block_size", "must be above 0")
    return Band(
        unit=_money(row, "amount", place) or _credits(row, place),
        percentage=_number(row, "percentage", place),
        fixed=_money(row, "fixed_amount", place),
        minimum=_money(row, "minimum_amount", place),
        maximum=_money(row, "maximum_amount", place),
        block=block,
        top=measure(row.get("tier_top_bound"), f"{place}.tier_top_bound"),
        least=_number(row, "minimum_number", place),
        most=_number(row, "maximum_number", place),
    )


def measure(value: Mapping[str, Any] | None, place: str = "") -> Fraction | None:
    """The number of `{"number": …}`, `{"amount": {…}}` or `{"count": …}`; None where nothing is said.

    Raises Refusal.
    """
    if not value:
        return None
    if value.get("amount") is not None:
        return money.money(value["amount"], f"{place}.amount").quantity
    key = "number" if value.get("number") is not None else "count"
    return None if value.get(key) is None else money.number(value[key], f"{place}.{key}")


@dataclass(frozen=True, slots=True)
class Reset:
    """When an included volume begins anew: `rule` is one of `RESETS`, counted from `origin` in a time zone."""

    rule: str
    origin: datetime
    zone: ZoneInfo


RESETS = ("BILLING_PERIOD", "NEVER", "ROLLOVER", *periods.UNITS)
"""Each billing period (also for any other word); once for the schedule; each period, unused volume added; each day, week …

The reference names no values of `reset_type` (assumed).
"""


def available_volume(volume: Fraction, reset: Reset, at: datetime, since: datetime | None, left: Fraction | None) -> Fraction:
    """The included volume a billing period that begins `at` may use, when the one that began `since` left some of it."""
    if left is None or since is None or reset.rule not in RESETS or reset.rule == "BILLING_PERIOD":
        return volume
    if reset.rule == "ROLLOVER":
        return volume + left
    if reset.rule == "NEVER":
        return left
    rhythm = Rhythm(reset.origin, Length(reset.rule, 1), reset.zone)
    return volume if periods.period_at(rhythm, at).start > since else left


def _credits(row: Mapping[str, Any], place: str) -> Money | None:
    """Credits as money whose currency is the credit type."""
    said = row.get("credits")
    return None if said is None else Money(money.number(said.get("quantity"), f"{place}.credits.quantity"), str(said.get("credit_type_id")))


def _money(row: Mapping[str, Any], key: str, place: str) -> Money | None:
    return None if row.get(key) is None else money.money(row[key], f"{place}.{key}")


def _number(row: Mapping[str, Any], key: str, place: str) -> Fraction | None:
    return None if row.get(key) is None else money.number(row[key], f"{place}.{key}")
