"""The report, and the diagrams drawn from the tables."""

from __future__ import annotations

from typing import Any

import pytest
from behaviour_sketches import STRING, acting, contract, crud, query

from understudy.behaviour.drawing import diagram
from understudy.behaviour.explaining import explain, summary
from understudy.behaviour.inference import infer
from understudy.behaviour.model import Behaviour, Lifecycle, Resource
from understudy.behaviour.reading import read_behaviour

RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {"id": STRING, "status": {**STRING, "enum": ["open", "paid"]}, "customer_id": STRING, "reference": STRING},
}
SHOP = {
    **crud(path="/customers"),
    **crud(RECORD, "/orders", "idOrReference", parameters=query("page", "limit")),
    **acting("/orders/{idOrReference}", "pay", "print"),
}


@pytest.fixture(scope="module")
def report() -> str:
    """The report on the shop."""
    whole = contract(SHOP)
    return explain(infer(whole), whole)


class TestReport:
    def test_the_first_line_counts(self, report: str) -> None:
        """How many operations are modelled, and how many not."""
        assert report.splitlines()[0] == "12 operations: 11 modelled, 1 not modelled"

    @pytest.mark.parametrize(
        "line",
        [
            "order  /orders", "open: pay -> paid", "paid: final", "key: reference, unique, also in paths", "refers to: customer by customer_id",
            "paging: page (page, limit), 50 at a time, records in data", "POST /orders create (POST on a collection)",
            "POST /orders/{idOrReference}/pay action pay (a verb after an item)", "- pages by page (page, limit) (names of the query parameters)",
            'POST /orders/{idOrReference}/print (none of open, paid is what "print" leads to)',
        ],
    )  # fmt: skip
    def test_each_thing_understood_is_said_with_its_convention(self, report: str, line: str) -> None:
        """Operations, lifecycle, key, references, paging, and what is not modelled."""
        assert line in [" ".join(one.split()) for one in report.replace("order  /", "order /").splitlines()] or line in report

    def test_what_a_file_says_is_explained_without_notes(self) -> None:
        """The tables speak for themselves."""
        data = {"resources": {"order": {"collection": "/orders", "events": {"created": "order.new"}}}}
        whole = contract(SHOP)
        assert "order.new when created" in explain(read_behaviour(data), whole)

    def test_every_operation_appears_once(self, report: str) -> None:
        """Under its resource, or under what is not modelled."""
        lines = [line.split() for line in report.splitlines() if line.startswith("  ")]
        found = [f"{one[0]} {one[1]}" for one in lines if one[0] in ("GET", "POST", "PATCH", "DELETE")]
        assert sorted(found) == sorted(operation.key for operation in contract(SHOP).operations)

    def test_a_document_of_procedures_says_so_at_once(self) -> None:
        """The second line."""
        whole = contract({"/doIt": {"post": {"responses": {}}}})
        lines = explain(infer(whole), whole).splitlines()
        assert lines[0] == summary(infer(whole), whole) == "1 operations: 0 modelled, 1 not modelled"
        assert "no resources" in lines[1]


class TestDiagrams:
    def test_a_lifecycle_is_drawn_cell_by_cell(self) -> None:
        """States, beginnings, transitions, ends."""
        cycle = Lifecycle("status", {"on hold": {"go": "end"}, "end": {}}, ("on hold",), {"go": "due_at"})
        text = diagram(Behaviour(resources={"order": Resource("order", lifecycle=cycle)}))
        assert text.splitlines()[2:] == [
            "```mermaid", "stateDiagram-v2", '    state "on hold" as on_hold_', '    state "end" as end_', "    [*] --> on_hold_",
            "    on_hold_ --> end_: go at due_at", "    end_ --> [*]", "```",
        ]  # fmt: skip

    def test_references_are_drawn_as_relations(self) -> None:
        """One to many, or many to many where an array refers."""
        order = Resource("order", refers_to={"customer_id": "customer", "tag_ids.*": "tag"})
        lines = diagram(Behaviour(resources={"order": order})).splitlines()
        assert '    order }o--o| customer : "customer_id"' in lines
        assert '    order }o--o{ tag : "tag_ids.*"' in lines

    def test_nothing_to_draw_draws_nothing(self) -> None:
        """No empty diagram."""
        assert diagram(Behaviour(resources={"a": Resource("a")})) == ""
