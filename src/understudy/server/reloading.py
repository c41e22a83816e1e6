"""Reads anew what is played while it is being played: the worlds keep their records, clocks, requests and endpoints.

1. The new script is made aside, in a thread, while the one before answers; then the two change places between two requests.
2. Where documents, overlays, behaviour or fixture are broken, the one before goes on, and all that is wrong is told.
3. Files are looked at a few times a second; what was written has to rest for one look, so that no half of it is read.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.server.app import App
from understudy.theatre import Options, Theatre, Unplayable, document_of, open_theatre
from understudy.world.fixtures import FixtureFault
from understudy.world.judging import Misfit, judge
from understudy.world.sources import Unreadable, noted
from understudy.world.specs import STANDARD_INPUT, is_url
from understudy.world.worlds import Worlds

INTERVAL = 0.25
"""Seconds between two looks at the files."""
MOST = 100
"""Records that no longer fit which are told one by one."""

Seen = Mapping[Path, tuple[int, int, int] | None]
Tell = Callable[..., None]


class Reloader:
    """Of one server. `tell` is told what became of each reading; `watched`: the files read so far, where one that changes is read anew."""

    def __init__(self, app: App, options: Options, tell: Tell, watched: Iterable[Path] | None = None) -> None:
        self._app = app
        self._options = replace(options, data=None)
        self._tell = tell
        self._watched = watched is not None
        self._lock: asyncio.Lock | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._files = _with_those_beside(watched or (), options)
        self._read = self._last = _stand(self._files)  # as the files were when they were read, and at the last look

    # --- once --------------------------------------------------------------------------------------------------------

    async def reload(self) -> dict[str, Any]:
        """Read and play anew; what became of it, one after the other where it is asked for by several."""
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            found = await self._reload()
        self._tell("reload", text=_said(found), **found)
        return found

    async def _reload(self) -> dict[str, Any]:
        if STANDARD_INPUT in self._options.specs:
            return _broken([("standard input", "cannot be read a second time; name a file")])
        sandbox = self._app.sandbox
        try:
            new, misfits = await asyncio.to_thread(self._prepared, sandbox.worlds.forked(), document_of(sandbox.understood).digest)
            sandbox.restage(new)
        except Unplayable as fault:
            return _broken((one.where, one.message) for one in fault.faults)
        except Unreadable as fault:
            return _broken([(fault.where, fault.message)])
        except (FixtureFault, LookupError, ValueError, OSError) as fault:
            return _broken([("", str(fault))])
        except Exception as fault:  # ours, or of an effect's module: the one before goes on all the same
            logging.getLogger("understudy").exception("reload")
            return _broken([("", f"the stand-in failed: {type(fault).__name__}: {fault}")])
        self._app.restaged()
        _forget_the_one_before()
        return _played(sandbox, misfits)

    def _prepared(self, worlds: Worlds, digest: str) -> tuple[Theatre, tuple[Misfit, ...]]:
        """What is to be played, and what of the worlds has no place there. Raises as `open_theatre`."""
        with noted() as files:
            before = _stand(self._files)
            try:
                new = open_theatre(self._options)
            finally:
                self._files |= _with_those_beside(files, self._options)
                self._read = {**_stand(self._files), **before}
        document = document_of(new.understood)
        return new, judge(document, {"digest": digest, "title": document.title}, worlds, "")

    # --- whenever a file changes -------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Look at the files from now on, where that is wanted; an event loop must run."""
        self._again()

    def stop(self) -> None:
        """Look no more."""
        self._watched = False
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _again(self) -> None:
        if self._watched:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._look)

    def _look(self) -> None:
        now = _stand(self._files)
        rests, self._last = now == self._last, now
        if rests and now != self._read:
            self._read = now
            self._task = asyncio.get_running_loop().create_task(self.reload())
            self._task.add_done_callback(lambda _: self._again())
        else:
            self._again()


def _forget_the_one_before() -> None:
    """What was loaded at the start was put out of the collector's sight, the script that is no longer played with it."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


# --- what is looked at -------------------------------------------------------------------------------------------


def _with_those_beside(files: Iterable[Path], options: Options) -> frozenset[Path]:
    """Behaviour files that may yet come, and the folders in which documents may."""
    read = {path.absolute() for path in files}
    beside = {path.with_name(f"{path.stem}.behaviour.yaml") for path in read if options.behaviour is None and not path.name.endswith(".behaviour.yaml")}
    folders = {Path(name).absolute() for name in options.specs if not is_url(name) and Path(name).is_dir()}
    return frozenset(read | beside | folders)


def _stand(files: Iterable[Path]) -> Seen:
    return {path: _stamp(path) for path in files}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


# --- what is told ------------------------------------------------------------------------------------------------


def _broken(faults: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {"reloaded": False, "faults": [{"where": where, "message": message} for where, message in faults]}


def _played(sandbox: Theatre, misfits: tuple[Misfit, ...]) -> dict[str, Any]:
    found, script = sandbox.understood.comparison, sandbox.script
    return {
        "reloaded": True, "documents": [one.shown for one in sandbox.understood.documents], "operations": len(script.contract.operations),
        "resources": sum(not one.internal for one in script.behaviour.resources.values()), "new": list(found.new), "changed": list(found.changed),
        "orphaned": list(found.orphaned), "misfits": [{"where": one.where, "message": one.message} for one in misfits[:MOST]], "misfit_count": len(misfits),
    }  # fmt: skip


def _said(found: Mapping[str, Any]) -> str:
    """As it is printed."""
    if not found["reloaded"]:
        lines = [f"{one['where']}: {one['message']}" if one["where"] else one["message"] for one in found["faults"]]
        return "\n  ".join(["what is played stays as it was:", *lines])
    lines = [f"{', '.join(found['documents'])}: {found['operations']} operations, {found['resources']} resources; the worlds go on"]
    lines += [f"{title}: {one}" for title in ("orphaned", "changed", "new") for one in found[title][:20]]
    lines += [f"no longer fits: {one['where']}: {one['message']}" for one in found["misfits"][:20]]
    if found["misfit_count"] > 20:
        lines.append(f"no longer fits: {found['misfit_count'] - 20} more; they stay as they are")
    return "\n  ".join(lines)
