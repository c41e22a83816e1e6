"""Which operations become which resources, and what is left as not modelled."""

from __future__ import annotations

from typing import Any

import pytest
from behaviour_sketches import STRING, WIDGET, acting, answer, contract, crud, inferred, rows, said, taking

from understudy.behaviour.inference import infer
from understudy.behaviour.model import Behaviour
from understudy.behaviour.roles import assign, is_modelled

STATUS = {"type": "string", "enum": ["DRAFT", "ACTIVE", "ARCHIVED"]}
STATEFUL: dict[str, Any] = {"type": "object", "properties": {"id": STRING, "status": STATUS}}

RPC = {f"/{name}": {"post": taking(WIDGET, WIDGET)} for name in ("createAccount", "closeAccount", "getAccount")}


def kinds(paths: dict[str, Any]) -> dict[str, str]:
    """The role of every operation, by key."""
    whole = contract(paths)
    return {key: role.kind for key, role in assign(whole.operations, infer(whole)).items()}


def modelled(paths: dict[str, Any]) -> int:
    """How many operations are modelled."""
    whole = contract(paths)
    behaviour = infer(whole)
    return sum(is_modelled(role, behaviour) for role in assign(whole.operations, behaviour).values())


class TestResources:
    @pytest.mark.parametrize("prefix", ["", "/v1", "/api/v2", "/v{version}"])
    def test_items_and_their_collection_are_a_resource(self, prefix: str) -> None:
        """Whatever constant beginning the paths have."""
        assert set(inferred(crud(path=f"{prefix}/widgets")).resources) == {"widget"}

    def test_each_operation_of_a_resource_has_its_role(self) -> None:
        """Method and place decide."""
        assert kinds(crud()) == {
            "GET /widgets": "list", "POST /widgets": "create", "GET /widgets/{id}": "retrieve",
            "PATCH /widgets/{id}": "update", "DELETE /widgets/{id}": "delete",
        }  # fmt: skip

    def test_create_and_items_are_enough(self) -> None:
        """A collection need not list."""
        paths = crud()
        del paths["/widgets"]["get"]
        assert inferred(paths).resources["widget"].lists is None

    def test_items_under_the_singular_belong_to_the_list_under_the_plural(self) -> None:
        """`/widget/{id}` and `/widgets`."""
        paths = crud()
        paths["/widget/{id}"] = paths.pop("/widgets/{id}")
        assert kinds(paths)["GET /widget/{id}"] == "retrieve"

    def test_put_alone_makes_records_under_the_clients_id(self) -> None:
        """Nothing else makes one."""
        paths = {"/widgets/{id}": {"get": answer(WIDGET), "put": taking(WIDGET, WIDGET)}, "/widgets": {"get": answer(rows(WIDGET))}}
        assert inferred(paths).resources["widget"].put_creates

    def test_put_on_a_collection_is_an_upsert_where_its_body_names_a_record(self) -> None:
        """By id or key; else it is something else."""
        paths = crud()
        paths["/widgets"]["put"] = taking(WIDGET, WIDGET)
        assert kinds(paths)["PUT /widgets"] == "upsert"
        paths["/widgets"]["put"] = taking({"type": "array", "items": WIDGET}, WIDGET)
        assert kinds(paths)["PUT /widgets"] == "example"

    def test_post_on_an_item_updates_it_unless_patch_or_put_do(self) -> None:
        """Update by POST is a style of whole APIs."""
        paths = crud()
        item = paths["/widgets/{id}"]
        item["post"] = taking(WIDGET, WIDGET)
        assert kinds(paths)["POST /widgets/{id}"] == "example"
        del item["patch"]
        assert kinds(paths)["POST /widgets/{id}"] == "update"

    def test_post_delete_deletes(self) -> None:
        """`POST …/{id}/delete`."""
        assert kinds({**crud(), **acting("/widgets/{id}", "delete")})["POST /widgets/{id}/delete"] == "delete"

    def test_what_is_listed_and_retrieved_but_never_made_is_there_from_the_beginning(self) -> None:
        """One record, so that the list and the item agree."""
        paths = {"/regions": {"get": answer(rows(WIDGET))}, "/regions/{id}": {"get": answer(WIDGET)}}
        behaviour = inferred(paths)
        assert behaviour.resources["region"].given == 1
        assert "no operation makes one" in said(behaviour, "region")

    def test_a_patch_of_operations_is_an_update(self) -> None:
        """RFC 6902."""
        paths = crud()
        step = {"type": "object", "properties": {"op": STRING, "path": STRING, "value": {}}}
        paths["/widgets/{id}"]["patch"] = taking({"type": "array", "items": step})
        assert kinds(paths)["PATCH /widgets/{id}"] == "update"


class TestNesting:
    def test_a_path_parameter_is_a_property_of_the_record(self) -> None:
        """By the parent's name, whatever the parameter is called."""
        child = {"type": "object", "properties": {"id": STRING, "widgetId": STRING}}
        behaviour = inferred({**crud(), **crud(child, "/widgets/{id}/parts", "partId")})
        assert behaviour.resources["part"].parents == {"id": "widgetId"}
        assert behaviour.resources["part"].refers_to == {"widgetId": "widget"}

    def test_a_parent_the_record_does_not_show_is_kept_beside_it(self) -> None:
        """A private field, and said so."""
        behaviour = inferred({**crud(), **crud(path="/widgets/{id}/parts", parameter="partId")})
        assert behaviour.resources["part"].parents == {"id": "widget_id"}
        assert "never sent" in said(behaviour, "part")

    def test_the_items_own_parameter_is_no_parent(self) -> None:
        """Even where another path uses its name for the parent."""
        paths = {**crud(path="/widgets", parameter="wid"), **crud(path="/widgets/{id}/parts", parameter="partId")}
        paths["/widgets/{wid}/parts/{id}"] = paths.pop("/widgets/{id}/parts/{partId}")
        whole = contract(paths)
        role = assign(whole.operations, infer(whole))["GET /widgets/{wid}/parts/{id}"]
        assert (role.id_parameter, dict(role.parents)) == ("id", {"wid": "widget_id"})

    def test_a_list_under_a_parent_of_the_same_records_is_a_view(self) -> None:
        """Same schema, and the parameter is a property."""
        ref = {"$ref": "#/components/schemas/Order"}
        order = {"type": "object", "properties": {"id": STRING, "customer_id": STRING}}
        paths = {**crud(ref, "/orders"), "/customers/{id}/orders": {"get": answer(rows(ref))}}
        behaviour = inferred(paths, Order=order)
        assert behaviour.resources["order"].collections == ("/orders", "/customers/{id}/orders")
        assert behaviour.resources["order"].parents == {"id": "customer_id"}

    def test_the_same_schema_without_such_a_property_stays_apart(self) -> None:
        """Two webhooks of two owners are two resources, each named after its owner."""
        ref = {"$ref": "#/components/schemas/Hook"}
        paths = {**crud(ref, "/firms/{firm}/hooks"), **crud(ref, "/shops/{shop}/hooks")}
        assert set(inferred(paths, Hook=WIDGET).resources) == {"firm_hook", "shop_hook"}

    def test_the_least_nested_keeps_the_short_name(self) -> None:
        """`/hooks` is hook, `/firms/{}/hooks` is firm_hook."""
        assert set(inferred({**crud(path="/hooks"), **crud(path="/firms/{firm}/hooks")}).resources) == {"hook", "firm_hook"}


class TestSingletons:
    def test_a_path_that_reads_and_changes_an_object_is_a_singleton(self) -> None:
        """GET with PUT or PATCH."""
        settings = {"type": "object", "properties": {"colour": STRING}}
        paths = {"/settings": {"get": answer(settings), "put": taking(settings, settings)}}
        assert inferred(paths).resources["setting"].singleton
        assert kinds(paths) == {"GET /settings": "singleton", "PUT /settings": "replace"}

    def test_what_only_reads_keeps_nothing(self) -> None:
        """A stable example is the honest answer."""
        assert kinds({"/status": {"get": answer(WIDGET)}}) == {"GET /status": "example"}

    def test_another_name_of_some_record_is_none(self) -> None:
        """`/projects/default` is a project."""
        paths = {**crud(path="/projects"), "/projects/default": {"get": answer(WIDGET), "patch": taking(WIDGET, WIDGET)}}
        assert kinds(paths)["GET /projects/default"] == "example"


class TestLifecycles:
    def test_verbs_and_enum_make_a_lifecycle(self) -> None:
        """Each verb that leads to a state of the enum."""
        cycle = inferred({**crud(STATEFUL), **acting("/widgets/{id}", "activate", "archive")}).resources["widget"].lifecycle
        assert cycle is not None
        assert (cycle.field, cycle.initial[0]) == ("status", "DRAFT")
        assert cycle.triggers() == {"activate", "archive"}

    def test_a_verb_after_a_colon_is_an_action_too(self) -> None:
        """`/widgets/{id}:archive`."""
        paths = {**crud(STATEFUL), "/widgets/{id}:archive": {"post": answer(None, "204")}}
        assert kinds(paths)["POST /widgets/{id}:archive"] == "action"
        cycle = inferred(paths).resources["widget"].lifecycle
        assert cycle is not None
        assert cycle.triggers() == {"archive"}

    def test_an_enum_beside_null_counts(self) -> None:
        """`oneOf: [enum, null]`."""
        nullable = {"type": "object", "properties": {"id": STRING, "status": {"oneOf": [STATUS, {"type": "null"}]}}}
        assert inferred({**crud(nullable), **acting("/widgets/{id}", "archive")}).resources["widget"].lifecycle is not None

    def test_the_creates_default_is_where_records_begin(self) -> None:
        """The document's own word beats the convention."""
        paths = {**crud(STATEFUL), **acting("/widgets/{id}", "archive")}
        body = {"type": "object", "properties": {"status": {"type": "string", "enum": ["DRAFT", "ACTIVE"], "default": "ACTIVE"}}}
        paths["/widgets"]["post"] = taking(body, STATEFUL, "201")
        cycle = inferred(paths).resources["widget"].lifecycle
        assert cycle is not None
        assert cycle.initial == ("ACTIVE", "DRAFT")

    def test_a_state_the_record_never_shows_is_no_beginning(self) -> None:
        """Create may list what reading does not; then it could not be answered."""
        paths = {**crud(STATEFUL), **acting("/widgets/{id}", "archive")}
        body = {"type": "object", "properties": {"status": {"type": "string", "enum": ["SECRET", "ACTIVE"]}}}
        paths["/widgets"]["post"] = taking(body, STATEFUL, "201")
        cycle = inferred(paths).resources["widget"].lifecycle
        assert cycle is not None
        assert cycle.initial == ("ACTIVE",)

    @pytest.mark.parametrize(("read_only", "writable"), [(True, False), (False, True)])
    def test_a_state_clients_may_write_is_writable(self, read_only: bool, writable: bool) -> None:
        """As the update's body declares it."""
        record = {"type": "object", "properties": {"id": STRING, "name": STRING, "status": {**STATUS, "readOnly": read_only}}}
        cycle = inferred({**crud(record), **acting("/widgets/{id}", "archive")}).resources["widget"].lifecycle
        assert cycle is not None
        assert cycle.writable is writable

    def test_without_verbs_the_state_has_a_beginning_only(self) -> None:
        """A default, no lifecycle."""
        resource = inferred(crud(STATEFUL)).resources["widget"]
        assert (resource.lifecycle, dict(resource.defaults)) == (None, {"status": "DRAFT"})

    def test_a_verb_that_leads_nowhere_is_not_modelled_and_says_why(self) -> None:
        """The states are named."""
        behaviour = inferred({**crud(STATEFUL), **acting("/widgets/{id}", "archive", "copy")})
        assert 'none of DRAFT, ACTIVE, ARCHIVED is what "copy" leads to' in said(behaviour, "POST /widgets/{id}/copy")


class TestNotModelled:
    def test_a_document_of_procedures_has_no_resources_and_says_so_at_once(self) -> None:
        """The first note."""
        behaviour = inferred(RPC)
        assert behaviour.resources == {}
        assert "no resources" in behaviour.notes[0].finding
        assert modelled(RPC) == 0

    def test_every_operation_that_is_not_modelled_has_a_reason(self) -> None:
        """Never in silence."""
        whole = contract({**RPC, **crud(), "/stats": {"get": answer(WIDGET)}, "/x/{a}/{b}": {"get": answer(WIDGET)}})
        behaviour = infer(whole)
        roles = assign(whole.operations, behaviour)
        left = {key for key, role in roles.items() if not is_modelled(role, behaviour)}
        assert left == {note.subject for note in behaviour.notes if note.finding == "not modelled"}

    def test_a_search_by_post_is_no_create(self) -> None:
        """A body and an answer that are nothing of the record."""
        paths = crud()
        paths["/widgets"]["post"] = taking({"type": "object", "properties": {"query": STRING}}, rows(STRING))
        assert kinds(paths)["POST /widgets"] == "example"


class TestReferences:
    CUSTOMER = crud({"type": "object", "properties": {"id": STRING, "reference": STRING}}, "/customers", "idOrReference")

    def order(self, **properties: Any) -> dict[str, str]:
        """What an order with these properties refers to."""
        return dict(self.behaviour(**properties).resources["order"].refers_to)

    def behaviour(self, **properties: Any) -> Behaviour:
        """Customers, and orders with these properties."""
        record = {"type": "object", "properties": {"id": STRING, **properties}}
        return inferred({**self.CUSTOMER, **crud(record, "/orders")})

    @pytest.mark.parametrize("name", ["customer_id", "customerId", "billing_customer_id", "customerUuid"])
    def test_a_suffix_of_an_identifier_refers(self, name: str) -> None:
        """The longest end of the name that is a resource."""
        assert self.order(**{name: STRING}) == {name: "customer"}

    def test_a_plural_refers_from_each_element(self) -> None:
        """`customer_ids`."""
        assert self.order(customer_ids={"type": "array", "items": STRING}) == {"customer_ids.*": "customer"}

    @pytest.mark.parametrize("name", ["external_customer_id", "planet_id", "customer", "client_id"])
    def test_what_names_nothing_here_refers_to_nothing(self, name: str) -> None:
        """Foreign ids and unknown things."""
        assert self.order(**{name: STRING}) == {}

    def test_a_key_beside_an_id_finds_it(self) -> None:
        """`customer_reference` holds the key of what `customer_id` holds the id of."""
        assert self.behaviour(customer_id=STRING, customer_reference=STRING).resources["order"].by_key == {"customer_reference": "customer_id"}

    def test_the_resources_own_schema_refers(self) -> None:
        """Embedded, or expandable."""
        ref = {"$ref": "#/components/schemas/Customer"}
        record = {"type": "object", "properties": {"id": STRING, "buyer": ref, "seller": {"anyOf": [STRING, ref]}}}
        behaviour = inferred({**crud(ref, "/customers"), **crud(record, "/orders")}, Customer=WIDGET)
        assert behaviour.resources["order"].refers_to == {"buyer.id": "customer", "seller": "customer"}

    def test_nothing_is_demanded_that_nothing_makes(self) -> None:
        """A reference to a read-only resource could never be fulfilled."""
        regions = {"/regions": {"get": answer(rows(WIDGET))}, "/regions/{id}": {"get": answer(WIDGET)}}
        record = {"type": "object", "properties": {"id": STRING, "region_id": STRING}}
        assert inferred({**regions, **crud(record, "/orders")}).resources["order"].refers_to == {}


class TestTheWhole:
    def test_the_commonest_paging_is_the_behaviours_own(self) -> None:
        """So a file says it once."""
        page = [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("page", "limit")]
        paths = {**crud(path="/a", parameters=page), **crud(path="/b", parameters=page), **crud(path="/c")}
        assert (inferred(paths).lists.style, inferred(paths).lists.items) == ("page", "data")

    def test_a_header_makes_requests_repeatable(self) -> None:
        """Idempotency-Key where the document declares it, its window where the description says one."""
        paths = crud()
        header = {"name": "Idempotency-Key", "in": "header", "schema": STRING, "description": "Kept for 72 hours."}
        paths["/widgets"]["post"]["parameters"] = [header]
        rule = inferred(paths).idempotency
        assert rule is not None
        assert (rule.header, rule.window.days, rule.methods) == ("idempotency-key", 3, frozenset({"POST"}))

    def test_webhooks_become_events_of_resources(self) -> None:
        """By the words of their names."""
        hook = {"post": {"requestBody": {"content": {}}, "responses": {}}}
        whole = contract({**crud(STATEFUL), **acting("/widgets/{id}", "archive")}, webhooks=dict.fromkeys(["widget.created", "WIDGET_ARCHIVED", "ping"], hook))
        behaviour = infer(whole)
        assert behaviour.resources["widget"].events == {"created": "widget.created", "ARCHIVED": "WIDGET_ARCHIVED"}
        assert "no change of a record sends" in said(behaviour, "ping")

    def test_the_same_document_gives_the_same_behaviour(self) -> None:
        """Deterministic, notes and their order included."""
        paths = {**crud(STATEFUL), **acting("/widgets/{id}", "archive", "activate", "copy", "send", "print")}
        assert inferred(paths) == inferred(paths)

    def test_a_document_without_operations_has_nothing_to_model(self) -> None:
        """Webhooks alone."""
        assert inferred({}).notes[0].finding == "no operations, so nothing to model"
