"""The rules of the house, kept by reading the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src"
FILES = sorted(path for path in SOURCES.rglob("*.py"))
PURE = ("contract", "behaviour", "engine", "webhooks", "faults")
PURE_MODULES = frozenset(f"understudy.proxy.{name}" for name in (
    "exchanges", "fixturing", "har", "hops", "laws", "learning", "lessons", "memory", "moments", "redacting", "tables", "trail", "watching",
))  # fmt: skip
RINGS = ("problems", "durations", "exact", "contract", "behaviour", "engine", "webhooks", "faults", "world", "understanding", "theatre", "inspecting", "server", "inprocess", "sandbox", "check", "proxy", "completion", "parsing", "cli")
"""From the inside out: a part may import itself and what stands before it."""

IMPURE = {"os", "io", "pathlib", "time", "random", "secrets", "uuid", "socket", "threading", "asyncio", "subprocess", "tempfile", "logging",
          "http", "urllib.request", "shutil", "sqlite3", "multiprocessing", "signal", "sys"}
HOMES = {
    "starlette": {"server"}, "uvicorn": {"server"}, "tinydb": {"world"}, "yaml": {"world"}, "schemathesis": {"check"},
    "jsonschema_rs": {"contract"}, "jsonschema": {"behaviour", "check"}, "multipart": {"contract"}, "python_multipart": {"contract"},
    "sortedcontainers": {"world"}, "httpx": {"check", "inprocess"}, "httpcore": {"proxy"}, "hypothesis": {"check"}, "jsonpatch": {"engine"}, "trustme": {"server"}, "shtab": {"completion"}, "jsonpath_rfc9535": {"contract", "check"},
}
LONGEST_FUNCTION = 45


def module(path: Path) -> str:
    """A file's dotted name."""
    return ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")


def part(name: str) -> str:
    """The ring a module of understudy belongs to."""
    return name.split(".")[1] if "." in name else ""


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Every imported module with its statement, outside `if TYPE_CHECKING`."""
    typing_only = {id(child) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node


def trees() -> list[tuple[Path, str, ast.Module]]:
    """Every source file, parsed."""
    return [(path, module(path), ast.parse(path.read_text(encoding="utf-8"))) for path in FILES]


TREES = trees()
NAMES = [name for _, name, _ in TREES]


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_imports_point_inwards_only(path: Path, name: str, tree: ast.Module) -> None:
    """cli -> server, check -> world -> engine -> behaviour -> contract."""
    if not name.startswith("understudy.") or part(name) in ("__main__", "pytest_plugin"):
        return
    own = RINGS.index(part(name))
    for imported, _ in imports(tree):
        if imported.startswith("understudy."):
            assert RINGS.index(part(imported)) <= own, f"{name} imports {imported}, which is further out"


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_engine_never_imports_the_billing_package(path: Path, name: str, tree: ast.Module) -> None:
    """What plays any API may not know one."""
    if name.split(".", maxsplit=1)[0] == "understudy":
        assert not [imported for imported, _ in imports(tree) if imported.startswith("understudy_solvimon")]


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_no_vendor_is_named_in_the_engine(path: Path, name: str, tree: ast.Module) -> None:
    """A vendor's word is a row of a table in its behaviour file; only the composition root knows which sandbox is bundled.

    `webhooks.profiles` is such a table: published signing schemes go by the names of those who publish them.
    """
    if name.split(".", maxsplit=1)[0] == "understudy" and name not in ("understudy.understanding", "understudy.cli", "understudy.webhooks.profiles"):
        words = re.findall(r"solvimon|stripe|paypal|adyen|invoice|subscription|billing", path.read_text(encoding="utf-8").lower())
        assert not words, f"{name} speaks of {set(words)}"


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_only_the_adapter_knows_that_an_engine_exists(path: Path, name: str, tree: ast.Module) -> None:
    """Money, periods, prices and invoices are arithmetic; `sandbox` joins them to the engine."""
    if name.startswith("understudy_solvimon") and ".sandbox" not in name:
        assert not [imported for imported, _ in imports(tree) if imported.startswith("understudy.") and imported != "understudy.problems"]


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_pure_parts_do_no_input_or_output(path: Path, name: str, tree: ast.Module) -> None:
    """`contract`, `behaviour`, `engine` and `webhooks` open nothing, read no clock and make no randomness."""
    if part(name) not in PURE and name not in PURE_MODULES:
        return
    for imported, _ in imports(tree):
        assert imported not in IMPURE, f"{name} imports {imported}"
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"open", "datetime.now", "datetime.utcnow", "print", "input", "eval", "exec"}


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_an_import_inside_a_function_says_why(path: Path, name: str, tree: ast.Module) -> None:
    """Only to keep what is heavy off the start-up path, and with a comment on its line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    top = {id(node) for node in tree.body}
    guarded = {id(child) for node in tree.body if isinstance(node, ast.If | ast.Try) for child in ast.walk(node)}
    seen: set[str] = set()
    for imported, node in imports(tree):
        if id(node) in top or id(node) in guarded or imported in seen:
            continue
        if "#" in lines[node.lineno - 1]:
            seen.add(imported)
            continue
        raise AssertionError(f"{name}:{node.lineno} imports {imported} without saying why")


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_each_library_is_met_in_one_place(path: Path, name: str, tree: ast.Module) -> None:
    """A third-party library has one home."""
    for imported, _ in imports(tree):
        home = HOMES.get(imported.split(".")[0])
        if home is not None and name.startswith("understudy."):
            assert part(name) in home, f"{name} imports {imported}, whose home is {home}"


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_everything_public_says_what_it_is(path: Path, name: str, tree: ast.Module) -> None:
    """Modules, public classes and public functions have docstrings; a protocol's methods are named in the class's."""
    assert ast.get_docstring(tree), f"{name} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}.{node.name} has no docstring"


@pytest.mark.parametrize(("path", "name", "tree"), TREES, ids=NAMES)
def test_no_function_is_too_long_to_read(path: Path, name: str, tree: ast.Module) -> None:
    """At most 45 lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{name}.{node.name} has {length} lines"


def test_no_module_imports_itself_around_a_circle() -> None:
    """Module-level imports form no cycle."""
    known = set(NAMES)
    edges = {name: {imported for node in tree.body for imported, _ in imports(node) if imported in known and imported != name} for _, name, tree in TREES}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for other in edges[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in NAMES:
        visit(name, ())
