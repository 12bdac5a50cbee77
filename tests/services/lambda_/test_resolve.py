from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.base.ids import SeededIds
from yobu.services.lambda_.functions import StoredFunctions
from yobu.services.port import Parts
from yobu.store.memory import MemoryStore


async def test_what_is_known_is_not_read_again(aws: Any, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    await aws.create()
    first = await aws.api.functions.resolve(aws.ref())

    async def never(*_: Any) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(MemoryStore, "get", never)
    monkeypatch.setattr(MemoryStore, "read", never)
    assert await aws.api.functions.resolve(aws.ref()) is first


async def test_every_change_is_seen_by_the_next_call(aws: Any, zipped: Callable[..., bytes]) -> None:
    await aws.create(Publish=True)
    resolve = aws.api.functions.resolve
    await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    before = await resolve(aws.ref())
    assert (await resolve(aws.ref("f", "live"))).spec.version == "1"
    await aws.update(Timeout=7)
    after = await resolve(aws.ref())
    assert (after.spec.timeout_s, after.spec.revision == before.spec.revision) == (7, False)
    await aws("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"app.py": "x = 1"}))
    assert ((await resolve(aws.ref())).spec.code / "app.py").read_text() == "x = 1"
    await aws("PublishVersion", FunctionName="f")
    await aws("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2")
    assert (await resolve(aws.ref("f", "live"))).spec.version == "2"
    await aws("DeleteAlias", FunctionName="f", Name="live")
    with pytest.raises(AwsError, match="Function not found"):
        await resolve(aws.ref("f", "live"))
    await aws("DeleteFunction", FunctionName="f")
    with pytest.raises(AwsError, match="Function not found"):
        await resolve(aws.ref())


async def test_a_permission_or_a_state_does_not_end_warm_environments(aws: Any) -> None:
    await aws.create()
    before = (await aws.api.functions.resolve(aws.ref())).spec.revision
    await aws(
        "AddPermission", FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    await aws("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0)
    assert (await aws.api.functions.resolve(aws.ref())).spec.revision == before


async def test_a_new_function_of_the_same_name_is_another(aws: Any) -> None:
    await aws.create()
    before = (await aws.api.functions.resolve(aws.ref())).spec.revision
    await aws("DeleteFunction", FunctionName="f")
    await aws.create()
    assert (await aws.api.functions.resolve(aws.ref())).spec.revision != before


async def test_weights_are_thrown_with_each_call(aws: Any) -> None:
    await aws.create(Publish=True)
    await aws.update(Timeout=7)
    await aws("PublishVersion", FunctionName="f")
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    ref = aws.ref("f", "live")
    labels = [(await aws.api.functions.resolve(ref)).spec.version for _ in range(400)]
    assert labels.count("1") + labels.count("2") == 400
    assert 70 <= labels.count("2") <= 130
    assert (await aws.api.functions.resolve(ref)).invoked_arn.endswith(":f:live")


@pytest.mark.parametrize(("weight", "served"), [(0.0, {"1"}), (1.0, {"2"})])
async def test_all_or_nothing_is_exact(aws: Any, weight: float, served: set[str]) -> None:
    await aws.create(Publish=True)
    await aws.update(Timeout=7)
    await aws("PublishVersion", FunctionName="f")
    routing = {"AdditionalVersionWeights": {"2": weight}}
    await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    assert {(await aws.api.functions.resolve(aws.ref("f", "live"))).spec.version for _ in range(50)} == served


async def test_a_change_during_a_look_up_is_not_lost(aws: Any, parts: Parts) -> None:
    """A look-up that began before a commit must not be kept after it."""
    await aws.create()
    unpacking, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def unpack(self, sha256_hex: str, archive: Any) -> Any:
            unpacking.set()
            await go_on.wait()
            return await parts.code.unpack(sha256_hex, archive)

    slow: Any = Slow()
    functions = StoredFunctions(parts.store, slow, parts.blobs, SeededIds())
    early = asyncio.create_task(functions.resolve(aws.ref()))
    await unpacking.wait()
    await aws.update(Timeout=7)
    functions.forget(aws.ref())
    go_on.set()
    assert (await early).spec.timeout_s == 3
    assert (await functions.resolve(aws.ref())).spec.timeout_s == 7


async def test_reset_forgets_everything(aws: Any, parts: Parts) -> None:
    await aws.create()
    await aws.api.functions.resolve(aws.ref())
    await parts.store.clear()
    aws.api.reset()
    with pytest.raises(AwsError, match="Function not found"):
        await aws.api.functions.resolve(aws.ref())


async def test_a_reader_of_ones_own_is_asked(aws: Any, parts: Parts) -> None:
    await aws.create()
    known = await aws.api.functions.resolve(aws.ref())
    again = await aws.api.functions.resolve(aws.ref(), parts.store)
    assert again == known
    assert again is not known
