"""What can be wrong with the text of an expression, each problem worded once, as AWS words it.

In: the names, paths and values that a message shows. Out: the message without the parameter's name, which
`model.bad_expression` puts before it.
"""

from __future__ import annotations

TYPE_WORDS = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "L": "LIST",
    "M": "MAP",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
}

EMPTY_EXPRESSION = "The expression can not be empty;"
REDUNDANT_PARENS = "The expression has redundant parentheses;"


def syntax_error(token: str, near: str) -> str:
    """A token that does not fit."""
    return f'Syntax error; token: "{token}", near: "{near}"'


def expression_too_long(size: int) -> str:
    """More than 4 KB of text."""
    return f"Expression size has exceeded the maximum allowed size; expression size: {size}"


def too_many_operators(count: int) -> str:
    """More than 300 operators and functions."""
    return f"The expression contains too many operators; operator count: {count}"


def unknown_function(name: str) -> str:
    """A function that DynamoDB does not have."""
    return f"Invalid function name; function: {name}"


def function_not_allowed(name: str, kind: str) -> str:
    """A function of another kind of expression; `kind` is `an update` or `a condition`."""
    return f"The function is not allowed in {kind} expression; function: {name}"


def misused_function(name: str) -> str:
    """A function where its result is of no use."""
    return f"The function is not allowed to be used this way in an expression; function: {name}"


def reserved_word(name: str) -> str:
    """An attribute name that must be written with a placeholder."""
    return f"Attribute name is a reserved keyword; reserved keyword: {name}"


def undefined_name(name: str) -> str:
    """A `#name` that ExpressionAttributeNames does not hold."""
    return f"An expression attribute name used in the document path is not defined; attribute name: {name}"


def undefined_value(name: str) -> str:
    """A `:value` that ExpressionAttributeValues does not hold."""
    return f"An expression attribute value used in expression is not defined; attribute value: {name}"


def operand_count(name: str, count: int) -> str:
    """A function with too few or too many operands."""
    return (
        "Incorrect number of operands for operator or function; operator or function: "
        f"{name}, number of operands: {count}"
    )


def operand_type(name: str, kind: str) -> str:
    """An operand whose type the operator or function does not take."""
    return f"Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"


def action_type(action: str, kind: str) -> str:
    """ADD or DELETE with a value of a type that it does not take."""
    return (
        f"Incorrect operand type for operator or function; operator: {action}, operand type: {TYPE_WORDS[kind]}, "
        f"typeSet: ALLOWED_FOR_{action}_OPERAND"
    )


def bad_type_name(name: str) -> str:
    """attribute_type with a type that does not exist."""
    return f"Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"


def needs_path(name: str) -> str:
    """A function's operand that must be a path."""
    return f"Operator or function requires a document path; operator or function: {name}"


def not_distinct(name: str, path: str) -> str:
    """Both operands are the same path."""
    return (
        "The first operand must be distinct from the remaining operands for this operator or function; operator: "
        f"{name}, first operand: {path}"
    )


def bounds_types(low: str, high: str) -> str:
    """BETWEEN with bounds of two types, each shown as `{S:x}`."""
    return (
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: "
        f"AttributeValue: {low}, upper bound operand: AttributeValue: {high}"
    )


def bounds_order(low: str, high: str) -> str:
    """BETWEEN with its bounds the wrong way round."""
    return (
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: "
        f"AttributeValue: {low}, upper bound operand: AttributeValue: {high}"
    )


def section_twice(name: str) -> str:
    """SET, REMOVE, ADD or DELETE twice in an update expression."""
    return f'The "{name}" section can only be used once in an update expression;'


def paths_overlap(one: str, two: str) -> str:
    """Two paths of which one holds the other."""
    return (
        "Two document paths overlap with each other; must remove or rewrite one of these paths; "
        f"path one: {one}, path two: {two}"
    )


def paths_conflict(one: str, two: str) -> str:
    """Two paths that need the same place to be a map and a list."""
    return (
        "Two document paths conflict with each other; must remove or rewrite one of these paths; "
        f"path one: {one}, path two: {two}"
    )
