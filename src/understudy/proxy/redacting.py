"""Secrets taken out of what is kept or shown: each becomes a placeholder, the same for the same secret, so that what belonged together still does.

1. Pure. What counts as a secret is a row of a table below, or is declared by the document.
2. A placeholder tells nothing of the secret: it is a number, in the order in which secrets were met.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from understudy.contract.contract import Contract
from understudy.proxy.exchanges import Exchange, Pairs, media_of

HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "apikey", "x-auth-token", "x-access-token",
                     "x-csrf-token", "x-xsrf-token", "x-amz-security-token", "x-goog-api-key"})  # fmt: skip
"""Headers that carry a secret, whatever the document says."""
NAMES = re.compile(
    r"(^|_)(secrets?|tokens?|jwt|passwords?|passwd|pwd|passphrase|credentials?|authorization|cookie|api_?keys?|private_?keys?|signing_?keys?|access_?keys?"
    r"|client_secret|client_assertion|assertion|code_verifier|otp|totp|pin|cvc|cvv|cvc2|cvv2|security_code|pan|card_?number|account_?number|iban|ssn)$"
)
"""Names of properties and parameters that hold a secret, written with `_` and small letters."""
HARMLESS = re.compile(r"(page|next|prev|previous|continuation|sync|cursor|start|skip|after|before)_?tokens?$")
"""Names that look alike and are none: places in a list."""
COUNTED = re.compile(r"(^|_)(tokens?|secrets?|credentials?|cookie|jwt)$")
"""Names under which a number is an amount."""
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "a JSON Web Token (RFC 7519)": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    "a private key (RFC 7468)": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----"),
    "a key by its vendor's form": re.compile(r"\b(?:sk|rk|pk|whsec|ghp|gho|xox[abps])[_-](?:live_|test_)?[A-Za-z0-9+/]{16,}={0,2}"),
}
"""What is a secret wherever it stands in a text."""
CARD = re.compile(r"(?<![\w.-])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|3[47]\d\d|3[0568]\d\d|6011|65\d\d)(?:[ -]?\d){8,15}(?![\w.-])")
"""What may be a card number (ISO/IEC 7812): its check digit decides."""
LONG = 8
"""Characters from which a secret is also looked for where nothing says that it is one."""
MOST = 5_000
"""Secrets that are looked for within other texts."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Where a document says secrets stand: header, query and cookie names of its key schemes, properties of the format password."""

    headers: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()


def declared(contract: Contract) -> Declared:
    """Read it from the documents."""
    schemes = [requirement.scheme for operation in contract.operations for alternative in operation.security or () for requirement in alternative]
    keys = [(str(one.get("in")), str(one.get("name"))) for one in schemes if one.get("type") == "apiKey"]
    properties: set[str] = set()
    for uri in {operation.document or operation.uri.partition("#")[0] for operation in contract.operations}:
        _passwords(contract.documents.document(uri), properties)
    return Declared(
        frozenset(name.lower() for place, name in keys if place == "header"),
        frozenset(name for place, name in keys if place == "query"),
        frozenset(properties),
    )


def _passwords(value: Any, found: set[str]) -> None:
    if isinstance(value, Mapping):
        properties = value.get("properties")
        if isinstance(properties, Mapping):
            found |= {str(name) for name, one in properties.items() if isinstance(one, Mapping) and one.get("format") == "password"}
        for part in value.values():
            _passwords(part, found)
    elif isinstance(value, list):
        for part in value:
            _passwords(part, found)


@dataclass
class Redactor:
    """Takes secrets out; `first` is the number of the first placeholder."""

    where: Declared = field(default_factory=Declared)
    first: int = 1
    known: dict[str, str] = field(default_factory=dict)
    _long: list[str] = field(default_factory=list)
    _made: set[str] = field(default_factory=set)

    def exchange(self, one: Exchange) -> Exchange:
        """An exchange without secrets. Those it brought are known from then on: a second look finds what stood before they were met."""
        return self._once(self._once(one))

    def _once(self, one: Exchange) -> Exchange:
        sent, got = self.headers(one.sent), self.headers(one.got)
        body = self.body(one.body, media_of(one.sent))
        answer = self.body(one.answer, media_of(one.got))
        return replace(one, target=self.target(one.target), sent=self._scrubbed(sent), got=self._scrubbed(got), body=body, answer=answer)

    def _scrubbed(self, headers: Pairs) -> Pairs:
        return tuple((name, self.text(value)) for name, value in headers)

    # --- the parts of a message ------------------------------------------------------------------------------------

    def headers(self, pairs: Pairs) -> Pairs:
        """Headers; of a credential its scheme stays, of cookies their names."""
        return tuple((name, self._header(name, value)) for name, value in pairs)

    def _header(self, name: str, value: str) -> str:
        if name in ("cookie", "set-cookie"):
            return self._cookies(value, all_of_them=name == "cookie")
        if name in HEADERS or name in self.where.headers or is_secret(name):
            scheme, blank, rest = value.partition(" ")
            return f"{scheme} {self.placeholder(rest.strip())}" if blank and "authorization" in name else self.placeholder(value)
        return value

    def _cookies(self, value: str, *, all_of_them: bool) -> str:
        first, *rest = value.split(";")
        parts = [self._cookie(part) for part in (value.split(";") if all_of_them else [first])]
        return ";".join(parts if all_of_them else [*parts, *rest])

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return f"{name}={self.placeholder(value)}" if equals and value else part

    def target(self, target: str) -> str:
        """Path and query."""
        path, mark, query = target.partition("?")
        segments = [quote(self.text(unquote(one)), safe="~!$&'()*+,;=:@") if self._holds(unquote(one)) else one for one in path.split("/")]
        if not mark:
            return "/".join(segments)
        parts = [self._parameter(part) for part in query.split("&")]
        return "/".join(segments) + "?" + "&".join(parts)

    def _parameter(self, part: str) -> str:
        name, equals, value = part.partition("=")
        plain, key = unquote(value.replace("+", " ")), unquote(name)
        secret = equals and plain and (key in self.where.queries or key in self.where.properties or is_secret(key))
        if secret:
            return f"{name}={quote(self.placeholder(plain), safe='')}"
        return f"{name}={quote(self.text(plain), safe='')}" if self._holds(plain) else part

    def _holds(self, text: str) -> bool:
        return self.text(text) != text

    def body(self, data: bytes | None, media: str) -> bytes | None:
        """A body: JSON and forms by their names, other text by what it holds; what is no text stays as it is."""
        if not data:
            return data
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return data
        return self._read(text, media).encode()

    def _read(self, text: str, media: str) -> str:
        if "json" in media or text[:1] in "{[":
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                return self.text(text)
            clean = self.value(value)
            return text if clean == value else json.dumps(clean, ensure_ascii=False)
        if media == "application/x-www-form-urlencoded":
            pairs = parse_qsl(text, keep_blank_values=True)
            clean_pairs = [(name, self._named(name, value)) for name, value in pairs]
            return text if clean_pairs == pairs else urlencode(clean_pairs)
        return self.text(text)

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value, known by the name it stands under."""
        if isinstance(value, dict):
            return {key: self.value(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, name) for part in value]
        return self._named(name, value)

    def _named(self, name: str, value: Any) -> Any:
        if isinstance(value, bool) or value is None or value == "":
            return value
        if isinstance(value, int | float):
            hidden = is_card(str(value)) or ((name in self.where.properties or is_secret(name)) and COUNTED.search(name) is None)
            return self._number(value) if hidden else value
        if name in self.where.properties or is_secret(name):
            return self.placeholder(str(value))
        return self.text(value) if isinstance(value, str) else value

    def _number(self, value: float) -> int:
        found = int(re.sub(r"\D", "", self.placeholder(str(value))) or "0")
        self._made.add(str(found))
        return found

    # --- texts -------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """A text without the secrets met so far, and without what is one by its form."""
        if len(text) >= LONG and text in self.known:
            return self.known[text]
        for pattern in PATTERNS.values():
            text = pattern.sub(lambda match: self.placeholder(match[0]), text)
        text = CARD.sub(lambda match: self.placeholder(match[0]) if is_card(match[0]) else match[0], text)
        for secret in self._long:
            if secret in text:
                text = text.replace(secret, self.known[secret])
        return text

    def placeholder(self, secret: str) -> str:
        """What stands for a secret; a placeholder stands for itself."""
        if not secret or secret in self._made or re.fullmatch(r"redacted-\d+", secret):
            return secret
        found = self.known.get(secret)
        if found is None:
            number = self.first + len(self.known)
            bare = re.sub(r"[ -]", "", secret)
            found = self.known[secret] = str(number).rjust(len(bare), "0") if bare.isascii() and bare.isdigit() else f"redacted-{number}"
            self._made.add(found)
            if len(secret) >= LONG and len(self._long) < MOST:
                self._long.append(secret)
        return found


def is_secret(name: str) -> bool:
    """Whether a property or parameter of this name holds a secret."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(".", "_").lower()
    return NAMES.search(plain) is not None and HARMLESS.search(plain) is None


def is_card(text: str) -> bool:
    """Whether a text is a card number by its first digits, its length and its check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in text if one.isdigit()]
    if CARD.fullmatch(text) is None or not 13 <= len(digits) <= 19:
        return False
    doubled = [one * 2 - 9 * (one > 4) if index % 2 else one for index, one in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def last_placeholder(texts: Iterable[str]) -> int:
    """The highest number a placeholder in some texts has: those to come go on behind it."""
    return max((int(one) for text in texts for one in re.findall(r"redacted-(\d+)", text)), default=0)
