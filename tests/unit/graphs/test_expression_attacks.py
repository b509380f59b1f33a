"""Attempts to escape from expressions or to exhaust the process with them: each is refused, fast and in little room."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from milepost.graphs.expressions import Names, Scope, parse_template
from milepost.graphs.expressions.budget import Budget

ROOT = Path(__file__).parents[3]
LIMIT_SECONDS = 0.1
LIMIT_BYTES = 50 * 1024 * 1024
CHILD_BYTES = 1024 * 1024 * 1024
CHILD_SECONDS = 60

MANY = "range(10000) | map(attribute='a', default={})"
"""Ten thousand times the same value, which costs nothing: one is made."""

ESCAPES = [
    "''.__class__",
    "''.__class__.__mro__",
    "''.__class__.__base__.__subclasses__()",
    "input.__class__",
    "input['__class__']",
    "input['__cl' ~ 'ass__']",
    'input["\\x5f\\x5fclass\\x5f\\x5f"]',
    "input.text['__class__']",
    "input.text | attr('__class__')",
    "input | attr('\\x5f\\x5fclass\\x5f\\x5f')",
    "[input] | map(attribute='__class__') | first + 1",
    "[input] | map('attr', '__class__') | list",
    "[''] | map(attribute='__class__.__mro__.1') | first + 1",
    "[1] | sum(attribute='__class__')",
    "[1] | map('__class__') | list",
    "[1] | select('callable') | list",
    "['x'] | map('format', __class__) | list",
    "[].append",
    "[].append(1)",
    "{}.update({'a': 1})",
    "{}.__class__.__init__.__globals__",
    "outputs.__class__",
    "outputs['__class__']",
    "outputs.fetch.__init__.__globals__",
    "outputs.values",
    "outputs._asdict",
    "variables.__dict__",
    "variables['__dict__']",
    "run.__getattribute__",
    "run.values",
    "run.names.outputs",
    "(1).__class__",
    "1.0.hex()",
    "true.__class__",
    "range.__class__",
    "range.__self__",
    "range(1).__class__",
    "(range)(1)(2)",
    "range(*[1])",
    "range(**{})",
    "'{0.__class__}'.format(input)",
    "'{0.__class__.__init__.__globals__}' | format_map(input)",
    "'%(a)s' | format(input)",
    "'%c' | format(65)",
    "'%r' | format(input)",
    "'%s' % input",
    "'%s%s' % (1, 2)",
    "''.join(['a'])",
    "input.text.encode()",
    "input.text.upper()",
    "self",
    "self._TemplateReference__context",
    "self.__init__.__globals__",
    "super()",
    "loop.index",
    "caller()",
    "kwargs",
    "varargs",
    "globals()",
    "locals()",
    "__builtins__",
    "__import__('os')",
    "eval('1')",
    "open('/etc/passwd')",
    "lipsum()",
    "lipsum.__globals__",
    "cycler('a')",
    "cycler.__init__.__globals__",
    "joiner(',')",
    "namespace(a=1)",
    "dict(a=1)",
    "_('x')",
    "gettext('x')",
    "config",
    "request.application",
    "lambda: 1",
    "lambda x: x",
    "[x for x in input]",
    "(x := 1)",
    "x = 1",
    "await input",
    "f'{input}'",
    "input.text | pprint",
    "input.numbers | random",
    "input | xmlattr",
    "input.text | urlize",
    "input.text | safe",
    "input.text is filter",
    "input.text is test",
    "input is sameas input",
    "input.nobody",
    "input.nobody.__class__",
    "input.nobody | default(input.nobody)",
    "input.nobody ~ 'x'",
    "input.nobody | list",
    "input.nobody()",
    "input.text if",
    "input.text | default(**input)",
    "input.text | map(*input.numbers)",
    "input.text | default(budget=1)",
    "input.text | truncate(self=1)",
    "[1, 2] | map('sort', cmp=1) | list",
    "input[['a']]",
    "input[{}]",
    "{}[[1]]",
    "{[1]: 2}",
    "[1] | map(['upper']) | list",
    "[1] | select(['odd']) | list",
    "[1] | select({}) | list",
    "[{}] | map(attribute={}) | list",
    "[{}] | map(attribute=['a']) | list",
    "[{}] | map(attribute=true) | list",
]

STATEMENTS = [
    "{% set x = 1 %}",
    "{% for x in range(10) %}{{ x }}{% endfor %}",
    "{% if true %}x{% endif %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% extends 'base' %}",
    "{% block x %}{% endblock %}",
    "{% macro m() %}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% do x %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{%- raw -%}{%- endraw -%}" * 5000,
    "{% autoescape true %}{% endautoescape %}",
    "{% trans %}x{% endtrans %}",
    "{{ 1 }}{%+ if true %}{% endif %}",
    "{{ '{%' }}{% set x = 1 %}",
    "{{ 1",
    "{{ 1 }} {{",
    "{# open",
    "{{ {# #} }}",
    "{{ '{{' }} {{ '",
]

LONG_SOURCES = [
    "(" * 3000 + "1" + ")" * 3000,
    "(" * 40 + "1" + ")" * 40,
    "[" * 3000 + "]" * 3000,
    "{'a':" * 3000 + "1" + "}" * 3000,
    "-" * 5000 + "1",
    "not " * 5000 + "1",
    "1" + "+1" * 2000,
    "1" + "+1" * 30_000,
    "1" + "**1" * 20_000,
    "1" + "~1" * 30_000,
    "1" + " or 1" * 12_000,
    "1" + " < 2" * 15_000,
    "[" + "1," * 30_000 + "]",
    "[" + "[]," * 20_000 + "]",
    "{" + "'a':1," * 10_000 + "}",
    "1" + " if 1 else 1" * 5000,
    "input" + ".a" * 30_000,
    "input" + "[0]" * 20_000,
    "'x'" + "|upper" * 9000,
    "'x'" + "|d" * 10_000,
    "1" + " is odd" * 9000,
    "'a' " * 15_000,
    "1" + " " * 70_000,
    "'" + "a" * 70_000 + "'",
    "9" * 60_000,
    "0x" + "f" * 60_000,
    "0b" + "1" * 60_000,
    "1e999",
    "1e999 - 1e999",
    "9" * 5000 + ".0e9999",
    "x" * 60_000,
    "input | " + "x" * 60_000,
    "outputs." + "x" * 60_000,
    "'\\N{nothing}'",
    "'\\ud800'",
    "{'\\ud800': 1}",
    "'\\ud800x'[0]",
    "range(" * 20_000,
    "\x00" * 60_000,
    "(" * 60_000,
    '"' + "\\" * 60_001 + '"',
]

LONG_TEMPLATES = [
    "{{1}}" * 50_000,
    "{{ 1 }}" * 30_000,
    "{{ input.text }}" * 1000,
    "{{ input }}" * 1000,
    "{{ outputs }}" * 1000,
    "{{" * 100_000,
    "\n" * 262_000 + "{{ 1 + }}",
    "\n" * 20_000 + "{{ 1 + }}",
    "{#" * 100_000,
    "{# #}" * 50_000 + "{{ 1 + }}",
    "{# #}" * 1999 + "{{ 1 + }}",
    "{" * 262_000 + "{{ 1 + }}",
    "x" * 2_000_000 + "{{ 1 }}",
    "{{ 1 }}" + "{{ " + "(" * 200_000,
    "".join(f"{{{{ outputs.n{place % 1000}.a }}}}" for place in range(10_000)),
    "".join(f"{{{{ outputs.nobody{place} }}}}" for place in range(900)),
]

TEXT_BLOW_UPS = [
    "'x' * 10 ** 9",
    "10 ** 9 * 'x'",
    "'x' * 9223372036854775808",
    "'\u20ac' * 9000000",
    "'\U0001f600' * 5000000",
    "('x' * 8000000) ~ '\U0001f600'",
    "('x' * 8000000) + '\U0001f600'",
    "['x' * 8000000, '\U0001f600'] | join",
    "('x' * 9000000) ~ ('x' * 9000000)",
    "input.text * 4",
    "input.wide * 10",
    "'x' | center(10 ** 9)",
    "'x' | indent(10 ** 9)",
    "('\n' * 8000000) | indent(0)",
    "('\r' * 8000000) | indent(0)",
    "('\n' * 90000) | indent(1000)",
    "('\n' * 5000) | indent('x' * 100000)",
    "('a' * 100000) | replace('a', 'b' * 100000)",
    "('a' * 100000) | replace('', 'b' * 100000)",
    "('a' * 8000000) | replace('', '')",
    "input.text | replace('', 'x')",
    "input.text | replace(' ', 'x' * 1000)",
    "('\u00df' * 4000000) | upper",
    "('\u0390' * 2000000) | upper",
    "('\u0130' * 4000000) | lower",
    "('a' * 8000000) | capitalize",
    "('a ' * 4000000) | title",
    "input.text | title",
    "('a ' * 8000000) | wordcount",
    "('a ' * 4000000) | split",
    "('a\r' * 4000000) | split",
    "('a\u2003' * 2000000) | split",
    "('a' * 8000000) | split('a')",
    "input.text | split",
    "input.text | list",
    "('x' * 8000000) | trim('abcdefghijklmnopqrstuvwxyz')",
    "('x' * 8000000) | trim('y' * 1000000)",
    "('%' * 8000000) | format",
    "('%s' * 30000) | format",
    "'%1000000000d' | format(1)",
    "'%.1000000000f' | format(1.0)",
    "'%99999999999999999999s' | format(1)",
    "'%*d' | format(1000000000, 1)",
    MANY.format("'%s'") + " | map('format', 'x' * 8000000) | list",
    "('a' * 4000000) | urlencode",
    "('\u00e9' * 1000000) | urlencode",
    "('<' * 4000000) | escape",
    "('\"' * 4000000) | e",
    "('<a>' * 3000000) | striptags",
    "('<!--' * 3000000) | striptags",
    "('&' * 3000000) | striptags",
    "('&#9' * 3000000) | striptags",
    "('\x01' * 8000000) | tojson",
    "['\x01' * 5000000] ~ ''",
    "['\"' * 8000000] ~ ''",
    "('a' * 8000000 ~ 'b') | wordwrap(1)",
    "('a' ~ '-' * 1000000) | wordwrap",
    "'a' | regex_replace('(a+)+$', '')",
    "('a' * 50 ~ '!') | regex_search('^(a|a)*$')",
    "('a' * 50 ~ '!') is match '^(a+)+$'",
    "('a' * 50 ~ '!') is regex('(.*a){50}')",
    "input.text | truncate(10 ** 9)",
    "'x' * 100 | truncate(5, end='y' * 8000000)",
    "['x' * 9000000] | join('y' * 9000000)",
    "range(10000) | join('y' * 100000)",
    "('x' * 8000000)[::-1] ~ ('x' * 8000000)[::-1]",
    "('x' * 8000000) | reverse",
]

LIST_BLOW_UPS = [
    "range(10 ** 9)",
    "range(10 ** 100)",
    "range(0, 10 ** 100, 10 ** 96)",
    "range(-10 ** 9, 10 ** 9)",
    "[" + "range(10000)," * 30 + "]",
    "([1] + [2]) * 1000000",
    "[0] * 10 ** 9",
    " + ".join(["input.numbers"] * 40),
    MANY.format("range(10000)"),
    MANY.format("'x' * 100000"),
    MANY.format("'x' * 100000") + " | join",
    MANY.format("range(10000)") + " | tojson",
    MANY.format("range(10000)") + " ~ ''",
    MANY.format("range(10000)") + " | sum",
    MANY.format("range(10000)") + " | map('list') | list",
    MANY.format("range(10000)") + " | map('join') | list",
    MANY.format("range(10000)") + " | map('sort') | list",
    MANY.format("range(10000)") + " | map('reverse') | list",
    MANY.format("range(10000)") + " | map('tojson') | list",
    MANY.format("range(10000)") + " | map('unique') | list",
    MANY.format("range(10000)") + " | unique | list",
    MANY.format("range(10000)") + " | groupby(0)",
    MANY.format("'x' * 1000") + " | map('list') | list",
    MANY.format("'x' * 8000000") + " | sort",
    MANY.format("'x' * 8000000") + " | unique",
    MANY.format("'x' * 8000000") + " | max",
    MANY.format("'x' * 8000000") + " | groupby('0')",
    MANY.format("'x' * 8000000") + " | map('upper') | list",
    MANY.format("'x' * 8000000") + " | map('wordcount') | list",
    MANY.format("'x' * 8000000") + " | map('replace', 'y', 'z') | list",
    MANY.format("'x' * 8000000") + " | select('in', 'y' * 8000000) | list",
    MANY.format("'x' * 8000000") + " | select('upper') | list",
    MANY.format("'x' * 7000000 ~ 'a'") + " | select('eq', 'x' * 7000000 ~ 'b') | list",
    MANY.format("'x' * 7000000 ~ 'a'") + " | select('lt', 'x' * 7000000 ~ 'b') | list",
    MANY.format("'x' * 7000000 ~ 'a'") + " | select('startswith', 'x' * 7000000 ~ 'b') | list",
    "('x' * 7000000 ~ 'b') in (" + MANY.format("'x' * 7000000 ~ 'a'") + ")",
    f"({MANY.format('range(10000)')}) == ({MANY.format('range(10000)')})",
    f"({MANY.format('range(10000)')}) in [{MANY.format('range(10000)')}]",
    f"input[{MANY.format('range(10000)')}]",
    f"outputs[{MANY.format('range(10000)')}]",
    f"input.text | trim({MANY.format('range(10000)')})",
    f"input.text | split({MANY.format('range(10000)')})",
    f"[1] | select({MANY.format('range(10000)')})",
    f"[1] | map({MANY.format('range(10000)')})",
    f"[1] | map(attribute={MANY.format('range(10000)')})",
    f"[1] | sort(attribute={MANY.format('range(10000)')})",
    "outputs['x' * 8000000]",
    "input['\x01' * 8000000]",
    "range(10000) | map(attribute='.' * 8000000) | list",
    "range(10000) | map(attribute='a.' * 400) | list",
    "range(10000) | sort(attribute=',' * 900)",
    "range(10000) | map('center', 1000) | list",
    "range(10000) | map('indent', 1000, true) | list",
    "range(10000) | map('batch', 1) | list",
    "[1] | batch(10 ** 9, 'x')",
    "[1] | batch(1000000, 'x') | map('batch', 1000000, 'x') | list",
    "range(10000) | map('string') | map('batch', 100000, 'x') | list",
    "[1] | slice(10 ** 9)",
    "range(10000) | map('slice', 1000) | list",
    "input.numbers | sort",
    "input.numbers | map('string') | map('int') | map('string') | map('int') | list",
    "input.numbers | batch(1)",
    "input.numbers | unique | unique | list",
    "input.people | groupby('age') | map('last') | map('groupby', 'name') | list",
    "input.people | sort(attribute='age,name,age,name')",
    "input.people | map('items') | list",
    "input.people | map('tojson', 8) | list",
    "input | tojson(8) | length",
    "input.deep | tojson(8) | tojson(8) ~ input",
    "[" + "outputs," * 500 + "]",
    "[" + "outputs|tojson," * 300 + "] | length",
]

NUMBER_BLOW_UPS = [
    "9 ** (9 ** 9)",
    "10 ** (10 ** 10)",
    "9 ** 9 ** 9 ** 9",
    "2 ** 64",
    "[2 ** 64]",
    "-(2 ** 63) - 1",
    "(2 ** 4000) * (2 ** 4000)",
    "(2 ** 4000) ** (2 ** 4000)",
    "2 ** 4000 ~ ''",
    "2 ** 4000 | string",
    "'%d' | format(2 ** 4000)",
    "2 ** -99999999999",
    "2.0 ** 99999999999",
    "1e308 * 10",
    "[1e308, 1e308] | sum",
    "1.0 / 0",
    "1 // 0",
    "1 % 0",
    "0 ** -1",
    "(-8) ** 0.5",
    "('9' * 1000000) | int + 'x'",
    "('9' * 1000) | int",
    "('9' * 1000) | int(base=99)",
    "('f' * 1000) | int(base=16)",
    "1e308 | round(15, 'ceil')",
    "1 | round(10 ** 9)",
    "1 | round(-10 ** 9)",
    "2 ** 2000 | filesizeformat",
    "1 << 100",
    "1 & 1",
    "~1",
    "1 @ 1",
]


def cases() -> list[tuple[str, str]]:
    """Every attempt, as its kind and its source."""
    expressions = [*ESCAPES, *LONG_SOURCES, *TEXT_BLOW_UPS, *LIST_BLOW_UPS, *NUMBER_BLOW_UPS]
    templates = [*STATEMENTS, *LONG_TEMPLATES]
    return [("expression", source) for source in expressions] + [("template", source) for source in templates]


def limit() -> None:
    """Run in the child before it starts."""
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_BYTES, CHILD_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_SECONDS, CHILD_SECONDS))


def measured(attempts: list[tuple[str, str, bool]]) -> list[tuple[str, int, float]]:
    """What each attempt came to, the most memory that it held and its processor time."""
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("expression_cost.py"))],
        input=json.dumps(attempts),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=limit,
        check=False,
    )
    found = [json.loads(line) for line in child.stdout.splitlines()]
    if len(found) < len(attempts):
        kind, source, _ = attempts[len(found)]
        pytest.fail(f"{kind} {source[:200]!r} ended the process: {child.stderr[-2000:]}")
    return found


@pytest.mark.timeout(300)
def test_every_attempt_is_refused_within_100_ms_and_50_mb() -> None:
    attempts = cases()
    assert len(attempts) > 300
    broken = []
    for (kind, source), (result, size, seconds) in zip(
        attempts, measured([(kind, source, True) for kind, source in attempts]), strict=True
    ):
        if result == "value" or seconds > LIMIT_SECONDS or size > LIMIT_BYTES or len(result) > 1000:
            broken.append(f"{kind} {source[:120]!r}: {result[:80]}, {seconds * 1000:.0f} ms, {size / 2**20:.1f} MiB")
    assert not broken, "\n".join(broken)


def test_the_measurement_sees_what_takes_too_long_or_too_much() -> None:
    slow, large = measured(
        [
            ("expression", "input.people | sort(attribute='name') | map('title') | join", False),
            ("expression", "('x' * 60000000) | length", False),
        ]
    )
    assert slow[0] == large[0] == "value"
    assert slow[2] > LIMIT_SECONDS
    assert large[1] > LIMIT_BYTES


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# for x in y", "# for x in y"),
        ("## a comment {{ 1 }}", "## a comment 1"),
        ("%s {0.__class__} {x} ${x} <% x %>{{ 1 }}", "%s {0.__class__} {x} ${x} <% x %>1"),
        ("{{ '{% set x = 1 %}' }}", "{% set x = 1 %}"),
        ("{{ '{{ 1 }}' }}", "{{ 1 }}"),
        ("{{ input.x }}", "{{ input.y }}{% y %}"),
    ],
)
def test_what_looks_like_another_language_and_what_values_say_is_text(source: str, expected: str) -> None:
    scope = Scope(Names(), {"x": "{{ input.y }}{% y %}", "y": "secret"}, {}, {}, {})
    assert parse_template(source, Names()).evaluate(scope, Budget()) == expected
