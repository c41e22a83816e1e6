"""Numbers and money, exact: decimal strings in, exact rationals inside, decimal strings out.

1. No float is ever made: a quotient such as 10/3 stays a fraction until a line is rounded.
2. Rounding happens once, on an invoice line, half up to the currency's minor units (ISO 4217), away from zero, so that
   a credit is its invoice with the sign turned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from understudy_solvimon.refusal import Refusal

ZERO = Fraction(0)
MOST_DIGITS = 72
"""Sixty before the point and twelve after it: room for a sum of products. What a request may carry is said by the document."""
SHOWN_PLACES = 12
"""Decimal places shown of a quantity whose decimals never end, such as an average of three events."""

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)

# ISO 4217, list one: the currencies whose minor unit is not a hundredth.
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_MINOR_UNITS: Mapping[str, int] = {
    **dict.fromkeys(_WHOLE.split(), 0),
    **dict.fromkeys(_THOUSANDTHS.split(), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency, not rounded."""

    quantity: Fraction
    currency: str


def number(text: object, field: str = "") -> Fraction:
    """The value of a decimal string such as "0.50". Raises Refusal for anything else, numbers included."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise Refusal(field, f"must be a decimal number in a string, such as \"0.50\", not {_shown(text)}")
    if sum(character.isdigit() for character in text) > MOST_DIGITS:
        raise Refusal(field, f"has too many digits, at most {MOST_DIGITS} are taken")
    return exact(text)


@lru_cache(maxsize=4096)
def exact(text: str) -> Fraction:
    """The value of a fraction as it is kept in a record: "5", "0.5", "10/3". The same few are read again and again."""
    return Fraction(text)


def text(value: Fraction) -> str:
    """The shortest decimal string of a number: "5", "0.5"; endless decimals are cut to `SHOWN_PLACES`, half up."""
    written = _written(value, SHOWN_PLACES)
    return written.rstrip("0").rstrip(".")


def decimal(value: Fraction, places: int) -> str:
    """A number with so many decimal places, rounded half up."""
    return _written(value, places)


def money(amount: Mapping[str, object], field: str = "") -> Money:
    """The value of `{"quantity": "0.50", "currency": "EUR"}`. Raises Refusal that names the part at fault."""
    quantity = number(amount.get("quantity"), f"{field}.quantity" if field else "quantity")
    currency = amount.get("currency")
    if not isinstance(currency, str):
        raise Refusal(f"{field}.currency" if field else "currency", "must name the amount's currency, such as EUR")
    return Money(quantity, currency)


def is_credit(currency: str) -> bool:
    """Whether what stands in the place of a currency is the id of a credit type (ISO 4217 codes are three letters)."""
    return len(currency) != 3


def minor_units(currency: str) -> int:
    """Decimal places of a currency's smallest unit: 2 for EUR, 0 for JPY, 3 for KWD (ISO 4217)."""
    return _MINOR_UNITS.get(currency, 2)


def rounded(value: Fraction, currency: str) -> Fraction:
    """A value to the currency's minor units, half up, away from zero."""
    scale = 10 ** minor_units(currency)
    return Fraction(_half_up(value * scale), scale)


def floored(value: Fraction, currency: str) -> Fraction:
    """The most of a value, not below zero, that whole minor units make up."""
    scale = 10 ** minor_units(currency)
    return Fraction(int(value * scale), scale)


def amount(value: Fraction, currency: str) -> dict[str, str]:
    """The API's shape of an amount, rounded, with all of the currency's decimal places: "2.50", "3" for JPY."""
    return {"quantity": _written(value, minor_units(currency)), "currency": currency}


def exact_amount(value: Money) -> dict[str, str]:
    """The API's shape of a price, which may be finer than the currency's minor unit: "0.0006", but "0.50"."""
    short = _written(value.quantity, minor_units(value.currency))
    quantity = short if Fraction(short) == value.quantity else text(value.quantity)
    return {"quantity": quantity, "currency": value.currency}


def total(values: Iterable[Fraction]) -> Fraction:
    """The exact sum."""
    return sum(values, ZERO)


def _half_up(value: Fraction) -> int:
    sign = -1 if value < 0 else 1
    return sign * ((2 * abs(value.numerator) + value.denominator) // (2 * value.denominator))


def _written(value: Fraction, places: int) -> str:
    units = _half_up(value * 10**places)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _shown(value: object) -> str:
    return f'"{value[:40]}"' if isinstance(value, str) else f"a {type(value).__name__}"
