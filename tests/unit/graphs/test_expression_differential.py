"""Expressions against Jinja's own evaluation: the same value, or both refuse."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined, Undefined
from markupsafe import Markup

from milepost.graphs.expressions import ExpressionError, Names, Scope, parse_expression
from milepost.graphs.expressions.budget import MAX_SIZE, MAX_STEPS, Budget

DATA: dict[str, Any] = {
    "input": {
        "topic": "Sailing the north sea",
        "email": "Ann.Lee@Example.org",
        "limit": 3,
        "rate": 1.2345,
        "empty": "",
        "nothing": None,
        "flag": True,
        "tags": ["Beta", "alpha", "beta", "Gamma", "alpha"],
        "numbers": [3, 1, 2, 10, 7, 1],
        "prices": [19.99, 5.0, 102.5, 0.1],
        "nested": [[1, 2], [3], []],
        "body": "First line\nsecond line\n\nfourth <b>line</b> & more\n",
        "orders": [
            {"id": 7, "customer": {"name": "Bo", "city": "Oslo"}, "total": 120.5, "paid": True, "lines": [1, 2]},
            {"id": 8, "customer": {"name": "al", "city": "Rome"}, "total": 15.0, "paid": False, "lines": []},
            {"id": 9, "customer": {"name": "Cy", "city": "oslo"}, "total": 99.9, "paid": True, "lines": [3]},
            {"id": 10, "customer": {"name": "Al", "city": "Rome"}, "total": 15.0, "paid": True, "lines": [4, 5, 6]},
        ],
        "settings": {"zeta": 3, "Alpha": 1, "mid": 2},
    },
    "variables": {"count": 4, "name": "Zoë"},
    "outputs": {"fetch": {"status": 200, "headers": {"content-type": "text/html"}, "rows": [{"a": 1}, {"a": 2}]}},
    "run": {"id": "r-1", "version": 2, "workflow_id": "w", "project_id": "p", "started_at": 1},
}
NAMES = Names(frozenset(DATA["outputs"]), frozenset(DATA["variables"]))
SCOPE = Scope(NAMES, DATA["input"], DATA["variables"], DATA["outputs"], DATA["run"])


class Refused(Exception):
    """Jinja has no JSON value for an expression."""


class Reference(Environment):
    """Jinja, but `x.y` is a key before it is a method."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)


JINJA = Reference(undefined=StrictUndefined)


def plain(value: Any) -> Any:
    """A value of Jinja's as JSON."""
    if isinstance(value, Undefined):
        raise Refused
    if isinstance(value, Markup):
        return str(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise Refused
        if isinstance(value, float):
            json.dumps(value, allow_nan=False)
        return value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    raise Refused


def jinja(source: str) -> Any:
    """What Jinja gives. Raises `Refused`."""
    try:
        return plain(JINJA.compile_expression(source, undefined_to_none=False)(**DATA))
    except Exception as error:
        raise Refused(str(error)) from error


def ours(source: str, budget: Budget | None = None) -> Any:
    """What expressions give. Raises `ExpressionError`."""
    return parse_expression(source, NAMES).evaluate(SCOPE, budget or Budget())


def typed(value: Any) -> Any:
    """A value with its types, so that 1, 1.0 and true differ."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value).__name__, value


USEFUL = [
    "input.topic | upper",
    "input.topic | lower | title",
    "input.topic | title",
    '"it\'s a (new) <day> x-ray" | title',
    "input.topic | capitalize",
    "input.topic | replace('north', 'south')",
    "input.topic | replace('e', '3', 1)",
    "input.topic | truncate(12)",
    "input.topic | truncate(12, true, '…', 0)",
    "input.topic | truncate(18)",
    "input.topic | wordcount",
    '"don\'t stop, now" | wordcount',
    "input.topic | center(30)",
    "input.topic[:7]",
    "input.topic[-3:]",
    "input.topic[::2]",
    "input.topic | reverse",
    "input.topic | length",
    "input.topic | first ~ input.topic | last",
    "input.body | indent",
    "input.body | indent(2, true)",
    "input.body | indent('> ', true, true)",
    "'a\\r\\nb\\n' | indent(1)",
    "input.body | striptags",
    "input.body | escape",
    "input.body | trim",
    "'--x--' | trim('-')",
    "'a b/c?d=ü&e' | urlencode",
    "{'q': 'a b', 'page': 2, 'path': 'x/y'} | urlencode",
    "[['q', 'a b'], ['n', 1]] | urlencode",
    "'%s has %d items at %.2f%%' | format(input.topic, input.limit, input.rate)",
    "'%05d|%-6s|%+.1f|%x|%e' | format(42, 'ab', 2.25, 255, 12345.678)",
    "input.email ~ ' / ' ~ input.limit ~ ' / ' ~ input.rate ~ ' / ' ~ input.flag ~ ' / ' ~ input.nothing",
    "input.limit + 2 * 3 - 4 / 2",
    "[7 // 2, 7 % 3, 2 ** 10, -7 // 2, -7 % 3]",
    "[7.5 // 2, -7.5 % 2, 2 ** -1, 2 ** 0.5]",
    "2 ** 3 ** 2",
    "-2 ** 2",
    "(1 + 2) * 3",
    "'ab' * 3 ~ 3 * 'c'",
    "input.rate | round(2)",
    "[2.5 | round, 3.5 | round, 42 | round, 2.567 | round(1, 'ceil'), 2.567 | round(1, 'floor'), 1234 | round(-2)]",
    "['12' | int, '1.9' | int, 'x' | int, 'x' | int(-1), '0x1f' | int(base=16), 3.9 | int, true | int]",
    "['1.5' | float, 'x' | float, 'x' | float(2.5), 3 | float]",
    "-5 | abs",
    "(-5) | abs",
    "[0 | filesizeformat, 1 | filesizeformat, 1500 | filesizeformat, 3000000 | filesizeformat(true)]",
    "'big' if input.limit > 2 else 'small'",
    "'a' if input.empty else 'b' if input.nothing else 'c'",
    "input.empty or 'fallback'",
    "input.flag and input.limit",
    "not input.empty and not input.nothing",
    "1 < input.limit <= 3 != 4",
    "input.limit == 3.0",
    "input.limit in [1, 2, 3] and 'sea' in input.topic and 'zeta' in input.settings",
    "input.limit not in input.numbers",
    "input.missing | default('x')",
    "input.empty | default('x')",
    "input.empty | default('x', true)",
    "input.missing is defined or input.topic is defined",
    "[input.limit is odd, input.limit is even, input.limit is divisibleby 3]",
    "[input.nothing is none, input.flag is true, input.flag is false]",
    "[1 is number, 1 is integer, 1.5 is float, 'a' is string, {} is mapping, [] is iterable, [] is sequence]",
    "['abc' is lower, 'ABC' is upper, 3 is eq 3, 3 is ne 3, 3 is gt 2, 3 is le 2, 2 is in [1, 2], true is boolean]",
    "input.numbers | sort",
    "input.numbers | sort(reverse=true)",
    "input.tags | sort",
    "input.tags | sort(case_sensitive=true)",
    "input.tags | sort(false, true)",
    "input.tags | unique | list",
    "input.tags | unique(true) | list",
    "input.tags | map('lower') | unique | sort | join(', ')",
    "[input.numbers | min, input.numbers | max, input.tags | min, input.tags | max]",
    "input.orders | min(attribute='total')",
    "(input.orders | max(attribute='customer.name')).id",
    "input.numbers | sum",
    "input.prices | sum | round(2)",
    "input.orders | sum(attribute='total')",
    "input.orders | sum('total', 100)",
    "input.orders | map(attribute='customer.name') | join(', ')",
    "input.orders | join(', ', attribute='id')",
    "input.orders | map(attribute='customer.zip', default='?') | list",
    "input.orders | map(attribute='lines.0', default=0) | list",
    "input.orders | selectattr('paid') | map(attribute='id') | list",
    "input.orders | rejectattr('paid') | map(attribute='id') | list",
    "input.orders | selectattr('total', '>=', 99.9) | map(attribute='id') | list",
    "input.orders | selectattr('customer.city', 'equalto', 'Rome') | list | length",
    "input.orders | selectattr('customer.city', 'in', ['Rome', 'Oslo']) | map(attribute='id') | list",
    "input.orders | selectattr('lines') | map(attribute='lines') | map('length') | sum",
    "input.orders | sort(attribute='total') | map(attribute='id') | list",
    "input.orders | sort(attribute='total,customer.name', reverse=true) | map(attribute='id') | list",
    "input.orders | sort(attribute='customer.name') | map(attribute='id') | list",
    "input.orders | groupby('customer.city') | map('first') | list",
    "input.orders | groupby('customer.city')",
    "input.orders | groupby('customer.city', case_sensitive=true) | map('last') | map('length') | list",
    "input.orders | groupby('paid') | list",
    "input.orders | groupby('customer.zip', default='none') | map('first') | list",
    "input.numbers | batch(4) | list",
    "input.numbers | batch(4, 0) | list",
    "input.numbers | slice(4) | list",
    "input.numbers | slice(4, 'x') | list",
    "input.numbers | select('odd') | list",
    "input.numbers | reject('gt', 2) | list",
    "input.numbers | select | list",
    "[0, 1, '', 'a', none, [], [0]] | reject | list",
    "input.numbers | map('string') | join('-')",
    "input.nested | map('sum') | list",
    "input.nested | map('length') | max",
    "input.numbers[1:4] + [input.limit]",
    "input.numbers[::-1]",
    "input.numbers | reverse | list",
    "[input.numbers | first, input.numbers | last, input.numbers | count]",
    "input.numbers | list",
    "'abc' | list",
    "range(3) | list",
    "range(10, 0, -3) | list",
    "input.settings | dictsort",
    "input.settings | dictsort(true)",
    "input.settings | dictsort(by='value', reverse=true)",
    "input.settings | items | list",
    "input.settings | list",
    "input.settings | length",
    "{'names': input.orders | map(attribute='customer.name') | list, 'deep': {'a': [1, {'b': 2}]}}",
    "outputs.fetch.status == 200 and outputs['fetch']['headers']['content-type'] is string",
    "outputs.fetch.rows | map(attribute='a') | sum",
    "variables.name ~ variables.count",
    "variables.name | upper",
    "variables.name | urlencode",
    "run.version + 1",
    "(1, 2, 3) | last",
    "'a' 'b'",
    "'tab\\tquote\\' \\u00e9'",
    "1_000 + 0x10 + 0b11 + 0o7",
    "1.5e3",
]


@pytest.mark.parametrize("source", USEFUL, ids=lambda source: source[:60])
def test_a_useful_expression_gives_what_jinja_gives(source: str) -> None:
    assert typed(ours(source)) == typed(jinja(source))


@pytest.mark.parametrize(
    "source", ["input.orders", "input.settings", "input", "[1, 1.5, none, true, 'é <>&\"', [], {}]", "'text'", "3"]
)
def test_tojson_says_the_same_value(source: str) -> None:
    for form in (f"{source} | tojson", f"{source} | tojson(indent=2)"):
        assert json.loads(ours(form)) == json.loads(jinja(form))


NUMBER_FILTERS = ["abs", "round", "round(1)", "round(0, 'floor')", "int", "float"]
TEXT_FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "trim('a')", "reverse", "string", "escape", "striptags",
    "center(7)", "truncate(4)", "truncate(3, true, '')", "indent(1)", "replace('a', 'bb')", "replace('', '-')",
    "urlencode", "default('d')",
]  # fmt: skip
LIST_FILTERS = [
    "sort",
    "sort(reverse=true)",
    "unique | list",
    "reverse | list",
    "list",
    "batch(2) | map('last') | list",
    "list",
]
WORDS = ["", "a", "Ab c", "x-y (z)", "é ß", "a\\nb", "<i>&amp;</i>", "12", " pad ", "aAa"]


def _chosen(inner: st.SearchStrategy[str], truths: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} if {} else {})".format, inner, truths, inner)


LEAF_NUMBERS = st.one_of(
    st.integers(-20, 20).map(lambda value: f"({value})"),
    st.sampled_from(["2.5", "(-0.5)", "1e3", "input.limit", "input.rate", "variables.count", "input.prices[0]"]),
)
LEAF_TEXTS = st.one_of(
    st.sampled_from(WORDS).map(lambda word: f"'{word}'"),
    st.sampled_from(["input.topic", "variables.name", "input.body", "run.id", "input.tags[1]"]),
)
LEAF_TRUTHS = st.sampled_from(["true", "false", "input.flag"])
LEAF_NUMBER_LISTS = st.sampled_from(
    ["input.numbers", "input.prices", "[]", "(input.orders | map(attribute='total') | list)"]
)
LEAF_TEXT_LISTS = st.sampled_from(["input.tags", "(input.orders | map(attribute='customer.name') | list)"])


@dataclass(frozen=True)
class Trees:
    """Expressions of some depth, by the type of their value."""

    numbers: st.SearchStrategy[str] = LEAF_NUMBERS
    texts: st.SearchStrategy[str] = LEAF_TEXTS
    truths: st.SearchStrategy[str] = LEAF_TRUTHS
    number_lists: st.SearchStrategy[str] = LEAF_NUMBER_LISTS
    text_lists: st.SearchStrategy[str] = LEAF_TEXT_LISTS

    def any(self) -> st.SearchStrategy[str]:
        """Of any type."""
        return self.numbers | self.texts | self.truths | self.number_lists | self.text_lists

    def deeper(self) -> "Trees":
        """Expressions made of these."""
        return Trees(self._numbers(), self._texts(), self._truths(), self._lists_of_numbers(), self._lists_of_texts())

    def _numbers(self) -> st.SearchStrategy[str]:
        operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
        return st.one_of(
            LEAF_NUMBERS,
            st.builds("({} {} {})".format, self.numbers, operators, self.numbers),
            _filtered(self.numbers, NUMBER_FILTERS),
            _filtered(self.texts, ["length", "wordcount", "int", "float", "count"]),
            _filtered(self.number_lists, ["sum", "length"]),
            _filtered(_literal(self.numbers), ["min", "max", "first", "last"]),
            _chosen(self.numbers, self.truths),
        )

    def _texts(self) -> st.SearchStrategy[str]:
        either = self.texts | self.numbers
        return st.one_of(
            LEAF_TEXTS,
            st.builds("({} ~ {})".format, either, either),
            st.builds("({} + {})".format, self.texts, self.texts),
            st.builds("({} * {})".format, self.texts, st.integers(0, 3)),
            st.builds("{}[{}:{}]".format, LEAF_TEXTS, st.integers(-4, 4), st.integers(-9, 9)),
            _filtered(self.texts, TEXT_FILTERS),
            _filtered(self.text_lists, ["join", "join(', ')"]),
            _filtered(_literal(self.texts), ["min", "max", "last"]),
            _chosen(self.texts, self.truths),
        )

    def _truths(self) -> st.SearchStrategy[str]:
        orders = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
        text_orders = st.sampled_from(["<", ">=", "==", "!=", "in", "not in"])
        number_kinds = st.sampled_from(["number", "integer", "float", "none", "defined"])
        text_kinds = st.sampled_from(["string", "lower", "upper", "sequence", "mapping"])
        return st.one_of(
            LEAF_TRUTHS,
            st.builds("({} {} {})".format, self.numbers, orders, self.numbers),
            st.builds("({} {} {})".format, self.texts, text_orders, self.texts),
            st.builds("({} {} {})".format, self.truths, st.sampled_from(["and", "or"]), self.truths),
            st.builds("(not {})".format, self.truths),
            st.builds("({} in {})".format, self.numbers, self.number_lists),
            st.builds("({} is {})".format, self.numbers, number_kinds),
            st.builds("({} is {})".format, self.texts, text_kinds),
        )

    def _lists_of_numbers(self) -> st.SearchStrategy[str]:
        return st.one_of(
            LEAF_NUMBER_LISTS,
            _literal(self.numbers),
            st.builds("({} | list + {} | list)".format, self.number_lists, self.number_lists),
            _filtered(self.number_lists, [*LIST_FILTERS, "select('gt', 2) | list", "map('abs') | list"]),
        )

    def _lists_of_texts(self) -> st.SearchStrategy[str]:
        lazy = ["map('upper') | list", "select('lower') | list", "map('title') | list"]
        return st.one_of(
            LEAF_TEXT_LISTS,
            _literal(self.texts),
            _filtered(self.text_lists, [*LIST_FILTERS, *lazy]),
        )


def _literal(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=1, max_size=3).map(lambda found: f"[{', '.join(found)}]")


def _filtered(inner: st.SearchStrategy[str], filters: list[str]) -> st.SearchStrategy[str]:
    return st.builds("({} | {})".format, inner, st.sampled_from(filters))


TREES = Trees().deeper().deeper().deeper().any()

STRICTER = (
    "steps",
    "produces more",
    "64 bits",
    "too large a number",
    "finite number",
    "half of one",
    "a whole number from",
)
"""What expressions refuse although Jinja computes it: documented limits."""


@settings(max_examples=400, derandomize=True)
@given(TREES)
def test_a_random_expression_gives_what_jinja_gives_or_both_refuse(source: str) -> None:
    budget = Budget()
    try:
        found = ours(source, budget)
    except ExpressionError as error:
        if not any(reason in str(error) for reason in STRICTER):
            with pytest.raises(Refused):
                jinja(source)
    else:
        assert typed(found) == typed(jinja(source))
    assert budget.steps < MAX_STEPS
    assert budget.size <= MAX_SIZE


@settings(max_examples=60, derandomize=True)
@given(TREES, st.integers(0, 60), st.integers(0, 4000))
def test_a_budget_that_is_too_small_stops_an_expression_and_one_that_is_enough_does_not(
    source: str, steps: int, size: int
) -> None:
    whole = Budget()
    with contextlib.suppress(ExpressionError):
        ours(source, whole)
        enough = steps >= MAX_STEPS - whole.steps and size >= MAX_SIZE - whole.size
        try:
            ours(source, Budget(steps, size))
        except ExpressionError:
            assert not enough
        else:
            assert enough
