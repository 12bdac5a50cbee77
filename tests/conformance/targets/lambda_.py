"""What the Target suite needs of the lambda room: a function that S3 may invoke, and one that nobody made."""

from __future__ import annotations

import io
import zipfile

from yobu.base.context import Context
from yobu.services.lambda_.api import Api
from yobu.services.port import Parts

ROLE = "arn:aws:iam::123456789012:role/worker"


def package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return event\n")
    return buffer.getvalue()


async def arrange(parts: Parts, ctx: Context) -> dict[str, str]:
    """Make one resource of the room; `target` is its ARN, `missing` one that does not exist."""
    room = Api(parts)
    await room.create_function(
        ctx,
        {
            "FunctionName": "here",
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": {"ZipFile": package()},
        },
    )
    await room.add_permission(
        ctx,
        {
            "FunctionName": "here",
            "StatementId": "s3",
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
        },
    )
    arn = f"arn:aws:lambda:{ctx.region}:{ctx.account}:function"
    return {"target": f"{arn}:here", "missing": f"{arn}:nowhere"}
