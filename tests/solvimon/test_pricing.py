"""Price models: the vendor's worked examples, a table worked out by hand, and laws."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW, band_lists, decimals
from understudy_solvimon import money, pricing
from understudy_solvimon.money import Money
from understudy_solvimon.pricing import Band, Usage
from understudy_solvimon.refusal import Refusal

EUR = "EUR"


def eur(quantity: str) -> Money:
    """So many euros."""
    return Money(Fraction(quantity), EUR)


def unit(price: str, top: str | None = None, block: str | None = None) -> Band:
    """A band with a price per unit, or per block."""
    return Band(unit=eur(price), top=None if top is None else Fraction(top), block=None if block is None else Fraction(block))


def percent(percentage: str, top: str | None = None) -> Band:
    """A band with a percentage."""
    return Band(percentage=Fraction(percentage), top=None if top is None else Fraction(top))


def step(price: str, top: str | None = None) -> Band:
    """A band with a fixed price."""
    return Band(fixed=eur(price), top=None if top is None else Fraction(top))


TIERS = [unit("0.10", "100"), unit("0.08", "1000"), unit("0.07")]
VOLUMES = [unit("0.10", "100"), unit("0.08", "1000"), unit("0.05")]
STEPS = [step("25", "100"), step("20", "1000"), step("15")]
SHARES = [percent("10", "100"), percent("8", "1000"), percent("5")]
PLANS = [unit("10", "5"), unit("8", "20"), unit("6")]
BLOCKS = [unit("2", "100", "10"), unit("1", None, "50")]

CASES: list[tuple[str, str, list[Band], str, str]] = [
    # The vendor's own examples (runtime facts, section 8).
    ("N1: 100 x 0.10 + 100 x 0.08", "TIERED", TIERS, "200", "18.00"),
    ("N3: 500 x 0.08", "TOP_TIERED", VOLUMES, "500", "40.00"),
    ("N5: the first step and the second", "STAIR_STEP", STEPS, "200", "45.00"),
    ("N6: 43000 falls in the second step: 100 + 80", "STAIR_STEP", [step("100", "10000"), step("80")], "43000", "180.00"),
    ("N7: 50 x 50.00", "FLAT", [unit("50.00")], "50", "2500.00"),
    ("N8: three transactions at 24.00", "FLAT", [unit("24.00")], "3", "72.00"),
    ("N9: 250 attempts are three blocks of 100 at 0.25", "FLAT", [unit("0.25", block="100")], "250", "0.75"),
    ("N14: 5 employees at 0.50", "FLAT", [unit("0.50")], "5", "2.50"),
    ("N19: 12345 tokens at 0.015 per 1000 are 13 blocks, 0.195", "FLAT", [unit("0.015", block="1000")], "12345", "0.20"),
    # Bounds: lower excluded, upper included.
    ("100 is all in the first tier", "TIERED", TIERS, "100", "10.00"),
    ("one more costs 0.08", "TIERED", TIERS, "101", "10.08"),
    ("1000 fills the second: 10 + 72", "TIERED", TIERS, "1000", "82.00"),
    ("1001 enters the third: 82 + 0.07", "TIERED", TIERS, "1001", "82.07"),
    ("2000: 82 + 70", "TIERED", TIERS, "2000", "152.00"),
    ("1 is 0.10", "TIERED", TIERS, "1", "0.10"),
    ("parts of a unit are charged in part: 100.5", "TIERED", TIERS, "100.5", "10.04"),
    ("100 at the first volume's price", "TOP_TIERED", VOLUMES, "100", "10.00"),
    ("101 at the second's, all of it: cheaper than 100", "TOP_TIERED", VOLUMES, "101", "8.08"),
    ("1000 x 0.08", "TOP_TIERED", VOLUMES, "1000", "80.00"),
    ("1001 x 0.05", "TOP_TIERED", VOLUMES, "1001", "50.05"),
    ("the guide's word VOLUME is TOP_TIERED", "VOLUME", VOLUMES, "500", "40.00"),
    ("100 is on the first step", "STAIR_STEP", STEPS, "100", "25.00"),
    ("101 is on the second", "STAIR_STEP", STEPS, "101", "45.00"),
    ("1000 still", "STAIR_STEP", STEPS, "1000", "45.00"),
    ("1001 climbs the third: 25 + 20 + 15", "STAIR_STEP", STEPS, "1001", "60.00"),
    ("the smallest use pays the first step", "STAIR_STEP", STEPS, "0.001", "25.00"),
    ("steps may be written as amounts", "STAIR_STEP", [unit("25", "100"), unit("20")], "200", "45.00"),
    # Flat.
    ("nothing costs nothing", "FLAT", [unit("0.50")], "0", "0.00"),
    ("a third of a cent each: 3 x 0.00333 = 0.00999", "FLAT", [unit("0.00333")], "3", "0.01"),
    ("fractions of units: 2.5 x 0.30", "FLAT", [unit("0.30")], "2.5", "0.75"),
    ("a refund of usage is a negative charge", "FLAT", [unit("0.50")], "-4", "-2.00"),
    ("exactly one block", "FLAT", [unit("0.25", block="100")], "100", "0.25"),
    ("one over is a second block", "FLAT", [unit("0.25", block="100")], "101", "0.50"),
    ("the least use is a whole block", "FLAT", [unit("0.25", block="100")], "1", "0.25"),
    ("no use, no block", "FLAT", [unit("0.25", block="100")], "0", "0.00"),
    ("blocks of half a unit: 1.2 is three", "FLAT", [unit("1", block="0.5")], "1.2", "3.00"),
    ("PACKAGE is FLAT with blocks: 21 in packages of 10", "PACKAGE", [unit("5", block="10")], "21", "15.00"),
    ("unit price and a fixed amount add up: 10 x 0.30 + 1", "FLAT", [Band(unit=eur("0.30"), fixed=eur("1"))], "10", "4.00"),
    ("a least quantity is billed", "FLAT", [Band(unit=eur("2"), least=Fraction(10))], "4", "20.00"),
    ("a most quantity is not exceeded", "FLAT", [Band(unit=eur("2"), most=Fraction(10))], "40", "20.00"),
    # Fixed and none.
    ("fixed, whatever is used", "FIXED", [step("99")], "12345", "99.00"),
    ("fixed, and nothing used", "FIXED", [step("99")], "0", "99.00"),
    ("fixed may be written as an amount", "FIXED", [unit("99")], "3", "99.00"),
    # Seats are tiers over their number.
    ("5 seats at 10", "TIERED", PLANS, "5", "50.00"),
    ("20 seats: 50 + 15 x 8", "TIERED", PLANS, "20", "170.00"),
    ("25 seats: 170 + 5 x 6", "TIERED", PLANS, "25", "200.00"),
    ("25 seats by volume", "VOLUME", PLANS, "25", "150.00"),
    # Blocks in tiers are bought tier by tier.
    ("95 are ten blocks of 10 at 2", "TIERED", BLOCKS, "95", "20.00"),
    ("130: ten blocks of 10, one of 50", "TIERED", BLOCKS, "130", "21.00"),
    ("151: ten of 10, two of 50", "TIERED", BLOCKS, "151", "22.00"),
]


@pytest.mark.parametrize(("why", "kind", "bands", "quantity", "expected"), CASES, ids=[case[0] for case in CASES])
def test_quantities_cost_what_the_model_says(why: str, kind: str, bands: list[Band], quantity: str, expected: str) -> None:
    """Worked out by hand; the charges are exact, rounded only to be compared."""
    worth = pricing.worth(pricing.price(kind, bands, Usage(Fraction(quantity))))
    assert worth is not None
    assert money.amount(worth.quantity, worth.currency) == {"quantity": expected, "currency": EUR}


AMOUNTS: list[tuple[str, str, list[Band], str, str]] = [
    ("N2: 10 % of 100 and 8 % of 100", "TIERED", SHARES, "200.00", "18.00"),
    ("N4: 8 % of all 200", "TOP_TIERED", SHARES, "200.00", "16.00"),
    ("10 % of exactly 100", "TIERED", SHARES, "100.00", "10.00"),
    ("a cent over: 10 + 0.0008", "TIERED", SHARES, "100.01", "10.00"),
    ("2000: 10 + 72 + 50", "TIERED", SHARES, "2000.00", "132.00"),
    ("2.9 % of 123.45 is 3.58005", "FLAT", [percent("2.9")], "123.45", "3.58"),
    ("2.9 % and 0.30 once", "FLAT", [Band(percentage=Fraction("2.9"), fixed=eur("0.30"))], "100.00", "3.20"),
    ("1 % is \"1\", not \"0.01\"", "FLAT", [percent("1")], "250.00", "2.50"),
    ("passed through as it is", "PASS_THROUGH", [], "123.45", "123.45"),
    ("a credit passes through too", "PASS_THROUGH", [], "-10.00", "-10.00"),
]


@pytest.mark.parametrize(("why", "kind", "bands", "quantity", "expected"), AMOUNTS, ids=[case[0] for case in AMOUNTS])
def test_amounts_are_charged_by_percentage_or_passed_through(
    why: str, kind: str, bands: list[Band], quantity: str, expected: str
) -> None:
    """On AMOUNT values the price is in the value's own currency."""
    worth = pricing.worth(pricing.price(kind, bands, Usage(Fraction(quantity), EUR)))
    assert worth is not None
    assert money.amount(worth.quantity, worth.currency) == {"quantity": expected, "currency": EUR}


def test_none_bills_nothing_at_all() -> None:
    """Not even a line of 0.00."""
    assert pricing.worth(pricing.price("NONE", [], Usage(Fraction(100)))) is None


def test_charges_say_which_band_took_which_part() -> None:
    """N1, band by band."""
    charges = pricing.price("TIERED", TIERS, Usage(Fraction(200))).charges
    assert [(charge.band, charge.lower, charge.quantity, charge.price.quantity) for charge in charges] == [
        (0, Fraction(0), Fraction(100), Fraction(10)), (1, Fraction(100), Fraction(100), Fraction(8))]


BOUNDED = [
    ("between the two: 2 % of 100", "100.00", "0", "0"),
    ("the floor of 0.50 adds 0.30 to 0.20", "10.00", "0.30", "0"),
    ("the cap of 5.00 takes 15.00 of 20.00", "1000.00", "0", "15"),
]


@pytest.mark.parametrize(("why", "value", "floor", "cap"), BOUNDED)
def test_floor_and_cap_apply_to_each_event(why: str, value: str, floor: str, cap: str) -> None:
    """Flat and fixed pricing: minimum_amount and maximum_amount are per unique event."""
    band = Band(percentage=Fraction(2), minimum=eur("0.50"), maximum=eur("5.00"))
    assert pricing.bounded(band, Fraction(value)) == (Fraction(floor), Fraction(cap))


def test_what_floors_and_caps_add_up_to_is_charged_apart() -> None:
    """Shown separately: 2 % of 1110 is 22.20, plus 0.30, less 15.00."""
    usage = Usage(Fraction(1110), EUR, floor=Fraction("0.30"), cap=Fraction(15))
    priced = pricing.price("FLAT", [percent("2")], usage)
    assert [charge.price.quantity for charge in priced.charges] == [Fraction("22.2"), Fraction("-14.7")]


def test_included_volume_is_taken_off_before_pricing() -> None:
    """And never below nothing."""
    assert pricing.beyond(Usage(Fraction(120)), Fraction(100)).quantity == 20
    assert pricing.beyond(Usage(Fraction(80)), Fraction(100)).quantity == 0


MONTHS = [
    ("N11 July: the first block and an additional one, 1200 left", "2800", "0", "4000", "1200"),
    ("N11 August: the 1200 roll over, nothing is bought", "1200", "1200", None, "0"),
    ("one unit beyond buys a whole block", "1201", "1200", "2000", "1999"),
    ("less than what is left buys nothing", "200", "1200", None, "1000"),
]


@pytest.mark.parametrize(("why", "used", "left", "costs", "remains"), MONTHS)
def test_topped_up_blocks_carry_what_is_left(why: str, used: str, left: str, costs: str | None, remains: str) -> None:
    """2000 USD per block of 2000 units, FLAT_TOP_UP."""
    bands = [Band(unit=Money(Fraction(2000), "USD"), block=Fraction(2000))]
    priced = pricing.price("FLAT_TOP_UP", bands, Usage(Fraction(used), left=Fraction(left)))
    worth = pricing.worth(priced)
    assert (None if worth is None else worth.quantity) == (None if costs is None else Fraction(costs))
    assert priced.left == Fraction(remains)


def test_without_top_up_the_rest_of_a_block_is_lost() -> None:
    """N10: the 1200 left reset, and 1200 in August are a block again."""
    bands = [Band(unit=Money(Fraction(2000), "USD"), block=Fraction(2000))]
    assert [pricing.worth(pricing.price("FLAT", bands, Usage(Fraction(used)))) for used in ("2800", "1200")] == [
        Money(Fraction(4000), "USD"), Money(Fraction(2000), "USD")]


def test_topped_up_steps_and_tiers_carry_what_they_bought() -> None:
    """A step bought to its bound leaves the rest of it; a tier leaves the rest of its last block."""
    assert pricing.price("STAIR_STEP_TOP_UP", STEPS, Usage(Fraction(60))).left == 40
    assert pricing.price("STAIR_STEP_TOP_UP", STEPS, Usage(Fraction(60), left=Fraction(60))).charges == ()
    assert pricing.price("TIERED_TOP_UP", BLOCKS, Usage(Fraction(95))).left == 5


def test_a_part_of_a_period_costs_that_part() -> None:
    """Every charge is scaled, exactly."""
    worth = pricing.worth(pricing.scaled(pricing.price("FIXED", [step("31")], Usage(Fraction(1))), Fraction(26, 31)))
    assert worth == eur("26")


REFUSED = [
    ("PASS_THROUGH", [], Usage(Fraction(5)), "AMOUNT"),
    ("FLAT", [percent("5")], Usage(Fraction(5)), "AMOUNT"),
    ("FLAT", [Band()], Usage(Fraction(5)), "must hold"),
    ("FIXED", [percent("5")], Usage(Fraction(5)), "fixed_amount"),
    ("TIERED", [unit("1", "1"), Band(unit=Money(Fraction(1), "USD"))], Usage(Fraction(5)), "one currency"),
]


@pytest.mark.parametrize(("kind", "bands", "usage", "word"), REFUSED)
def test_bands_that_cannot_price_are_refused(kind: str, bands: list[Band], usage: Usage, word: str) -> None:
    """A percentage of a number, a band without price, two currencies."""
    with pytest.raises(Refusal, match=word):
        pricing.price(kind, bands, usage)


def worth(kind: str, bands: list[Band], quantity: Fraction) -> Fraction:
    """A price as a number."""
    found = pricing.worth(pricing.price(kind, bands, Usage(quantity)))
    return Fraction(0) if found is None else found.quantity


@LAW
@given(band_lists(), st.data())
def test_tiers_meet_at_their_bounds(bands: list[Band], data: st.DataObject) -> None:
    """TIERED is continuous: a thousandth over a bound costs a thousandth of the next tier's price more."""
    for index, band in enumerate(bands[:-1]):
        assert band.top is not None
        over = data.draw(decimals(0, 0) | st.just(Fraction(1, 1000)))
        next_price = bands[index + 1].unit
        assert next_price is not None
        assert worth("TIERED", bands, band.top + over) - worth("TIERED", bands, band.top) == over * next_price.quantity


@LAW
@given(band_lists(), decimals(0, 2000), decimals(0, 2000))
def test_more_usage_never_costs_less_in_tiers(bands: list[Band], one: Fraction, more: Fraction) -> None:
    """Prices are not negative, so TIERED only rises."""
    assert worth("TIERED", bands, one) <= worth("TIERED", bands, one + more)


@LAW
@given(band_lists(fixed=True), decimals(0, 2000), decimals(0, 2000))
def test_steps_only_add_up(bands: list[Band], one: Fraction, more: Fraction) -> None:
    """STAIR_STEP sums every step reached."""
    assert worth("STAIR_STEP", bands, one) <= worth("STAIR_STEP", bands, one + more)


@LAW
@given(band_lists(), decimals(0, 2000))
def test_tiers_take_every_unit_exactly_once(bands: list[Band], quantity: Fraction) -> None:
    """The charges' quantities add up to the usage."""
    charges = pricing.price("TIERED", bands, Usage(quantity)).charges
    assert sum(charge.quantity for charge in charges) == quantity


@LAW
@given(decimals(0, 100), decimals(0, 2000))
def test_one_band_is_one_price_under_every_linear_model(price: Fraction, quantity: Fraction) -> None:
    """FLAT, TIERED and TOP_TIERED agree where there is nothing to choose."""
    bands = [Band(unit=Money(price, EUR))]
    assert worth("FLAT", bands, quantity) == worth("TIERED", bands, quantity) == worth("TOP_TIERED", bands, quantity) == price * quantity


@LAW
@given(st.lists(decimals(0, 3000), min_size=1, max_size=12), decimals(1, 2000))
def test_top_up_buys_just_enough_blocks_over_any_months(months: list[Fraction], block: Fraction) -> None:
    """What was bought covers what was used, and less than a block is left."""
    bands, left, bought = [Band(unit=eur("1"), block=block)], Fraction(0), Fraction(0)
    for used in months:
        priced = pricing.price("FLAT_TOP_UP", bands, Usage(used, left=left))
        found = pricing.worth(priced)
        left, bought = priced.left, bought + (found.quantity if found else 0) * block
    assert bought - sum(months) == left
    assert 0 <= left < block
