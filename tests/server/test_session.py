from __future__ import annotations

import stat
from pathlib import Path

import pytest

from yobu.base.errors import YobuError
from yobu.base.ids import SeededIds
from yobu.server import owner, session


def test_what_a_node_says_is_read_again_by_its_owner_only(tmp_path: Path) -> None:
    session.write(tmp_path, {"url": "http://127.0.0.1:1", "pid": 7})
    assert session.read(tmp_path) == {"url": "http://127.0.0.1:1", "pid": 7}
    assert stat.S_IMODE((tmp_path / session.FILE).stat().st_mode) == 0o600


def test_a_node_takes_back_its_own_word_only(tmp_path: Path) -> None:
    session.write(tmp_path, {"url": "http://127.0.0.1:1", "pid": 7})
    session.remove(tmp_path, 8)
    assert session.read(tmp_path)["pid"] == 7
    session.remove(tmp_path, 7)
    assert session.read(tmp_path) == {}
    (tmp_path / session.FILE).write_text("{")
    session.remove(tmp_path, 7)
    assert session.read(tmp_path) == {}


def test_a_folder_without_a_node_says_nothing(tmp_path: Path) -> None:
    assert session.read(tmp_path) == {}
    assert session.read(tmp_path / "none") == {}


def test_a_torn_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / session.FILE).write_text("{")
    with pytest.raises(YobuError, match=session.FILE):
        session.read(tmp_path)


@pytest.mark.parametrize("host,shown", [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
def test_an_authority_brackets_ipv6(host: str, shown: str) -> None:
    assert session.authority(host, 80) == shown


def test_the_owner_s_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = owner.ensure(tmp_path, SeededIds())
    assert key.access_key.startswith("AKIA")
    assert owner.ensure(tmp_path, SeededIds(1)) == key
    assert stat.S_IMODE((tmp_path / owner.FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[default]\n", "[default]\naws_access_key_id = A\n", "no section"])
def test_a_file_without_a_pair_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / owner.FILE).write_text(text)
    with pytest.raises(YobuError, match="holds no key pair"):
        owner.ensure(tmp_path, SeededIds())
