"""The only place a state is made: looking a trigger up in a lifecycle's table.

1. Everything that affects a record's state goes through `begin`, `fire` or `move`.
2. Nothing here knows records, time or what a state means; the tables are the rules (after h11's `_state.py`).
"""

from __future__ import annotations

from understudy.behaviour.model import Lifecycle
from understudy.problems import Problem


def begin(lifecycle: Lifecycle, asked: object = None) -> str:
    """The state a new record takes: the one asked for where a record may begin in it, else the default.

    Raises Problem `illegal_transition` for a state no record may begin in.
    """
    if asked is None:
        return lifecycle.initial[0]
    if asked in lifecycle.initial:
        return str(asked)
    raise Problem(
        "illegal_transition",
        f"cannot begin as {asked}; a new record may be {_either(lifecycle.initial)}",
        field=lifecycle.field,
    )


def fire(lifecycle: Lifecycle, state: str, trigger: str) -> str:
    """The state a trigger leads to. Raises Problem `illegal_transition` that says what the state accepts."""
    target = lifecycle.table.get(state, {}).get(trigger)
    if target is None:
        raise Problem("illegal_transition", f"cannot {trigger} while {state}; {accepted(lifecycle, state)}")
    return target


def move(lifecycle: Lifecycle, state: str, target: str) -> str | None:
    """The trigger that leads from a state to a target, None where the record is there already.

    Raises Problem `illegal_transition` where no trigger does.
    """
    if target == state:
        return None
    for trigger, reached in lifecycle.table.get(state, {}).items():
        if reached == target:
            return trigger
    raise Problem(
        "illegal_transition",
        f"cannot become {target} while {state}; {_reachable(lifecycle, state)}",
        field=lifecycle.field,
    )


def accepted(lifecycle: Lifecycle, state: str) -> str:
    """`DRAFT accepts activate, archive`, or `ARCHIVED accepts nothing`."""
    return f"{state} accepts {', '.join(lifecycle.table.get(state, ())) or 'nothing'}"


def _reachable(lifecycle: Lifecycle, state: str) -> str:
    states = dict.fromkeys(lifecycle.table.get(state, {}).values())
    return f"from {state} it may become {_either(tuple(states))}" if states else f"{state} is final"


def _either(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
