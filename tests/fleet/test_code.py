import asyncio
import errno
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.fleet import code
from yobu.fleet.code import CodeCache, check
from yobu.store.port import StoreFull

SHA = "ab" * 32
NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."


def entry(name: str, mode: int = 0o100644, system: int = 3) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6))
    info.external_attr = mode << 16
    info.create_system = system
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def link(name: str) -> zipfile.ZipInfo:
    return entry(name, stat.S_IFLNK | 0o777)


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    def make(*entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
        path = tmp_path / f"{Ids().hex(8)}.zip"
        with zipfile.ZipFile(path, "w") as package:
            for info, data in entries:
                package.writestr(info, data)
        return path

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "code"


@pytest.fixture
def cache(folder: Path) -> CodeCache:
    return CodeCache(folder, Ids())


def names(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not name.startswith(".boot")}


class TestAGoodPackage:
    async def test_is_a_folder_of_read_only_files(self, cache: CodeCache, archive: Callable[..., Path]) -> None:
        path = await cache.unpack(SHA, archive((entry("app.py"), b"x = 1"), (entry("lib/deep/a.txt"), b"a")))
        assert (path / "app.py").read_bytes() == b"x = 1"
        assert (path / "lib/deep/a.txt").read_bytes() == b"a"
        assert stat.S_IMODE((path / "app.py").stat().st_mode) == 0o444
        assert stat.S_IMODE((path / "lib/deep").stat().st_mode) == 0o755
        assert path.name == SHA

    async def test_keeps_executable_bits_and_times(self, cache: CodeCache, archive: Callable[..., Path]) -> None:
        path = await cache.unpack(
            SHA, archive((entry("bootstrap", 0o100755), b"#!"), (entry("w.sh", 0o100755, 0), b""))
        )
        assert stat.S_IMODE((path / "bootstrap").stat().st_mode) == 0o555
        assert stat.S_IMODE((path / "w.sh").stat().st_mode) == 0o444
        assert (path / "bootstrap").stat().st_mtime == (path / "w.sh").stat().st_mtime

    async def test_may_link_within_itself(self, cache: CodeCache, archive: Callable[..., Path]) -> None:
        path = await cache.unpack(
            SHA, archive((link("lib/b.so"), b"a.so"), (link("up"), b"lib/../lib"), (entry("lib/a.so"), b"elf"))
        )
        assert (path / "lib/b.so").read_bytes() == b"elf"
        assert (path / "up/a.so").read_bytes() == b"elf"

    async def test_may_have_odd_names(self, cache: CodeCache, archive: Callable[..., Path]) -> None:
        path = await cache.unpack(SHA, archive((entry("./"), b""), (entry("./a b.py"), b""), (entry("c\\..\\d"), b"")))
        assert names(path) == {"a b.py", "c\\..\\d"}

    async def test_is_unpacked_once(
        self, cache: CodeCache, archive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unpacked = []
        extract = code._extract
        monkeypatch.setattr(code, "_extract", lambda *given: (unpacked.append(1), extract(*given)))
        package = archive((entry("app.py"), b""))
        paths = await asyncio.gather(*(cache.unpack(SHA, package) for _ in range(5)))
        assert len({*paths, await cache.unpack(SHA, package)}) == 1
        assert len(unpacked) == 1

    async def test_stays_for_the_others_when_one_caller_goes_away(
        self, cache: CodeCache, archive: Callable[..., Path]
    ) -> None:
        package = archive((entry("app.py"), b""))
        one, other = (asyncio.ensure_future(cache.unpack(SHA, package)) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        assert (await other / "app.py").exists()


class TestABadPackage:
    @pytest.mark.parametrize(
        "entries",
        [
            [(entry("../evil.py"), b"")],
            [(entry("a/../../evil.py"), b"")],
            [(entry("/etc/evil"), b"")],
            [(link("passwd"), b"/etc/passwd")],
            [(link("out"), b"../out")],
            [(link("a"), b"."), (link("b"), b"a/../..")],
            [(link("in"), b".."), (entry("in/evil.py"), b"")],
            [(entry("p/q/f"), b""), (link("x"), b"p/q/y/../../.."), (link("p/q/y"), b"..")],
            [(link("long"), b"x" * 10_000)],
            [(link("bytes"), b"\xff\xfe")],
            [(entry("pipe", stat.S_IFIFO | 0o644), b"")],
            [(entry("a"), b""), (entry("a/b"), b"")],
            [(entry("n" * 300), b"")],
        ],
        ids=lambda entries: entries[0][0].filename[:12],
    )
    async def test_is_refused_and_leaves_nothing(
        self,
        cache: CodeCache,
        folder: Path,
        archive: Callable[..., Path],
        entries: list[tuple[zipfile.ZipInfo, bytes]],
    ) -> None:
        with pytest.raises(AwsError) as refused:
            await cache.unpack(SHA, archive(*entries))
        assert (refused.value.code, refused.value.message) == ("InvalidParameterValueException", NOT_A_ZIP)
        assert names(folder) == set()
        assert not (folder.parent / "evil.py").exists()

    async def test_that_is_empty(self, cache: CodeCache, tmp_path: Path, archive: Callable[..., Path]) -> None:
        nothing = tmp_path / "nothing"
        nothing.write_bytes(b"")
        for package in (nothing, archive()):
            with pytest.raises(AwsError, match="Uploaded file must be a non-empty zip"):
                await cache.unpack(SHA, package)

    @pytest.mark.parametrize("data", [b"no zip at all", b"PK\x05\x06", b"PK\x03\x04" + b"\0" * 100])
    async def test_that_is_no_zip(self, cache: CodeCache, tmp_path: Path, data: bytes) -> None:
        package = tmp_path / "text"
        package.write_bytes(data)
        with pytest.raises(AwsError, match="Could not unzip uploaded file"):
            await cache.unpack(SHA, package)

    async def test_whose_contents_are_damaged(
        self, cache: CodeCache, folder: Path, archive: Callable[..., Path]
    ) -> None:
        package = archive((entry("app.py"), bytes(range(256)) * 40))
        data = bytearray(package.read_bytes())
        data[60:70] = b"\xff" * 10
        package.write_bytes(data)
        with pytest.raises(AwsError, match="Could not unzip uploaded file"):
            await cache.unpack(SHA, package)
        assert names(folder) == set()

    async def test_whose_end_is_missing(self, cache: CodeCache, archive: Callable[..., Path]) -> None:
        package = archive((entry("app.py"), b"x" * 1000))
        package.write_bytes(package.read_bytes()[:-30])
        with pytest.raises(AwsError, match="Could not unzip uploaded file"):
            await cache.unpack(SHA, package)

    async def test_that_is_encrypted(self, cache: CodeCache, archive: Callable[..., Path]) -> None:
        package = archive((entry("app.py"), b"x"))
        data = bytearray(package.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= 1
        package.write_bytes(data)
        with pytest.raises(AwsError, match="Could not unzip uploaded file"):
            await cache.unpack(SHA, package)


class TestABomb:
    async def test_that_says_its_size(self, folder: Path, archive: Callable[..., Path]) -> None:
        package = archive((entry("zeros"), b"\0" * 5000))
        with pytest.raises(AwsError, match="Unzipped size must be smaller than 4999 bytes"):
            await CodeCache(folder, Ids(), limit_bytes=4999).unpack(SHA, package)
        await CodeCache(folder, Ids(), limit_bytes=5000).unpack(SHA, package)

    async def test_that_lies_about_its_size(self, folder: Path, archive: Callable[..., Path]) -> None:
        package = archive((entry("zeros"), b"\0" * 5000))
        data = bytearray(package.read_bytes())
        for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            at = data.index(signature) + offset
            data[at : at + 4] = (10).to_bytes(4, "little")
        package.write_bytes(data)
        with pytest.raises(AwsError):
            await CodeCache(folder, Ids(), limit_bytes=100).unpack(SHA, package)
        assert names(folder) == set()

    async def test_of_many_files_counts_together(self, folder: Path, archive: Callable[..., Path]) -> None:
        package = archive(*((entry(f"{number}"), b"\0" * 100) for number in range(10)))
        with pytest.raises(AwsError, match="must be smaller than 999 bytes"):
            await CodeCache(folder, Ids(), limit_bytes=999).unpack(SHA, package)


class TestAFullDisk:
    async def test_is_not_the_packages_fault(
        self, cache: CodeCache, folder: Path, archive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = archive((entry("a"), b"data"))
        with monkeypatch.context() as patch:
            patch.setattr(code, "_write", full)
            with pytest.raises(StoreFull):
                await cache.unpack(SHA, path)
        assert names(folder) == set()
        assert (await cache.unpack(SHA, path) / "a").read_bytes() == b"data"

    async def test_at_the_first_use_does_not_spoil_the_next(
        self, cache: CodeCache, archive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = archive((entry("a"), b""))
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_text", full)
            with pytest.raises(StoreFull):
                await cache.unpack(SHA, path)
        assert (await cache.unpack(SHA, path)).is_dir()


def full(*arguments: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


class TestTheCache:
    async def test_can_be_cleared(self, cache: CodeCache, folder: Path, archive: Callable[..., Path]) -> None:
        package = archive((entry("app.py"), b""))
        await cache.unpack(SHA, package)
        await cache.clear()
        assert names(folder) == set()
        assert (await cache.unpack(SHA, package) / "app.py").exists()

    async def test_drops_what_a_crash_left_half_made(
        self, cache: CodeCache, folder: Path, archive: Callable[..., Path]
    ) -> None:
        package = archive((entry("app.py"), b""))
        await cache.unpack(SHA, package)
        (folder / ".partial-1").mkdir()
        (folder / ".partial-1/half").write_bytes(b"")
        await CodeCache(folder, Ids()).unpack("cd" * 32, package)
        assert names(folder) == {SHA, "cd" * 32}

    async def test_trusts_no_folder_from_before_a_reboot(
        self,
        cache: CodeCache,
        folder: Path,
        archive: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        package = archive((entry("app.py"), b"whole"))
        (await cache.unpack(SHA, package) / "torn").write_bytes(b"")
        boot = tmp_path / "boot_id"
        boot.write_text("another")
        monkeypatch.setattr(code, "_BOOT_ID", boot)
        assert not (await CodeCache(folder, Ids()).unpack(SHA, package) / "torn").exists()

    async def test_spares_what_is_being_unpacked(
        self, cache: CodeCache, folder: Path, archive: Callable[..., Path]
    ) -> None:
        await cache.unpack(SHA, archive((entry("a"), b"")))
        partial = folder / ".partial-of-a-call-that-came-meanwhile"
        partial.mkdir()
        await cache.clear()
        assert names(folder) == {partial.name}

    async def test_takes_only_digests_for_names(self, cache: CodeCache, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="not a SHA-256"):
            await cache.unpack("../x", tmp_path)


def test_a_package_is_checked_without_unpacking_it(archive: Callable[..., Path], tmp_path: Path) -> None:
    check(archive((entry("app.py"), b"x")))
    with pytest.raises(AwsError, match="must be smaller than 3 bytes"):
        check(archive((entry("app.py"), b"xxxx")), limit_bytes=3)
    with pytest.raises(AwsError, match="Could not unzip"):
        check(archive((entry("../app.py"), b"x")))
    text = tmp_path / "text"
    text.write_bytes(io.BytesIO(b"text").getvalue())
    with pytest.raises(AwsError, match="Could not unzip"):
        check(text)
