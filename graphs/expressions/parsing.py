"""Reads expressions and templates with Jinja2's parser, refuses what the evaluator does not know, finds what they name.

Nothing of Jinja2 but the parser is used: no templates are rendered and no code is generated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from milepost.graphs.expressions import filters
from milepost.graphs.expressions.budget import MAX_BITS, Budget, ExpressionError, shown
from milepost.graphs.expressions.checks import TESTS
from milepost.graphs.expressions.evaluator import HANDLERS, Evaluator
from milepost.graphs.expressions.operations import text
from milepost.graphs.expressions.scope import CONSTANTS, ROOTS, SECRET_NAME, SECRETS, Names, Scope
from milepost.graphs.expressions.texts import joined

MAX_SOURCE = 64 * 1024
MAX_TEMPLATE = 256 * 1024
MAX_LINES = 20_000
MAX_TOKENS = 2_000
MAX_BRACKETS = 30
MAX_NESTED = 100
MAX_EXCERPT = 200


class InvalidExpression(ValueError):
    """An expression that cannot be read: wrong syntax, or syntax, filters and names that are not allowed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class References:
    """What an expression reads. None stands for all: the name is computed."""

    outputs: set[str] | None = field(default_factory=set)
    variables: set[str] | None = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def add(self, other: References) -> None:
        """Take in what another one reads."""
        self.roots |= other.roots
        self.secrets |= other.secrets
        self.outputs = _both(self.outputs, other.outputs)
        self.variables = _both(self.variables, other.variables)


def _both(found: set[str] | None, other: set[str] | None) -> set[str] | None:
    if found is None or other is None:
        return None
    # In place: a copy for each expression of a text would cost the square of their number.
    found |= other
    return found


class Expression:
    """One parsed expression. `evaluate` may be called any number of times, from any thread."""

    __slots__ = ("_existing", "_node", "references", "source")

    def __init__(self, source: str, node: nodes.Node, references: References) -> None:
        self.source = source
        self.references = references
        self._node = node
        self._existing = _reads_only(node)

    def evaluate(self, scope: Scope, budget: Budget) -> Any:
        """The value. Raises `ExpressionError` that names the expression."""
        try:
            value = Evaluator(scope, budget).value(self._node)
            if not self._existing:
                budget.weigh(value)
        except ExpressionError as error:
            raise ExpressionError(f"{{{{ {self.source[:MAX_EXCERPT]} }}}}: {error}") from error
        except RecursionError as error:
            raise ExpressionError(f"{{{{ {self.source[:MAX_EXCERPT]} }}}}: nested too deeply") from error
        return value


def _reads_only(node: nodes.Node) -> bool:
    """True for a path like `outputs.a.b`: its value is part of the state, so it need not be weighed."""
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        node = node.node
    return isinstance(node, nodes.Name)


class Template:
    """Text with expressions in it. As exactly one expression it has that expression's value, otherwise it is text."""

    __slots__ = ("_parts", "references")

    def __init__(self, parts: list[str | Expression]) -> None:
        self._parts = parts
        self.references = References()
        for part in parts:
            if isinstance(part, Expression):
                self.references.add(part.references)

    def evaluate(self, scope: Scope, budget: Budget) -> Any:
        """The value. Raises `ExpressionError`."""
        if len(self._parts) == 1 and isinstance(self._parts[0], Expression):
            return self._parts[0].evaluate(scope, budget)
        return joined(budget, [self._text(part, scope, budget) for part in self._parts])

    @staticmethod
    def _text(part: str | Expression, scope: Scope, budget: Budget) -> str:
        return part if isinstance(part, str) else text(budget, part.evaluate(scope, budget))


class _Limits(Extension):
    """Refuses what would take Jinja's parser too long, token by token, before it is parsed."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        brackets = 0
        for place, token in enumerate(stream):
            if place >= MAX_TOKENS:
                raise InvalidExpression("invalid_expression", f"has more than {MAX_TOKENS} names, operators and values")
            if token.type in ("lparen", "lbracket", "lbrace"):
                brackets += 1
            elif token.type in ("rparen", "rbracket", "rbrace"):
                brackets -= 1
            elif token.type in ("integer", "float"):
                _check_literal(token.value)
            if brackets > MAX_BRACKETS:
                raise _too_deep()
            yield token


def _check_literal(value: Any) -> None:
    if math.isinf(value) if isinstance(value, float) else value.bit_length() > MAX_BITS:
        raise InvalidExpression("invalid_expression", "a number is too large")


def _too_deep() -> InvalidExpression:
    return InvalidExpression("invalid_expression", "nested too deeply")


def environment() -> Environment:
    """The settings that expressions are parsed with."""
    # Nothing is rendered as HTML, and nothing is rendered by Jinja at all.
    return Environment(keep_trailing_newline=True, autoescape=False, extensions=[_Limits])  # noqa: S701


@contextmanager
def _refusals() -> Iterator[None]:
    """What Jinja's parser raises, as `InvalidExpression`."""
    try:
        yield
    except InvalidExpression:
        raise
    except TemplateError as error:
        raise InvalidExpression("invalid_expression", (error.message or "")[:MAX_EXCERPT]) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        # Python refuses to read a decimal number of more than a few thousand digits.
        raise InvalidExpression("invalid_expression", "a number is too large") from error


def parse_expression(source: str, names: Names) -> Expression:
    """An expression without braces. Raises `InvalidExpression`."""
    if len(source) > MAX_SOURCE:
        raise InvalidExpression("invalid_expression", f"an expression has at most {MAX_SOURCE} characters")
    if source.strip().startswith("{{"):
        raise InvalidExpression("invalid_expression", "an expression is written without {{ }} here")
    with _refusals():
        parser = Parser(environment(), source, state="variable")
        node: nodes.Node = parser.parse_expression()
        if not parser.stream.eos:
            raise InvalidExpression("invalid_expression", f"unexpected {shown(parser.stream.current.value)}")
    return Expression(source.strip(), node, _References(names).of(node))


def parse_template(source: str, names: Names) -> Template:
    """Text with `{{ }}` in it. Raises `InvalidExpression`."""
    if len(source) > MAX_TEMPLATE:
        raise InvalidExpression("invalid_expression", f"a text with expressions has at most {MAX_TEMPLATE} characters")
    if source.count("{#") > MAX_TOKENS:
        raise InvalidExpression("invalid_expression", f"a text with expressions has at most {MAX_TOKENS} comments")
    if source.count("\n") + source.count("\r") > MAX_LINES:
        raise InvalidExpression("invalid_expression", f"a text with expressions has at most {MAX_LINES} lines")
    return Template(list(_parts(source, names)))


def _parts(source: str, names: Names) -> Iterator[str | Expression]:
    jinja = environment()
    with _refusals():
        if "{%" in source:
            _refuse_statements(jinja, source)
        body = jinja.parse(source).body
    excerpt = _excerpt(source)
    for output in body:
        for node in output.iter_child_nodes():
            if isinstance(node, nodes.TemplateData):
                yield node.data
            else:
                yield Expression(excerpt, node, _References(names).of(node))


def _refuse_statements(jinja: Environment, source: str) -> None:
    """A `{%` may also stand inside a string, so only the tokens tell. White space is a token here."""
    for place, (_, token, value) in enumerate(jinja.lex(source)):
        if token in ("block_begin", "raw_begin"):
            raise InvalidExpression("statement_refused", f"statements are not allowed: {value[:MAX_EXCERPT]}")
        if place > 2 * MAX_TOKENS:
            raise InvalidExpression("invalid_expression", f"has more than {MAX_TOKENS} names, operators and values")


def _excerpt(source: str) -> str:
    start = source.find("{{") + 2
    single = source.count("{{") == 1 and source.endswith("}}") and start == 2
    return source[start:-2].strip() if single else source[:MAX_EXCERPT]


class _References:
    """Walks an expression once: refuses what is not on the list, and collects what is read."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.found = References()
        self._whole: nodes.Node | None = None

    def of(self, node: nodes.Node) -> References:
        self._whole = node
        self._visit(node)
        return self.found

    def _visit(self, node: nodes.Node, depth: int = 0) -> None:
        if depth > MAX_NESTED:
            raise _too_deep()
        if isinstance(node, nodes.Call):
            self._call(node)
        elif isinstance(node, (nodes.Filter, nodes.Test)):
            self._named(node)
        elif isinstance(node, nodes.Name):
            self._root(node.name, None)
        elif isinstance(node, (nodes.Getattr, nodes.Getitem)) and isinstance(node.node, nodes.Name):
            self._root(node.node.name, node)
            if isinstance(node, nodes.Getitem):
                self._visit(node.arg, depth + 1)
            return
        elif type(node) not in HANDLERS and not isinstance(
            node, (nodes.Operand, nodes.Pair, nodes.Keyword, nodes.Slice)
        ):
            raise InvalidExpression("invalid_expression", f"{type(node).__name__.lower()} is not allowed")
        for child in node.iter_child_nodes():
            if not (isinstance(node, nodes.Call) and child is node.node):
                self._visit(child, depth + 1)

    def _call(self, node: nodes.Call) -> None:
        if not isinstance(node.node, nodes.Name):
            raise InvalidExpression("call_refused", "values have no methods; use a filter, like {{ x | upper }}")
        if node.node.name != "range" or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise InvalidExpression("call_refused", f"there is no function {shown(node.node.name)}; only range(…)")

    def _named(self, node: nodes.Filter | nodes.Test) -> None:
        if isinstance(node, nodes.Filter):
            known = node.name in filters.FILTERS or node.name in filters.LAZY_FILTERS
            code, what = "unknown_filter", "filter"
        else:
            known, code, what = node.name in TESTS, "unknown_test", "test"
        if not known or node.node is None:
            raise InvalidExpression(code, f"there is no {what} {shown(node.name)}")
        if node.dyn_args or node.dyn_kwargs:
            raise InvalidExpression("invalid_expression", "* and ** are not allowed")

    def _root(self, root: str, access: nodes.Getattr | nodes.Getitem | None) -> None:
        if root in CONSTANTS or root in self.names.locals:
            return
        if root == SECRETS:
            self._secret(access)
            return
        if root not in ROOTS:
            known = ", ".join((*ROOTS, *sorted(self.names.locals)))
            raise InvalidExpression("unknown_name", f"there is no {shown(root)}; there are {known}")
        self.found.roots.add(root)
        name = self._constant(access)
        if name is not None and (reason := self.names.unknown(root, name)):
            raise InvalidExpression("unknown_name", reason)
        if root in ("outputs", "variables"):
            setattr(self.found, root, _both(getattr(self.found, root), None if name is None else {name}))

    def _secret(self, access: nodes.Getattr | nodes.Getitem | None) -> None:
        if not self.names.secrets:
            message = "a secret cannot be read here, only in the config of node types that take secrets, like ai"
            raise InvalidExpression("secret_refused", message)
        name = self._constant(access)
        if name is None or access is not self._whole or not SECRET_NAME.fullmatch(name):
            # What is computed from a secret could not be recognised when it comes back.
            message = "a secret stands alone in its braces, by its name, with text around them if need be"
            raise InvalidExpression("secret_refused", f"{message}: {{{{ secrets.NAME }}}}")
        self.found.secrets.add(name)

    @staticmethod
    def _constant(access: nodes.Getattr | nodes.Getitem | None) -> str | None:
        if isinstance(access, nodes.Getattr):
            return access.attr
        if access is not None and isinstance(access.arg, nodes.Const) and isinstance(access.arg.value, str):
            return access.arg.value
        return None
