"""The demo's function: for each new photo, a thumbnail in one bucket and a row in one table.

An event may come twice (at-least-once delivery). Both writes have keys that follow from the photo alone, so that a
second run changes nothing.
"""

import io
import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image, ImageOps

s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
SIZE = (320, 320)


def handler(event, context):
    done = [make_thumbnail(record["s3"]) for record in event["Records"]]
    return {"photos": done}


def make_thumbnail(record):
    bucket, key = record["bucket"]["name"], unquote_plus(record["object"]["key"])
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with Image.open(io.BytesIO(body)) as photo:
        width, height = photo.size
        photo.draft("RGB", (SIZE[0] * 2, SIZE[1] * 2))  # decode a large JPEG at a fraction of its size
        small = ImageOps.exif_transpose(photo).convert("RGB")
    small.thumbnail(SIZE)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    name = key.rpartition("/")[2].rpartition(".")[0]
    target = f"{name}-thumbnail.jpg"
    s3.put_object(Bucket=os.environ["THUMBNAILS"], Key=target, Body=out.getvalue(), ContentType="image/jpeg")
    table.put_item(
        Item={
            "photo": key,
            "etag": record["object"]["eTag"],
            "width": width,
            "height": height,
            "bytes": len(body),
            "thumbnail": target,
            "thumbnail_bytes": out.tell(),
        }
    )
    print(f"{key}: {width}x{height}, {len(body):,} bytes -> {target}, {small.width}x{small.height}")
    return key
