from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from yobu.base.errors import AwsError
from yobu.services.port import Parts


async def location(aws: Any, **params: Any) -> tuple[str, dict[str, str]]:
    """The address without its query, and the query."""
    code = (await aws("GetFunction", FunctionName="f", **params))["Code"]
    assert code["RepositoryType"] == "S3"
    url = urlsplit(code["Location"])
    return f"{url.scheme}://{url.netloc}{url.path}", dict(parse_qsl(url.query))


async def fetch(parts: Parts, query: dict[str, str]) -> Any:
    doors: Any = parts.admin
    return await doors.doors["GET", "code"](query)


async def content(response: Any) -> bytes:
    return b"".join([chunk async for chunk in response.body])


async def test_the_package_can_be_fetched_where_get_function_says(aws: Any, parts: Parts, zipped: Any) -> None:
    await aws.create(Publish=True)
    await aws("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"app.py": "other = 1\n"}))
    place, query = await location(aws)
    assert place == "http://127.0.0.1/_yobu/code"
    response = await fetch(parts, query)
    assert (response.status, response.headers) == (200, [("content-type", "application/zip")])
    assert await content(response) == zipped({"app.py": "other = 1\n"})
    assert response.length == len(zipped({"app.py": "other = 1\n"}))
    _, query = await location(aws, Qualifier="1")
    assert await content(await fetch(parts, query)) == zipped()


@pytest.mark.parametrize(
    "changed", [{"token": "0" * 64}, {"token": "é"}, {"package": "x"}, {"until": "9999999999"}, {"size": "1"}]
)
async def test_an_address_cannot_be_made_up(aws: Any, parts: Parts, changed: dict[str, str]) -> None:
    await aws.create()
    _, query = await location(aws)
    for wrong in ({**query, **changed}, {name: value for name, value in query.items() if name not in changed}, {}):
        with pytest.raises(AwsError) as refused:
            await fetch(parts, wrong)
        assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)


async def test_an_address_ends_after_ten_minutes(aws: Any, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    await aws.create()
    _, query = await location(aws)
    issued = parts.clock.real()
    monkeypatch.setattr(parts.clock, "real", lambda: issued + 599)
    assert (await fetch(parts, query)).status == 200
    monkeypatch.setattr(parts.clock, "real", lambda: issued + 600)
    with pytest.raises(AwsError, match="Request has expired"):
        await fetch(parts, query)


async def test_replaced_code_is_gone(aws: Any, parts: Parts) -> None:
    await aws.create()
    _, query = await location(aws)
    parts.blobs.path(query["package"]).unlink()
    with pytest.raises(AwsError) as refused:
        await fetch(parts, query)
    assert (refused.value.code, refused.value.status) == ("NoSuchKey", 404)
