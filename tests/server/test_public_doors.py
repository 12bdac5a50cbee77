"""Doors that whoever has their address may use, and doors that make their own response."""

from __future__ import annotations

from yobu.aws.http import Response


async def answer(arguments):
    return Response(200, [("content-type", "application/zip")], b"PK" + arguments["a"].encode())


async def test_a_public_door_asks_nobody_for_a_signature(door, raw):
    house = await door(auth=True)
    house.admin.add("GET", "open", answer, public=True)
    house.admin.add("GET", "shut", answer)
    # What a proxy passes on is somebody else's request.
    head = b"?a=1 HTTP/1.1\r\nhost: node.example\r\nx-forwarded-for: 192.0.2.1\r\nconnection: close\r\n\r\n"
    said = await raw(house.bound.port, b"GET /_yobu/open" + head)
    assert said.startswith(b"HTTP/1.1 200 ") and said.endswith(b"PK1")
    assert b"content-type: application/zip" in said and b"content-length: 3" in said
    assert (await raw(house.bound.port, b"GET /_yobu/shut" + head)).startswith(b"HTTP/1.1 403 ")
    assert (await raw(house.bound.port, b"POST /_yobu/open" + head)).startswith(b"HTTP/1.1 403 ")
