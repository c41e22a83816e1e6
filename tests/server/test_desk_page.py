"""The Desk's page: one document, sent so that nothing but its own script and style can ever become either."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from support.asgi import Client
from understudy.server.desk import page

ASSETS = Path(page.__file__).parent


def test_one_request_brings_the_whole_page(call: Client) -> None:
    """Style, script and what is shown first stand in the document; nothing else is loaded, and from nowhere else."""
    answer = call.get("/_understudy/desk")
    text = re.sub(r"(id=\"first\">).*?(</script>)", r"\1{}\2", answer.body.decode(), flags=re.DOTALL)  # what it shows is data, whatever stands in it
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.findall(r"""\s(?:src|srcset|action|ping|poster|data|style|on\w+)\s*=|@import|url\((?!#)""", re.sub(r"<script type=\"module\">.*</script>", "", text, flags=re.DOTALL))
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg|localhost:3000/hooks)", text)


def test_the_policy_lets_its_own_script_and_style_be_and_no_other(call: Client) -> None:
    """By their digests: nothing inline besides, nothing from elsewhere, no frame around it, no markup made of text."""
    answer = call.get("/_understudy/desk")
    text, policy = answer.body, dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    (script,), (style,) = re.findall(rb'<script type="module">(.*?)</script>', text, re.DOTALL), re.findall(rb"<style>(.*?)</style>", text, re.DOTALL)
    for part, directive in ((script, "script-src"), (style, "style-src")):
        assert policy[directive] == f"'sha256-{b64encode(sha256(part).digest()).decode()}'"
    assert {policy[name] for name in ("default-src", "base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert policy["require-trusted-types-for"] == "'script'" and policy["connect-src"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--<script>", "</textarea>", "]]>", "&lt;/script&gt;", "\u2028"])
def test_what_is_shown_first_ends_no_element(hostile: str) -> None:
    """Names of documents, worlds and fields stand in the page as data, without a sign that markup knows."""
    text = bytes(page.document({"title": hostile}).body)
    data = text.split(b'id="first">')[1].split(b"</script>")[0]
    assert not set(b"<>&") & set(data)
    assert text.count(b"</script>") == 2


def test_the_script_makes_elements_of_text_only() -> None:
    """No markup is ever made of a string, and nothing is evaluated."""
    for path in (ASSETS / "script").glob("*.js"):
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\(\"(?:on|style)|DOMParser|srcdoc|createContextualFragment|javascript:", path.read_text())


def test_no_vendor_is_named_in_the_page() -> None:
    """What it says of a resource it has from the behaviour."""
    for path in [*(ASSETS / "script").glob("*.js"), ASSETS / "page.html", ASSETS / "style.css"]:
        assert not re.findall(r"solvimon|stripe|invoice|subscription|billing", path.read_text().lower()), path.name


def test_every_file_of_the_script_is_in_it() -> None:
    """In the order of `PARTS`."""
    assert sorted(path.stem for path in (ASSETS / "script").glob("*.js")) == sorted(page.PARTS)


def test_the_page_is_small(call: Client) -> None:
    """Script and style together, as they are written."""
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.suffix in (".js", ".css", ".html")) < 120_000
