"""Invoices as documents: the PDF can be read, the UBL keeps the order and the numbers of the standard."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from solvimon import worlds
from solvimon.bench import Bench, Record
from understudy_solvimon import printing, ubl

CAC, CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}", "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"

# Children in the order of the UBL 2.1 schemas (UBL-Invoice-2.1.xsd, UBL-CreditNote-2.1.xsd, UBL-CommonAggregateComponents-2.1.xsd):
# `1` required, `?` at most once, `*` any number, `+` at least one. Elements this document never has are left out.
STANDARD: dict[str, str] = {
    "Invoice": "UBLVersionID? CustomizationID? ProfileID? ID1 CopyIndicator? UUID? IssueDate1 IssueTime? DueDate? InvoiceTypeCode? Note* TaxPointDate? "
               "DocumentCurrencyCode? BuyerReference? InvoicePeriod* OrderReference? BillingReference* AdditionalDocumentReference* "
               "AccountingSupplierParty1 AccountingCustomerParty1 PayeeParty? Delivery* PaymentMeans* PaymentTerms* AllowanceCharge* TaxTotal* "
               "LegalMonetaryTotal1 InvoiceLine+",
    "CreditNote": "UBLVersionID? CustomizationID? ProfileID? ID1 CopyIndicator? UUID? IssueDate1 IssueTime? TaxPointDate? CreditNoteTypeCode? Note* "
                  "DocumentCurrencyCode? BuyerReference? InvoicePeriod* DiscrepancyResponse* OrderReference? BillingReference* "
                  "AdditionalDocumentReference* AccountingSupplierParty1 AccountingCustomerParty1 PayeeParty? Delivery* PaymentMeans* PaymentTerms* "
                  "AllowanceCharge* TaxTotal* LegalMonetaryTotal1 CreditNoteLine+",
    "AccountingSupplierParty": "Party?", "AccountingCustomerParty": "Party?",
    "Party": "EndpointID? PartyIdentification* PartyName* PostalAddress? PartyTaxScheme* PartyLegalEntity* Contact?",
    "PartyName": "Name1", "PartyTaxScheme": "RegistrationName? CompanyID? TaxScheme1", "PartyLegalEntity": "RegistrationName? CompanyID?",
    "Contact": "ID? Name? Telephone? Telefax? ElectronicMail?",
    "PostalAddress": "ID? StreetName? AdditionalStreetName? CityName? PostalZone? CountrySubentity? Country?",
    "Country": "IdentificationCode? Name?", "TaxScheme": "ID? Name?", "InvoicePeriod": "StartDate? StartTime? EndDate? EndTime?",
    "OrderReference": "ID1", "BillingReference": "InvoiceDocumentReference?", "InvoiceDocumentReference": "ID1",
    "AdditionalDocumentReference": "ID1 Attachment?", "Attachment": "EmbeddedDocumentBinaryObject?", "PaymentTerms": "ID? Note*",
    "TaxTotal": "TaxAmount1 RoundingAmount? TaxSubtotal*", "TaxSubtotal": "TaxableAmount? TaxAmount1 Percent? TaxCategory1",
    "TaxCategory": "ID? Name? Percent? TaxExemptionReasonCode? TaxExemptionReason* TaxScheme1",
    "ClassifiedTaxCategory": "ID? Name? Percent? TaxExemptionReasonCode? TaxExemptionReason* TaxScheme1",
    "LegalMonetaryTotal": "LineExtensionAmount? TaxExclusiveAmount? TaxInclusiveAmount? AllowanceTotalAmount? ChargeTotalAmount? PrepaidAmount? "
                          "PayableRoundingAmount? PayableAmount1",
    "InvoiceLine": "ID1 Note* InvoicedQuantity? LineExtensionAmount1 InvoicePeriod* AllowanceCharge* TaxTotal* Item1 Price?",
    "CreditNoteLine": "ID1 Note* CreditedQuantity? LineExtensionAmount1 InvoicePeriod* TaxTotal* AllowanceCharge* Item1 Price?",
    "Item": "Description* Name? SellersItemIdentification? ClassifiedTaxCategory*", "SellersItemIdentification": "ID1",
    "Price": "PriceAmount1 BaseQuantity?",
}


def local(element: Any) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def breaches(element: Any) -> list[str]:
    """What of an element and all below breaks the standard's order or numbers, or is empty."""
    name, children = local(element), [local(child) for child in element]
    if not children:
        return [] if (element.text or "").strip() else [f"{name} is empty"]
    rules = re.findall(r"(\w+)([1?*+])", re.sub(r"(\w)1( |$)", r"\g<1>_1\2", STANDARD[name]).replace("_1", "1"))
    pattern = "".join(f"(?:{part} )" + {"1": "", "?": "?", "*": "*", "+": "+"}[many] for part, many in rules)
    own = [] if re.fullmatch(pattern, "".join(f"{child} " for child in children)) else [f"{name}: {children}"]
    return own + [found for child in element for found in breaches(child)]


def world() -> tuple[Bench, Record]:
    """An invoice with usage, a discount, two rates, a note, an order number and a part paid."""
    bench = Bench(tax_rates={"NL": "21"})
    made = worlds.tutorial(bench)
    bench.change("billing_entity", made["entity"]["id"], legal_name="Wayfinch & Zoon BV", tax_id="NL000099998B57", email="billing@wayfinch.example",
                 registered_address={"line1": "Veerkade 12", "city": "Rotterdam", "postal_code": "3016 DE", "country": "NL"})
    bench.change("customer", made["customer"]["id"], organization={
        "legal_name": "Łódź <Żółć> GmbH 日本", "tax_ids": [{"id": "DE123"}], "registered_address": {"city": "Berlin", "country": "DE"}})
    bench.change("schedule", made["init"]["pricing_plan_schedules"][0]["id"], discount={"totals": [{"percentage": "10"}]})
    bench.call("ingest", worlds.event("evt_20250506_001", "4000"))
    (invoice,) = bench.all("invoice")
    exempt = {"pricing_name": "Stamps", "pricing_type": "FIXED", "pricing_band": {"amount": worlds.amount("12.34")}}
    bench.call("add_line", exempt, invoice)
    bench.call("update_invoice", {"purchase_order_number": "PO-7", "footnote": "Thank you"}, invoice)
    bench.call("update_invoice", {"status": "FINAL"}, invoice)
    bench.call("create_payment", {"invoice_id": invoice["id"], "external_reference": "X", "amount": worlds.amount("100.00"), "result": "AUTHORIZED"})
    return bench, bench.read("invoice", invoice["id"])


def parties(bench: Bench) -> tuple[Record, Record]:
    """Who bills and who is billed."""
    return bench.all("billing_entity")[0], bench.all("customer")[0]


# --- UBL --------------------------------------------------------------------------------------------------------------


def test_the_invoice_keeps_the_order_and_numbers_of_the_standard() -> None:
    """UBL 2.1, element by element."""
    bench, _ = world()
    root = Xml.fromstring(bench.call("invoice_ubl", None, bench.all("invoice")[0]))
    assert local(root) == "Invoice"
    assert breaches(root) == []


def test_the_credit_note_does_and_its_amounts_are_positive() -> None:
    """Root CreditNote, code 381, the invoice it takes back named."""
    bench, invoice = world()
    credit = bench.call("credit_invoice", {}, invoice)
    root = Xml.fromstring(bench.call("invoice_ubl", None, credit))
    assert (local(root), breaches(root)) == ("CreditNote", [])
    assert root.findtext(f".//{CAC}InvoiceDocumentReference/{CBC}ID") == invoice["invoice_number"]
    assert root.findtext(f"{CAC}LegalMonetaryTotal/{CBC}TaxInclusiveAmount") == invoice["total_amount"]["quantity"]


def test_an_invoice_without_lines_has_the_one_the_standard_wants() -> None:
    """At zero."""
    bench, _ = world()
    empty = bench.call("create_invoice", {"type": "ONE_OFF", "customer_reference": "acme-001"})
    root = Xml.fromstring(bench.call("invoice_ubl", None, empty))
    assert breaches(root) == []
    assert [line.findtext(f"{CBC}LineExtensionAmount") for line in root.iter(f"{CAC}InvoiceLine")] == ["0.00"]


def test_the_amounts_of_the_document_add_up() -> None:
    """Lines to the net amount, subtotals to the tax, less what is paid to what is payable (EN 16931 BR-CO-10 to BR-CO-16)."""
    bench, invoice = world()
    root = Xml.fromstring(ubl.ubl(invoice, *parties(bench)))

    def number(path: str) -> Fraction:
        return Fraction(str(root.findtext(path)))

    total = f"{CAC}LegalMonetaryTotal/{CBC}"
    assert sum(Fraction(str(line.findtext(f"{CBC}LineExtensionAmount"))) for line in root.iter(f"{CAC}InvoiceLine")) == number(f"{total}LineExtensionAmount")
    assert sum(Fraction(str(part.findtext(f"{CBC}TaxAmount"))) for part in root.iter(f"{CAC}TaxSubtotal")) == number(f"{CAC}TaxTotal/{CBC}TaxAmount")
    assert number(f"{total}TaxInclusiveAmount") - number(f"{total}PrepaidAmount") == number(f"{total}PayableAmount")
    for line in root.iter(f"{CAC}InvoiceLine"):
        price, units = (Fraction(str(line.findtext(path))) for path in (f"{CAC}Price/{CBC}PriceAmount", f"{CBC}InvoicedQuantity"))
        assert price >= 0
        assert abs(price * units - Fraction(str(line.findtext(f"{CBC}LineExtensionAmount")))) < Fraction(1, 100)


def test_the_pdf_travels_inside_where_it_is_asked_for() -> None:
    """include_invoice_pdf."""
    bench, invoice = world()
    root = Xml.fromstring(bench.call("invoice_ubl", None, invoice, include_invoice_pdf=True))
    held = root.find(f".//{CBC}EmbeddedDocumentBinaryObject")
    assert held is not None
    assert (held.attrib["mimeCode"], base64.b64decode(str(held.text))[:5]) == ("application/pdf", b"%PDF-")
    assert breaches(root) == []


# --- PDF --------------------------------------------------------------------------------------------------------------


def test_the_same_invoice_is_the_same_bytes() -> None:
    """No time stamp and no random id in either."""
    bench, invoice = world()
    assert printing.pdf(invoice, *parties(bench)) == printing.pdf(invoice, *parties(bench))
    assert ubl.ubl(invoice, *parties(bench)) == ubl.ubl(invoice, *parties(bench))


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is not on this machine")
def test_the_pdf_says_what_the_invoice_says(tmp_path: Path) -> None:
    """Number, parties, lines, totals, as another program reads them."""
    bench, invoice = world()
    file = tmp_path / "invoice.pdf"
    file.write_bytes(bench.call("invoice_pdf", None, invoice))
    said = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True, text=True).stdout
    for words in ("Invoice", "INV-000001", "Wayfinch & Zoon BV", "NL000099998B57", "<", "PO-7", "Registered employees", "4000", "2,000.00 EUR", "-200.00 EUR",
                  "Stamps", "1,812.34 EUR", "2,192.93 EUR", "Paid", "100.00 EUR", "Thank you", "Page 1"):
        assert words in said, words


def test_a_long_invoice_has_many_pages_and_a_long_word_breaks() -> None:
    """Nothing fails for its size."""
    bench, invoice = world()
    line = invoice["periods"][0]["groups"][0]["lines"][0]
    group = {**invoice["periods"][0]["groups"][0], "lines": [{**line, "description": "x" * 300}] * 120}
    long = {**invoice, "periods": [{**invoice["periods"][0], "groups": [group]}]}
    assert printing.pdf(long, *parties(bench)).count(b"/Type /Page") > 5


@pytest.mark.parametrize("name", ["", "Ω≈ç√∫", "\x00\x01", "𝔘𝔫𝔦", "a" * 2000, "<b>&amp;</b>"])
def test_any_name_can_be_printed(name: str) -> None:
    """Letters the font lacks are replaced, none is taken for markup."""
    bench, invoice = world()
    seller, _ = parties(bench)
    assert printing.pdf(invoice, seller, {"organization": {"legal_name": name}}).startswith(b"%PDF-")
    Xml.fromstring(ubl.ubl(invoice, seller, {"organization": {"legal_name": name}}))
