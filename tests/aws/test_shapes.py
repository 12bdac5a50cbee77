"""Our view of a model against botocore's."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from yobu.aws import models
from yobu.aws.shapes import Shape

HOST_ONLY = {"hostLabel"}
METADATA = ("required", "min", "max", "pattern", "sensitive", "enum", "error", "exception", "document", "union")


def compare(ours: Shape, theirs: Any, seen: set[str]) -> None:
    assert (ours.name, ours.type_name) == (theirs.name, theirs.type_name)
    assert ours.serialization == {k: v for k, v in theirs.serialization.items() if k not in HOST_ONLY}
    assert {k: v for k, v in ours.metadata.items() if k in METADATA} == {
        k: v for k, v in theirs.metadata.items() if k in METADATA
    }
    if ours.name in seen:
        return
    seen.add(ours.name)
    if ours.type_name == "structure":
        assert ours.required_members == theirs.required_members
        assert ours.event_stream_name == theirs.event_stream_name
        assert ours.is_document_type == theirs.is_document_type
        assert ours.is_tagged_union == theirs.is_tagged_union
        assert list(ours.members) == list(theirs.members)
        for name, member in ours.members.items():
            compare(member, theirs.members[name], seen)
    elif ours.type_name == "list":
        compare(ours.member, theirs.member, seen)
    elif ours.type_name == "map":
        compare(ours.key, theirs.key, seen)
        compare(ours.value, theirs.value, seen)
    elif ours.type_name == "string":
        assert ours.enum == theirs.enum


@pytest.mark.parametrize("name", ["s3", "lambda", "dynamodb", "iam", "kinesis", "apigateway", "cloudwatch", "sqs"])
def test_a_model(name: str) -> None:
    ours = models.load(models.loader(), name)
    theirs = ServiceModel(Loader().load_service_model(name, "service-2"), name)
    assert list(ours.operation_names) == list(theirs.operation_names)
    assert list(ours.shape_names) == list(theirs.shape_names)
    assert (ours.protocol, ours.api_version) == (theirs.protocol, theirs.api_version)
    assert (ours.signing_name, ours.is_query_compatible) == (theirs.signing_name, theirs.is_query_compatible)
    assert [shape.error_code for shape in ours.error_shapes] == [shape.error_code for shape in theirs.error_shapes]
    seen: set[str] = set()
    for operation in ours.operation_names:
        mine, yours = ours.operation_model(operation), theirs.operation_model(operation)
        assert (mine.name, mine.http, mine.deprecated) == (yours.name, yours.http, yours.deprecated)
        # botocore streams every blob, we those that the model calls streams.
        assert not mine.has_streaming_input or yours.has_streaming_input
        for shape, other in ((mine.input_shape, yours.input_shape), (mine.output_shape, yours.output_shape)):
            assert (shape is None) == (other is None)
            if shape is not None:
                compare(shape, other, seen)
