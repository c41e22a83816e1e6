"""What Arazzo 1.0.1 has of a workflow, row by row: actions, criteria, expressions, inputs, components, workflows that call and need others."""

from __future__ import annotations

from typing import Any

import pytest

from check.desk import KEY, SOURCE, SPEC, desk
from understudy.check.opening import credentials, read_api
from understudy.check.running import Options, Report, Run
from understudy.check.scenarios import Scenarios, Unplayable
from understudy.check.targets import InProcess

OK, MADE = {"condition": "$statusCode == 200"}, {"condition": "$statusCode == 201"}
CUSTOMER = {"stepId": "customer", "operationId": "createCustomer", "requestBody": {"payload": {"email": "a@b.example", "name": "Ada", "tier": "plus"}},
            "successCriteria": [MADE], "outputs": {"id": "$response.body#/id", "all": "$response.body"}}
READ = {"stepId": "read", "operationId": "getCustomer", "parameters": [{"name": "customer_id", "in": "path", "value": "$steps.customer.outputs.id"}], "successCriteria": [OK]}
LOST = {**READ, "stepId": "lost", "parameters": [{"name": "customer_id", "in": "path", "value": "cus_nobody"}]}


def steps(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"workflowId": "w", "steps": list(rows), **more}


def run(*workflows: dict[str, Any], inputs: dict[str, Any] | None = None, components: dict[str, Any] | None = None) -> Report:
    """Play workflows over the order desk."""
    api, app = read_api(SPEC), desk(SOURCE)
    one = Run(api, InProcess(app, app.reset), Options(credentials=credentials(api, KEY)))
    try:
        one.play(Scenarios("a.yaml", {"arazzo": "1.0.1", "workflows": list(workflows), "components": components or {}}, inputs or {}))
    finally:
        one.target.close()
    return one.report


def sent(report: Report) -> int:
    return report.calls


@pytest.mark.parametrize(("condition", "holds"), [
    ("$statusCode == 201", True),
    ("$statusCode == 201 && $response.body#/name == 'ADA'", True),
    ("$response.body#/name == 'Bob' || ($statusCode >= 200 && $statusCode < 300)", True),
    ("!($response.body#/credit > 0)", True),
    ("$response.body#/newsletter", False),
    ("$response.body#/newsletter == false", True),
    ("$response.body.tier != 'plus'", False),
    ("$response.body#/no/such == null", True),
    ("$response.header.content-type == 'application/json'", True),
    ("$request.body#/name == 'Ada'", True),
    ("$method == 'POST' && $url == '/customers'", True),
    ("'it''s' == 'it''s'", True),
])
def test_simple_criteria(condition: str, holds: bool) -> None:
    """Literals, operators, parentheses, and every kind of runtime expression."""
    found = run(steps({**CUSTOMER, "successCriteria": [{"condition": condition}]})).findings
    assert (found == []) is holds


@pytest.mark.parametrize(("row", "holds"), [
    ({"type": "regex", "context": "$response.body#/id", "condition": "^cus_[a-z0-9]{12}$"}, True),
    ({"type": "regex", "context": "$statusCode", "condition": "^4"}, False),
    ({"type": "jsonpath", "context": "$response.body", "condition": "$[?@ == 'Ada']"}, True),
    ({"type": {"type": "jsonpath", "version": "draft-goessner-dispatch-jsonpath-00"}, "context": "$response.body", "condition": "$.nothing"}, False),
])
def test_criteria_of_other_types(row: dict[str, Any], holds: bool) -> None:
    """Regular expressions, and JSONPath as RFC 9535 has it: something is selected."""
    assert (run(steps({**CUSTOMER, "successCriteria": [row]})).findings == []) is holds


def test_a_step_that_fails_ends_its_workflow() -> None:
    """Without an action the next step follows success only."""
    report = run(steps(CUSTOMER, LOST, READ))
    assert ([one.message for one in report.findings], sent(report)) == (["w.lost: $statusCode == 200 does not hold"], 2)


def test_success_may_end_a_workflow_or_go_elsewhere() -> None:
    """`end` leaves the rest out, `goto` goes to a step; the first action whose criteria hold is taken."""
    assert sent(run(steps({**CUSTOMER, "onSuccess": [{"name": "e", "type": "end"}]}, READ))) == 1
    go = [{"name": "no", "type": "end", "criteria": [{"condition": "$statusCode == 200"}]}, {"name": "go", "type": "goto", "stepId": "read"}]
    assert sent(run(steps({**CUSTOMER, "onSuccess": go}, LOST, READ))) == 2


def test_failure_may_be_tried_again() -> None:
    """`retry` sends the request again, as often as it says, and what is then kept is no finding."""
    report = run(steps(CUSTOMER, {**LOST, "onFailure": [{"name": "r", "type": "retry", "retryAfter": 0, "retryLimit": 3}]}))
    assert ([one.key for one in report.findings], sent(report)) == (["$statusCode == 200"], 5)
    make = {"workflowId": "make", "steps": [{**CUSTOMER, "successCriteria": []}]}
    found = {"stepId": "some", "operationId": "listCustomers", "successCriteria": [{"condition": "$response.body#/total == 1"}],
             "onFailure": [{"name": "r", "type": "retry", "workflowId": "make"}]}
    assert run(steps(found), make).findings == []


def test_failure_may_go_elsewhere_and_is_then_handled() -> None:
    """`goto` from a failure is the document's own way on: no finding."""
    report = run(steps(CUSTOMER, {**LOST, "onFailure": [{"name": "g", "type": "goto", "stepId": "read"}]}, {**LOST, "stepId": "never"}, READ))
    assert (report.findings, sent(report)) == ([], 3)


def test_a_workflow_that_goes_round_is_stopped() -> None:
    """It says so, with its place."""
    with pytest.raises(Unplayable, match=r"a.yaml: w: it has not ended after 500 steps"):
        run(steps({**READ, "operationId": "listCustomers", "parameters": [], "onSuccess": [{"name": "g", "type": "goto", "stepId": "read"}]}))


def test_a_workflow_calls_another_with_inputs_and_takes_its_outputs() -> None:
    """A step with a workflowId; its parameters are the inputs."""
    make = {"workflowId": "make", "inputs": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            "steps": [{**CUSTOMER, "requestBody": {"payload": {"email": "x@y.example", "name": "$inputs.name"}}}], "outputs": {"customer": "$steps.customer.outputs.all"}}
    call = {"stepId": "made", "workflowId": "make", "parameters": [{"name": "name", "value": "Grace"}]}
    read = {**READ, "parameters": [{"name": "customer_id", "in": "path", "value": "$steps.made.outputs.customer#/id"}],
            "successCriteria": [OK, {"condition": "$response.body#/name == 'Grace'"}]}
    report = run(steps(call, read), make)
    assert report.findings == []
    assert [one.reason for one in report.uncovered] == ["a.yaml: make: the input name is not given and has no default"]


def test_a_workflow_is_played_after_those_it_depends_on() -> None:
    """Once each, in the same world; their outputs and inputs are known."""
    first = {"workflowId": "first", "inputs": {"properties": {"n": {"default": 1}}}, "steps": [CUSTOMER], "outputs": {"id": "$steps.customer.outputs.id"}}
    read = {**READ, "parameters": [{"name": "customer_id", "in": "path", "value": "$workflows.first.outputs.id"}],
            "successCriteria": [OK, {"condition": "$workflows.first.inputs.n == 1"}]}
    assert run(steps(read, dependsOn=["first"]), first).findings == []
    with pytest.raises(Unplayable, match="it needs itself: w -> other -> w"):
        run(steps(CUSTOMER, dependsOn=["other"]), {"workflowId": "other", "steps": [CUSTOMER], "dependsOn": ["w"]})


def test_inputs_are_held_to_their_schema() -> None:
    """Given by name or by workflow, with defaults, by a schema of the components too."""
    schema = {"type": "object", "required": ["tier"], "properties": {"tier": {"enum": ["plus", "pro"]}}}
    flow = steps({**CUSTOMER, "requestBody": {"payload": {"email": "a@b.example", "name": "A", "tier": "$inputs.tier"}}}, inputs={"$ref": "#/components/inputs/tiers"})
    assert run(flow, inputs={"tier": "pro"}, components={"inputs": {"tiers": schema}}).findings == []
    assert run(flow, inputs={"w": {"tier": "plus"}}, components={"inputs": {"tiers": schema}}).findings == []
    with pytest.raises(Unplayable, match=r"a\.yaml: w: the input tier: 'gold' is not one of"):
        run(flow, inputs={"tier": "gold"}, components={"inputs": {"tiers": schema}})


def test_parameters_and_actions_are_reused() -> None:
    """From the components, with a value of one's own, and from the workflow for each of its steps."""
    components = {"parameters": {"size": {"name": "per_page", "in": "query", "value": 1}}, "failureActions": {"on": {"name": "on", "type": "goto", "stepId": "end"}}}
    first = {"stepId": "list", "operationId": "listCustomers", "parameters": [{"reference": "$components.parameters.size", "value": 2}],
             "successCriteria": [{"condition": "$response.body#/per_page == 3"}]}
    last = {"stepId": "end", "operationId": "listCustomers", "successCriteria": [{"condition": "$response.body#/per_page == 1"}]}
    flow = steps(first, LOST, last, parameters=[{"reference": "$components.parameters.size"}], failureActions=[{"reference": "$components.failureActions.on"}])
    report = run(flow, components=components)
    assert (report.findings, sent(report)) == ([], 2)


def test_a_payload_takes_replacements_and_texts_with_expressions() -> None:
    """By pointer into the payload; an expression in braces within a text."""
    body = {"payload": {"email": "{$inputs.who}@b.example", "name": "A"}, "replacements": [{"target": "/name", "value": "Replaced"}]}
    report = run(steps({**CUSTOMER, "requestBody": body, "successCriteria": [{"condition": "$response.body#/name == 'Replaced' && $response.body#/email == 'me@b.example'"}]},
                       inputs={"properties": {"who": {"default": "me"}}}))
    assert report.findings == []


@pytest.mark.parametrize(("flow", "said"), [
    (steps({"stepId": "s"}), "a.yaml: w.s: a step has one of operationId, operationPath and workflowId; this one has none"),
    (steps({**READ, "workflowId": "w"}), "this one has operationId and workflowId"),
    (steps(CUSTOMER, CUSTOMER), "a.yaml: w: two steps are called customer"),
    (steps({**CUSTOMER, "onSuccess": [{"type": "retry"}]}), "a.yaml: w.customer: onSuccess: the type of an action is end or goto, not retry"),
    (steps({**CUSTOMER, "onFailure": [{"type": "goto", "stepId": "x"}]}), "it leads to x, which is no step of this workflow"),
    (steps(CUSTOMER, dependsOn=["x"]), "a.yaml: w: it depends on x, which is no workflow here"),
    (steps(), "a.yaml: w: a workflow has a workflowId and a list of steps"),
    (steps({**CUSTOMER, "successCriteria": [{"type": "xpath", "context": "$response.body", "condition": "//a"}]}), "criteria of type xpath are not read here"),
    (steps({**CUSTOMER, "successCriteria": [{"type": "jsonpath", "context": "$response.body", "condition": "$[?"}]}), "a.yaml: w.customer: $[? is no JSONPath (RFC 9535)"),
    (steps({**CUSTOMER, "successCriteria": [{"type": "regex", "context": "$statusCode", "condition": "("}]}), "( is no regular expression"),
    (steps({**CUSTOMER, "successCriteria": [{"type": "regex", "condition": "x"}]}), "needs a context, such as $response.body"),
    (steps({**CUSTOMER, "successCriteria": [{"condition": "$statusCode = 200"}]}), "is no comparison such as $statusCode == 200"),
    (steps({**CUSTOMER, "requestBody": {"payload": {}, "replacements": [{"target": "/a/b", "value": 1}]}}), "the payload has no place /a/b"),
    (steps({**CUSTOMER, "parameters": [{"reference": "$components.parameters.none"}]}), "$components.parameters.none is not among the components"),
    (steps({**CUSTOMER, "outputs": {"x": "$response.cookie"}}), "$response.cookie is no runtime expression"),
])
def test_mistakes_are_told_with_their_place(flow: dict[str, Any], said: str) -> None:
    """Each says where it is, and what would be right."""
    with pytest.raises(Unplayable) as caught:
        run(flow)
    assert said in str(caught.value)
