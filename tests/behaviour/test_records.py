"""Which property is the id and how ids look, alternate keys, time stamps, object types."""

from __future__ import annotations

from typing import Any

import pytest
from behaviour_sketches import crud, inferred, said

from understudy.behaviour.model import Resource

TEXT = {"type": "string"}


def resource(properties: dict[str, Any], parameter: str = "id", path: str = "/widgets") -> Resource:
    """The only resource of a document whose records have these properties."""
    found = inferred(crud({"type": "object", "properties": properties}, path=path, parameter=parameter)).resources
    return next(iter(found.values()))


class TestIds:
    @pytest.mark.parametrize(
        ("parameter", "properties", "expected"),
        [
            ("id", ("id", "name"), "id"), ("widgetId", ("id", "widgetId"), "id"), ("resourceIdOrReference", ("reference", "id"), "id"),
            ("widget_id", ("widget_id", "name"), "widget_id"), ("uid", ("uid", "name"), "uid"), ("widget_uuid", ("id", "x"), "id"),
            ("widget_uuid", ("uuid", "x"), "uuid"), ("widget_name", ("name", "x"), "name"), ("floating_ip", ("ip", "x"), "ip"),
            ("username", ("name", "x"), "name"), ("logsink_id", ("sink_id", "x"), "sink_id"), ("widget_id", ("name", "x"), "name"),
            ("token", ("token", "x"), "token"), ("widget_id", ("x", "y"), "widget_id"),
        ],
    )  # fmt: skip
    def test_the_path_parameter_leads_to_the_id(self, parameter: str, properties: tuple[str, ...], expected: str) -> None:
        """Exact name, usual name, end of the name, a name people give; last the parameter itself."""
        assert resource(dict.fromkeys(properties, TEXT), parameter).id_field == expected

    def test_an_id_the_record_does_not_show_is_said_to_be_kept(self) -> None:
        """Assumed, so noted."""
        behaviour = inferred(crud({"type": "object", "properties": {"x": TEXT}}, parameter="widget_id"))
        assert "kept under the path parameter's name" in said(behaviour, "widget")

    @pytest.mark.parametrize(
        ("schema", "expected"),
        [
            ({"type": "integer"}, (None, "integer", None)), ({**TEXT, "format": "uuid"}, (None, "uuid", None)),
            ({**TEXT, "example": "506f78a4-e098-11e5-ad9f-000f53306ae1"}, (None, "uuid", None)),
            ({**TEXT, "example": "cust_3sT9kLm2Pq8Wz1Xy7Rb4"}, ("cust", None, 20)), ({**TEXT, "example": "P-5ML4271244454362WXNWU5NQ"}, ("P-", "upper", 24)),
            ({**TEXT, "pattern": "^ord_[a-z0-9]{10}$"}, ("ord", None, None)), ({**TEXT, "example": "5d9f2ebd38ddca62e5d51e9c"}, (None, "hex", 24)),
            ({**TEXT, "example": "my-widget"}, (None, None, None)), (TEXT, (None, None, None)),
        ],
    )  # fmt: skip
    def test_type_format_pattern_and_example_tell_how_ids_look(self, schema: Any, expected: tuple[str | None, str | None, int | None]) -> None:
        """Prefix, alphabet, length."""
        found = resource({"id": schema, "name": TEXT})
        assert (found.id_prefix, found.id_form, found.id_length) == expected

    def test_a_declared_answer_shows_an_id_too(self) -> None:
        """The example of the response counts where the property has none."""
        paths = crud()
        media = paths["/widgets/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
        media["examples"] = {"one": {"value": {"id": "wid_0123456789", "name": "n"}}}
        assert inferred(paths).resources["widget"].id_prefix == "wid"

    def test_a_name_people_give_has_no_form(self) -> None:
        """Clients choose it."""
        assert resource({"name": {**TEXT, "example": "shop-A1B2C3D4"}}, "name").id_prefix is None


class TestKeys:
    @pytest.mark.parametrize(
        ("parameter", "key"),
        [("resourceIdOrReference", "reference"), ("id_or_slug", "slug"), ("idOrReference", "reference"), ("id", None), ("idOrPhone", None)],
    )
    def test_a_parameter_of_two_names_has_a_key(self, parameter: str, key: str | None) -> None:
        """Only a property of the record can be one."""
        assert resource({"id": TEXT, "reference": TEXT, "slug": TEXT}, parameter).key == key

    def test_another_parameter_of_the_same_place_is_a_key(self) -> None:
        """`/stores/{storeId}` and `/stores/{reference}/terminal`."""
        paths = crud({"type": "object", "properties": {"id": TEXT, "reference": TEXT}}, "/stores", "storeId")
        paths["/stores/{reference}/open"] = {"post": {"responses": {"204": {"description": ""}}}}
        assert inferred(paths).resources["store"].key == "reference"


class TestStamps:
    @pytest.mark.parametrize(
        ("name", "schema", "word", "form"),
        [
            ("created_at", {**TEXT, "format": "date-time"}, "created", None), ("createdAt", TEXT, "created", None),
            ("create_time", TEXT, "created", None), ("created", {"type": "integer"}, "created", "seconds"),
            ("createdAt", {"type": "number"}, "created", "milliseconds"), ("created", {"type": "integer", "example": 1540095775941}, "created", "milliseconds"),
            ("created", {"type": "integer", "format": "unix-time"}, "created", "seconds"), ("dateCreated", {**TEXT, "format": "date"}, "created", "date"),
            ("updated_at", TEXT, "updated", None), ("lastModified", TEXT, "updated", None), ("modified", {"type": "integer"}, "updated", "seconds"),
        ],
    )  # fmt: skip
    def test_names_and_types_tell_time_stamps(self, name: str, schema: Any, word: str, form: str | None) -> None:
        """Strings are date-times; numbers are seconds or milliseconds, by description, example or type."""
        found = resource({"id": TEXT, name: schema})
        assert found.stamps == {word: name}
        assert found.stamp_forms == ({name: form} if form else {})

    def test_who_created_it_is_no_stamp(self) -> None:
        """An object called created is none, nor is an enum."""
        assert resource({"id": TEXT, "created": {"type": "object", "properties": {"by": TEXT}}}).stamps == {}


@pytest.mark.parametrize("schema", [{"const": "widget"}, {"type": "string", "enum": ["widget"]}])
def test_a_constant_object_property_is_the_object_type(schema: Any) -> None:
    """`"object": "widget"`."""
    found = resource({"id": TEXT, "object": schema})
    assert (found.object_field, found.object_type) == ("object", "widget")
