"""An invoice as UBL 2.1 (OASIS, 4 November 2013): an Invoice, or a CreditNote where it takes money back.

1. Elements come in the order of the standard's schemas, required ones always; the same bytes for the same invoice.
2. Codes are those of EN 16931: UNTDID 1001 (380, 381) for the document, UNTDID 5305 (S, Z, E, O) for tax, C62 for pieces.
3. Nothing is computed but the sign of a credit note, whose amounts are positive, and a unit price where none is shown.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from understudy_solvimon import money
from understudy_solvimon.printing import party_lines

Record = Mapping[str, Any]

_ROOT = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"
_PARTS = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
_BASICS = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_CUSTOMIZATION = "urn:cen.eu:en16931:2017"

_CATEGORIES: Mapping[str, str] = {"STANDARD": "S", "NO_TAX": "O", "EXEMPT": "E"}


def ubl(invoice: Record, seller: Record, buyer: Record, pdf: bytes | None = None) -> bytes:
    """An invoice as UBL 2.1, UTF-8; with `pdf`, that document inside. `seller` is the billing entity, `buyer` the customer."""
    credit = str(invoice.get("type")).endswith("CREDIT")
    kind = "CreditNote" if credit else "Invoice"
    return _Writer(invoice, kind, -1 if credit else 1).document(seller, buyer, pdf)


class _Writer:
    """One document being written, element by element in the order of the standard."""

    __slots__ = ("currency", "invoice", "kind", "sign")

    def __init__(self, invoice: Record, kind: str, sign: int) -> None:
        self.invoice = invoice
        self.kind = kind
        self.sign = sign
        self.currency = str(invoice["billing_currency"])

    def document(self, seller: Record, buyer: Record, pdf: bytes | None) -> bytes:
        root = Xml.Element(self.kind, {"xmlns": _ROOT.format(self.kind), "xmlns:cac": _PARTS, "xmlns:cbc": _BASICS})
        self.head(root)
        self.references(root, pdf)
        self.party(_part(root, "AccountingSupplierParty"), seller)
        self.party(_part(root, "AccountingCustomerParty"), buyer)
        self.terms(root)
        self.tax_total(root)
        self.totals(root)
        self.lines(root)
        _prune(root)
        written: bytes = Xml.tostring(root, encoding="UTF-8", xml_declaration=True)
        return written

    def head(self, root: Xml.Element) -> None:
        invoice, credit = self.invoice, self.kind == "CreditNote"
        _basic(root, "UBLVersionID", "2.1")
        _basic(root, "CustomizationID", _CUSTOMIZATION)
        _basic(root, "ID", invoice.get("invoice_number") or invoice["id"])
        _basic(root, "IssueDate", _day(invoice.get("invoice_date") or invoice["created_at"]))
        if invoice.get("due_date") and not credit:
            _basic(root, "DueDate", _day(invoice["due_date"]))
        _basic(root, f"{self.kind}TypeCode", "381" if credit else "380")
        for note in [*(invoice.get("notes") or ()), invoice.get("footnote")]:
            if note:
                _basic(root, "Note", note)
        _basic(root, "DocumentCurrencyCode", self.currency)
        if invoice.get("billing_period_start") and invoice.get("billing_period_end"):
            period = _part(root, "InvoicePeriod")
            _basic(period, "StartDate", _day(invoice["billing_period_start"]))
            _basic(period, "EndDate", _day(invoice["billing_period_end"]))

    def references(self, root: Xml.Element, pdf: bytes | None) -> None:
        if self.invoice.get("purchase_order_number"):
            _basic(_part(root, "OrderReference"), "ID", self.invoice["purchase_order_number"])
        original = self.invoice.get("credit") or {}
        if original:
            named = (original.get("original_invoice_info") or {}).get("invoice_number") or original["original_invoice_id"]
            _basic(_part(_part(root, "BillingReference"), "InvoiceDocumentReference"), "ID", named)
        if pdf is not None:
            held = _part(root, "AdditionalDocumentReference")
            name = str(self.invoice.get("invoice_number") or self.invoice["id"])
            _basic(held, "ID", name)
            _basic(_part(held, "Attachment"), "EmbeddedDocumentBinaryObject", b64encode(pdf).decode("ascii"),
                   mimeCode="application/pdf", filename=f"{name}.pdf")

    def party(self, outer: Xml.Element, party: Record) -> None:
        of = _part(outer, "Party")
        name = next((said for line in party_lines(party) if (said := _letters(line))), "unknown")
        organization, individual = party.get("organization") or {}, party.get("individual") or {}
        address = party.get("registered_address") or organization.get("registered_address") or individual.get("residential_address") or {}
        _basic(_part(of, "PartyName"), "Name", name)
        _address(_part(of, "PostalAddress"), address)
        number = party.get("tax_id") or organization.get("tax_id")
        if number:
            scheme = _part(of, "PartyTaxScheme")
            _basic(scheme, "CompanyID", number)
            _basic(_part(scheme, "TaxScheme"), "ID", "VAT")
        legal = _part(of, "PartyLegalEntity")
        _basic(legal, "RegistrationName", name)
        registered = party.get("registration_number") or organization.get("registration_number")
        if registered:
            _basic(legal, "CompanyID", registered)
        if party.get("email"):
            _basic(_part(of, "Contact"), "ElectronicMail", party["email"])

    def terms(self, root: Xml.Element) -> None:
        if self.invoice.get("due_date"):
            _basic(_part(root, "PaymentTerms"), "Note", f"Due on {_day(self.invoice['due_date'])}")

    def tax_total(self, root: Xml.Element) -> None:
        summary = self.invoice["tax_summary"]
        total = _part(root, "TaxTotal")
        self.amount(total, "TaxAmount", summary["tax_amount"])
        for rate in self.invoice.get("tax_categories") or ():
            part = _part(total, "TaxSubtotal")
            self.amount(part, "TaxableAmount", rate["base_amount"])
            self.amount(part, "TaxAmount", rate["tax_amount"])
            _category(_part(part, "TaxCategory"), rate)

    def totals(self, root: Xml.Element) -> None:
        total = _part(root, "LegalMonetaryTotal")
        net, gross = self.invoice["invoice_amount_excluding_tax"], self.invoice["invoice_amount_including_tax"]
        self.amount(total, "LineExtensionAmount", net)
        self.amount(total, "TaxExclusiveAmount", net)
        self.amount(total, "TaxInclusiveAmount", gross)
        paid = money.money(self.invoice.get("paid_invoice_amount") or {"quantity": "0", "currency": self.currency}).quantity
        if paid:
            self.amount(total, "PrepaidAmount", money.amount(paid, self.currency))
        self.amount(total, "PayableAmount", money.amount(money.money(gross).quantity - paid, self.currency))

    def lines(self, root: Xml.Element) -> None:
        shown = iter(self.invoice.get("line_items") or ())
        number = 0
        for period in self.invoice.get("periods") or ():
            for group in period.get("groups") or ():
                for line in group.get("lines") or ():
                    number += 1
                    self.line(root, number, line, next(shown, {}))
        if not number:  # the standard wants one at least
            nothing = {"description": "Nothing to pay for", "amount_excluding_tax": money.amount(money.ZERO, self.currency)}
            self.line(root, 1, nothing, {"quantity": "0"})

    def line(self, root: Xml.Element, number: int, line: Record, item: Record) -> None:
        of = _part(root, f"{self.kind}Line")
        net = self.sign * money.money(line["amount_excluding_tax"]).quantity
        quantity = abs(money.number(item.get("quantity") or "1"))
        _basic(of, "ID", str(number))
        signed = -quantity if net < 0 else quantity
        _basic(of, "CreditedQuantity" if self.kind == "CreditNote" else "InvoicedQuantity", money.text(signed), unitCode="C62")
        _basic(of, "LineExtensionAmount", money.amount(net, self.currency)["quantity"], currencyID=self.currency)
        held = _part(of, "Item")
        _basic(held, "Name", _letters(line.get("description") or "") or "Line")
        reference = item.get("product_item_reference")
        if reference:
            _basic(_part(held, "SellersItemIdentification"), "ID", reference)
        for rate in (line.get("tax_categories") or ())[:1]:
            _category(_part(held, "ClassifiedTaxCategory"), rate)
        price = abs(net) / quantity if quantity else abs(net)
        _basic(_part(of, "Price"), "PriceAmount", money.text(price), currencyID=self.currency)

    def amount(self, outer: Xml.Element, name: str, amount: Record) -> None:
        turned = money.amount(self.sign * money.money(amount).quantity, self.currency)
        _basic(outer, name, turned["quantity"], currencyID=self.currency)


def _category(of: Xml.Element, rate: Record) -> None:
    percentage = money.number(rate["percentage"])
    code = _CATEGORIES.get(rate["category"], "S")
    _basic(of, "ID", "Z" if code == "S" and not percentage else code)
    _basic(of, "Percent", money.text(percentage))
    if code in ("E", "O"):
        _basic(of, "TaxExemptionReason", "Exempt from tax" if code == "E" else "Not subject to tax")
    _basic(_part(of, "TaxScheme"), "ID", "VAT")


def _address(of: Xml.Element, address: Record) -> None:
    for name, field in (("StreetName", "line1"), ("AdditionalStreetName", "line2"), ("CityName", "city"),
                        ("PostalZone", "postal_code"), ("CountrySubentity", "state")):
        if address.get(field):
            _basic(of, name, address[field])
    if address.get("country"):
        _basic(_part(of, "Country"), "IdentificationCode", address["country"])


def _part(outer: Xml.Element, name: str) -> Xml.Element:
    return Xml.SubElement(outer, f"cac:{name}")


def _basic(outer: Xml.Element, name: str, text: object, **attributes: str) -> None:
    Xml.SubElement(outer, f"cbc:{name}", attributes).text = _letters(text)


def _prune(outer: Xml.Element) -> None:
    """Take out what says nothing: no element may be empty (UBL 2.1, 5.3). What must be there has a word in its place."""
    for element in list(outer):
        _prune(element)
        if not len(element) and not element.text:
            outer.remove(element)


def _letters(text: object) -> str:
    """A text without the characters that XML 1.0 cannot hold."""
    return "".join(letter for letter in str(text) if letter in "\t\n" or " " <= letter < "\ud800" or "\ue000" <= letter <= "\ufffd" or letter > "\uffff").strip()


def _day(stamp: object) -> str:
    return str(stamp)[:10]
