"""The errors that are nobody's room's."""

from __future__ import annotations

import pytest

from yobu.server import failures


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "InternalError"),
        ("lambda", "ServiceException"),
        ("dynamodb", "InternalServerError"),
        ("dynamodbstreams", "InternalServerError"),
        ("logs", "InternalServerException"),
        ("iam", "ServiceFailure"),
        ("sts", "InternalFailure"),
        ("sqs", "InternalFailure"),
        ("kinesis", "InternalFailureException"),
        ("events", "InternalException"),
        ("scheduler", "InternalServerException"),
        ("ssm", "InternalServerError"),
    ],
)
def test_the_internal_error_is_the_one_that_clients_know(catalogue, service, code):
    error = failures.internal(catalogue.service(service), "an-id")
    assert (error.code, error.status) == (code, 500)
    assert "an-id" in error.message


def test_several_constraints_in_awss_form():
    error = failures.constraints("ValidationException", ["Value 'a' at 'x' ...", "Value 'b' at 'y' ..."])
    assert error.message == "2 validation errors detected: Value 'a' at 'x' ...; Value 'b' at 'y' ..."


def test_bodies_that_are_too_large():
    assert failures.too_large("s3", 5).code == "MaxMessageLengthExceeded"
    error = failures.too_large("lambda", 70_167_211)
    assert (error.code, error.status) == ("RequestEntityTooLargeException", 413)
    assert error.message == "Request must be smaller than 70167211 bytes"
