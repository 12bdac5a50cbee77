"""Filter patterns for unstructured lines: terms, "phrases", ?any and -none. JSON, column and regex forms are refused.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from yobu.services.logs.model import invalid
from yobu.services.port import not_built

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


def compile_pattern(text: str) -> Callable[[str], bool]:
    """A test of a line for `text`. Raises AwsError (InvalidParameterException; NotImplemented for other forms)."""
    text = text.strip()
    if text.startswith(("{", "[", "%")):
        raise not_built("JSON, column and regular expression filter patterns")
    every: list[str] = []
    some: list[str] = []
    none: list[str] = []
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise invalid("Invalid filter pattern")
        sign, phrase, word = match.groups()
        term = re.sub(r"\\(.)", r"\1", phrase) if phrase is not None else word
        {"?": some, "-": none, "": every}[sign].append(term)
        at = match.end()

    def test(line: str) -> bool:
        if any(term in line for term in none) or not all(term in line for term in every):
            return False
        # AWS ignores ?terms beside others; without others one of them must occur.
        return not some or bool(every) or any(term in line for term in some)

    return test
