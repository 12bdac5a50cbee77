from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from yobu.base.arn import Arn, parse_arn
from yobu.base.errors import YobuError
from yobu.base.ids import Ids, SeededIds
from yobu.base.settings import Settings, from_environment


def test_the_environment_is_read_by_field() -> None:
    found = from_environment({"YOBU_PORT": "0", "YOBU_AUTH": "true", "YOBU_REGION": "eu-west-1", "YOBU_ELSE": "x"})
    assert Settings(**found) == Settings(port=0, auth=True, region="eu-west-1")


@pytest.mark.parametrize("name,text", [("PORT", "http"), ("AUTH", "perhaps"), ("IDLE_S", "soon")])
def test_a_variable_that_does_not_parse_is_refused(name: str, text: str) -> None:
    with pytest.raises(YobuError, match=text):
        from_environment({f"YOBU_{name}": text})


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"account": "123"}, "12 digits"),
        ({"port": 70_000}, "--port"),
        ({"host": "example.com"}, "IP address"),
        ({"host": "0.0.0.0"}, "--auth"),
        ({"isolation": "sandbox"}, "not built yet"),
        ({"idle_s": 0}, "above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_the_mend(changes: dict[str, object], message: str) -> None:
    with pytest.raises(YobuError, match=message):
        replace(Settings(), **changes).check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_no_auth(host: str) -> None:
    replace(Settings(), host=host).check()


def test_another_address_is_served_with_auth() -> None:
    replace(Settings(), host="0.0.0.0", auth=True).check()


def test_an_arn_keeps_the_colons_of_its_resource() -> None:
    text = "arn:aws:lambda:us-east-1:123456789012:function:name:alias"
    arn = parse_arn(text)
    assert arn == Arn("lambda", "us-east-1", "123456789012", "function:name:alias")
    assert str(arn) == text


@pytest.mark.parametrize("text", ["", "arn", "arn:aws:s3", "urn:aws:s3:::b", "arn:aws:::1:"])
def test_what_is_no_arn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an ARN"):
        parse_arn(text)


def test_a_uuid_is_of_version_4_and_no_two_are_alike() -> None:
    ids = Ids()
    made = [ids.uuid() for _ in range(2_000)]
    assert len(set(made)) == len(made)
    for text in made[:100]:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, uuid.RFC_4122, text)
    assert len(ids.random_bytes(10_000)) == 10_000


def test_ids_have_their_forms_and_seeds_repeat() -> None:
    for ids in (Ids(), SeededIds(3)):
        assert len(ids.uuid()) == 36
        assert len(ids.hex(7)) == 7
        assert set(ids.text(50)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        assert 0 <= ids.fraction() < 1
    assert SeededIds(3).uuid() == SeededIds(3).uuid()
    assert Ids().uuid() != Ids().uuid()
