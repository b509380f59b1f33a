"""What expressions compute, and what they refuse: escapes, exhaustion, unknown names."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.graphs.expressions import (
    ExpressionError,
    InvalidExpression,
    Names,
    Scope,
    parse_expression,
    parse_template,
)
from milepost.graphs.expressions.budget import Budget
from milepost.graphs.expressions.checks import TESTS
from milepost.graphs.expressions.filters import FILTERS, LAZY_FILTERS

NAMES = Names(frozenset({"fetch", "left-out", "loop"}), frozenset({"count", "unset"}))
SCOPE = Scope(
    NAMES,
    {
        "topic": "Sailing",
        "items": [3, 1, 2],
        "people": [{"name": "Bo", "age": 7}, {"name": "Al", "age": 5}],
        "s": "a b",
    },
    {"count": 4},
    {"fetch": {"status": 200, "body": "x" * 120, "list": [1, 2], "none": None}},
    {"id": "r1", "version": 2},
)


def value(source: str) -> Any:
    """The value of an expression."""
    return parse_expression(source, NAMES).evaluate(SCOPE, Budget())


def text(source: str) -> Any:
    """The value of a template."""
    return parse_template(source, NAMES).evaluate(SCOPE, Budget())


USEFUL: list[tuple[str, Any]] = [
    ("outputs.fetch.status == 200 and outputs.fetch.body | length > 100", True),
    ("outputs['left-out']", None),
    ("outputs['left-out'].anything.at['all'][0]", None),
    ("variables.unset", None),
    ("variables.count + 1", 5),
    ("variables['count']", 4),
    ("input.topic | upper ~ '!'", "SAILING!"),
    ("input['items'][0]", 3),
    ("input.items[-1]", 2),
    ("input.items[1:]", [1, 2]),
    ("input.items[::-1]", [2, 1, 3]),
    ("input.topic[:4]", "Sail"),
    ("input.missing | default('x')", "x"),
    ("outputs['left-out'].text | default('x')", "x"),
    ("input.missing is defined", False),
    ("input.missing is undefined", True),
    ("input.topic is defined", True),
    ("run.version", 2),
    ("1 if variables.count > 3 else 2", 1),
    ("'a' if false", None),
    ("not variables.unset", True),
    ("variables.unset or 'b'", "b"),
    ("variables.count and 'b'", "b"),
    ("[1, 2] + [3]", [1, 2, 3]),
    ("{'a': 1, 'b': [2]}", {"a": 1, "b": [2]}),
    ("(1, 2)", [1, 2]),
    ("7 // 2 + 7 % 4 - 2 ** 3", -2),
    ("7 / 2", 3.5),
    ("-variables.count", -4),
    ("1 < 2 < 3", True),
    ("1 < 3 < 2", False),
    ("'b' > 'a'", True),
    ("1 == 1.0", True),
    ("true == 1", False),
    ("[1] == [1.0]", True),
    ("2 in input.items", True),
    ("true in [1]", False),
    ("'ail' in input.topic", True),
    ("'status' in outputs.fetch", True),
    ("1 not in variables.unset", True),
    ("'ab' * 3", "ababab"),
    ("range(3)", [0, 1, 2]),
    ("range(1, 10, 4)", [1, 5, 9]),
    ("input.items | sort", [1, 2, 3]),
    ("input.items | sort(reverse=true)", [3, 2, 1]),
    ("input.people | sort(attribute='age') | map(attribute='name') | join(', ')", "Al, Bo"),
    ("input.people | selectattr('age', 'gt', 6) | map(attribute='name') | list", ["Bo"]),
    ("input.people | rejectattr('age', 'gt', 6) | map(attribute='name') | first", "Al"),
    ("input.people | groupby('age') | length", 2),
    ("input.people | sum(attribute='age')", 12),
    ("input.items | map('string') | list", ["3", "1", "2"]),
    ("input.items | select('odd') | list", [3, 1]),
    ("input.items | reject('odd') | list", [2]),
    ("[0, 1, '', null, 2] | select | list", [1, 2]),
    ("input.items | max", 3),
    ("[] | min", None),
    ("[1, 1.0, 2, true, 'a', 'A', [1], [1]] | unique", [1, 2, True, "a", [1]]),
    ("input.items | batch(2)", [[3, 1], [2]]),
    ("outputs.fetch | keys | sort | first", "body"),
    ("{'b': 2, 'a': 1} | dictsort", [["a", 1], ["b", 2]]),
    ("{'b': 2} | items", [["b", 2]]),
    ("{'b': 2} | values", [2]),
    ("input.s | split", ["a", "b"]),
    ("input.s | urlencode", "a%20b"),
    ("{'q': 'a b'} | urlencode", "q=a+b"),
    ("'a-b-c' | replace('-', '+', 1)", "a+b-c"),
    ("'one two three' | truncate(9)", "one two three"),
    ("'one two three' | truncate(9, leeway=0)", "one..."),
    ("[1, 2, 3] | slice(2)", [[1, 2], [3]]),
    ("'<b>a</b> &amp;\n c' | striptags", "a & c"),
    ("'<a>' | escape | e", "&amp;lt;a&amp;gt;"),
    ("1500 | filesizeformat", "1.5 kB"),
    ("[null, null] | groupby('x', 'none')", [["none", [None, None]]]),
    ("[{'a': 'x'}, {'a': 'X'}, {'a': 'b'}] | groupby('a') | map('first')", ["b", "x"]),
    ("['A', 'b'] | select('upper')", ["A"]),
    ("input.people | selectattr('age', '>=', 7) | map(attribute='name')", ["Bo"]),
    ("'a\nb' | indent(2)", "a\n  b"),
    ("'x' | center(5)", "  x  "),
    ("' x ' | trim", "x"),
    ("'hello there' | title", "Hello There"),
    ("'a b c' | wordcount", 3),
    ("'%.2f of %s, %d%%' | format(1.5, 'ten', 7)", "1.50 of ten, 7%"),
    ("'12' | int + 1", 13),
    ("'x' | int(7)", 7),
    ("'1.5' | float", 1.5),
    ("2.567 | round(1)", 2.6),
    ("2.1 | round(method='ceil')", 3.0),
    ("-3 | abs", 3),
    ("{'a': [1, null]} | tojson", '{"a":[1,null]}'),
    ("'abc' | reverse", "cba"),
    ("'' is empty", True),
    ("4 is divisibleby 2", True),
    ("'abc' is startswith 'a'", True),
    ("null is none", True),
    ("1 is number and 'a' is string and [] is sequence and {} is mapping", True),
]


@pytest.mark.parametrize(("source", "expected"), USEFUL, ids=[source for source, _ in USEFUL])
def test_an_expression_computes(source: str, expected: Any) -> None:
    found = value(source)
    assert found == expected
    assert type(found) is type(expected)


def test_every_filter_and_test_is_used_by_a_test_of_this_file_or_is_an_alias_of_one() -> None:
    used = " ".join(source for source, _ in USEFUL)
    unused = {name for name, function in FILTERS.items() if f"| {name}" not in used}
    assert unused <= {"capitalize", "count", "d", "last", "lower", "string"}
    assert {"defined", "undefined", "empty", "gt", "odd"} <= TESTS.keys()


TEMPLATES: list[tuple[str, Any]] = [
    ("plain", "plain"),
    ("{{ variables.count }}", 4),
    ("{{variables.count}}", 4),
    (" {{ variables.count }}", " 4"),
    ("{{ input.items }}", [3, 1, 2]),
    ("{{ 1 }}{{ 2 }}", "12"),
    (
        "none: {{ null }}, yes: {{ true }}, list: {{ [1, 'a', null] }}, {{ 1.5 }}\n",
        'none: None, yes: True, list: [1,"a",null], 1.5\n',
    ),
    ("a {# a comment #}b", "a b"),
    ("{{ '{{' }} and {{ '}}' }}", "{{ and }}"),
]


@pytest.mark.parametrize(("source", "expected"), TEMPLATES)
def test_a_template_of_one_expression_keeps_its_type_and_others_are_text(source: str, expected: Any) -> None:
    assert text(source) == expected


UNREADABLE = {
    "1 +": "invalid_expression",
    "1 2": "invalid_expression",
    "": "invalid_expression",
    "{{ 1 }}": "invalid_expression",
    "nothing": "unknown_name",
    "self": "unknown_name",
    "outputs.nobody": "unknown_name",
    "outputs['nobody'].x": "unknown_name",
    "variables.nobody": "unknown_name",
    "run.secret": "unknown_name",
    "input.a | nothing": "unknown_filter",
    "input.a | attr('x')": "unknown_filter",
    "input.a is nothing": "unknown_test",
    "input.a is callable": "unknown_test",
    "input.topic.upper()": "call_refused",
    "''.format(1)": "call_refused",
    "''.join(input.items)": "call_refused",
    "lipsum()": "call_refused",
    "cycler(1)": "call_refused",
    "namespace(a=1)": "call_refused",
    "range(a=1)": "call_refused",
    "range(*input.items)": "call_refused",
    "(range)(1)(2)": "call_refused",
    "input.a | map(*input.items)": "invalid_expression",
    "(" * 3000 + "1" + ")" * 3000: "invalid_expression",
    "[" * 3000 + "]" * 3000: "invalid_expression",
    "-" * 5000 + "1": "invalid_expression",
    "1" + "+1" * 20000: "invalid_expression",
    "1" + " " * 70000: "invalid_expression",
}


@pytest.mark.parametrize("source", UNREADABLE, ids=lambda source: source[:40])
def test_an_expression_that_cannot_be_right_is_refused_when_it_is_read(source: str) -> None:
    with pytest.raises(InvalidExpression) as raised:
        parse_expression(source, NAMES)
    assert raised.value.code == UNREADABLE[source]


@pytest.mark.parametrize(
    "source", ["{% if true %}x{% endif %}", "{% raw %}x{% endraw %}", "{%- for a in b %}{% endfor %}"]
)
def test_statements_are_refused(source: str) -> None:
    with pytest.raises(InvalidExpression) as raised:
        parse_template(source, NAMES)
    assert raised.value.code == "statement_refused"


@pytest.mark.parametrize("source", ["{{ 1", "{{ }}", "{{ 1 }} {{", "{# open"])
def test_a_template_that_does_not_close_is_refused(source: str) -> None:
    with pytest.raises(InvalidExpression):
        parse_template(source, NAMES)


ESCAPES = [
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__",
    "input.__class__",
    "input['__class__']",
    "[].append",
    "outputs.fetch.__init__.__globals__",
    "run.id.__len__",
    "outputs.keys",
    "input.items.sort",
    "{}.items.x",
    "input.topic['__class__']",
    "range.__class__",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_nothing_but_json_is_reached(source: str) -> None:
    with pytest.raises((ExpressionError, InvalidExpression)):
        value(source)


EXHAUSTING = [
    "'x' * 10 ** 9",
    "10 ** 9 * 'x'",
    "('x' * 9000000) ~ ('x' * 9000000)",
    "'x' | center(10 ** 9)",
    "'%1000000000d' | format(1)",
    "'%.1000000000f' | format(1.0)",
    "'x' | indent(10 ** 9)",
    "('\n' * 100000) | indent(1000)",
    "('a' * 100000) | replace('a', 'b' * 100000)",
    "('a' * 100000) | replace('', 'b' * 100000)",
    "range(10 ** 9)",
    "range(10 ** 100)",
    "range(10000) | map(attribute='a', default='x' * 100000) | join",
    "range(10000) | map(attribute='a', default='x' * 100000)",
    "range(10000) | map(attribute='a', default=range(10000)) | list",
    "range(10000) | map('center', 1000) | list",
    "range(10000) | map('batch', 1) | list",
    "[range(10000) | map('default', range(10000))] * 10000",
    "9 ** (9 ** 9)",
    "10 ** (10 ** 10)",
    "2 ** 64",
    "[2 ** 64]",
    "'\\ud800'",
    "{'\\ud800': 1}",
    "'\\ud800x'[0]",
    "(2 ** 4000) * (2 ** 4000)",
    "2 ** -99999999999",
    "1e308 * 10",
    "1.0 / 0",
    "0 ** -1",
    "(-8) ** 0.5",
    "[[range(10000), range(10000), range(10000), range(10000), range(10000), range(10000)], range(50000)]",
    "('a' * 1000000) | list",
    "('a ' * 1000000) | split",
    "('a' * 4000000) | urlencode",
    "('a b' * 4000000) | split",
    "([1] + [2]) * 1000000",
    "'x' * 9223372036854775808",
    "['x' * 9000000] | join('y' * 9000000)",
]


@pytest.mark.parametrize("source", EXHAUSTING, ids=lambda source: source[:50])
def test_an_expression_that_would_take_too_much_is_refused_fast(source: str) -> None:
    began = time.process_time()
    with pytest.raises(ExpressionError):
        value(source)
    assert time.process_time() - began < 2


def test_a_template_that_says_a_long_text_too_often_is_refused_fast() -> None:
    scope = Scope(NAMES, {"s": "x" * 1_000_000}, {}, {}, {})
    template = parse_template("{{ input.s }}" * 300, NAMES)
    with pytest.raises(ExpressionError):
        template.evaluate(scope, Budget())


FAILING = {
    "input.nobody": "there is no key 'nobody'",
    "input.nobody.more": "there is no key 'nobody'",
    "input.items[7]": "there is no item 7",
    "outputs[input.topic]": "there is no node 'Sailing'",
    "variables['a' ~ 'b']": "no node sets a variable 'ab'",
    "'a' + 1": "needs a number, not a string",
    "true + 1": "needs a number, not a boolean",
    "'a' < 1": "cannot order a string and a number",
    "{} | sum": "",
    "5 | sort": "needs a list, not a number",
    "5 | length": "a number has no length",
    "5[0]": "a number has no 0",
    "'abc'[true]": "a string has no True",
    "input.items[::0]": "the step of a part cannot be 0",
    "{1: 2}": "the keys of an object are strings",
    "5 in 5": "cannot look for a number in a number",
    "input.items | map('nothing')": "map needs",
    "input.items | select('nothing')": "there is no test 'nothing'",
}


@pytest.mark.parametrize("source", [source for source in FAILING if source != "{} | sum"])
def test_an_expression_that_fails_says_which_and_why(source: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value(source)
    assert FAILING[source] in str(raised.value)
    assert source in str(raised.value)


def test_what_an_expression_reads_is_known_before_it_runs() -> None:
    found = parse_expression("outputs.fetch.x or variables['count'] or outputs['left-out']", NAMES).references
    assert found.outputs == {"fetch", "left-out"}
    assert found.variables == {"count"}


@pytest.mark.parametrize("source", ["outputs[input.topic]", "outputs", "outputs | length", "outputs[1:]"])
def test_a_computed_name_reads_everything(source: str) -> None:
    assert parse_expression(source, NAMES).references.outputs is None


def test_the_page_names_every_filter_and_test() -> None:
    page = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text()
    listed = [
        set(part.partition("\n\n")[2].partition("\n\n")[0].replace("`", "").split()) for part in page.split("\n## ")
    ]
    assert FILTERS.keys() | LAZY_FILTERS in listed
    assert TESTS.keys() in listed


def test_all_outputs_together_are_an_object() -> None:
    assert value("outputs | keys | list") == ["fetch"]
    assert value("variables") == {"count": 4}


@settings(max_examples=200, derandomize=True)
@given(st.text(alphabet="abinputos.'[](){}|+-*/%~<>=! 0129,:_\"", max_size=40))
def test_no_text_makes_anything_but_a_value_or_a_refusal(source: str) -> None:
    with contextlib.suppress(InvalidExpression, ExpressionError):
        value(source)
