"""An invoice on paper: A4, as PDF, the same bytes for the same invoice.

1. It shows the record's own figures; nothing is computed here.
2. The library that writes PDF is imported when the first one is asked for, and only here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

Record = Mapping[str, Any]

_TITLES: Mapping[str, str] = {"CREDIT": "Credit note", "ONE_OFF_CREDIT": "Credit note"}
_FONT, _BOLD = "Vera", "VeraBd"
_WIDTHS = (218, 62, 78, 42, 80)
_FAINT = "#9aa3ad"


def pdf(invoice: Record, seller: Record, buyer: Record) -> bytes:
    """An invoice as PDF. `seller` is the billing entity, `buyer` the customer, both as the API has them."""
    from reportlab.lib.pagesizes import A4  # heavy, and few ever print
    from reportlab.platypus import SimpleDocTemplate  # heavy, and few ever print

    _fonts()
    out = BytesIO()
    name = f"{title(invoice)} {invoice.get('invoice_number') or 'draft'}"
    page = SimpleDocTemplate(out, pagesize=A4, leftMargin=57, rightMargin=57, topMargin=54, bottomMargin=60, invariant=1,
                             title=_plain(name), author=_plain(seller.get("legal_name") or seller.get("reference") or ""))
    foot = _footer(name)
    page.build(list(_story(invoice, seller, buyer)), onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def title(invoice: Record) -> str:
    """What kind of document it is, in words."""
    return _TITLES.get(str(invoice.get("type")), "Invoice")


def party_lines(party: Record) -> list[str]:
    """Name, address and tax number of a billing entity or a customer, a line each."""
    organization, individual = party.get("organization") or {}, party.get("individual") or {}
    person = individual.get("name") or {}
    names = " ".join(str(person[part]) for part in ("first_name", "infix", "last_name") if person.get(part))
    name = party.get("legal_name") or organization.get("legal_name") or names or party.get("reference") or ""
    address = party.get("registered_address") or organization.get("registered_address") or individual.get("residential_address") or {}
    city = " ".join(str(address[part]) for part in ("postal_code", "city") if address.get(part))
    rest = (address.get("line1"), address.get("line2"), city, address.get("state"), address.get("country"))
    number = party.get("tax_id") or organization.get("tax_id")
    return [str(line) for line in (name, *rest, f"Tax ID {number}" if number else None) if line]


# --- the page ---------------------------------------------------------------------------------------------------------


def _story(invoice: Record, seller: Record, buyer: Record) -> Iterator[Flowable]:
    from reportlab.platypus import Spacer  # heavy, and few ever print

    yield from _head(invoice, seller)
    yield Spacer(1, 18)
    yield _two_columns([["Bill to"], *[[line] for line in party_lines(buyer)]], _facts(invoice))
    yield Spacer(1, 20)
    yield _lines(invoice)
    yield Spacer(1, 10)
    yield _totals(invoice)
    for note in [*(invoice.get("notes") or ()), invoice.get("footnote")]:
        if note:
            yield Spacer(1, 12)
            yield _text(note, size=8)


def _head(invoice: Record, seller: Record) -> Iterator[Flowable]:
    from reportlab.platypus import Spacer  # heavy, and few ever print

    name, *rest = party_lines(seller) or [""]
    number = invoice.get("invoice_number") or ("DRAFT" if invoice.get("status") != "VOID" else "VOID")
    yield _two_columns([[_text(name, bold=True, size=13)], *[[line] for line in rest]],
                       [[_text(title(invoice), bold=True, size=20)], [_text(number, size=11)]])
    yield Spacer(1, 4)


def _facts(invoice: Record) -> list[list[Any]]:
    original = (invoice.get("credit") or {}).get("original_invoice_info") or {}
    period = (invoice.get("billing_period_start"), invoice.get("billing_period_end"))
    rows = (
        ("Invoice date", _day(invoice.get("invoice_date"))),
        ("Due date", _day(invoice.get("due_date"))),
        ("Period", f"{_day(period[0])} – {_day(period[1])}" if all(period) else None),
        ("Your order", invoice.get("purchase_order_number")),
        ("Takes back", original.get("invoice_number")),
    )
    return [[_text(f"{name}: {value}")] for name, value in rows if value]


def _lines(invoice: Record) -> Flowable:
    shown = iter(invoice.get("line_items") or ())
    rows: list[list[Any]] = [[_text("Description", bold=True), *(_text(name, bold=True, right=True) for name in ("Quantity", "Unit price", "Tax", "Amount"))]]
    for period in invoice.get("periods") or ():
        for group in period.get("groups") or ():
            for line in group.get("lines") or ():
                rows.append(_line(line, next(shown, {})))
    if len(rows) == 1:
        rows.append([_text("Nothing to pay for"), "", "", "", ""])
    return _table(rows)


def _line(line: Record, item: Record) -> list[Any]:
    rates = " + ".join(f"{rate['percentage']} %" for rate in line.get("tax_categories") or ())
    price = item.get("unit_price")
    values = (item.get("quantity") or "1", _money(price) if price else "", rates, _money(line["amount_excluding_tax"]))
    return [_text(line.get("description") or ""), *(_text(value, right=True) for value in values)]


def _totals(invoice: Record) -> Flowable:
    rows: list[tuple[str, Any]] = [("Subtotal", invoice.get("invoice_amount_excluding_tax"))]
    rows += [(f"Tax {rate['percentage']} % of {_money(rate['base_amount'])}", rate["tax_amount"]) for rate in invoice.get("tax_categories") or ()]
    rows += [("Total", invoice.get("invoice_amount_including_tax") or invoice.get("total_amount"))]
    if any(character in "123456789" for character in (invoice.get("paid_invoice_amount") or {}).get("quantity", "")):
        rows += [("Paid", invoice["paid_invoice_amount"]), ("Open", invoice.get("open_invoice_amount"))]
    written = [["", _text(name, bold=name == "Total", right=True), _text(_money(amount), bold=name == "Total", right=True)] for name, amount in rows]
    return _grid(written, (200, 190, 90), ())


def _day(stamp: Any) -> str:
    return str(stamp)[:10] if stamp else ""


def _money(amount: Any) -> str:
    """1,234.50 EUR."""
    whole, _, cents = str(amount["quantity"]).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{'.' + cents if cents else ''} {amount['currency']}"


# --- the library ------------------------------------------------------------------------------------------------------


def _fonts() -> None:
    from reportlab.pdfbase import pdfmetrics  # heavy, and few ever print
    from reportlab.pdfbase.ttfonts import TTFont  # heavy, and few ever print

    for name in (_FONT, _BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))


def _plain(text: object) -> str:
    """A text in the letters the font has; an accent it lacks is left off, a letter it lacks becomes a question mark."""
    from reportlab.pdfbase import pdfmetrics  # heavy, and few ever print

    font: Any = pdfmetrics.getFont(_FONT)
    known = font.face.charToGlyph
    return "".join(_shown(letter, known) for letter in str(text) if letter >= " ")


def _shown(letter: str, known: Mapping[int, Any]) -> str:
    if ord(letter) in known:
        return letter
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and all(ord(part) in known for part in bare) else "?"


def _text(text: object, *, bold: bool = False, right: bool = False, size: float = 8.5) -> Flowable:
    from reportlab.lib.enums import TA_LEFT, TA_RIGHT  # heavy, and few ever print
    from reportlab.lib.styles import ParagraphStyle  # heavy, and few ever print
    from reportlab.platypus import Paragraph  # heavy, and few ever print

    style = ParagraphStyle("text", fontName=_BOLD if bold else _FONT, fontSize=size, leading=size * 1.35,
                           alignment=TA_RIGHT if right else TA_LEFT, splitLongWords=1)
    return Paragraph(escape(_plain(text)), style)


def _two_columns(left: Sequence[Sequence[Any]], right: Sequence[Sequence[Any]]) -> Flowable:
    def stacked(rows: Sequence[Sequence[Any]]) -> list[Any]:
        return [row[0] if not isinstance(row[0], str) else _text(row[0], bold=row[0] == "Bill to") for row in rows]

    return _grid([[stacked(left), stacked(right)]], (270, 210), ())


def _table(rows: list[list[Any]]) -> Flowable:
    from reportlab.lib import colors  # heavy, and few ever print

    faint = colors.HexColor(_FAINT)
    return _grid(rows, _WIDTHS, (("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black), ("LINEBELOW", (0, 1), (-1, -1), 0.25, faint)), 1)


def _grid(rows: Sequence[list[Any]], widths: Sequence[float], style: Sequence[Any], heads: int = 0) -> Flowable:
    from reportlab.platypus import Table  # heavy, and few ever print

    close = (("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 4), ("VALIGN", (0, 0), (-1, -1), "TOP"))
    return Table(rows, colWidths=widths, style=[*close, *style], repeatRows=heads, hAlign="LEFT")


def _footer(name: str) -> Any:
    def drawn(canvas: Any, document: Any) -> None:
        canvas.setFont(_FONT, 7)
        canvas.drawString(57, 36, _plain(name))
        canvas.drawRightString(538, 36, f"Page {document.page}")

    return drawn
