"""Invoices as documents: the PDF can be read, the UBL is valid by the schemas of the standard."""

from __future__ import annotations

import base64
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvimon import worlds
from solvimon.bench import Bench, Record
from solvimon.standards import breaches, root_of
from understudy_solvimon import printing, ubl

CAC, CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}", "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"

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


@pytest.fixture(scope="module")
def kept() -> tuple[Bench, Record]:
    """That world, made once, to be read only."""
    return world()


def parties(bench: Bench) -> tuple[Record, Record]:
    """Who bills and who is billed."""
    return bench.all("billing_entity")[0], bench.all("customer")[0]


# --- UBL --------------------------------------------------------------------------------------------------------------


def test_every_kind_of_invoice_is_valid_by_the_schemas_of_the_standard() -> None:
    """UBL 2.1: drafts, final ones, one-off, credited whole and in part, begun anew, and the credit of a one-off."""
    bench, invoice = world()
    line = {"pricing_name": "Setup", "pricing_type": "FIXED", "pricing_band": {"amount": worlds.amount("50.00")}}
    single = bench.call("create_invoice", {"type": "ONE_OFF", "customer_reference": "acme-001"})
    bench.call("add_line", line, single)
    back = bench.call("create_invoice", {"type": "ONE_OFF_CREDIT", "customer_reference": "acme-001", "linked_invoices_ids": [single["id"]]})
    bench.call("add_line", line, back)
    part = {"periods": [{"period_order": 1, "amount": worlds.amount("5.00")}]}
    bench.call("credit_invoice", {**part, "note": "Half a day was lost"}, invoice)
    bench.advance("2025-06-20T00:00:00Z")
    final = bench.call("update_invoice", {"status": "FINAL"}, single)
    bench.call("credit_and_copy", {}, final)
    kinds = set()
    for kept in bench.all("invoice"):
        document = bench.call("invoice_ubl", None, kept)
        assert breaches(document) == [], kept["type"]
        kinds.add((kept["type"], root_of(document)))
    assert kinds == {("STANDARD", "Invoice"), ("ONE_OFF", "Invoice"), ("CREDIT", "CreditNote"), ("ONE_OFF_CREDIT", "CreditNote")}


def test_what_the_standard_does_not_allow_is_found() -> None:
    """The judge judges: an element out of its place, one that says nothing, a document of no currency."""
    bench, invoice = world()
    good = bench.call("invoice_ubl", None, invoice)
    number = b"<cbc:ID>INV-000001</cbc:ID>"
    assert breaches(good) == []
    assert breaches(good.replace(number, b"", 1))
    assert breaches(good.replace(number, b"<cbc:ID></cbc:ID>", 1))
    assert breaches(good.replace(b'currencyID="EUR"', b"", 1))


def test_the_credit_note_names_what_it_takes_back_and_its_amounts_are_positive() -> None:
    """Root CreditNote, the invoice it takes back named."""
    bench, invoice = world()
    credit = bench.call("credit_invoice", {}, invoice)
    root = Xml.fromstring(bench.call("invoice_ubl", None, credit))
    assert root.findtext(f".//{CAC}InvoiceDocumentReference/{CBC}ID") == invoice["invoice_number"]
    assert root.findtext(f"{CAC}LegalMonetaryTotal/{CBC}TaxInclusiveAmount") == invoice["total_amount"]["quantity"]


def test_an_invoice_without_lines_has_the_one_the_standard_wants() -> None:
    """At zero."""
    bench, _ = world()
    empty = bench.call("create_invoice", {"type": "ONE_OFF", "customer_reference": "acme-001"})
    document = bench.call("invoice_ubl", None, empty)
    root = Xml.fromstring(document)
    assert breaches(document) == []
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
    document = bench.call("invoice_ubl", None, invoice, include_invoice_pdf=True)
    root = Xml.fromstring(document)
    held = root.find(f".//{CBC}EmbeddedDocumentBinaryObject")
    assert held is not None
    assert (held.attrib["mimeCode"], base64.b64decode(str(held.text))[:5]) == ("application/pdf", b"%PDF-")
    assert breaches(document) == []


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
    assert breaches(ubl.ubl(invoice, seller, {"organization": {"legal_name": name}})) == []


@given(st.text(max_size=12), st.text(max_size=12))
@settings(max_examples=40, deadline=None, database=None)
def test_any_words_make_a_valid_document(kept: tuple[Bench, Record], word: str, other: str) -> None:
    """Whatever a customer, an order number, a note or a line is called: what XML cannot hold is left out, and nothing is empty."""
    bench, invoice = kept
    line = {**invoice["periods"][0]["groups"][0]["lines"][0], "description": word}
    odd = {**invoice, "purchase_order_number": word, "footnote": other, "notes": [word, other],
           "periods": [{**invoice["periods"][0], "groups": [{**invoice["periods"][0]["groups"][0], "lines": [line]}]}]}
    buyer = {"organization": {"legal_name": word, "tax_id": other, "registration_number": word, "registered_address": {"line1": other, "city": word}},
             "email": word}
    assert breaches(ubl.ubl(odd, parties(bench)[0], buyer)) == []
