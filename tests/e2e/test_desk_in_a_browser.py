"""The Desk in a real Chromium: a story from customer to replayed webhook, hostile records, other origins, keys, accessibility."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.browsing import Person, axe, chromium, faults
from support.hooks import hooking
from support.hosted import hosted
from support.served import Served, served

CUSTOMER = {"reference": "globex-001", "type": "ORGANIZATION", "email": "billing@globex.example", "timezone": "Europe/Berlin",
            "organization": {"legal_name": "Globex GmbH", "tax_ids": [{"id": "368807022", "type": "GENERIC_TAX_ID"}]}}  # fmt: skip
SUBSCRIPTION = {
    "pricing_plan_subscription": {"reference": "globex-001-sub", "customer_reference": "globex-001", "billing_entity_reference": "default_entity",
                                  "billing_currency": "EUR", "billing_time": "EXACT"},
    "pricing_plan_schedules": [{"pricing_plan_version_selector": {"pricing_plan_reference": "default_pricing"}, "start_at": "2025-05-06T00:00:00Z"}],
}  # fmt: skip
USAGE = {"meter_reference": "meter_registered_employee", "customer_reference": "globex-001", "reference": "evt_globex_001",
         "meter_values": [{"reference": "employee_count", "number": "5"}], "meter_properties": [{"reference": "employee_country", "value": "GBR"}]}  # fmt: skip

HOSTILE = ("<script>window.pwned = 1</script>", "</script><script>window.pwned = 1</script>", "</textarea><img src=x onerror='window.pwned = 1'>", "javascript:window.pwned=1",
           "<svg onload='window.pwned = 1'>", "\"'><a href='javascript:window.pwned=1'>x</a>", "{{constructor.constructor('window.pwned=1')()}}", "\u202eevil", "x" * 240)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """The bundled sandbox where the guide ends, for all tests here; each has a world of its own."""
    with served("--fixture", "tutorial") as one:
        yield one


@pytest.fixture(scope="module")
def person(server: Served) -> Iterator[Person]:
    """Somebody with one browser for all tests here."""
    with chromium() as driver:
        yield Person(driver, f"http://localhost:{server.port}")


def made(server: Served, world: str, path: str, body: Any) -> Any:
    """What a client of the API makes in a world."""
    status, _, answer = server("POST", path, body, {"Understudy-World": world})
    assert status < 300, answer
    return answer


def send(person: Person, key: str, body: Any) -> None:
    """Fill in an operation's form and send it."""
    person.click(key, "button")
    person.write("Body", json.dumps(body))
    person.click("Send")
    person.until(lambda: person.all("dialog .outcome .pill.good"))


def test_from_a_customer_to_a_replayed_webhook(person: Person) -> None:
    """Made, activated and subscribed by the Desk; the clock advanced; the final invoice read; its webhook replayed."""
    with hooking() as hooks:
        person.open("deliveries", "story")
        person.click("New endpoint")
        person.write("URL", hooks.url)
        person.click("Tell it from now on")
        person.see("Its secret, shown this once", "dialog")
        person.click("Close")
        person.click("Customers", "nav a span")
        send(person, "POST /v1/customers", CUSTOMER)
        person.follow("dialog .outcome + p a", "Open customer")
        person.see("DRAFT", "main h1 .pill")
        person.click("activate → ACTIVE")
        person.see("ACTIVE", "main h1 .pill")
        person.click("Subscriptions", "nav a span")
        person.see("Subscriptions", "main h1")
        send(person, "POST /v1/pricing-plan-subscriptions/init", SUBSCRIPTION)
        person.click("Close")
        person.click("Usage events", "nav a span")
        person.see("Usage events", "main h1")
        send(person, "POST /v1/ingest/meter-data", USAGE)
        person.click("Close")
        person.click("+ month")
        person.see("fell due", "#said")
        person.click("Invoices", "nav a span")
        person.see("FINAL", "main td .pill")
        person.follow("main tbody tr", "globex-001", "FINAL", inside="a")
        person.see("FINAL", ".paper header .pill")
        person.see("Globex GmbH", ".paper")
        person.see("2.50 EUR", ".paper .totals")
        person.until(lambda: any(one["type"] == "INVOICE.STATUS_TO_FINAL" for one in hooks.came))
        before = len(hooks.came)
        person.click("Deliveries", "nav a")
        person.see("INVOICE.STATUS_TO_FINAL", "main summary b")
        person.follow("main summary", "INVOICE.STATUS_TO_FINAL", "delivered")
        person.click("Replay", "main .inner button")
        person.see("Replayed", "dialog h2")
        assert len(hooks.came) == before + 1 and hooks.came[-1]["type"] == "INVOICE.STATUS_TO_FINAL"
        assert person.complaints() == []


def test_what_happens_elsewhere_is_shown_at_once(person: Person, server: Served) -> None:
    """A client calls the API, and who looks sees it without asking."""
    person.open("requests", "live")
    person.see("No request yet")
    made(server, "live", "/v1/customers", CUSTOMER)
    person.see("POST /v1/customers", "main summary")
    person.see("created", "main summary")
    person.unfold()
    person.see("curl", "main .inner pre:last-child")
    server("GET", "/v1/nothing", headers={"Understudy-World": "live"})
    person.until(lambda: len(person.all("main summary")) == 2)
    person.see("--data-binary", "main .inner pre:last-child")


def test_no_script_of_a_record_is_ever_run(person: Person, server: Served) -> None:
    """Markup in a record, a path or an event is text, wherever it is shown."""
    for number, text in enumerate(HOSTILE):
        made(server, "hostile", "/v1/customers", {**CUSTOMER, "reference": f"h{number}", "organization": {"legal_name": text}})
    server("GET", "/v1/<script>window.pwned=1</script>?a=<img src=x onerror=window.pwned=1>".replace(" ", "%20"), headers={"Understudy-World": "hostile"})
    server("POST", "/_understudy/endpoints", {"url": "http://localhost:9/%3Cscript%3E", "description": HOSTILE[0]}, {"Understudy-World": "hostile"})
    server("POST", "/_understudy/snapshots", {"name": "before"}, {"Understudy-World": "hostile"})
    customers = server("GET", "/_understudy/records/customer?limit=20&world=hostile")[2]["records"]
    for place in ("", "records/customer", "records/customer?search=%3Cscript%3E", *(f"record/customer/{one['id']}" for one in customers[:len(HOSTILE)]), "requests", "events", "deliveries", "snapshots",
                  "worlds", "record/customer/%3Cscript%3Ewindow.pwned=1%3C/script%3E", "records/%3Cimg%20src=x%20onerror=window.pwned=1%3E", "%3Cscript%3E"):
        person.open(place, "hostile")
        person.unfold()
        assert person.script("return window.pwned") is None
        assert person.script("return document.querySelectorAll('main script, main img, main iframe, main a[href^=javascript]').length") == 0
    person.open("records/customer?search=%3Cscript%3E", "hostile")
    person.see("2 found")


def test_a_page_of_another_origin_changes_nothing(person: Person, server: Served) -> None:
    """It may send what it likes: it is refused, reads nothing, and shows the Desk in no frame."""
    made(server, "kept", "/v1/customers", CUSTOMER)
    attack = f"""<!doctype html><title>evil</title><iframe id="desk" src="http://localhost:{server.port}/_understudy/desk"></iframe><script>
      const at = 'http://localhost:{server.port}/_understudy';
      const tries = [['/reset?world=kept', {{method: 'POST', mode: 'no-cors', body: '{{}}'}}], ['/reset?world=kept', {{method: 'POST', body: '{{}}', headers: {{'content-type': 'application/json'}}}}],
        ['/worlds/kept', {{method: 'DELETE'}}], ['/requests?world=kept', {{}}], ['/worlds?world=image', {{mode: 'no-cors'}}], ['/stream', {{}}]];
      Promise.all(tries.map(([path, how]) => fetch(at + path, how).then(answer => answer.type + ' ' + answer.status, () => 'refused'))).then(said => {{ window.said = said; }});
      new Image().src = at + '/clock?world=begun-by-an-image';
    </script>"""
    with hosted() as host:
        person.driver.get(host.put("/evil", attack, "text/html"))
        said = person.until(lambda: person.script("return window.said"))
    assert said == ["refused"] * 6
    assert server("GET", "/v1/customers", headers={"Understudy-World": "kept"})[2]["data"][0]["reference"] == "globex-001"
    assert not {"image", "begun-by-an-image"} & set(server("GET", "/_understudy/health")[2]["worlds"])


def test_the_desk_is_used_by_keys_alone(person: Person) -> None:
    """Places by `g` and a letter, rows by `j`, the search by `/`, dialogs by Enter and Escape."""
    person.open("", "keys")
    person.press("gw")
    person.see("Worlds", "main h1")
    person.press("go")
    person.until(lambda: person.all("main .tiles a"))
    person.press("j")
    assert person.script("return document.activeElement.closest('.tiles') !== null")
    person.press("\ue007")
    person.until(lambda: person.all("main[data-view=records]"))
    person.press("/")
    assert person.script("return document.activeElement.type") == "search"
    person.press("no such thing\ue007")
    person.see("0 found")
    person.script("document.activeElement.blur()")
    person.press("?")
    person.see("Keys", "dialog h2")
    person.press("\ue00c")
    person.until(lambda: not person.all("dialog[open]"))
    assert person.script("return getComputedStyle(document.documentElement).colorScheme") == "light"
    person.press("t")
    assert person.script("return getComputedStyle(document.documentElement).colorScheme") == "dark"
    person.press("t")


def test_a_world_is_begun_looked_at_and_ended(person: Person) -> None:
    """Begun as a fork, saved, changed, compared, restored, deleted."""
    person.open("worlds", "one")
    person.click("New world")
    person.write("Name", "two")
    person.write("As", "one")
    person.click("Begin")
    person.until(lambda: "world=two" in person.driver.current_url)
    person.open("snapshots", "two")
    person.write("Save this moment", "before")
    person.click("Save")
    person.see("before", "main td")
    person.click("+ month")
    person.click("What changed since")
    person.see("created", "main")
    person.click("Restore")
    person.click("Restore", "dialog button")
    person.see("2025-05-06", "#clock .now")
    person.open("worlds", "one")
    person.follow("main tbody tr", "two", inside="button.bad")
    person.click("Delete", "dialog button")
    person.until(lambda: person.script("return [...document.querySelectorAll('main tbody tr')].every(one => !one.innerText.startsWith('two'))"))


def test_a_fault_is_added_strikes_and_is_removed(person: Person, server: Served) -> None:
    """By a form; how often it struck is seen as it happens."""
    person.open("faults", "faulty")
    person.click("Add a fault")
    person.write("Operation", "GET /v1/customers")
    person.write("Status", "503")
    person.write("Times", "2")
    person.click("Add", "dialog button")
    person.see("GET /v1/customers; 2 times", "main td")
    assert server("GET", "/v1/customers", headers={"Understudy-World": "faulty"})[0] == 503
    person.see("1 of 1", "main td")
    person.click("Remove", "main td button")
    person.see("Nothing goes wrong on purpose")
    assert server("GET", "/v1/customers", headers={"Understudy-World": "faulty"})[0] == 200


def test_a_record_of_five_megabytes_does_not_freeze_the_page(person: Person, server: Served) -> None:
    """It is cut; asked for whole it is shown part by part, and the page answers."""
    made(server, "large", "/v1/customers", {**CUSTOMER, "custom_fields": [{"reference": f"f{n}", "value": "y" * 4_096} for n in range(1_250)]})
    id = server("GET", "/_understudy/records/customer?limit=1&world=large")[2]["records"][0]["id"]
    person.open(f"record/customer/{id}", "large")
    person.see("This record is large")
    person.follow("main button", "Load whole")
    person.until(lambda: not person.all("main .warnbox"))
    person.follow("main summary", "custom_fields")
    person.see("1,250 items")
    assert person.script("return document.querySelectorAll('*').length") < 5_000


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_every_page_is_accessible_and_fits(person: Person, server: Served, width: int, dark: bool) -> None:
    """axe-core finds nothing; nothing is wider than the window."""
    script, world = axe(), f"axe{width}"
    made(server, world, "/v1/customers", {**CUSTOMER, "reference": "a-rather-long-reference-of-a-customer-" * 3})
    server("POST", "/_understudy/endpoints", {"url": "http://localhost:9/hooks"}, {"Understudy-World": world})
    made(server, world, "/v1/customers", CUSTOMER)
    server("POST", "/_understudy/snapshots", {"name": "before"}, {"Understudy-World": world})
    server("GET", "/v1/nothing", headers={"Understudy-World": world})
    newest = {name: server("GET", f"/_understudy/records/{name}?limit=1&world={world}")[2]["records"][0]["id"] for name in ("customer", "invoice")}
    found = {}
    for place in ("", "records/customer", f"record/customer/{newest['customer']}", f"record/invoice/{newest['invoice']}", "requests", "events", "deliveries", "faults", "snapshots", "clock", "worlds"):
        person.open(place, world, width=width, dark=dark)
        person.unfold(1)
        assert person.script("return getComputedStyle(document.documentElement).colorScheme") == ("dark" if dark else "light")
        wide = person.script("return document.documentElement.scrollWidth")
        found |= {f"{place} at {width}": faults(person, script) + ([f"{wide} pixels wide"] if wide > width else [])}
    assert {place: said for place, said in found.items() if said} == {}


def test_a_form_is_accessible_too(person: Person) -> None:
    """The dialog of an operation, with what came of it."""
    person.open("records/customer", "form")
    person.click("POST /v1/customers", "button")
    person.until(lambda: person.all("dialog textarea"))
    person.write("Body", "{")
    person.click("Send")
    person.see("Not JSON yet", "dialog")
    assert faults(person, axe()) == []
    person.write("Body", "{}")
    person.click("Send")
    person.see("400", "dialog .outcome")
    assert faults(person, axe()) == []
