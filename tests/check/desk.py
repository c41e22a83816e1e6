"""The order desk of benchmarks/mutants, as it is and with a bug in it, ready to be checked in process."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

from understudy.check.opening import credentials, read_api
from understudy.check.running import Choice, Options, Report, Run
from understudy.check.targets import InProcess

HOME = Path(__file__).resolve().parents[2] / "benchmarks" / "mutants"
SPEC = str(HOME / "reference.yaml")
SOURCE = (HOME / "reference.py").read_text(encoding="utf-8")
KEY = "k_test"


def planted() -> Any:
    """The module of planted bugs."""
    sys.path.insert(0, str(HOME))
    try:
        import planted as found
    finally:
        sys.path.remove(str(HOME))
    return found


def desk(source: str = SOURCE) -> Any:
    """The application of a source; it sends no webhook."""
    module = types.ModuleType("desk_under_test")
    exec(compile(source, "desk", "exec"), module.__dict__)
    return module.Desk(lambda url, headers, body: None)


def checked(app: Any, spec: str = SPEC, *laws: str, seed: int = 1, first_only: bool = False, shrink: bool = False) -> Report:
    """A run of some laws, or of all, over an application."""
    api = read_api(spec)
    target = InProcess(app, app.reset)
    try:
        return Run(api, target, Options(seed, choice=Choice(laws=laws), credentials=credentials(api, KEY), first_only=first_only, shrink=shrink)).all()
    finally:
        target.close()


def told(report: Report) -> list[str]:
    """A line for each finding."""
    return [f"{one.law} at {one.operation}: {one.message}" for one in report.findings]
