"""What expressions cost, measured in a process of its own: reads expressions from stdin, writes what each took.

Started with a limit on its memory and its processor time, so that an expression which gets through ends this process
and not the machine.
"""

import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from milepost.graphs.expressions import (
    ExpressionError,
    InvalidExpression,
    Names,
    Scope,
    parse_expression,
    parse_template,
)
from milepost.graphs.expressions.budget import Budget

TRIES = 5
LIMIT_SECONDS = 0.1

NAMES = Names(frozenset({"fetch", *(f"n{place}" for place in range(1000))}), frozenset({"count"}))
SCOPE = Scope(
    NAMES,
    {
        "text": "word after word, " * 300_000,
        "wide": "wide \N{EURO SIGN} words " * 100_000,
        "numbers": list(range(100_000)),
        "people": [{"name": f"Person {place}", "age": place % 90} for place in range(20_000)],
        "deep": json.loads("[" * 200 + "]" * 200),
    },
    {"count": 4},
    {"fetch": {"status": 200, "body": "x" * 120}, **{f"n{place}": {"a": place} for place in range(1000)}},
    {"id": "r1"},
)


def evaluate(kind: str, source: str, budget: Budget) -> str:
    """Reads and computes; gives the kind of refusal and its message, or `value`."""
    try:
        parse = parse_template if kind == "template" else parse_expression
        parse(source, NAMES).evaluate(SCOPE, budget)
    except InvalidExpression as error:
        return f"{error.code}: {error}"
    except ExpressionError as error:
        return f"ExpressionError: {error}"
    return "value"


def seconds(run: Callable[[], Any]) -> float:
    """The least processor time of a few tries: other processes disturb a single one."""
    least = float("inf")
    for _ in range(TRIES):
        gc.collect()
        began = time.process_time()
        run()
        least = min(least, time.process_time() - began)
        if least < LIMIT_SECONDS:
            break
    return least


def peak(run: Callable[[], Any]) -> tuple[Any, int]:
    """What came of it, and the most bytes that were held at one time."""
    gc.collect()
    tracemalloc.start()
    result = run()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return result, most


def main() -> None:
    """Measures each `[kind, source, bounded]` of a JSON list on stdin; writes `[result, bytes, seconds]` of each."""
    gc.freeze()
    for kind, source, bounded in json.load(sys.stdin):

        def run(kind: str = kind, source: str = source, bounded: bool = bounded) -> str:
            return evaluate(kind, source, Budget() if bounded else Budget(steps=10**15, size=10**15))

        sys.stdout.write(json.dumps([*peak(run), seconds(run)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
