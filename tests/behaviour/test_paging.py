"""How lists page, order and filter, read from the names of query parameters."""

from __future__ import annotations

from typing import Any

import pytest
from behaviour_sketches import answer, crud, inferred, lists_of, query, rows, said

from understudy.behaviour.model import Lists

NUMBER = {"type": "integer"}
STAMP = {"type": "string", "format": "date-time"}
RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "status": {"type": "string"}, "customer": {"type": "object", "properties": {"id": {"type": "string"}}},
                   "amount": NUMBER, "created_at": STAMP, "updatedAt": STAMP},
}  # fmt: skip


def lists(*parameters: dict[str, Any], envelope: Any = None) -> Lists:
    """How the list of `RECORD` works with these parameters."""
    return lists_of(inferred(crud(RECORD, envelope=envelope or rows(RECORD), parameters=parameters)))


class TestStyles:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (("page", "limit"), ("page", "page", "limit")), (("page", "per_page"), ("page", "page", "per_page")),
            (("pageNumber", "pageSize"), ("page", "pageNumber", "pageSize")), (("page[number]", "page[size]"), ("page", "page[number]", "page[size]")),
            (("offset", "limit"), ("offset", "offset", "limit")), (("skip", "take"), ("offset", "skip", "take")),
            (("page_token", "page_size"), ("cursor", "page_token", "page_size")), (("cursor", "limit"), ("cursor", "cursor", "limit")),
            (("nextToken", "maxResults"), ("cursor", "nextToken", "maxResults")),
            (("starting_after", "limit"), ("after", "starting_after", "limit")), (("after", "limit"), ("after", "after", "limit")),
        ],
    )  # fmt: skip
    def test_names_of_parameters_tell_the_style(self, names: tuple[str, str], expected: tuple[str, str, str]) -> None:
        """Each spelling found in the wild is a row of a table."""
        found = lists(*query(*names))
        assert (found.style, found.page or found.offset or found.cursor, found.limit) == expected

    def test_a_list_without_such_names_is_not_paged(self) -> None:
        """All records in one answer."""
        assert lists().style == "none"

    def test_ending_before_is_the_way_back(self) -> None:
        """Both ends of a page by ids."""
        found = lists(*query("starting_after", "ending_before", "limit"))
        assert (found.style, found.cursor, found.before) == ("after", "starting_after", "ending_before")

    def test_after_is_a_cursor_where_the_envelope_gives_one(self) -> None:
        """The envelope decides between an id and an opaque cursor."""
        envelope = rows(RECORD, paging={"type": "object", "properties": {"next_cursor": {"type": "string"}}})
        assert lists(*query("after", "limit"), envelope=envelope).style == "cursor"

    def test_of_two_ways_to_page_one_is_taken_and_the_other_named(self) -> None:
        """A clash is decided by a fixed order, and said."""
        behaviour = inferred(crud(RECORD, parameters=query("page", "offset", "limit")))
        assert lists_of(behaviour).style == "page"
        assert "two ways of paging" in said(behaviour, "widget")

    def test_time_as_a_cursor_is_a_number(self) -> None:
        """`until` pages where the envelope's `next` is a time stamp."""
        nexts = {"type": ["number", "null"], "description": "Timestamp that must be used to request the next page."}
        envelope = rows(RECORD, pagination={"type": "object", "properties": {"count": NUMBER, "next": nexts}})
        found = lists(*query("limit", until={"type": "number"}), envelope=envelope)
        assert (found.style, found.cursor, found.cursor_form) == ("cursor", "until", "integer")

    def test_a_declared_link_header_is_sent(self) -> None:
        """RFC 8288, only where the document declares it."""
        paths = crud(RECORD)
        paths["/widgets"]["get"] = answer(rows(RECORD), headers={"Link": {"schema": {"type": "string"}}})
        assert lists_of(inferred(paths)).link_header


class TestNumbers:
    def test_default_and_maximum_come_from_the_schema(self) -> None:
        """The limit's own schema knows."""
        found = lists(*query("page", limit={"type": "integer", "default": 20, "maximum": 100}))
        assert (found.default_limit, found.max_limit) == (20, 100)

    def test_a_default_may_stand_in_the_description(self) -> None:
        """The only number ever read from prose."""
        parameter = {"name": "pageSize", "in": "query", "schema": NUMBER, "description": "At most 100. The default is 10 items on a page."}
        assert lists(parameter, *query("pageNumber")).default_limit == 10

    def test_an_unsaid_default_never_exceeds_the_maximum(self) -> None:
        """Fifty, or less."""
        assert lists(*query("page", limit={"type": "integer", "maximum": 20})).default_limit == 20

    @pytest.mark.parametrize(("schema", "first"), [({"type": "integer", "default": 0}, 0), ({"type": "integer", "minimum": 0}, 0), (NUMBER, 1)])
    def test_pages_count_from_zero_where_the_schema_says_so(self, schema: Any, first: int) -> None:
        """A default or minimum of zero."""
        assert lists(*query("limit", page=schema)).first_page == first


class TestOrder:
    @pytest.mark.parametrize("name", ["sort", "order_by", "sort_by", "sortBy", "orderBy", "sort[field]"])
    def test_the_parameter_that_orders_is_known_by_name(self, name: str) -> None:
        """Each spelling found in the wild."""
        assert lists(*query(name)).order_by == name

    @pytest.mark.parametrize("name", ["order", "sort_order", "direction", "sort"])
    def test_values_up_and_down_make_a_direction(self, name: str) -> None:
        """Whatever its name, asc and desc name no property."""
        found = lists(*query(**{name: {"type": "string", "enum": ["asc", "desc"]}}))
        assert (found.direction, found.order_by) == (name, None)

    def test_values_that_are_no_plain_fields_are_translated(self) -> None:
        """CREATED_AT, amount_desc and the like become field and direction."""
        enum = ["CREATED_AT", "amount_desc", "-status", "amount", "nonsense"]
        assert lists(*query(sort={"type": "string", "enum": enum})).orders == {"CREATED_AT": "created_at", "amount_desc": "-amount"}


class TestFilters:
    @pytest.mark.parametrize(
        ("name", "field"),
        [("statuses", "status"), ("statuses[]", "status"), ("filter[status]", "status"), ("customer_id", "customer.id"), ("updated_at", "updatedAt"),
         ("widget_ids", "id"), ("ids", "id")],
    )  # fmt: skip
    def test_another_spelling_of_a_property_filters_by_it(self, name: str, field: str) -> None:
        """Plural, brackets, camel case, the id of an object, the record's own id by its resource."""
        assert lists(*query(name)).filters == {name: field}

    @pytest.mark.parametrize(
        ("name", "bound"),
        [
            ("created_at[gte]", ("created_at", "gte")), ("created_after", ("created_at", "gt")), ("created_before", ("created_at", "lt")),
            ("amount_lte", ("amount", "lte")), ("min_amount", ("amount", "gte")), ("amount_max", ("amount", "lte")),
            ("since", ("created_at", "gte")), ("start_date", ("created_at", "gte")), ("endTime", ("created_at", "lte")),
            ("updated_since", ("updatedAt", "gte")),
        ],
    )  # fmt: skip
    def test_words_for_more_and_less_bound_a_property(self, name: str, bound: tuple[str, str]) -> None:
        """Suffix, prefix, brackets; alone they bound when a record was made."""
        assert lists(*query(name)).bounds == {name: bound}

    def test_an_object_of_bounds_bounds_by_its_keys(self) -> None:
        """`created[gt]=…` declared as a deepObject."""
        schema = {"type": "object", "properties": {"gt": NUMBER, "lte": NUMBER}}
        parameter = {"name": "amount", "in": "query", "style": "deepObject", "explode": True, "schema": schema}
        assert lists(parameter).bounds == {"amount": ("amount", "keys")}

    def test_what_fits_no_property_is_named_as_left_out(self) -> None:
        """Never in silence."""
        behaviour = inferred(crud(RECORD, parameters=query("colour")))
        assert "taken and left out: colour" in said(behaviour, "widget")

    def test_a_parameter_of_nearly_every_operation_filters_nothing(self) -> None:
        """It chooses an account."""
        paths = {**crud(RECORD), **crud(RECORD, "/gadgets")}
        for item in paths.values():
            for method in ("post", "patch", "delete", "get"):
                if method in item:
                    item[method] = {**item[method], "parameters": query("customer_id")}
        assert lists_of(inferred(paths)).filters == {}

    def test_free_text_and_expansion_are_known_by_name(self) -> None:
        """`q` searches, `expand[]` expands."""
        found = lists(*query("q", "expand[]"))
        assert (found.search, found.expand) == ("q", "expand[]")


def test_a_paging_word_that_is_a_field_of_the_record_filters_unless_other_words_page() -> None:
    """`size` alone asks for shirts of that size; beside `page` it is how many shirts a page has."""
    shirt = {"type": "object", "properties": {"id": {"type": "string"}, "size": {"type": "integer"}, "text": {"type": "string"}}}
    alone = lists_of(inferred(crud(shirt, parameters=query("size", "text"))))
    assert alone.limit is None and alone.search is None and alone.style == "none"
    paged = lists_of(inferred(crud(shirt, parameters=query("page", "size"))))
    assert paged.limit == "size" and paged.style == "page"
