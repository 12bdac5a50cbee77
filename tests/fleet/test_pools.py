import asyncio
from pathlib import Path

from yobu.base.clock import FakeClock
from yobu.fleet.environment import Environment, Identity
from yobu.fleet.journal import Journal
from yobu.fleet.pools import Pools
from yobu.fleet.port import FunctionSpec, LogStream


class Owner:
    def free(self, environment: Environment) -> None: ...

    def gone(self, environment: Environment) -> None: ...


class Nowhere:
    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None: ...


def spec(version: str = "$LATEST", revision: str = "r1", arn: str = "arn:job") -> FunctionSpec:
    return FunctionSpec(arn, "1", "r", "job", version, revision, "python3.11", "a.b", Path("/"), "role")


def added(pools: Pools, of: FunctionSpec) -> Environment:
    clock = FakeClock()
    journal = Journal(Nowhere(), LogStream("1", "r", "g", "s"), clock)
    environment = Environment(Identity("i", "m", "s", 0.0), of, clock, journal, Owner())
    pools.add(environment)
    return environment


async def test_the_one_that_became_free_last_is_taken_first() -> None:
    pools = Pools()
    first, second = added(pools, spec()), added(pools, spec())
    pools.give_back(first)
    pools.give_back(second)
    assert [pools.take(spec()), pools.take(spec()), pools.take(spec())] == [second, first, None]


async def test_versions_and_revisions_do_not_mix() -> None:
    pools = Pools()
    pools.give_back(added(pools, spec()))
    assert pools.take(spec(version="1")) is None
    assert pools.take(spec(revision="r2")) is None
    assert pools.take(spec(arn="arn:other")) is None
    assert pools.take(spec()) is not None


async def test_the_oldest_is_the_one_that_has_waited_longest() -> None:
    pools = Pools()
    first, second = added(pools, spec()), added(pools, spec("1"))
    pools.give_back(first)
    pools.give_back(second)
    assert pools.oldest() is first
    pools.take(spec())
    assert pools.oldest() is second
    pools.give_back(first)
    assert pools.oldest() is second


async def test_a_withdrawn_one_is_known_but_never_taken() -> None:
    pools = Pools()
    one = added(pools, spec())
    pools.give_back(one)
    pools.withdraw(one)
    pools.withdraw(one)
    assert pools.take(spec()) is None
    assert pools.oldest() is None
    assert pools.everyone() == [one]


async def test_a_removed_one_leaves_nothing() -> None:
    pools = Pools()
    free, working = added(pools, spec()), added(pools, spec())
    pools.give_back(free)
    for one in (free, working, free):
        pools.remove(one)
    assert pools.everyone() == []
    assert not pools.working
    assert vars(pools) == vars(Pools())


async def test_a_functions_environments_by_version() -> None:
    pools = Pools()
    latest, one = added(pools, spec()), added(pools, spec("1"))
    added(pools, spec(arn="arn:other"))
    assert pools.of("arn:job", None) == [latest, one]
    assert pools.of("arn:job", "1") == [one]
    assert pools.of("arn:none", None) == []


async def test_taking_and_giving_back_does_not_grow_with_what_waits() -> None:
    pools = Pools()
    for number in range(2000):
        pools.give_back(added(pools, spec(str(number % 50))))
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(2000):
        one = pools.take(spec("7"))
        assert one is not None
        pools.give_back(one)
    assert loop.time() - began < 1.0
