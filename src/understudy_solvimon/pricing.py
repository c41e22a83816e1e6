"""Price models as a table of functions: a quantity and bands in, exact charges out, nothing rounded.

1. A band's lower bound is excluded, its upper bound included, so a quantity on a bound belongs to the lower band.
2. A model returns one charge for each band it uses; their sum is the price. No charge means nothing is billed.
3. What a top-up model has bought and not used is handed back as `left`, for the caller to carry to the next period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from understudy_solvimon import money
from understudy_solvimon.money import ZERO, Money
from understudy_solvimon.refusal import Refusal

SYNONYMS: Mapping[str, str] = {"VOLUME": "TOP_TIERED", "PACKAGE": "FLAT", "SEATS": "PER_SEAT"}
"""The guide's words and the reference's (solvimon guide, "Create Pricings"; reference, PricingItemConfig.type)."""

TIERS = frozenset({"TIERED", "TOP_TIERED", "STAIR_STEP", "TIERED_TOP_UP", "STAIR_STEP_TOP_UP"})


@dataclass(frozen=True, slots=True)
class Band:
    """One band: up to `top`, included, a price per unit or block, a percentage, a fixed amount, or several of them."""

    unit: Money | None = None
    percentage: Fraction | None = None
    fixed: Money | None = None
    minimum: Money | None = None
    maximum: Money | None = None
    block: Fraction | None = None
    top: Fraction | None = None
    least: Fraction | None = None
    most: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What is to be priced. `currency`: that of an AMOUNT value; `left`: units bought before and not used yet.

    `floor` and `cap` are what minimum and maximum prices of single events add and take (see `bounded`).
    """

    quantity: Fraction
    currency: str | None = None
    floor: Fraction = ZERO
    cap: Fraction = ZERO
    left: Fraction = ZERO


@dataclass(frozen=True, slots=True)
class Charge:
    """A quantity priced by one band (its index), exact."""

    quantity: Fraction
    price: Money
    band: int
    lower: Fraction = ZERO


@dataclass(frozen=True, slots=True)
class Priced:
    """The charges of a model, and what it leaves over for the next period."""

    charges: tuple[Charge, ...]
    left: Fraction = ZERO


Model = Callable[[Sequence[Band], Usage], Priced]

def price(kind: str, bands: Sequence[Band], usage: Usage) -> Priced:
    """Price usage by a model's name. Raises Refusal where the bands mix currencies or lack a price."""
    priced = MODELS[SYNONYMS.get(kind, kind)](bands, usage)
    if len({charge.price.currency for charge in priced.charges}) > 1:
        raise Refusal("bands", "must all be in one currency")
    return priced


def worth(priced: Priced) -> Money | None:
    """The exact sum of the charges; None without any."""
    if not priced.charges:
        return None
    return Money(money.total(charge.price.quantity for charge in priced.charges), priced.charges[0].price.currency)


def scaled(priced: Priced, factor: Fraction) -> Priced:
    """The same charges for a part, or a multiple, of the period they were made for."""
    return Priced(tuple(replace(charge, price=_times(charge.price, factor)) for charge in priced.charges), priced.left)


def price_of(kind: str, bands: Sequence[Band], usage: Usage, volume: Fraction) -> Priced:
    """Price usage as its share of a larger volume, which alone picks the tiers. Raises Refusal.

    Solvimon guide, "Combining usage volumes": the total picks the tier, each rule is charged in proportion.
    """
    if volume == usage.quantity or volume <= 0 or usage.quantity <= 0 or usage.left:
        return price(kind, bands, usage)
    share = usage.quantity / volume
    whole = price(kind, bands, replace(usage, quantity=volume))
    return Priced(tuple(replace(charge, quantity=charge.quantity * share, price=_times(charge.price, share)) for charge in whole.charges))


def marked_up(priced: Priced, percentage: Fraction | None, amount: Money | None) -> Priced:
    """The same with a charge more: a percentage of the price, or an amount of the same currency."""
    base = worth(priced)
    if base is None:
        return priced
    extra = ZERO if percentage is None else base.quantity * percentage / 100
    if amount is not None and amount.currency == base.currency:
        extra += amount.quantity
    charge = Charge(ZERO, Money(extra, base.currency), priced.charges[-1].band)
    return replace(priced, charges=(*priced.charges, charge)) if extra else priced


def _times(price: Money, factor: Fraction) -> Money:
    return Money(price.quantity * factor, price.currency)


def beyond(usage: Usage, included: Fraction) -> Usage:
    """The usage above an included volume; none where it is not exceeded."""
    return replace(usage, quantity=max(usage.quantity - included, ZERO))


def bounded(band: Band, value: Fraction) -> tuple[Fraction, Fraction]:
    """What a band's minimum adds to, and its maximum takes from, the price of one event with this value."""
    plain = value * band.percentage / 100 if band.percentage is not None else value * (band.unit or _NOTHING).quantity
    floor = max(band.minimum.quantity - plain, ZERO) if band.minimum else ZERO
    cap = max(plain + floor - band.maximum.quantity, ZERO) if band.maximum else ZERO
    return floor, cap


_NOTHING = Money(ZERO, "XXX")


def _none(_: Sequence[Band], __: Usage) -> Priced:
    return Priced(())


def _fixed(bands: Sequence[Band], _: Usage) -> Priced:
    return Priced((Charge(Fraction(1), _flat_price(bands, 0), 0),))


def _pass_through(_: Sequence[Band], usage: Usage) -> Priced:
    if usage.currency is None:
        raise Refusal("type", "PASS_THROUGH bills an AMOUNT value as it is; the calculation gives a number")
    return Priced((Charge(usage.quantity, Money(usage.quantity, usage.currency), 0),))


def _flat(bands: Sequence[Band], usage: Usage) -> Priced:
    charge = _charge(bands, 0, usage.quantity, usage, ZERO)
    extra = usage.floor - usage.cap
    bound = Charge(ZERO, Money(extra, charge.price.currency), 0)
    return Priced((charge, bound) if extra else (charge,))


def _tiered(bands: Sequence[Band], usage: Usage) -> Priced:
    return Priced(tuple(
        _charge(bands, index, _within(usage.quantity, lower, top), usage, lower)
        for index, lower, top in _reached(bands, usage.quantity)
    ))


def _top_tiered(bands: Sequence[Band], usage: Usage) -> Priced:
    *_, (index, lower, _top) = _reached(bands, usage.quantity)
    return Priced((_charge(bands, index, usage.quantity, usage, lower),))


def _stair_step(bands: Sequence[Band], usage: Usage) -> Priced:
    if usage.quantity <= 0:
        return Priced(())
    return Priced(tuple(
        Charge(_within(usage.quantity, lower, top), _flat_price(bands, index), index, lower)
        for index, lower, top in _reached(bands, usage.quantity)
    ))


def _topped_up(model: Model, bought: Callable[[Sequence[Band], Fraction], Fraction]) -> Model:
    def priced(bands: Sequence[Band], usage: Usage) -> Priced:
        needed = usage.quantity - usage.left
        if needed <= 0:
            return Priced((), -needed)
        return replace(model(bands, replace(usage, quantity=needed)), left=bought(bands, needed) - needed)

    return priced


def _whole_blocks(bands: Sequence[Band], needed: Fraction) -> Fraction:
    block = bands[0].block or Fraction(1)
    return _blocks(needed, block) * block


def _blocks_in_tiers(bands: Sequence[Band], needed: Fraction) -> Fraction:
    index, lower, _ = list(_reached(bands, needed))[-1]
    block = bands[index].block or Fraction(1)
    return lower + _blocks(needed - lower, block) * block


def _whole_steps(bands: Sequence[Band], needed: Fraction) -> Fraction:
    return list(_reached(bands, needed))[-1][2] or needed


MODELS: Mapping[str, Model] = {
    "FLAT": _flat,
    "TIERED": _tiered,
    "TOP_TIERED": _top_tiered,
    "STAIR_STEP": _stair_step,
    "FIXED": _fixed,
    "PASS_THROUGH": _pass_through,
    "NONE": _none,
    "FLAT_TOP_UP": _topped_up(_flat, _whole_blocks),
    "TIERED_TOP_UP": _topped_up(_tiered, _blocks_in_tiers),
    "STAIR_STEP_TOP_UP": _topped_up(_stair_step, _whole_steps),
}


def _reached(bands: Sequence[Band], quantity: Fraction) -> Iterator[tuple[int, Fraction, Fraction | None]]:
    """The bands a quantity enters, with their bounds; always the first. Solvimon guide, "Tiered pricing"."""
    lower = ZERO
    for index, band in enumerate(bands):
        if index and quantity <= lower:
            return
        yield index, lower, band.top
        if band.top is None:
            return
        lower = band.top


def _within(quantity: Fraction, lower: Fraction, top: Fraction | None) -> Fraction:
    return (quantity if top is None else min(quantity, top)) - lower


def _charge(bands: Sequence[Band], index: int, quantity: Fraction, usage: Usage, lower: Fraction) -> Charge:
    band = bands[index]
    billed = max(quantity, band.least) if band.least is not None else quantity
    billed = min(billed, band.most) if band.most is not None else billed
    prices = (_by_unit(band, billed), _by_percentage(band, billed, usage), band.fixed)
    parts = [part for part in prices if part is not None]
    if not parts:
        raise Refusal(f"bands.{index}", "must hold an amount, a percentage or a fixed_amount")
    if len({part.currency for part in parts}) > 1:
        raise Refusal(f"bands.{index}", "must be in one currency")
    return Charge(billed, Money(money.total(part.quantity for part in parts), parts[0].currency), index, lower)


def _by_unit(band: Band, quantity: Fraction) -> Money | None:
    if band.unit is None:
        return None
    units = quantity if band.block is None else _blocks(quantity, band.block)
    return Money(units * band.unit.quantity, band.unit.currency)


def _by_percentage(band: Band, quantity: Fraction, usage: Usage) -> Money | None:
    if band.percentage is None:
        return None
    if usage.currency is None:
        raise Refusal("bands.0.percentage", "is taken of an AMOUNT value; the calculation gives a number")
    return Money(quantity * band.percentage / 100, usage.currency)


def _blocks(quantity: Fraction, size: Fraction) -> Fraction:
    return Fraction(ceil(quantity / size))


def _flat_price(bands: Sequence[Band], index: int) -> Money:
    flat = bands[index].fixed or bands[index].unit
    if flat is None:
        raise Refusal(f"bands.{index}", "must hold a fixed_amount or an amount")
    return flat
