"""The errors that are nobody's room's: a broken handler, a full disk, an API that yobu does not have.

In: a service and what happened. Out: an AwsError with the code that the service's clients know. Models are read for
the code, so that a new service needs no line here.
"""

from __future__ import annotations

from yobu.aws.service import Service
from yobu.base.errors import AwsError

# What the models call it; beside these the names that begin with InternalServer, InternalService.
_NAMES = frozenset({"InternalException", "InternalFailure", "InternalFailureException", "InternalErrorException"}) | {
    "ServiceException",
    "ServiceFailureException",
}
_MESSAGE = "An internal error occurred (yobu error {id}: its cause is in the node's log)."


def internal(service: Service, error_id: str) -> AwsError:
    """The service's internal error, 500, naming `error_id` and nothing of the cause."""
    return AwsError(internal_code(service), _MESSAGE.format(id=error_id), 500)


def internal_code(service: Service) -> str:
    """The code of the service's internal error: the modelled one, else AWS's common InternalFailure."""
    if service.name == "s3":
        return "InternalError"
    for shape in service.model.error_shapes:
        status = shape.metadata.get("error", {}).get("httpStatusCode", 500)
        if status == 500 and (shape.name in _NAMES or shape.name.startswith("InternalServ")):
            return str(shape.error_code)
    return "InternalFailure"


def unavailable(reason: str) -> AwsError:
    """The node cannot store anything now: 503, which clients retry."""
    return AwsError("ServiceUnavailable", f"The node cannot write: {reason}.", 503)


def not_offered(service: str, operation: str | None = None) -> AwsError:
    """AWS has it, yobu does not: 501."""
    what = f"{service}:{operation}" if operation else f"the service {service}"
    return AwsError("NotImplemented", f"yobu does not offer {what} yet.", 501)


def too_large(service: str, limit: int) -> AwsError:
    """A request body above the service's limit, in bytes."""
    if service == "s3":
        members = {"MaxMessageLengthBytes": limit}
        return AwsError("MaxMessageLengthExceeded", "Your request was too big.", members=members)
    return AwsError("RequestEntityTooLargeException", f"Request must be smaller than {limit} bytes", 413)


def constraints(code: str, problems: list[str]) -> AwsError:
    """What breaks the model's constraints, in AWS's form: `1 validation error detected: Value ...`."""
    noun = "error" if len(problems) == 1 else "errors"
    return AwsError(code, f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")
