"""How long the Desk takes to be of use in a real Chromium, with many records in the world it shows.

    python benchmarks/desk.py [--records 100000] [--rounds 9]

The server is a process of its own, filled over HTTP; the browser opens the page anew each round, from nothing but its
address. Times are the page's own (`performance`), in milliseconds from the start of the navigation or of the step; the
median of the rounds, and the worst. Needs chromium, chromedriver and selenium.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from typing import Any

from answering import ROOT, Server, customer, free_port, message

sys.path.insert(0, str(ROOT / "tests"))

from support.browsing import Person, chromium

BATCH = 256

OPENED = """const [page] = performance.getEntriesByType('navigation');
const usable = performance.getEntriesByName('desk-usable')[0].startTime;
return {document: page.responseEnd, paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null, usable,
        requests: 1 + performance.getEntriesByType('resource').filter(one => one.responseEnd && one.responseEnd <= usable).length, octets: page.encodedBodySize}"""

STEP = """const [to, done] = arguments; const begun = performance.now(); performance.clearMarks('desk-shown');
location.hash = to;
const look = () => { const [shown] = performance.getEntriesByName('desk-shown'); if (shown) done(shown.startTime - begun); else setTimeout(look, 1); };
look();"""


def fill(server: Server, records: int) -> None:
    """Make customers over HTTP."""
    for start in range(0, records, BATCH):
        server.cost([message("POST", "/v1/customers", customer(number)) for number in range(start, min(start + BATCH, records))], 201)


def told(name: str, values: list[float]) -> None:
    """One line of the table."""
    print(f"{name:52} {statistics.median(values):8.0f} ms  {max(values):8.0f} ms")


def measure(person: Person, server: Server, records: int, rounds: int) -> None:
    """Print the table."""
    opened: list[dict[str, Any]] = []
    for _ in range(rounds):
        person.open()
        person.until(lambda: person.script("return performance.getEntriesByName('first-contentful-paint').length"))
        opened.append(person.script(OPENED))
    print(f"{records:,} records; the page: {opened[0]['octets'] / 1000:.0f} KB, {max(one['requests'] for one in opened)} request until it is of use{'':12}median     worst")
    for name, label in (("document", "the document is here"), ("paint", "first paint"), ("usable", "of use")):
        told(label, [one[name] for one in opened])
    page = json.loads(server.ask(message("GET", "/_understudy/records/customer?limit=1"))[1])
    last = page["records"][0]["id"]
    for label, place in (("a page of records", "#/records/customer"), ("the last page", f"#/records/customer?offset={max(page['total'] - 50, 0)}"),
                         ("records of one state (the first asking makes the index)", "#/records/customer?state=ACTIVE"),
                         ("text searched in all of them", f"#/records/customer?search=customer-{records // 2}"), ("one record", f"#/record/customer/{last}")):  # fmt: skip
        times = []
        for _ in range(rounds):
            person.driver.execute_async_script(STEP, "#/clock")
            times.append(person.driver.execute_async_script(STEP, place))
        told(label, times)


def main() -> None:
    """Measure as asked on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    port = free_port()
    server = Server([sys.executable, "-m", "understudy.cli", "serve", "--port", str(port), "--quiet"], port)
    try:
        fill(server, asked.records)
        with chromium() as driver:
            driver.set_script_timeout(120)
            measure(Person(driver, f"http://localhost:{port}"), server, asked.records, asked.rounds)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
