from __future__ import annotations

from typing import Any

from yobu.services.lambda_.api import Api
from yobu.services.port import Parts

MINIMUM = (
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
    "minimum value of [100]."
)


async def test_a_reservation_is_put_shown_and_deleted(aws: Any) -> None:
    await aws.create()
    assert await aws("GetFunctionConcurrency", FunctionName="f") == {}
    for wanted in (7, 0):
        assert await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=wanted) == {
            "ReservedConcurrentExecutions": wanted
        }
        assert await aws("GetFunctionConcurrency", FunctionName="f") == {"ReservedConcurrentExecutions": wanted}
        assert (await aws.api.functions.resolve(aws.ref())).reserved == wanted
    await aws("DeleteFunctionConcurrency", FunctionName="f")
    assert await aws("GetFunctionConcurrency", FunctionName="f") == {}
    assert (await aws.api.functions.resolve(aws.ref())).reserved is None


async def test_a_hundred_stay_for_all_other_functions(aws: Any) -> None:
    await aws.create("f")
    await aws.create("g")
    await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=800)
    message = await aws.refused(
        "InvalidParameterValueException", "PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=101
    )
    assert message == MINIMUM
    await aws("PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=100)
    await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=799)
    limits = (await aws("GetAccountSettings"))["AccountLimit"]
    assert limits["ConcurrentExecutions"] == 1000
    assert limits["UnreservedConcurrentExecutions"] == 101


async def test_only_whole_functions_have_one(aws: Any) -> None:
    await aws.create()
    message = await aws.refused(
        "InvalidParameterValueException", "PutFunctionConcurrency", FunctionName="f:1", ReservedConcurrentExecutions=1
    )
    assert message.startswith("This operation is permitted on Lambda functions only.")


async def test_the_invoker_learns_reservations_now_and_at_the_next_start(aws: Any, parts: Parts) -> None:
    await aws.create()
    admission = parts.invoker.admission
    await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=7)
    assert admission.unreserved(aws.ctx.account, aws.ctx.region) == 993
    admission.reset()
    again = Api(parts)
    await again.start()
    assert admission.unreserved(aws.ctx.account, aws.ctx.region) == 993
    await again.stop()
    await aws("DeleteFunctionConcurrency", FunctionName="f")
    assert admission.unreserved(aws.ctx.account, aws.ctx.region) == 1000
