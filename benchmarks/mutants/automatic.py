"""Mutants made from the reference's syntax tree: comparisons turned, constants changed, conditions and statements dropped."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

TURNED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
          ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult}  # fmt: skip
SKIPPED = {"reset", "__init__", "__call__", "handle"}  # the frame around it: without it nothing answers at all


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """What was done, and the whole source with it done."""
    tree = ast.parse(source)
    places = [(node, parent) for function in _functions(tree) for parent in ast.walk(function) for node in ast.iter_child_nodes(parent)]
    for index, (node, _) in enumerate(places):
        for what, changed in _changes(node):
            whole = copy.deepcopy(tree)
            copies = [child for function in _functions(whole) for parent in ast.walk(function) for child in ast.iter_child_nodes(parent)]
            _replace(whole, copies[index], changed)
            yield f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)} {what}", ast.unparse(ast.fix_missing_locations(whole))


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name not in SKIPPED]


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        other = copy.deepcopy(node)
        other.ops[0] = TURNED[type(node.ops[0])]()
        yield f"{ast.unparse(node)} -> {ast.unparse(other)}", other
    elif isinstance(node, ast.BinOp) and type(node.op) in TURNED and not isinstance(node.left, ast.Constant | ast.JoinedStr):
        other = copy.deepcopy(node)
        other.op = TURNED[type(node.op)]()
        yield f"{ast.unparse(node)} -> {ast.unparse(other)}", other
    elif isinstance(node, ast.BoolOp):
        other = copy.deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{ast.unparse(node)} -> {ast.unparse(other)}", other
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)} -> {ast.unparse(node.operand)}", copy.deepcopy(node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield f"{node.value} -> {node.value + 1}", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        yield f"without {ast.unparse(node)[:80]}", None


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST | None) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(one is old for one in value):
                value[next(index for index, one in enumerate(value) if one is old)] = new if new is not None else ast.Pass()
