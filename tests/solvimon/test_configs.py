"""Pricing configs as the API writes them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from understudy_solvimon import configs
from understudy_solvimon.refusal import Refusal


def amount(quantity: str, currency: str = "EUR") -> dict[str, str]:
    """The API's shape of money."""
    return {"quantity": quantity, "currency": currency}


def band(quantity: str = "1", top: str | None = None, **more: Any) -> dict[str, Any]:
    """A band with an amount."""
    return {"amount": amount(quantity), **({} if top is None else {"tier_top_bound": {"number": top}}), **more}


@pytest.mark.parametrize(("config", "kind"), [
    ({"type": "FLAT"}, "FLAT"), ({"type": "VOLUME"}, "TOP_TIERED"), ({"type": "PACKAGE"}, "FLAT"),
    ({"pricing_type": "TIERED"}, "TIERED"), ({"details": {"pricing_type": "FIXED"}}, "FIXED"), ({}, "FLAT"),
])
def test_model_is_read_wherever_it_is_written(config: dict[str, Any], kind: str) -> None:
    """On the config or in its details; the guide's words are the reference's."""
    assert configs.kind_of(config) == kind


def test_bands_are_read_from_the_details_too() -> None:
    """With every bound and price as an exact number."""
    rows = [{"percentage": "2.9", "fixed_amount": amount("0.30"), "tier_top_bound": {"amount": amount("100")}, "block_size": {"count": "10"}}]
    (read,) = configs.bands_of({"details": {"bands": rows}})
    assert (read.percentage, read.top, read.block) == (Fraction("2.9"), Fraction(100), Fraction(10))
    assert read.fixed is not None


GOOD: list[dict[str, Any]] = [
    {"type": "FLAT", "bands": [band()]},
    {"type": "TIERED", "bands": [band("1", "10"), band("2", "20"), band("3")]},
    {"type": "VOLUME", "bands": [band()]},
    {"type": "PACKAGE", "bands": [band(block_size={"number": "10"})]},
    {"type": "NONE"},
    {"type": "PASS_THROUGH"},
    {"type": "FIXED", "bands": [{"fixed_amount": amount("5")}]},
    {"type": "FLAT", "bands": [{"percentage": "1.5"}]},
]


@pytest.mark.parametrize("config", GOOD)
def test_configs_that_price_every_quantity_pass(config: dict[str, Any]) -> None:
    """Whatever the model."""
    configs.check(config, ["EUR", "USD"])


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "FLAT"}, "bands", "at least one"),
    ({"type": "FLAT", "bands": []}, "bands", "at least one"),
    ({"type": "FLAT", "bands": [band(), band()]}, "bands", "no tiers"),
    ({"type": "FLAT", "bands": [{}]}, "bands.0", "must hold"),
    ({"type": "TIERED", "bands": [band("1"), band("2")]}, "bands.0.tier_top_bound", "every band but the last"),
    ({"type": "TIERED", "bands": [band("1", "10"), band("2", "10"), band()]}, "bands.1.tier_top_bound", "above 10"),
    ({"type": "TIERED", "bands": [band("1", "10"), band("2", "5"), band()]}, "bands.1.tier_top_bound", "above 10"),
    ({"type": "TIERED", "bands": [band("1", "0"), band()]}, "bands.0.tier_top_bound", "above 0"),
    ({"type": "TIERED", "bands": [band("1", "10")]}, "bands.0.tier_top_bound", "no price"),
    ({"type": "STAIR_STEP", "bands": [{"percentage": "5"}]}, "bands.0.fixed_amount", "fixed price"),
    ({"type": "FIXED", "bands": [{"percentage": "5"}]}, "bands.0.fixed_amount", "fixed price"),
    ({"type": "PACKAGE", "bands": [band()]}, "bands.0.block_size", "package"),
    ({"type": "FLAT", "bands": [band(block_size={"number": "0"})]}, "bands.0.block_size", "above 0"),
    ({"type": "FLAT", "bands": [{"amount": amount("1", "GBP")}]}, "bands.0.amount.currency", "GBP is none"),
    ({"type": "FLAT", "bands": [{"amount": {"quantity": 0.5, "currency": "EUR"}}]}, "bands.0.amount.quantity", "decimal"),
    ({"type": "FLAT", "bands": [band(minimum_amount=amount("1", "GBP"))]}, "bands.0.minimum_amount.currency", "GBP"),
    ({"details": {"pricing_type": "TIERED", "bands": [band("1", "x"), band()]}}, "details.bands.0.tier_top_bound.number", "decimal"),
]


@pytest.mark.parametrize(("config", "field", "word"), BAD)
def test_configs_that_cannot_price_are_refused_by_field(config: dict[str, Any], field: str, word: str) -> None:
    """Gaps, overlaps, missing prices, foreign currencies, floats."""
    with pytest.raises(Refusal, match=word) as caught:
        configs.check(config, ["EUR", "USD"])
    assert caught.value.field == field


MONTH, YEAR = {"type": "MONTH", "value": 1}, {"type": "YEAR", "value": 1}
ITEM = {
    "configs": [{"id": "second", "order": 2}, {"id": "first", "order": 1}],
    "billing_period_configs": [{"billing_period": YEAR, "configs": [{"id": "yearly", "order": 3}]}],
    "pricing_currency_configs": [
        {"currency": "EUR", "fallback_currency": "EUR", "configs": [{"id": "euro", "order": 4}]},
        {"currency": "USD", "configs": [{"id": "dollar", "order": 4}],
         "billing_period_configs": [{"billing_period": MONTH, "configs": [{"id": "monthly dollar", "order": 5}]}]},
    ],
}


@pytest.mark.parametrize(("currency", "period", "expected"), [
    ("EUR", MONTH, ["first", "second", "euro"]),
    ("EUR", YEAR, ["first", "second", "yearly", "euro"]),
    ("USD", MONTH, ["first", "second", "dollar", "monthly dollar"]),
    ("GBP", MONTH, ["first", "second", "euro"]),
])
def test_configs_for_a_currency_and_period_are_tried_in_order(currency: str, period: dict[str, Any], expected: list[str]) -> None:
    """Those kept for another currency or period stay out; an unknown currency falls back to the named one."""
    assert [config["id"] for config in configs.applying(ITEM, currency, period)] == expected
    assert len(list(configs.options(ITEM))) == 6
