"""What stands around records: list envelopes with what they say of the page, and wrappers of one record."""

from __future__ import annotations

from typing import Any

import pytest
from behaviour_sketches import WIDGET, answer, contract, crud, inferred, lists_of, rows, said, taking

from understudy.behaviour.envelopes import Listing, listing
from understudy.behaviour.looking import Look
from understudy.behaviour.model import QUANTITIES
from understudy.contract.values import Schema

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
YES = {"type": "boolean"}


def seen(schema: Any, **components: Any) -> Listing | None:
    """How an answer of this schema lists widgets."""
    look = Look(contract({}, Widget=WIDGET, **components))
    return listing(look, Schema("understudy:test#/x", schema), ("widget",))


class TestLists:
    @pytest.mark.parametrize(
        ("schema", "items"),
        [
            ({"type": "array", "items": WIDGET}, None),
            (rows(WIDGET), "data"),
            (rows(WIDGET, "whatever", total=NUMBER), "whatever"),
            (rows(WIDGET, "results", errors={"type": "array", "items": {"type": "object", "properties": {"code": TEXT}}}), "results"),
            (rows(WIDGET, "widgets", gadgets={"type": "array", "items": WIDGET}), "widgets"),
            (rows(WIDGET, "items", gadgets={"type": "array", "items": WIDGET}), "items"),
            ({"type": "object", "properties": {"_embedded": rows(WIDGET, "widgets")}}, "_embedded.widgets"),
            ({"type": "object", "properties": {"result": rows(WIDGET, "items"), "success": YES}}, "result.items"),
            ({"allOf": [rows(WIDGET, "widgets"), {"properties": {"meta": {"properties": {"total": NUMBER}}}}]}, "widgets"),
        ],
    )  # fmt: skip
    def test_records_are_found_in_every_usual_envelope(self, schema: Any, items: str | None) -> None:
        """Bare, the only array, a known word, the resource's name, one level down."""
        found = seen(schema)
        assert found is not None
        assert found.items == items

    @pytest.mark.parametrize(
        "schema",
        [
            WIDGET, {"type": "array", "items": TEXT}, rows(TEXT), {"type": "string"}, {},
            rows(WIDGET, "one", two={"type": "array", "items": WIDGET}),
            rows(WIDGET, "profiles", name=TEXT, colour=TEXT, weight=NUMBER),
        ],
    )  # fmt: skip
    def test_other_answers_list_nothing(self, schema: Any) -> None:
        """An object with some array among its properties is a record, not a list."""
        assert seen(schema) is None

    def test_a_map_of_records_is_a_list_by_id(self) -> None:
        """`{"id": {…}}`."""
        found = seen({"type": "object", "additionalProperties": WIDGET})
        assert found is not None
        assert found.key_map == "id"

    def test_a_choice_between_arrays_is_noted(self) -> None:
        """Deterministic, and said."""
        envelope = rows(WIDGET, "widgets", gadgets={"type": "array", "items": WIDGET})
        assert "also arrays: widgets, gadgets" in said(inferred(crud(envelope=envelope)), "widget")


class TestPageMetadata:
    @pytest.mark.parametrize(
        ("name", "schema", "quantity"),
        [
            ("total", NUMBER, "total"), ("totalCount", NUMBER, "total"), ("itemsTotal", NUMBER, "total"), ("total_pages", NUMBER, "pages"),
            ("has_more", YES, "has_more"), ("next_cursor", TEXT, "next_cursor"), ("nextPageToken", TEXT, "next_cursor"),
            ("count", NUMBER, "total"), ("count", {**NUMBER, "description": "Amount of items in the current page."}, "count"),
            ("page", NUMBER, "page"), ("perPage", NUMBER, "limit"), ("offset", NUMBER, "offset"), ("first_id", TEXT, "first_id"),
            ("next", {"type": ["string", "null"], "format": "uri"}, "next_url"), ("next", {**NUMBER, "description": "The next page"}, "next_page"),
            ("next", {**TEXT, "description": "An opaque cursor"}, "next_cursor"), ("previous", TEXT, "previous_url"),
            ("_links", {"properties": {"next": {"properties": {"href": TEXT}}, "self": {"properties": {"href": TEXT}}}},
             {"next": {"href": "next_url"}, "self": {"href": "current_url"}}),
            ("links", {"properties": {"pages": {"properties": {"first": TEXT, "next": TEXT}}}}, {"pages": {"first": "first_url", "next": "next_url"}}),
            ("meta", {"properties": {"total": NUMBER, "mood": TEXT}}, {"total": "total"}),
        ],
    )  # fmt: skip
    def test_a_sibling_of_the_records_says_something_of_the_page(self, name: str, schema: Any, quantity: Any) -> None:
        """By its name, and where that leaves a choice, by its type and description."""
        assert lists_of(inferred(crud(envelope=rows(WIDGET, **{name: schema})))).meta == {name: quantity}

    def test_what_says_nothing_of_the_page_is_no_metadata(self) -> None:
        """It is left to the document's example."""
        assert lists_of(inferred(crud(envelope=rows(WIDGET, mood=TEXT)))).meta == {}

    def test_an_object_list_with_its_own_path(self) -> None:
        """`{"object": "list", "url": "/v1/things", "has_more": false, "data": […]}`."""
        envelope = rows(WIDGET, object={"const": "list"}, url=TEXT, has_more=YES)
        assert lists_of(inferred(crud(envelope=envelope))).meta == {"url": "path", "has_more": "has_more"}

    def test_the_model_knows_every_quantity_the_table_names(self) -> None:
        """A template that names an unknown quantity could not be sent."""
        from understudy.behaviour import envelopes  # the table is private

        assert set(envelopes._QUANTITY.values()) <= QUANTITIES


class TestWrappers:
    @pytest.mark.parametrize(
        ("schema", "wrap"),
        [
            (WIDGET, None),
            ({"type": "object", "properties": {"widget": WIDGET}}, "widget"),
            ({"type": "object", "properties": {"widget": WIDGET, "links": {"type": "object"}}}, "widget"),
            ({"type": "object", "properties": {"blue_widget": WIDGET, "links": {"type": "object"}, "x": TEXT, "y": TEXT, "z": TEXT}}, "blue_widget"),
            ({"type": "object", "properties": {"thing": WIDGET}}, "thing"),
            ({"type": "object", "properties": {"data": WIDGET, "success": YES}}, "data"),
            ({"type": "object", "properties": {"id": TEXT, "widget": WIDGET}}, None),
        ],
    )  # fmt: skip
    def test_an_answer_may_hold_the_record_in_a_property(self, schema: Any, wrap: str | None) -> None:
        """Named after the resource, the only one, or a known word; never where the id stands beside it."""
        paths = crud()
        paths["/widgets/{id}"]["get"] = answer(schema)
        resource = inferred(paths).resources["widget"]
        assert (resource.wrap, resource.id_field) == (wrap, "id")

    def test_a_request_may_hold_it_too(self) -> None:
        """`{"widget": {"name": …}}` both ways."""
        wrapped = {"type": "object", "properties": {"widget": WIDGET}}
        paths = crud()
        paths["/widgets"]["post"] = taking(wrapped, wrapped, "201")
        paths["/widgets/{id}"]["get"] = answer(wrapped)
        resource = inferred(paths).resources["widget"]
        assert (resource.wrap, resource.request_wrap) == ("widget", "widget")

    def test_the_only_field_of_a_request_is_no_wrapper(self) -> None:
        """A body of one object is a record of one field."""
        paths = crud({"type": "object", "properties": {"id": TEXT, "size": {"type": "object"}}})
        paths["/widgets"]["post"] = taking({"type": "object", "properties": {"size": {"type": "object", "properties": {"x": TEXT}}}}, WIDGET, "201")
        assert inferred(paths).resources["widget"].request_wrap is None
