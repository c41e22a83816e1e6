"""Words, singulars and identifiers of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.behaviour import naming


class TestWords:
    @pytest.mark.parametrize("name", ["customerId", "customer_id", "customer-id", "Customer.ID", "CUSTOMER_ID", "customer[id]"])
    def test_every_spelling_has_the_same_words(self, name: str) -> None:
        """Capitals and signs divide words and mean nothing more."""
        assert naming.words(name) == ("customer", "id")

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("HTTPServer", ("http", "server")), ("userIDs", ("user", "ids")), ("ubl21", ("ubl21",)), ("ipv6", ("ipv6",)), ("", ())],
    )
    def test_sigles_and_digits_stay_whole(self, name: str, expected: tuple[str, ...]) -> None:
        """A run of capitals is one word, digits belong to the word before."""
        assert naming.words(name) == expected

    @given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=4))
    def test_words_of_snake_case_are_its_parts(self, parts: list[str]) -> None:
        """Splitting undoes joining."""
        assert naming.words(naming.snake(parts)) == tuple(parts)


class TestSingular:
    @pytest.mark.parametrize(
        ("many", "one"),
        [
            ("customers", "customer"), ("categories", "category"), ("addresses", "address"), ("statuses", "status"),
            ("boxes", "box"), ("taxes", "tax"), ("branches", "branch"), ("people", "person"), ("indices", "index"),
            ("databases", "database"), ("invoices", "invoice"), ("aliases", "alias"), ("caches", "cache"), ("data", "data"),
            ("news", "news"), ("status", "status"), ("address", "address"), ("keys", "key"), ("sizes", "size"), ("series", "series"),
        ],
    )  # fmt: skip
    def test_plural_words_become_singular_and_singular_ones_stay(self, many: str, one: str) -> None:
        """A table of exceptions before the usual endings."""
        assert naming.singular_word(many) == one
        assert naming.singular_word(one) == one

    def test_only_the_last_word_changes(self) -> None:
        """`sales-orders` are sales-orders, not sale-orders."""
        assert naming.singular("sales-orders") == ("sales", "order")


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("customerId", (("customer",), "id")), ("plan_ids", (("plan",), "id")), ("vpc_uuid", (("vpc",), "id")),
            ("user_slug", (("user",), "key")), ("color", None), ("id", ((), "id")),
        ],
    )  # fmt: skip
    def test_the_last_word_makes_an_identifier(self, name: str, expected: object) -> None:
        """A suffix says whether it is an id or a key."""
        assert naming.identifier(name) == expected

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("resourceIdOrReference", ("reference",)), ("id_or_slug", ("slug",)), ("idOrUrl", ("url",)), ("order_id", ()), ("or", ())],
    )
    def test_a_parameter_may_name_two_keys(self, name: str, expected: tuple[str, ...]) -> None:
        """What stands after Or is the alternate key."""
        assert naming.alternatives(name) == expected


def test_regular_participles_of_verbs_are_formed() -> None:
    """The endings of English, doubled consonants included."""
    assert naming.participles("close") == ("closed",)
    assert naming.participles("deny") == ("denied",)
    assert "cancelled" in naming.participles("cancel")
    assert "approved" in naming.participles("approve")


@pytest.mark.parametrize(("parts", "name"), [(("line", "item"), "line_item"), (("1", "click"), "n1_click"), ((), "thing")])
def test_a_resource_name_begins_with_a_letter(parts: tuple[str, ...], name: str) -> None:
    """Names are keys of the behaviour file, whose schema asks for that."""
    assert naming.snake(parts) == name
