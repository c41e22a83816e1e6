"""Every lifecycle there is, exhausted: each state with each trigger either moves as its table says or refuses and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.behaviour.model import Lifecycle
from understudy.behaviour.reading import read_behaviour
from understudy.engine import lifecycle
from understudy.problems import Problem
from understudy.world.sources import read

BEHAVIOUR = read_behaviour(read(Path(__file__).resolve().parents[2] / "openapi" / "solvimon.behaviour.yaml"))
MACHINES = {name: resource.lifecycle for name, resource in BEHAVIOUR.resources.items() if resource.lifecycle}
CELLS = [(name, state, trigger) for name, machine in MACHINES.items() for state in machine.table for trigger in sorted(machine.triggers())]
DOOR = Lifecycle("status", {"open": {"close": "closed"}, "closed": {"open": "open", "lock": "locked"}, "locked": {}}, ("open", "closed"))


@pytest.mark.parametrize(("name", "state", "trigger"), CELLS)
def test_each_state_takes_exactly_the_triggers_of_its_row(name: str, state: str, trigger: str) -> None:
    """A cell moves to what it holds; a trigger without a cell is refused with the list of what is accepted."""
    machine = MACHINES[name]
    row = machine.table[state]
    if trigger in row:
        assert lifecycle.fire(machine, state, trigger) == row[trigger]
        return
    with pytest.raises(Problem) as refused:
        lifecycle.fire(machine, state, trigger)
    assert refused.value.kind == "illegal_transition"
    assert refused.value.message == f"cannot {trigger} while {state}; {state} accepts {', '.join(row) or 'nothing'}"


@pytest.mark.parametrize(("name", "state", "target"), [(name, state, target) for name, machine in MACHINES.items() for state in machine.table for target in machine.table])
def test_a_state_is_reached_by_name_only_where_a_trigger_leads_there(name: str, state: str, target: str) -> None:
    """Writing the state's field is firing the trigger that leads there; the same state again is no move."""
    machine = MACHINES[name]
    if target == state:
        assert lifecycle.move(machine, state, target) is None
    elif target in machine.table[state].values():
        trigger = lifecycle.move(machine, state, target)
        assert trigger is not None
        assert machine.table[state][trigger] == target
    else:
        with pytest.raises(Problem, match=f"cannot become {target} while {state}"):
            lifecycle.move(machine, state, target)


def test_a_record_begins_in_the_first_initial_state_or_one_it_asks_for() -> None:
    """`initial` lists where a record may begin; the first is the default."""
    assert lifecycle.begin(DOOR) == "open"
    assert lifecycle.begin(DOOR, "closed") == "closed"


def test_a_record_may_not_begin_anywhere_else() -> None:
    """The refusal says where it may."""
    with pytest.raises(Problem, match="cannot begin as locked; a new record may be open or closed"):
        lifecycle.begin(DOOR, "locked")


def test_a_final_state_says_that_it_is() -> None:
    """No way leads out of an empty row."""
    with pytest.raises(Problem, match="cannot become open while locked; locked is final"):
        lifecycle.move(DOOR, "locked", "open")
