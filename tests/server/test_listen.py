"""Binding and its refusals."""

from __future__ import annotations

import socket

import pytest

from yobu.base.errors import YobuError
from yobu.base.settings import Settings
from yobu.server.listen import bind


async def test_port_0_takes_a_free_port_and_tells_it(serve, apps, raw):
    one, two = await serve(apps.echo), await serve(apps.echo)
    assert one.port != two.port and one.port > 0
    assert b"GET /?" in await raw(two.port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")


async def test_a_port_in_use_is_refused_with_the_mend(serve, apps):
    bound = await serve(apps.echo)
    with pytest.raises(YobuError, match=f"port {bound.port} of 127.0.0.1 is in use.*--port"):
        await bind(Settings(port=bound.port))


async def test_a_bound_port_is_ours_before_it_is_served():
    first = await bind(Settings(port=0))
    with pytest.raises(YobuError, match="in use"):
        await bind(Settings(port=first.port))
    await first.stop(0)
    again = await bind(Settings(port=first.port))
    await again.stop(0)


async def test_an_address_of_another_machine_is_refused():
    with pytest.raises(YobuError, match=r"cannot listen on 192\.0\.2\.1"):
        await bind(Settings(host="192.0.2.1", port=0, auth=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_localhost_is_served_on_both_loopbacks_where_there_are_two(serve, apps, host):
    bound = await serve(apps.echo, host=host)
    addresses = ["127.0.0.1"]
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
            addresses.append("::1")
        except OSError:
            pass
    for address in addresses:
        socket.create_connection((address, bound.port)).close()
