"""The room's rules as numbers, and its errors, each worded once.

In: the names and values that an error shows. Out: `AwsError`s with DynamoDB's codes and messages. This file knows
nothing of the store or of requests. Messages follow what the service answers (developer guide, "Error handling with
DynamoDB", and answers recorded by its users).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yobu.base.errors import AwsError

MAX_ITEM = 400 * 1024
MAX_PAGE = 1024 * 1024
MAX_BATCH_ANSWER = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_HASH_KEY = 2048
MAX_RANGE_KEY = 1024
MAX_EXPRESSION = 4096
MAX_OPERATORS = 300
MAX_LSI = 5
MAX_GSI = 20
MAX_NON_KEY = 100
MAX_SEGMENTS = 1_000_000

INVALID = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "


def validation(message: str) -> AwsError:
    """`ValidationException` with `message`."""
    return AwsError("ValidationException", message)


def invalid(rest: str) -> AwsError:
    """`ValidationException`: one or more parameter values were invalid, and why."""
    return AwsError("ValidationException", INVALID + rest)


# -- tables


def no_such_table() -> AwsError:
    """An item operation on a table that is not there."""
    return AwsError("ResourceNotFoundException", "Requested resource not found")


def no_such_table_named(name: str) -> AwsError:
    """A table operation on a table that is not there."""
    return AwsError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


def no_such_backup_table(name: str) -> AwsError:
    """A backup operation on a table that is not there."""
    return AwsError("TableNotFoundException", f"Table not found: {name}")


def no_such_resource(arn: str) -> AwsError:
    """A tag operation on an ARN that is not there."""
    return AwsError("ResourceNotFoundException", f"Requested resource not found: ResourcArn: {arn} not found")


def table_exists(name: str) -> AwsError:
    """CreateTable under a name that is taken."""
    return AwsError("ResourceInUseException", f"Table already exists: {name}")


def table_protected() -> AwsError:
    """DeleteTable on a table with deletion protection."""
    return validation(
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    )


def bad_table_name() -> AwsError:
    """A table's or an index's name of wrong length or characters."""
    return validation(
        "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only "
        "the characters a-z, A-Z, 0-9, '_', '-', and '.'"
    )


def nothing_to_update() -> AwsError:
    """UpdateTable without a change."""
    return validation(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
        "SSESpecification or ReplicaUpdates is required"
    )


def no_such_index(name: str) -> AwsError:
    """Query or Scan on an index that is not there."""
    return validation(f"The table does not have the specified index: {name}")


# -- items


def conditional_failed(item: Mapping[str, Any] | None) -> AwsError:
    """A condition that is false; `item` is what lay there where the request asked for it."""
    members = {} if item is None else {"Item": dict(item)}
    return AwsError("ConditionalCheckFailedException", "The conditional request failed", members=members)


def missing_key(name: str) -> AwsError:
    """PutItem without a key attribute."""
    return invalid(f"Missing the key {name} in the item")


def key_type_mismatch(name: str, expected: str, actual: str) -> AwsError:
    """PutItem with a key attribute of another type."""
    return invalid(f"Type mismatch for key {name} expected: {expected} actual: {actual}")


def index_type_mismatch(name: str, expected: str, actual: str, index: str) -> AwsError:
    """An index's key attribute of another type."""
    return invalid(f"Type mismatch for Index Key {name} Expected: {expected} Actual: {actual} IndexName: {index}")


def key_schema_mismatch() -> AwsError:
    """A `Key` that is not the table's primary key."""
    return validation("The provided key element does not match the schema")


def empty_key(name: str, kind: str) -> AwsError:
    """An empty key attribute; `kind` is S or B."""
    word = "string" if kind == "S" else "binary"
    return validation(
        f"{NOT_VALID}The AttributeValue for a key attribute cannot contain an empty {word} value. Key: {name}"
    )


def empty_index_key(name: str, kind: str, index: str) -> AwsError:
    """An empty attribute that is an index's key."""
    word = "string" if kind == "S" else "binary"
    return validation(
        f"{NOT_VALID}A value specified for a secondary index key is not supported. The AttributeValue for a key "
        f"attribute cannot contain an empty {word} value. IndexName: {index}, IndexKey: {name}"
    )


def hash_key_too_long() -> AwsError:
    """A partition key above 2048 bytes."""
    return invalid(f"Size of hashkey has exceeded the maximum size limit of{MAX_HASH_KEY} bytes")


def range_key_too_long() -> AwsError:
    """A sort key above 1024 bytes."""
    return invalid(f"Aggregated size of all range keys has exceeded the size limit of {MAX_RANGE_KEY} bytes")


def item_too_large() -> AwsError:
    """PutItem above 400 KB."""
    return validation("Item size has exceeded the maximum allowed size")


def update_too_large() -> AwsError:
    """UpdateItem whose outcome is above 400 KB."""
    return validation("Item size to update has exceeded the maximum allowed size")


def key_updated(name: str) -> AwsError:
    """An update expression on a key attribute."""
    return invalid(f"Cannot update attribute {name}. This attribute is part of the key")


def index_key_update() -> AwsError:
    """An update expression that gives an index's key another type."""
    return validation("The update expression attempted to update the secondary index key to unsupported type")


def index_key_nested(name: str) -> AwsError:
    """A path through an attribute that is an index's key."""
    return validation(
        f"Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: {name}"
    )


# -- attribute values


def empty_value() -> AwsError:
    """An attribute value without a type."""
    return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def many_types() -> AwsError:
    """An attribute value with two types."""
    return validation(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
    )


def null_false() -> AwsError:
    """`{"NULL": false}`."""
    return invalid("Null attribute value types must have the value of true")


def empty_set(kind: str) -> AwsError:
    """A set without members; `kind` is SS, NS or BS."""
    if kind == "BS":
        return invalid("Binary sets should not be empty")
    return invalid(f"An {'string' if kind == 'SS' else 'number'} set  may not be empty")


def empty_set_member(kind: str) -> AwsError:
    """An empty string or binary in a set."""
    if kind == "BS":
        return invalid("Binary sets may not contain null or empty values")
    return invalid("An string set may not have a empty string as a member")


def set_duplicates(kind: str, members: Iterable[str]) -> AwsError:
    """A set that names a member twice; `members` as the client wrote them (Base64 for BS)."""
    if kind == "NS":
        return validation("Input collection contains duplicates")
    shown = "[" + ", ".join(members) + "]"
    return invalid(f"Input collection {shown}" + ("of type BS" if kind == "BS" else "") + " contains duplicates.")


def too_deep() -> AwsError:
    """A document deeper than 32 levels."""
    return validation(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported "
        "limit"
    )


def not_numeric(text: str) -> AwsError:
    """A number that is none."""
    shown = f": {text}" if text else ""
    return validation(f"The parameter cannot be converted to a numeric value{shown}")


def number_overflow() -> AwsError:
    """A magnitude of 1E126 or more."""
    return validation("Number overflow. Attempting to store a number with magnitude larger than supported range")


def number_underflow() -> AwsError:
    """A magnitude below 1E-130."""
    return validation("Number underflow. Attempting to store a number with magnitude smaller than supported range")


def too_many_digits() -> AwsError:
    """More than 38 significant digits."""
    return validation("Attempting to store more than 38 significant digits in a Number")


# -- expressions: their problems are worded in expressions/problems.py


def bad_expression(parameter: str, problem: str) -> AwsError:
    """A problem of the expression in `parameter` (`UpdateExpression`, ...)."""
    return validation(f"Invalid {parameter}: {problem}")


# -- what an update finds when it meets the item


def update_missing_attribute() -> AwsError:
    """SET from a path that the item does not have."""
    return validation("The provided expression refers to an attribute that does not exist in the item")


def update_bad_path() -> AwsError:
    """A path to a place that cannot be."""
    return validation("The document path provided in the update expression is invalid for update")


def update_bad_operand() -> AwsError:
    """An operand whose type in the item is wrong."""
    return validation("An operand in the update expression has an incorrect data type")


# -- placeholders


def mixed_parameters(legacy: Iterable[str], expressions: Iterable[str]) -> AwsError:
    """Legacy and expression parameters in one request."""
    return validation(
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
        f"{{{', '.join(legacy)}}} Expression parameters: {{{', '.join(expressions)}}}"
    )


def names_without_expression() -> AwsError:
    """ExpressionAttributeNames alone."""
    return validation("ExpressionAttributeNames can only be specified when using expressions")


def values_without_expression(parameters: Iterable[str]) -> AwsError:
    """ExpressionAttributeValues alone; `parameters` could have used them."""
    named = list(parameters)
    verb = "is" if len(named) == 1 else "are"
    return validation(
        f"ExpressionAttributeValues can only be specified when using expressions: {' and '.join(named)} {verb} null"
    )


def empty_placeholders(parameter: str) -> AwsError:
    """An empty map of placeholders."""
    return validation(f"{parameter} must not be empty")


def bad_placeholder(parameter: str, key: str) -> AwsError:
    """A placeholder with a wrong first letter or characters."""
    return validation(f'{parameter} contains invalid key: Syntax error; key: "{key}"')


def bad_placeholder_value(problem: str, key: str) -> AwsError:
    """A value behind a placeholder that is no attribute value."""
    return validation(f"ExpressionAttributeValues contains invalid value: {problem} for key {key}")


def unused_placeholders(parameter: str, keys: Iterable[str]) -> AwsError:
    """Placeholders that no expression uses."""
    return validation(f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(keys)}}}")


# -- query and scan


def no_key_condition() -> AwsError:
    """Query without a key condition."""
    return validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")


def key_operator(name: str) -> AwsError:
    """An operator or function that a key condition cannot use."""
    return validation(f"Invalid operator used in KeyConditionExpression: {name}")


def key_condition_shape(problem: str) -> AwsError:
    """A condition that is not `key attribute, operator, value`."""
    return validation(f"Invalid condition in KeyConditionExpression: {problem}")


def key_condition_nested() -> AwsError:
    """A path instead of an attribute."""
    return validation("KeyConditionExpressions cannot have conditions on nested attributes")


def key_condition_operations() -> AwsError:
    """A function inside a key condition."""
    return validation("KeyConditionExpressions cannot contain nested operations")


def key_condition_twice() -> AwsError:
    """Two conditions on one key."""
    return validation("KeyConditionExpressions must only contain one condition per key")


def key_condition_missing(name: str) -> AwsError:
    """A key condition without an equality on the partition key, or on a foreign attribute."""
    return validation(f"Query condition missed key schema element: {name}")


def key_condition_unsupported() -> AwsError:
    """A comparison that the key does not take."""
    return validation("Query key condition not supported")


def key_condition_type() -> AwsError:
    """A key condition whose value has another type than the key."""
    return invalid("Condition parameter type does not match schema type")


def filter_on_key(name: str) -> AwsError:
    """A filter expression of Query on a key attribute."""
    return validation(f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}")


def bad_start_key(problem: str | None = None) -> AwsError:
    """An ExclusiveStartKey that is none."""
    return validation("The provided starting key is invalid" + (f": {problem}" if problem else ""))


def start_key_outside() -> AwsError:
    """An ExclusiveStartKey of another partition."""
    return validation("The provided starting key is outside query boundaries based on provided conditions")


def start_key_range() -> AwsError:
    """An ExclusiveStartKey that the sort key's condition excludes."""
    return validation("The provided starting key does not match the range key predicate")


def consistent_index() -> AwsError:
    """A consistent read of a global secondary index."""
    return validation("Consistent reads are not supported on global secondary indexes")


def select_not_projected(index: str) -> AwsError:
    """ALL_ATTRIBUTES of a global index that does not hold them all."""
    return invalid(
        f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index} because its projection type "
        "is not ALL"
    )


def index_lacks(index: str, names: Iterable[str]) -> AwsError:
    """A projection expression for what a global index does not hold."""
    return invalid(f"Global secondary index {index} does not project [{', '.join(names)}]")


def batch_duplicates() -> AwsError:
    """A batch that names one key twice."""
    return validation("Provided list of item keys contains duplicates")
