"""Which operations a fault is aimed at: by name, by method and path, by what stands for anything."""

from __future__ import annotations

import pytest

from understudy.faults.aim import NOTHING
from understudy.faults.aiming import aim, check, targets
from understudy.faults.fault import Fault
from understudy.theatre import Theatre


def keys(bundled: Theatre, *operation: str, stale: int = 0) -> set[tuple[str, str | None]]:
    """What is aimed at."""
    return set(targets(bundled.script, Fault("F1", operation, stale=stale)))


@pytest.mark.parametrize(("pattern", "expected"), [
    ("POST /v1/customers", {("POST /v1/customers", None)}),
    ("post  /v1/customers", {("POST /v1/customers", None)}),
    ("GET /v1/customers/{anything}", {("GET /v1/customers/{idOrReference}", None)}),
    ("POST /v1/customers/{x}/arch*", {("POST /v1/customers/{idOrReference}/archive", None)}),
    ("GET /v1/customers/acme", {("GET /v1/customers/{idOrReference}", "/v1/customers/acme")}),
])  # fmt: skip
def test_a_name_means_an_operation(bundled: Theatre, pattern: str, expected: set[tuple[str, str | None]]) -> None:
    """However its parameters are called; a concrete path means only itself."""
    assert keys(bundled, pattern) == expected


def test_an_operation_id_means_its_operation(bundled: Theatre) -> None:
    """Exactly as the document has it."""
    one = next(operation for operation in bundled.script.contract.operations if operation.operation_id)
    assert keys(bundled, str(one.operation_id)) == {(one.key, None)}


def test_a_star_stands_for_anything(bundled: Theatre) -> None:
    """Every operation, every one of a method, all below a path."""
    every = {operation.key for operation in bundled.script.contract.operations}
    assert {key for key, _ in keys(bundled)} == every
    assert {key for key, _ in keys(bundled, "DELETE *")} == {key for key in every if key.startswith("DELETE ")}
    assert {key for key, _ in keys(bundled, "* /v1/invoices*")} == {key for key in every if " /v1/invoices" in key}


def test_stale_reads_concern_reads(bundled: Theatre) -> None:
    """Of all operations those that change nothing; a write alone is refused."""
    assert all(key.startswith("GET ") or key.endswith("/search") for key, _ in keys(bundled, stale=1))
    with pytest.raises(ValueError, match=r"^stale: concerns reads; POST /v1/customers has none"):
        check(bundled.script, Fault("F1", ("POST /v1/customers",), stale=1))


@pytest.mark.parametrize(("pattern", "nearest"), [
    ("POST /v1/custmers", '; the nearest is "POST /v1/customers"'),
    ("PATCH /v2/nothing/like/it/at/all", ""),
    ("zzzzzzzz", "; write an operationId"),
    ("QUERY *", ""),
    ("* ", ""),
])  # fmt: skip
def test_a_name_of_nothing_is_refused_with_the_nearest(bundled: Theatre, pattern: str, nearest: str) -> None:
    """At once, not when nothing strikes."""
    with pytest.raises(ValueError, match=r"^operation: nothing here is called") as raised:
        check(bundled.script, Fault("F1", (pattern,), status=503))
    assert nearest in str(raised.value)


def test_faults_are_found_by_operation_in_the_order_they_came(bundled: Theatre) -> None:
    """Those of deliveries aside; one whose operation is no more strikes nothing."""
    found = aim(bundled.script, [
        Fault("all", delay=None, status=500), Fault("one", ("POST /v1/customers",), status=503), Fault("gone", ("POST /gone",), status=503),
        Fault("told", event="*", webhook="lost"), Fault("old", stale=3),
    ])  # fmt: skip
    assert [target.id for target in found.operations["POST /v1/customers"]] == ["all", "one"]
    assert [target.id for target in found.operations["GET /v1/customers"]] == ["all", "old"]
    assert found.deliveries == ("told",) and found.depth == 3
    assert aim(bundled.script, []) == NOTHING
