"""Groups of subscriptions: the group lists its members, each member names its group, and both say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.engine.transaction import Happening, Transaction

_GROUP = "pricing_plan_subscription_group_id"


def group_saved(tx: Transaction, change: Happening) -> None:
    """Let the members of a group name it, and those it no longer lists, no more."""
    before, after = change.before or {}, change.after or {}
    for id in set(before.get("pricing_plan_subscription_ids") or ()) - set(after.get("pricing_plan_subscription_ids") or ()):
        _set(tx, id, change.id, None)
    for id in after.get("pricing_plan_subscription_ids") or ():
        _set(tx, id, None, change.id)


def _set(tx: Transaction, subscription: str, was: str | None, group: str | None) -> None:
    record = tx.get("subscription", subscription)
    if record is not None and record.get(_GROUP) != group and (was is None or record.get(_GROUP) == was):
        tx.update("subscription", subscription, {_GROUP: group})


def group_deleted(tx: Transaction, change: Happening) -> None:
    """Members of a deleted group are in none."""
    for id in (change.before or {}).get("pricing_plan_subscription_ids") or ():
        _set(tx, id, change.id, None)


def member_saved(tx: Transaction, change: Happening) -> None:
    """Let the group a subscription names list it, and the one it named before, no more."""
    before, after = (change.before or {}).get(_GROUP), (change.after or {}).get(_GROUP)
    if before == after:
        return
    for id, listed in ((before, False), (after, True)):
        group = tx.get("subscription_group", str(id)) if id else None
        members = (group or {}).get("pricing_plan_subscription_ids") or []
        if group is not None and (change.id in members) != listed:
            ids = [*members, change.id] if listed else [other for other in members if other != change.id]
            tx.update("subscription_group", group["id"], {"pricing_plan_subscription_ids": ids})
