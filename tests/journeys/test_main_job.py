"""The main job: a photo lands in a bucket, a function makes its thumbnail, a row lands in a table."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from tests.journeys.commands import run
from tests.journeys.running import RUNTIME, RunningNode, eventually

from yobu.kits.demo import package
from yobu.kits.demo.job import FUNCTION, PHOTOS, TABLE, THUMBNAILS, Job, Photo


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def picture(width: int, height: int, colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def job(node: RunningNode) -> Job:
    clients = {name: node.client(name) for name in ("s3", "dynamodb", "lambda", "iam")}
    job = Job(clients, package.build(), RUNTIME)
    job.deploy(lambda step: None)
    return job


def test_photos_become_thumbnails_and_rows(job: Job) -> None:
    for name, size in (("wide.jpg", (1200, 600)), ("tall.jpg", (500, 1000)), ("holiday 1+2.jpg", (640, 640))):
        job.upload(Photo(name, picture(*size)))
    job.wait(lambda photo: None)
    by_name = {photo.name: photo for photo in job.photos}
    assert size_of(by_name["wide.jpg"].thumbnail) == (320, 160)
    assert size_of(by_name["tall.jpg"].thumbnail) == (160, 320)
    row = by_name["holiday 1+2.jpg"].row
    assert row["thumbnail"] == {"S": "holiday 1+2-thumbnail.jpg"}
    assert row["bytes"] == {"N": str(len(by_name["holiday 1+2.jpg"].body))}


def test_what_is_no_photo_wakes_nobody(job: Job, node: RunningNode) -> None:
    s3 = job.clients["s3"]
    s3.put_object(Bucket=PHOTOS, Key="notes.txt", Body=b"not for the function")
    job.upload(Photo("a.jpg", picture(100, 100)))
    job.wait(lambda photo: None)
    eventually(lambda: usage(node))
    assert [str(record["function"]).rpartition(":")[2] for record in usage(node)] == [FUNCTION]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=THUMBNAILS)["Contents"]] == ["a-thumbnail.jpg"]


def test_every_invocation_has_its_usage_and_its_price(job: Job, node: RunningNode) -> None:
    job.upload(Photo("a.jpg", picture(100, 100)))
    job.wait(lambda photo: None)
    job.upload(Photo("b.jpg", picture(100, 100)))
    job.wait(lambda photo: None)
    records = eventually(lambda: len(usage(node)) == 2 and usage(node))
    cold, warm = sorted(records, key=lambda record: record["start_ms"])
    assert (cold["cold"], warm["cold"]) == (True, False)
    assert cold["init_ms"] > 0
    assert warm["init_ms"] is None
    assert cold["cause"] == warm["cause"] == "s3.amazonaws.com"
    for record in records:
        assert record["billed_ms"] >= record["duration_ms"]
        assert record["memory_mb"] == 512
        assert 10 < record["max_memory_mb"] <= 512
        assert float(record["cost"]) > 0.0000002


def test_a_photo_that_cannot_be_read_stays_to_be_tried_again(job: Job, node: RunningNode) -> None:
    job.clients["s3"].put_object(Bucket=PHOTOS, Key="torn.jpg", Body=b"\xff\xd8 torn")
    records = eventually(lambda: usage(node))
    assert records[0]["error"] == "UnidentifiedImageError"
    assert "Item" not in job.clients["dynamodb"].get_item(TableName=TABLE, Key={"photo": {"S": "torn.jpg"}})


def usage(node: RunningNode) -> list[dict[str, object]]:
    records: list[dict[str, object]] = node.admin("GET", "usage")["records"]
    return records


def test_the_demo_shows_what_happened(tmp_path: Path) -> None:
    shown = run("demo", "--photos", "2", "--out", str(tmp_path), COLUMNS="100")
    assert shown.stderr == ""
    assert re.search(r"node at http://127\.0\.0\.1:\d+, ready after \d\.\d\d s; data folder ", shown.stdout)
    assert "all 2 photos have their thumbnails and rows" in shown.stdout
    photos = re.findall(r"^  photo-(\d)\.jpg +(\d+x\d+), [\d.]+ MB +\d+ +\d+ +[\d.]+ *$", shown.stdout, re.MULTILINE)
    assert [number for number, _ in photos] == ["1", "2"]
    calls = re.findall(r"^  (cold|warm) +s3 .*0\.0000\d+ *$", shown.stdout, re.MULTILINE)
    assert calls[0] == "cold"
    assert len(calls) == 2
    assert re.search(r"^2 invocations, \$0\.0000\d+ at AWS's prices", shown.stdout, re.MULTILINE)
    thumbnail = Path(shown.stdout.rpartition("A thumbnail to open: ")[2].strip())
    assert max(size_of(thumbnail.read_bytes())) == 320
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo-1-thumbnail.jpg", "photo-2-thumbnail.jpg"]


def test_the_demo_takes_the_users_own_photo(tmp_path: Path) -> None:
    own = tmp_path / "cat.jpg"
    own.write_bytes(picture(900, 300, "orange"))
    shown = run("demo", "--image", str(own), "--out", str(tmp_path / "out"))
    assert "cat.jpg" in shown.stdout
    assert size_of((tmp_path / "out" / "cat-thumbnail.jpg").read_bytes()) == (320, 107)


@pytest.mark.parametrize(
    ("content", "words"), [(b"GIF89a", "is not a JPEG"), (None, "cannot read the photo")], ids=["gif", "missing"]
)
def test_the_demo_refuses_what_is_no_photo(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "cat.gif"
    if content is not None:
        path.write_bytes(content)
    shown = run("demo", "--image", str(path), status=1)
    assert shown.stdout == ""
    assert re.fullmatch(rf"yobu: .*{words}.*\n", shown.stderr)


def test_the_demo_needs_a_photo() -> None:
    assert run("demo", "--photos", "0", status=1).stderr == "yobu: --photos must be at least 1\n"
