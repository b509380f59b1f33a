"""Expressions: Jinja2 reads them, an evaluator over an allow-list computes them. Nothing here knows nodes or edges."""

from milepost.graphs.expressions.budget import ExpressionError
from milepost.graphs.expressions.parsing import Expression, InvalidExpression, References, Template
from milepost.graphs.expressions.parsing import parse_expression as parse_expression
from milepost.graphs.expressions.parsing import parse_template as parse_template
from milepost.graphs.expressions.scope import Names, Scope

__all__ = [
    "Expression",
    "ExpressionError",
    "InvalidExpression",
    "Names",
    "References",
    "Scope",
    "Template",
    "parse_expression",
    "parse_template",
]
