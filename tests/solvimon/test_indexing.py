"""Prices raised from one schedule to the next."""

from __future__ import annotations

from typing import Any

import pytest

from understudy_solvimon.sandbox.indexing import _raised


@pytest.mark.parametrize(
    ("settings", "quantity"),
    [
        ({"percentage": "3", "rounding_mode": "DECIMALS", "number_of_decimals": 2}, "1.27"),
        ({"percentage": "3", "rounding_mode": "DECIMALS", "number_of_decimals": 2.0}, "1.27"),  # an integer, as JSON Schema counts
        ({"percentage": "3", "rounding_mode": "DECIMALS", "number_of_decimals": -4}, "1"),
        ({"percentage": "3", "rounding_mode": "PRESERVE_SCALE", "number_of_decimals": 9}, "1.267"),
        ({"percentage": "-100"}, "0.000"),
    ],
)
def test_a_price_is_raised_and_rounded_as_asked(settings: dict[str, Any], quantity: str) -> None:
    """1.230 and 3 % are 1.2669, rounded half up to the decimals asked for, or to as many as there were."""
    assert _raised({"quantity": "1.230", "currency": "EUR"}, settings) == {"quantity": quantity, "currency": "EUR"}
