"""Verbs and states: which state a verb leads to, and so the lifecycle of a resource from its actions and its enum.

1. The table `_TARGETS` and the regular participle are the only knowledge; a verb that leads to no state of the enum moves nothing.
2. No schema and no path is looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from understudy.behaviour.model import Lifecycle
from understudy.behaviour.naming import Words, participles, plain, singular_word, words

_LIVE = ("active", "activated", "enabled", "live", "open", "running", "on")
_TARGETS: Mapping[str, tuple[str, ...]] = {
    "activate": _LIVE, "enable": ("enabled", *_LIVE), "reactivate": _LIVE, "start": ("started", "running", "inprogress", "active"),
    "resume": ("active", "running", "resumed", "inprogress", "open"), "unpause": ("active", "running"),
    "unsuspend": _LIVE, "unfreeze": _LIVE, "unblock": _LIVE, "unlock": ("unlocked", *_LIVE),
    "restore": ("restored", *_LIVE), "unarchive": (*_LIVE, "inactive", "draft"), "undelete": _LIVE, "reopen": ("reopened", "open", "active"),
    "deactivate": ("inactive", "deactivated", "disabled", "off", "suspended"), "disable": ("disabled", "inactive", "off"),
    "cancel": ("canceled", "cancelled", "cancelling", "canceling", "void", "voided"), "abort": ("aborted", "canceled", "cancelled"),
    "suspend": ("suspended", "paused", "onhold"), "pause": ("paused", "suspended", "onhold"), "hold": ("onhold", "held"),
    "freeze": ("frozen",), "void": ("void", "voided"), "finalize": ("finalized", "final", "open"), "finalise": ("finalised", "final", "open"),
    "approve": ("approved", "accepted"), "accept": ("accepted", "approved"), "reject": ("rejected", "declined", "denied"),
    "decline": ("declined", "rejected", "denied"), "deny": ("denied", "rejected"), "complete": ("completed", "complete", "done", "succeeded"),
    "finish": ("finished", "completed", "done"), "close": ("closed",), "open": ("open", "opened"), "publish": ("published", "live"),
    "unpublish": ("unpublished", "draft", "private"), "stop": ("stopped", "inactive"), "pay": ("paid",), "capture": ("captured", "succeeded"),
    "send": ("sent", "pending", "open"), "submit": ("submitted", "pendingreview", "inreview", "pending"), "refund": ("refunded",),
    "confirm": ("confirmed",), "authorize": ("authorized",), "authorise": ("authorised",), "withdraw": ("withdrawn",),
    "begin": ("begun", "started", "inprogress"), "win": ("won",), "lose": ("lost",), "delete": ("deleted", "removed"),
    "terminate": ("terminated", "ended"), "end": ("ended", "finished"), "retire": ("retired",), "schedule": ("scheduled",),
    "process": ("processing", "processed"), "verify": ("verified",), "revert": ("reverted", "draft"), "block": ("blocked",),
    "mark_paid": ("paid",), "mark_uncollectible": ("uncollectible",), "retry": ("pending", "retrying", "queued"), "queue": ("queued",),
}  # fmt: skip
"""A verb -> the states it may lead to, the likeliest first, without signs and capitals; the regular participle comes after."""

_REVIVING = frozenset((
    "unarchive", "restore", "reopen", "reactivate", "undelete", "unsuspend", "unblock", "unlock", "unfreeze",
    "retry",
))  # fmt: skip
_FINAL = frozenset((
    "archived", "canceled", "cancelled", "void", "voided", "deleted", "removed", "expired", "revoked",
    "refunded", "rejected", "declined", "denied", "terminated", "ended", "forgotten", "withdrawn", "retired",
    "reversed", "writtenoff",
))  # fmt: skip
_INITIAL = ("draft", "created", "new", "available", "pending", "initial", "active", "open", "enabled", "inactive", "queued",
            "scheduled", "provisioning")  # fmt: skip
_LOOSE = frozenset({"draft", "new", "pending"})  # these count inside a longer state too: APPROVAL_PENDING


def target(verb: str, states: Iterable[str], name: Words = ()) -> str | None:
    """The state a verb leads to, in the enum's own spelling; the resource's name after the verb does not matter."""
    spelled = {plain(state): state for state in reversed(tuple(states))}
    for words_ in _readings(verb, name):
        root = "_".join(words_)
        wanted = (*_TARGETS.get(root, ()), *(participles(root) if len(words_) == 1 else ()), "".join(words_))
        found = next((spelled[plain(word)] for word in wanted if plain(word) in spelled), None)
        if found is not None:
            return found
    return None


def _readings(verb: str, name: Words) -> list[Words]:
    parts = words(verb)
    whole = [parts]
    if len(parts) > 1 and name and singular_word(parts[-1]) == name[-1]:
        whole.append(parts[:1])
    return whole


def conventional(states: Sequence[str]) -> str | None:
    """The state records usually begin in: DRAFT, CREATED, PENDING, ACTIVE, OPEN …, the first of these in the enum."""
    spelled = {plain(state): state for state in reversed(states)}
    loose = {word: state for state in reversed(states) for word in words(state)}
    return next(
        (found for word in _INITIAL if (found := spelled.get(word) or (loose.get(word) if word in _LOOSE else None))),
        None,
    )


def is_final(state: str) -> bool:
    """Whether nothing usually follows a state."""
    return plain(state) in _FINAL


def lifecycle(
    field: str, states: Sequence[str], moves: Mapping[str, str], begins: Sequence[str], writable: bool
) -> Lifecycle:
    """A lifecycle in which each verb of `moves` leads to its state from every state but that one and the final-looking.

    `begins`: the states a new record may take, the default first. States that no verb leads to are kept as `given`.
    """
    reached = {*begins, *moves.values()}
    table = {state: _row(state, moves) for state in states}
    return Lifecycle(
        field, table, tuple(begins), given=tuple(state for state in states if state not in reached), writable=writable
    )


def _row(state: str, moves: Mapping[str, str]) -> dict[str, str]:
    if is_final(state):
        return {verb: to for verb, to in moves.items() if verb in _REVIVING and to != state}
    return {verb: to for verb, to in moves.items() if to != state}
