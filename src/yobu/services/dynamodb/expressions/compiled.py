"""Expressions compiled and kept: by text and names, in a cache of bounded size.

In: one request's expression parameters. Out: `Bound` closures with the request's checked values behind them. The
room holds one `Expressions`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from yobu.base.errors import AwsError
from yobu.services.dynamodb import model
from yobu.services.dynamodb.expressions.conditions import Test, condition
from yobu.services.dynamodb.expressions.keyconditions import KeyTest, key_conditions
from yobu.services.dynamodb.expressions.parse import Parsers, Problem
from yobu.services.dynamodb.expressions.paths import check_apart, projector
from yobu.services.dynamodb.expressions.scope import Check, Scope, Steps, Values
from yobu.services.dynamodb.expressions.updates import Update, update
from yobu.services.dynamodb.values import Item, take

P = TypeVar("P")

_NAME = re.compile(r"#[A-Za-z0-9_]+\Z")
_VALUE = re.compile(r":[A-Za-z0-9_]+\Z")
_NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Compiled(Generic[P]):
    """An expression: what it does, the placeholders it uses, and what a request's values must satisfy.

    `attributes` are the top-level attributes it reads or writes, `nested` those of them into which it looks.
    """

    does: P
    checks: tuple[Check, ...]
    names: frozenset[str]
    values: frozenset[str]
    attributes: frozenset[str]
    nested: frozenset[str]


@dataclass(frozen=True, slots=True)
class Projection:
    """A compiled projection expression."""

    paths: tuple[Steps, ...]
    apply: Callable[[Item], Item]


@dataclass(frozen=True, slots=True)
class KeyConditions:
    """A compiled key condition expression; `refusal` says why a sound condition is none on keys."""

    tests: tuple[KeyTest, ...]
    refusal: str | None


class Expressions:
    """The compiler and its cache; the least recently used expression is dropped above `limit`."""

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._parsers = Parsers()
        self._kept: OrderedDict[tuple[Any, ...], Compiled[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def condition(self, text: str, names: Mapping[str, str]) -> Compiled[Test]:
        """A condition or filter expression. Raises Problem."""
        return self._find("condition", text, names, lambda scope: condition(scope, self._parsers.condition(text)))

    def key_condition(self, text: str, names: Mapping[str, str]) -> Compiled[KeyConditions]:
        """A key condition expression. Raises Problem."""
        return self._find("key", text, names, lambda scope: self._key_condition(scope, text))

    def update(self, text: str, names: Mapping[str, str]) -> Compiled[Update]:
        """An update expression. Raises Problem."""
        return self._find("update", text, names, lambda scope: update(scope, self._parsers.update(text)))

    def projection(self, text: str, names: Mapping[str, str]) -> Compiled[Projection]:
        """A projection expression. Raises Problem."""
        return self._find("projection", text, names, lambda scope: self._projection(scope, text))

    def _key_condition(self, scope: Scope, text: str) -> KeyConditions:
        """A sound condition first; then one that says something about keys."""
        node = self._parsers.condition(text)
        condition(scope, node)
        try:
            return KeyConditions(key_conditions(scope, node), None)
        except AwsError as refusal:
            return KeyConditions((), refusal.message)

    def _projection(self, scope: Scope, text: str) -> Projection:
        paths = tuple(scope.path(path) for path in self._parsers.projection(text))
        check_apart(scope, paths)
        return Projection(paths, projector(paths))

    def _find(self, kind: str, text: str, names: Mapping[str, str], make: Callable[[Scope], P]) -> Compiled[P]:
        key = (kind, text, *names.items())
        found = self._kept.get(key)
        if found is None:
            scope = Scope(text, names)
            does = make(scope)
            checks = scope.checks()
            found = Compiled(
                does,
                checks,
                frozenset(scope.used_names),
                frozenset(scope.used_values),
                frozenset(scope.attributes),
                frozenset(scope.nested),
            )
            self._kept[key] = found
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


class Bindings:
    """One request's expressions, compiled and checked as AWS checks them.

    Built from the request's parameters, whose combination has been checked. `check_used`, called last, makes sure that
    an expression has used every placeholder.
    """

    def __init__(self, expressions: Expressions, params: Mapping[str, Any]) -> None:
        self._expressions = expressions
        self._params = params
        names = params.get("ExpressionAttributeNames")
        values = params.get("ExpressionAttributeValues")
        if names is not None:
            _check_keys("ExpressionAttributeNames", names, _NAME)
        if values is not None:
            _check_keys("ExpressionAttributeValues", values, _VALUE)
        self.names: Mapping[str, str] = names or _NO_NAMES
        self.values: Values = {name: _taken(name, value) for name, value in values.items()} if values else {}
        self._used_names: set[str] = set()
        self._used_values: set[str] = set()

    def condition(self, parameter: str) -> Compiled[Test] | None:
        """The condition in `parameter`, or None where the request has none."""
        return self._compile(parameter, self._expressions.condition)

    def key_condition(self) -> Compiled[KeyConditions] | None:
        """The request's KeyConditionExpression."""
        return self._compile("KeyConditionExpression", self._expressions.key_condition)

    def update(self) -> Compiled[Update] | None:
        """The request's UpdateExpression."""
        return self._compile("UpdateExpression", self._expressions.update)

    def projection(self) -> Compiled[Projection] | None:
        """The request's ProjectionExpression."""
        return self._compile("ProjectionExpression", self._expressions.projection)

    def check_used(self) -> None:
        """Raise ValidationException where a placeholder is used by no expression."""
        if len(self._used_names) < len(self.names):
            unused = [name for name in self.names if name not in self._used_names]
            raise model.unused_placeholders("ExpressionAttributeNames", unused)
        if len(self._used_values) < len(self.values):
            unused = [name for name in self.values if name not in self._used_values]
            raise model.unused_placeholders("ExpressionAttributeValues", unused)

    def _compile(self, parameter: str, compile: Callable[[str, Mapping[str, str]], Compiled[P]]) -> Compiled[P] | None:
        text = self._params.get(parameter)
        if text is None:
            return None
        try:
            compiled = compile(text, self.names)
        except Problem as problem:
            raise model.bad_expression(parameter, problem.message) from None
        for check in compiled.checks:
            message = check(self.values)
            if message is not None:
                raise model.bad_expression(parameter, message)
        self._used_names |= compiled.names
        self._used_values |= compiled.values
        return compiled


def _check_keys(parameter: str, placeholders: Mapping[str, Any], form: re.Pattern[str]) -> None:
    if not placeholders:
        raise model.empty_placeholders(parameter)
    for key in placeholders:
        if not form.match(key):
            raise model.bad_placeholder(parameter, key)


def _taken(name: str, value: Any) -> Any:
    try:
        return take(value)[0]
    except AwsError as error:
        raise model.bad_placeholder_value(error.message, name) from None
