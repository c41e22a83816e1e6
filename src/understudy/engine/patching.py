"""Patches of a record: JSON Patch documents (RFC 6902) and merge patches (RFC 7396).

Nothing is kept here; a patch that cannot be applied is a Problem that names the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.problems import Problem

Record = dict[str, Any]


def patched(record: Record, steps: Sequence[Any]) -> Record:
    """The record after the steps of a JSON Patch, all or none. Raises Problem `cannot_process`: the document's schema let it in."""
    import jsonpatch  # 5 ms: only where a client sends one
    from jsonpointer import JsonPointerException  # as above

    after: Any = record
    for number, step in enumerate(steps):
        try:
            after = jsonpatch.apply_patch(after, [step])
        except jsonpatch.InvalidJsonPatch as fault:
            raise Problem("cannot_process", f"not a step of a JSON Patch: {fault}", field=str(number)) from None
        except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, ValueError, AttributeError) as fault:
            raise Problem("cannot_process", f"cannot {_said(step)}: {fault}", field=f"{number}.path") from None
    if not isinstance(after, dict):
        raise Problem("cannot_process", "the patch leaves no object", field="body")
    return after


def _said(step: Any) -> str:
    return f"{step.get('op')} at {step.get('path')}" if isinstance(step, Mapping) else "apply this step"


def merge_patched(target: Any, patch: Any) -> Any:
    """What a merge patch makes of a value: objects merge, null removes, anything else replaces (RFC 7396 section 2)."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for name, part in patch.items():
        if part is None:
            kept.pop(name, None)
        else:
            kept[name] = merge_patched(kept.get(name), part)
    return kept
