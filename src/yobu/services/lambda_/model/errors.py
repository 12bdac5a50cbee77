"""Every error of AWS Lambda that this room raises, worded once.

In: what the sentence needs. Out: an `AwsError` with the `Type` member that Lambda's errors carry (`User`, or
`Service` where we failed). Knows nothing of state.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#API_CreateFunction_Errors
"""

from __future__ import annotations

from collections.abc import Mapping

from yobu.base.errors import AwsError

_USER = {"Type": "User"}


def invalid(message: str) -> AwsError:
    """InvalidParameterValueException: the request is well-formed, but means nothing that Lambda can do."""
    return AwsError("InvalidParameterValueException", message, 400, members=_USER)


def constraint(value: object, member: str, rule: str) -> AwsError:
    """ValidationException in the words of AWS's model validation, for limits that botocore's model leaves out."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}",
        400,
    )


def not_found(message: str) -> AwsError:
    """ResourceNotFoundException with its own sentence."""
    return AwsError("ResourceNotFoundException", message, 404, members=_USER)


def no_function(arn: str) -> AwsError:
    """The function, version or alias of that ARN does not exist."""
    return not_found(f"Function not found: {arn}")


def no_alias(arn: str) -> AwsError:
    """An operation that must have an alias did not find it."""
    return not_found(f"Cannot find alias arn: {arn}")


def no_event_config(arn: str) -> AwsError:
    """No event invoke configuration for that qualified ARN."""
    return not_found(f"The function {arn} doesn't have an EventInvokeConfig")


def wrong_region(asked: str, here: str) -> AwsError:
    """The ARN names another region."""
    return not_found(f"Functions from '{asked}' are not reachable in this region ('{here}')")


def conflict(message: str) -> AwsError:
    """ResourceConflictException with its own sentence."""
    return AwsError("ResourceConflictException", message, 409, members=_USER)


def exists(name: str) -> AwsError:
    """CreateFunction of a name that is taken."""
    return conflict(f"Function already exist: {name}")


def busy(arn: str, state: str) -> AwsError:
    """The function is Pending or Failed, or (`state` is InProgress) an update of it is under way."""
    if state == "InProgress":
        what = f"An update is in progress for resource: {arn}"
    else:
        what = f"The function is currently in the following state: {state}"
    return conflict(f"The operation cannot be performed at this time. {what}")


def stale(reader: str = "GetFunction/GetAlias") -> AwsError:
    """PreconditionFailedException: the RevisionId is not the latest; `reader` is the operation that shows it."""
    message = (
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {reader} API to retrieve the latest Revision Id"
    )
    return AwsError("PreconditionFailedException", message, 412, members=_USER)


def qualifier_mismatch() -> AwsError:
    """The name carries one qualifier, the parameter another."""
    return invalid("The derived qualifier from the function name does not match the specified qualifier.")


def functions_only() -> AwsError:
    """An operation on whole functions was given a version or an alias."""
    return invalid(
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
        "Please specify either a function name or an unqualified function ARN."
    )


def bad_archive() -> AwsError:
    """The package is not a readable zip archive."""
    return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")


def too_large(limit: int, operation: str) -> AwsError:
    """RequestTooLargeException: the body is longer than `limit` bytes."""
    return AwsError(
        "RequestTooLargeException",
        f"Request must be smaller than {limit} bytes for the {operation} operation",
        413,
        members=_USER,
    )


def package_too_large(operation: str) -> AwsError:
    """RequestEntityTooLargeException: a package sent in the request is longer than 50 MB (70,167,211 in base64)."""
    return AwsError(
        "RequestEntityTooLargeException",
        f"Request must be smaller than 70167211 bytes for the {operation} operation",
        413,
    )


def unzipped_too_large() -> AwsError:
    """The package holds more than 250 MB (as it does where it is longer than that itself)."""
    return invalid("Unzipped size must be smaller than 262144000 bytes")


def storage_full() -> AwsError:
    """CodeStorageExceededException: the account's 75 GB of code are used up."""
    return AwsError("CodeStorageExceededException", "Code storage limit exceeded.", 400, members=_USER)


def bad_payload(detail: str) -> AwsError:
    """InvalidRequestContentException: the payload is not JSON. `detail` says where."""
    return AwsError(
        "InvalidRequestContentException",
        f"Could not parse request body into json: Could not parse payload into json: {detail}",
        400,
        members=_USER,
    )


def bad_client_context() -> AwsError:
    """InvalidRequestContentException: ClientContext is not a base64 JSON object."""
    return AwsError(
        "InvalidRequestContentException",
        "Client context must be a valid Base64-encoded JSON object.",
        400,
        members=_USER,
    )


def throttled(reason: str) -> AwsError:
    """TooManyRequestsException; `reason` is AWS's, e.g. `ReservedFunctionConcurrentInvocationLimitExceeded`."""
    members: Mapping[str, str] = {**_USER, "Reason": reason}
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, members=members, headers={"Retry-After": "1"})


def service_failed(detail: str) -> AwsError:
    """ServiceException: the platform could not run the function."""
    return AwsError("ServiceException", detail, 500, members={"Type": "Service"})


def denied(caller: str, action: str, arn: str) -> AwsError:
    """AccessDeniedException: another account's function, and its policy does not let the caller."""
    return AwsError(
        "AccessDeniedException",
        f"User: {caller} is not authorized to perform: {action} on resource: {arn} "
        f"because no resource-based policy allows the {action} action",
        403,
    )
