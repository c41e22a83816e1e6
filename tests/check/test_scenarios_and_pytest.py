"""Arazzo documents as scenarios, and the laws as tests of pytest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import understudy
from check.desk import HOME, KEY, SOURCE, SPEC, desk, planted
from understudy.check.opening import credentials, read_api, stand_in
from understudy.check.running import Options, Report, Run
from understudy.check.scenarios import Scenarios, Unplayable
from understudy.check.targets import InProcess
from understudy.understanding import Options as Playing
from understudy.world import sources

TUTORIAL = HOME.parents[1] / "openapi" / "solvimon.arazzo.yaml"
BUGS = {bug.what: bug for bug in planted().PLANTED}
ORDER = {
    "arazzo": "1.0.1",
    "workflows": [
        {"workflowId": "paid", "inputs": {"properties": {"quantity": {"default": 3}}}, "outputs": {"total": "$steps.pay.outputs.total"}, "steps": [
            {"stepId": "customer", "operationId": "createCustomer", "requestBody": {"payload": {"email": "a@b.example", "name": "A"}},
             "successCriteria": [{"condition": "$statusCode == 201"}], "outputs": {"id": "$response.body#/id"}},
            {"stepId": "order", "operationId": "createOrder",
             "requestBody": {"payload": {"customer_id": "$steps.customer.outputs.id", "reference": "r-1", "quantity": "$inputs.quantity", "unit_price": 5}},
             "successCriteria": [{"condition": "$statusCode == 201 && $response.body#/total == 15"}, {"type": "regex", "context": "$response.body#/id", "condition": "^ord_"}],
             "outputs": {"id": "$response.body#/id"}},
            {"stepId": "place", "operationPath": "{$sourceDescriptions.desk.url}#/paths/~1orders~1{order_id}~1place/post",
             "parameters": [{"name": "order_id", "in": "path", "value": "$steps.order.outputs.id"}], "successCriteria": [{"condition": "$statusCode == 200"}]},
            {"stepId": "pay", "operationId": "payOrder", "parameters": [{"name": "order_id", "in": "path", "value": "$steps.order.outputs.id"}],
             "successCriteria": [{"condition": "$response.body#/status == 'PAID'"}], "outputs": {"total": "$response.body#/total"}},
        ]},
    ],
}  # fmt: skip


def played(document: dict[str, object], source: str = SOURCE) -> Report:
    api, app = read_api(SPEC), desk(source)
    run = Run(api, InProcess(app, app.reset), Options(credentials=credentials(api, KEY)))
    run.play(Scenarios("order.arazzo.yaml", document))
    run.target.close()
    return run.report


def test_the_tutorial_ends_with_its_invoice() -> None:
    """The guides' calls as an Arazzo document, played over the bundled sandbox: every criterion holds."""
    api, (_, target) = read_api(None), stand_in(Playing())
    run = Run(api, target, Options(credentials=credentials(api, None)))
    run.play(Scenarios(str(TUTORIAL), sources.read(TUTORIAL)))
    target.close()
    assert [one.message for one in run.report.findings] == []
    assert run.report.uncovered == []
    assert run.report.judged["scenario: first-meters-and-prices", "GET /v1/invoices"] == 8


def test_a_workflow_takes_values_from_its_inputs_and_from_earlier_answers() -> None:
    """Outputs are references, so a broken criterion can be shown from a fresh start."""
    assert played(ORDER).findings == []
    (finding,) = played(ORDER, BUGS["pay leads to shipped"].planted(SOURCE)).findings
    assert (finding.law, finding.operation) == ("scenario: paid", "POST /orders/{order_id}/pay")
    assert "$response.body#/status == 'PAID' does not hold" in finding.message


@pytest.mark.parametrize(("step", "said"), [
    ({"operationId": "noSuch"}, "the document has no operation noSuch"),
    ({"operationId": "listOrders", "successCriteria": [{"condition": "yes"}]}, "yes is no comparison such as $statusCode == 200"),
    ({"operationId": "getOrder", "parameters": [{"name": "order_id", "in": "path", "value": "$steps.x.outputs.id"}]}, "is nothing that was given before"),
])
def test_what_cannot_be_played_is_told_with_its_place(step: dict[str, object], said: str) -> None:
    """No part of a document is passed over in silence."""
    document = {"arazzo": "1.0.0", "workflows": [{"workflowId": "w", "steps": [{"stepId": "s", **step}]}]}
    with pytest.raises(Unplayable, match=r"order.arazzo.yaml: w.s: ") as caught:
        played(document)
    assert said in str(caught.value)


def test_what_is_no_arazzo_document_is_refused() -> None:
    """It says what one begins with."""
    with pytest.raises(Unplayable, match="not an Arazzo document"):
        Scenarios("x.yaml", {"openapi": "3.1.0"})


app = desk()


@understudy.laws(SPEC, app=app, reset=app.reset, key=KEY, only=("uniqueness", "initial state"))
def test_the_laws_are_tests_of_pytest(law: Any) -> None:
    """`@understudy.laws(...)`: one test for each law and resource."""
    law()


def test_a_broken_law_fails_its_test_with_the_script() -> None:
    """What is wrong, the steps, and a script to copy."""
    bad = desk(BUGS["an order begins placed"].planted(SOURCE))
    mark = understudy.laws(SPEC, app=bad, reset=bad.reset, key=KEY, only=("initial state",))
    (case,) = mark.args[1]
    assert str(case) == "initial state - order"
    with pytest.raises(pytest.fail.Exception, match="a new order is placed, not draft") as caught:
        case()
    assert "curl -sS" in str(caught.value)


def test_the_tutorial_lies_beside_its_document() -> None:
    """It is shipped with the bundled documents."""
    assert Path(TUTORIAL).is_file()
