"""Computes a parsed expression. It knows a fixed list of syntax; whatever is not on it cannot be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from jinja2 import nodes

from milepost.graphs.expressions import filters, operations
from milepost.graphs.expressions.budget import ITEM_BYTES, Budget, ExpressionError, char_bytes, shown
from milepost.graphs.expressions.checks import TESTS
from milepost.graphs.expressions.lists import Path, listed, path_of, read
from milepost.graphs.expressions.operations import Undefined
from milepost.graphs.expressions.scope import Scope, Space
from milepost.graphs.expressions.texts import joined

MAX_RANGE = 10_000
EACH_STEPS = 2
"""What calling a filter or test for one item of a list costs."""

TAKES_UNDEFINED = frozenset({"default", "d", "defined", "undefined"})

OPERATORS: dict[type[nodes.BinExpr], Callable[[Budget, Any, Any], Any]] = {
    nodes.Add: operations.add,
    nodes.Sub: operations.subtract,
    nodes.Mul: operations.multiply,
    nodes.Div: operations.divide,
    nodes.FloorDiv: operations.floor_divide,
    nodes.Mod: operations.modulo,
    nodes.Pow: operations.power,
}


class Evaluator:
    """One evaluation: a scope to read from and a budget to keep to."""

    __slots__ = ("budget", "scope")

    def __init__(self, scope: Scope, budget: Budget) -> None:
        self.scope = scope
        self.budget = budget

    def value(self, node: nodes.Node) -> Any:
        """The value of an expression, a JSON value. Raises `ExpressionError`."""
        result = self.any(node)
        if isinstance(result, Undefined):
            raise ExpressionError(result.reason)
        return self._object(result) if isinstance(result, Space) else result

    def any(self, node: nodes.Node) -> Any:
        """As `value`, but also what only attribute access or `default` can take."""
        self.budget.step()
        return HANDLERS[type(node)](self, node)

    def _object(self, space: Space) -> dict[str, Any]:
        self.budget.step(len(space.values))
        return dict(space.values)

    def text(self, node: nodes.Node) -> str:
        """The value as text."""
        return operations.text(self.budget, self.value(node))

    def _const(self, node: nodes.Const) -> Any:
        return node.value

    def _name(self, node: nodes.Name) -> Any:
        return self.scope.root(node.name)

    def _getattr(self, node: nodes.Getattr) -> Any:
        return self._key(self.any(node.node), node.attr)

    def _getitem(self, node: nodes.Getitem) -> Any:
        container = self.any(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(container, node.arg)
        return self._key(container, self.value(node.arg))

    def _key(self, container: Any, key: Any) -> Any:
        if container is None:
            return None
        if isinstance(container, Space):
            return container.get(key)
        if isinstance(container, Undefined):
            raise ExpressionError(container.reason)
        if isinstance(container, dict) and isinstance(key, str):
            return container[key] if key in container else Undefined(f"there is no key {shown(key)}")
        if isinstance(container, (list, str)) and isinstance(key, int) and not isinstance(key, bool):
            size = len(container)
            return container[key] if -size <= key < size else Undefined(f"there is no item {key} in {size}")
        raise ExpressionError(f"a {operations.kind(container)} has no {shown(key)}")

    def _slice(self, container: Any, part: nodes.Slice) -> Any:
        if container is None:
            return None
        if not isinstance(container, (list, str)):
            raise ExpressionError(f"a {operations.kind(container)} has no parts")
        bounds = [None if bound is None else self.value(bound) for bound in (part.start, part.stop, part.step)]
        if any(isinstance(bound, bool) or not isinstance(bound, (int, type(None))) for bound in bounds):
            raise ExpressionError("the bounds of a part are whole numbers")
        if bounds[2] == 0:
            raise ExpressionError("the step of a part cannot be 0")
        size = len(range(*slice(*bounds).indices(len(container))))
        self.budget.allocate(size * (char_bytes(container) if isinstance(container, str) else ITEM_BYTES))
        return container[slice(*bounds)]

    def _list(self, node: nodes.List | nodes.Tuple) -> Any:
        return [self.value(item) for item in node.items]

    def _dict(self, node: nodes.Dict) -> Any:
        found = {}
        for pair in node.items:
            key = self.value(pair.key)
            if not isinstance(key, str):
                raise ExpressionError("the keys of an object are strings")
            found[key] = self.value(pair.value)
        return found

    def _condition(self, node: nodes.CondExpr) -> Any:
        if self.value(node.test):
            return self.any(node.expr1)
        return None if node.expr2 is None else self.any(node.expr2)

    def _and(self, node: nodes.And) -> Any:
        left = self.value(node.left)
        return self.any(node.right) if left else left

    def _or(self, node: nodes.Or) -> Any:
        left = self.value(node.left)
        return left or self.any(node.right)

    def _not(self, node: nodes.Not) -> Any:
        return not self.value(node.node)

    def _negative(self, node: nodes.Neg) -> Any:
        return -operations.number(self.value(node.node))

    def _positive(self, node: nodes.Pos) -> Any:
        return operations.number(self.value(node.node))

    def _operator(self, node: nodes.BinExpr) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        return filters.apply(OPERATORS[type(node)], self.budget, left, (right,), {})

    def _concat(self, node: nodes.Concat) -> Any:
        return joined(self.budget, [self.text(part) for part in node.nodes])

    def _compare(self, node: nodes.Compare) -> Any:
        left = self.value(node.expr)
        for operand in node.ops:
            right = self.value(operand.expr)
            if not operations.COMPARISONS[operand.op](self.budget, left, right):
                return False
            left = right
        return True

    def _range(self, node: nodes.Call) -> Any:
        bounds = [self.value(argument) for argument in node.args]
        if not 1 <= len(bounds) <= 3 or any(isinstance(bound, bool) or not isinstance(bound, int) for bound in bounds):
            raise ExpressionError("range takes one to three whole numbers")
        try:
            numbers = range(*bounds)
            size = len(numbers)
        except (ValueError, OverflowError) as error:
            raise ExpressionError(str(error)) from error
        if size > MAX_RANGE:
            raise ExpressionError(f"range makes more than {MAX_RANGE} numbers")
        self.budget.step(size)
        return list(numbers)

    def _filter(self, node: nodes.Filter) -> Any:
        value = self._operand(node)
        arguments, named = self._arguments(node)
        if node.name in filters.LAZY_FILTERS:
            return self._lazy(node.name, value, arguments, named)
        return filters.apply(filters.FILTERS[node.name], self.budget, value, arguments, named)

    def _test(self, node: nodes.Test) -> Any:
        value = self._operand(node)
        arguments, named = self._arguments(node)
        return bool(filters.apply(TESTS[node.name], self.budget, value, arguments, named))

    def _operand(self, node: nodes.Filter | nodes.Test) -> Any:
        # Parsing has refused a filter without an operand.
        operand = cast("nodes.Node", node.node)
        if node.name not in TAKES_UNDEFINED:
            return self.value(operand)
        value = self.any(operand)
        return self._object(value) if isinstance(value, Space) else value

    def _arguments(self, node: nodes.Filter | nodes.Test) -> tuple[list[Any], dict[str, Any]]:
        named = {str(pair.key): self.value(pair.value) for pair in node.kwargs}
        return [self.value(argument) for argument in node.args], named

    def _lazy(self, name: str, value: Any, arguments: list[Any], named: dict[str, Any]) -> list[Any]:
        items = listed(self.budget, value)
        self.budget.step(len(items))
        if name == "map":
            change = self._change(arguments, named)
            return [change(item) for item in items]
        path: Path = ()
        if name.endswith("attr"):
            if not arguments:
                raise ExpressionError(f"{name} needs the name of an attribute")
            path = path_of(arguments.pop(0))
        self.budget.step(len(items) * len(path))
        keep = self._keep(arguments, named)
        wanted = name.startswith("select")
        return [item for item in items if keep(read(item, path)) is wanted]

    def _change(self, arguments: list[Any], named: dict[str, Any]) -> Callable[[Any], Any]:
        if not arguments and "attribute" in named:
            path, default = path_of(named.pop("attribute")), named.pop("default", None)
            if named:
                raise ExpressionError("map takes attribute and default")
            return lambda item: self._read(item, path, default)
        if not arguments or not isinstance(arguments[0], str) or arguments[0] not in filters.FILTERS:
            raise ExpressionError("map needs attribute='…' or the name of a filter")
        change, rest = filters.FILTERS[arguments[0]], arguments[1:]
        return lambda item: self._each(change, item, rest, named)

    def _read(self, item: Any, path: Path, default: Any) -> Any:
        self.budget.step(len(path))
        found = read(item, path)
        return default if found is None else found

    def _keep(self, arguments: list[Any], named: dict[str, Any]) -> Callable[[Any], bool]:
        if not arguments:
            return bool
        if not isinstance(arguments[0], str) or arguments[0] not in TESTS:
            raise ExpressionError(f"there is no test {shown(arguments[0])}")
        check, rest = TESTS[arguments[0]], arguments[1:]
        return lambda item: bool(self._each(check, item, rest, named))

    def _each(self, function: Callable[..., Any], item: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        self.budget.step(EACH_STEPS)
        return filters.apply(function, self.budget, item, arguments, named)


HANDLERS: dict[type[nodes.Node], Callable[[Evaluator, Any], Any]] = {
    nodes.Const: Evaluator._const,
    nodes.Name: Evaluator._name,
    nodes.Getattr: Evaluator._getattr,
    nodes.Getitem: Evaluator._getitem,
    nodes.List: Evaluator._list,
    nodes.Tuple: Evaluator._list,
    nodes.Dict: Evaluator._dict,
    nodes.CondExpr: Evaluator._condition,
    nodes.And: Evaluator._and,
    nodes.Or: Evaluator._or,
    nodes.Not: Evaluator._not,
    nodes.Neg: Evaluator._negative,
    nodes.Pos: Evaluator._positive,
    nodes.Concat: Evaluator._concat,
    nodes.Compare: Evaluator._compare,
    nodes.Call: Evaluator._range,
    nodes.Filter: Evaluator._filter,
    nodes.Test: Evaluator._test,
    **dict.fromkeys(OPERATORS, Evaluator._operator),
}
