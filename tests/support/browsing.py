"""A real Chromium, where there is one: the Desk as a person meets it. Everything waits for what is to be seen, nothing for time."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage")  # fmt: skip
PATIENCE = 120
"""Seconds after which something that was to be seen is not there: a browser among many processes is slow."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A driver of a fresh one; skips where there is none."""
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None or find_spec("selenium") is None:
        pytest.skip("no Chromium with chromedriver and selenium here")
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            one = webdriver.Chrome(options=options, service=Service(executable_path=driver))  # named, so that nothing is looked for or fetched
        except WebDriverException as fault:
            pytest.skip(f"Chromium does not start here: {fault.msg}")
        try:
            yield one
        finally:
            one.quit()


_CALLED = """return [...document.querySelectorAll(arguments[0])].find(one => one.checkVisibility()
  && [one.innerText.trim(), one.title, one.getAttribute("aria-label")].includes(arguments[1]))"""
_WRITTEN = """const label = [...document.querySelectorAll("label")].find(one => one.checkVisibility() && one.innerText.startsWith(arguments[0]));
if (label) { label.control.value = arguments[1]; label.control.dispatchEvent(new Event("input", {bubbles: true})); }
return Boolean(label)"""

_FOLLOWED = """const row = [...document.querySelectorAll(arguments[0])].find(one => arguments[1].every(text => one.innerText.includes(text)));
const one = row && arguments[2] ? row.querySelector(arguments[2]) : row;
one?.click();
return Boolean(one)"""


class Person:
    """Somebody at the Desk of one server: looks, clicks and types."""

    def __init__(self, driver: Any, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, place: str = "", world: str = "default", *, width: int = 1280, dark: bool = False) -> None:
        """Go to a place of the Desk, as if for the first time."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.driver.get("about:blank")
        self.command("Storage.clearDataForOrigin", origin=self.base, storageTypes="all")
        self.driver.get_log("browser")
        self.driver.get(f"{self.base}/_understudy/desk?world={world}#/{place}")
        self.until(lambda: self.script("return performance.getEntriesByName('desk-usable').length > 0"))

    def command(self, name: str, **arguments: Any) -> Any:
        """A command of the browser's own protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def script(self, text: str, *arguments: Any) -> Any:
        """What a script in the page answers."""
        return self.driver.execute_script(text, *arguments)

    def until(self, condition: Callable[[], Any]) -> Any:
        """What a condition answers once it is something; what it looks at may be drawn again meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.02, ignored_exceptions=(StaleElementReferenceException, WebDriverException))
        return waiting.until(lambda _: condition(), "it was not to be seen")

    def all(self, css: str) -> list[Any]:
        """The elements that fit."""
        return list(self.driver.find_elements("css selector", css))

    def see(self, text: str, css: str = "main") -> None:
        """Wait until a text stands in an element."""
        self.until(lambda: self.script("return [...document.querySelectorAll(arguments[0])].some(one => one.innerText.includes(arguments[1]))", css, text))

    def click(self, text: str, css: str = "button, a, summary") -> None:
        """Click the first thing with this text, or that is called so for those who do not see it."""
        def clicked() -> bool:
            one = self.script(_CALLED, css, text)
            if one is not None:
                one.click()
            return one is not None

        self.until(clicked)

    def follow(self, css: str, *texts: str, inside: str = "") -> None:
        """Click what holds all these texts, or something inside it, at one stroke: a list may be drawn again at any time."""
        self.until(lambda: self.script(_FOLLOWED, css, texts, inside))

    def unfold(self, most: int = 1_000) -> None:
        """Open the rows that open, and wait until what is in them is there."""
        self.script("[...document.querySelectorAll('main .row-box:not([open]) > summary')].slice(0, arguments[0]).forEach(one => one.click())", most)
        self.until(lambda: self.script("return [...document.querySelectorAll('main .row-box[open] > .inner')].every(one => one.firstChild)"))

    def write(self, label: str, text: str) -> None:
        """Put text in the field with a label, in the place of what is there."""
        def written() -> bool:
            return bool(self.script(_WRITTEN, label, text))

        self.until(written)

    def press(self, keys: str) -> None:
        """Keys, one after the other, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def complaints(self) -> list[str]:
        """What the browser said of the page since it was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def axe() -> str:
    """The script of axe-core, where it is installed; skips where it is not."""
    spec = find_spec("selenium_axe_python")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("axe-core is not here: pip install selenium-axe-python")
    return (Path(spec.submodule_search_locations[0]) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def faults(person: Person, script: str) -> list[str]:
    """What axe-core finds wrong with the page as it is shown now."""
    person.script(script)
    person.driver.set_script_timeout(60)
    found = person.driver.execute_async_script("const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done, fault => done({violations: [{id: String(fault), nodes: []}]}))")
    return [f"{one['id']}: {json.dumps([[node['html'][:160], node.get('failureSummary', '')[:200]] for node in one['nodes'][:3]])}" for one in found["violations"]]
