"""Pages of a list, as laws: whatever is created and however it is cut, the pages together are the list."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from support.asgi import Client
from understudy.server.app import App
from understudy.theatre import Theatre


def customers(client: Client, count: int) -> list[str]:
    """Create customers; their references, newest first."""
    names = [f"c-{number:03d}" for number in range(count)]
    for name in names:
        answer = client.post("/v1/customers", {"reference": name, "type": "ORGANIZATION", "organization": {"legal_name": f"N{len(name)}"}})
        assert answer.status == 201, answer.body
    return names[::-1]


def walk(client: Client, target: str) -> list[str]:
    """Follow `links.next` from a first page to the end."""
    seen: list[str] = []
    while target:
        page = client.get(target).json
        seen += [record["reference"] for record in page["data"]]
        link = page["links"]["next"]
        target = f"{urlsplit(link).path}?{urlsplit(link).query}" if link else ""
    return seen


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 23), limit=st.integers(1, 9))
def test_pages_one_after_the_other_are_the_whole_list(bundled: Theatre, count: int, limit: int) -> None:
    """No record is missing, none comes twice, newest first, and the number of pages is right."""
    bundled.reset("default")
    client = Client(App(bundled))
    names = customers(client, count)
    assert walk(client, f"/v1/customers?limit={limit}") == names
    first = client.get(f"/v1/customers?limit={limit}").json
    assert first["total_number_of_pages"] == max(1, -(-count // limit))


@settings(max_examples=25, deadline=None)
@given(data=st.lists(st.sampled_from(["a@x.com", "b@x.com", "c@x.com"]), max_size=12), direction=st.sampled_from(["asc", "desc"]), limit=st.integers(1, 5))
def test_ordered_pages_are_sorted_and_ties_keep_one_order_over_all_pages(bundled: Theatre, data: list[str], direction: str, limit: int) -> None:
    """Ordering by a field with equal values is total: walking the pages meets every record once, in order."""
    bundled.reset("default")
    client = Client(App(bundled))
    emails = {}
    for number, email in enumerate(data):
        emails[f"c-{number}"] = email
        client.post("/v1/customers", {"reference": f"c-{number}", "type": "INDIVIDUAL", "email": email})
    seen = walk(client, f"/v1/customers?order_by=email&order_direction={direction}&limit={limit}")
    assert sorted(seen) == sorted(emails)
    ordered = [emails[name] for name in seen]
    assert ordered == sorted(ordered, reverse=direction == "desc")


def test_links_keep_the_other_parameters(call: Client) -> None:
    """A link is the request with another page; what else was asked stays."""
    customers(call, 5)
    page = call.get("/v1/customers?limit=2&order_by=reference&order_direction=asc").json
    query = parse_qs(urlsplit(page["links"]["next"]).query)
    assert query == {"page": ["2"], "limit": ["2"], "order_by": ["reference"], "order_direction": ["asc"]}


def test_a_page_beyond_the_last_is_empty_and_links_back(call: Client) -> None:
    """It is no error to ask for it."""
    customers(call, 3)
    page = call.get("/v1/customers?page=9&limit=2").json
    assert (page["data"], page["total_number_of_pages"], page["links"]["next"]) == ([], 2, None)
    assert page["links"]["previous"].endswith("page=2&limit=2")


def test_filters_take_one_value_a_bracketed_list_a_repeated_name_and_a_range(call: Client) -> None:
    """Equality, `[a,b]`, `name[]=`, `[from,to]` with both ends included."""
    customers(call, 3)
    call.post("/v1/customers/c-001/activate")

    def found(query: str) -> list[str]:
        return [record["reference"] for record in call.get(f"/v1/customers?{query}").json["data"]]

    assert found("status=ACTIVE") == ["c-001"]
    assert found("status=[ACTIVE,DRAFT]") == ["c-002", "c-001", "c-000"]
    assert found("statuses[]=ACTIVE&statuses[]=ARCHIVED") == ["c-001"]
    assert found("reference=c-002") == ["c-002"]
    now = datetime(2025, 5, 6, 10, 30, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    assert len(found(f"created_at=[{now},{now}]")) == 3
    assert found("created_at=[2025-05-07T00:00:00Z,2025-06-01T00:00:00Z]") == []
