"""The verb table against state enums, and the lifecycle made of both."""

from __future__ import annotations

import pytest

from understudy.behaviour import lifecycles
from understudy.behaviour.model import Behaviour, Resource
from understudy.behaviour.reading import check_sense

STATES = ("DRAFT", "ACTIVE", "INACTIVE", "ARCHIVED")
MOVES = {"activate": "ACTIVE", "archive": "ARCHIVED"}


class TestTargets:
    @pytest.mark.parametrize(
        ("verb", "states", "expected"),
        [
            ("archive", STATES, "ARCHIVED"), ("activate", STATES, "ACTIVE"), ("deactivate", STATES, "INACTIVE"),
            ("cancel", ("open", "canceled"), "canceled"), ("cancel", ("Open", "Cancelled"), "Cancelled"),
            ("suspend", ("ACTIVE", "SUSPENDED"), "SUSPENDED"), ("pay", ("open", "paid"), "paid"), ("void", ("open", "void"), "void"),
            ("approve", ("waiting", "APPROVED"), "APPROVED"), ("send", ("draft", "sent"), "sent"), ("adopt", ("free", "adopted"), "adopted"),
            ("mark-paid", ("open", "paid"), "paid"), ("resume", ("paused", "active"), "active"), ("start", ("idle", "in_progress"), "in_progress"),
            ("cancel-order", ("open", "cancelled"), "cancelled"), ("publish", ("draft", "live"), "live"), ("deny", ("asked", "denied"), "denied"),
        ],
    )  # fmt: skip
    def test_a_verb_leads_to_its_state_however_it_is_spelled(self, verb: str, states: tuple[str, ...], expected: str) -> None:
        """The table first, the regular participle after; capitals and signs do not matter."""
        assert lifecycles.target(verb, states, ("order",)) == expected

    @pytest.mark.parametrize("verb", ["copy", "capture", "generate-key", "send-test", "refresh", "credit_and_copy"])
    def test_a_verb_without_a_state_in_the_enum_leads_nowhere(self, verb: str) -> None:
        """Nothing is guessed."""
        assert lifecycles.target(verb, STATES) is None


class TestBeginnings:
    @pytest.mark.parametrize(
        ("states", "expected"),
        [
            (("ACTIVE", "DRAFT"), "DRAFT"), (("active", "pending"), "pending"), (("closed", "open"), "open"),
            (("available", "pending", "sold"), "available"), (("APPROVAL_PENDING", "ACTIVE"), "APPROVAL_PENDING"), (("x", "y"), None),
        ],
    )  # fmt: skip
    def test_records_begin_in_the_first_customary_state(self, states: tuple[str, ...], expected: str | None) -> None:
        """DRAFT, CREATED, NEW, AVAILABLE, PENDING, ACTIVE, OPEN, in that order; none where the enum has none."""
        assert lifecycles.conventional(states) == expected


class TestLifecycles:
    def test_a_verb_leads_from_every_state_but_its_own_and_the_final_ones(self) -> None:
        """The rule the report states."""
        cycle = lifecycles.lifecycle("status", STATES, MOVES, ("DRAFT",), False)
        assert cycle.table == {
            "DRAFT": {"activate": "ACTIVE", "archive": "ARCHIVED"},
            "ACTIVE": {"archive": "ARCHIVED"},
            "INACTIVE": {"activate": "ACTIVE", "archive": "ARCHIVED"},
            "ARCHIVED": {},
        }

    def test_only_a_reviving_verb_leaves_a_final_looking_state(self) -> None:
        """Restore and its kin are made for that."""
        cycle = lifecycles.lifecycle("status", STATES, {**MOVES, "unarchive": "ACTIVE"}, ("DRAFT",), False)
        assert cycle.table["ARCHIVED"] == {"unarchive": "ACTIVE"}

    def test_a_state_no_verb_leads_to_is_kept_as_given_and_makes_sense(self) -> None:
        """A fixture may set it; the file that says so passes the check."""
        cycle = lifecycles.lifecycle("status", STATES, MOVES, ("DRAFT",), False)
        assert cycle.given == ("INACTIVE",)
        assert check_sense(Behaviour(resources={"a": Resource("a", lifecycle=cycle)}), "file") == []
