"""Where a deployment package can be fetched: the address that GetFunction gives as `Code.Location`.

In: a package. Out: a URL of this node that needs no signature, since nobody can guess it, and for ten minutes its
bytes; AWS gives a presigned S3 URL, valid as long. Must not know functions.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

from yobu.aws.http import Response
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.lambda_.model import state
from yobu.services.port import Parts

VALID_S = 600
_DOOR = "code"


class Downloads:
    """Gives addresses out and answers at them. The key is the node's, in memory: a restart ends all addresses."""

    def __init__(self, parts: Parts) -> None:
        self._blobs = parts.blobs
        self._clock = parts.clock
        self._key = parts.ids.random_bytes(32)
        parts.admin.add("GET", _DOOR, self._serve, public=True)

    def location(self, ctx: Context, code: state.Code) -> str:
        """The package's address, on the host that the caller asked."""
        until = int(self._clock.real()) + VALID_S
        query = {"package": code.blob, "size": code.size, "until": until}
        token = self._token(code.blob, str(code.size), str(until))
        return f"{ctx.scheme}://{ctx.host}/_yobu/{_DOOR}?{urlencode({**query, 'token': token})}"

    async def _serve(self, params: dict[str, Any]) -> Response:
        """`GET /_yobu/code`: the archive. 403 for a wrong or expired token, 404 where the package is gone."""
        blob, size, until = (str(params.get(name, "")) for name in ("package", "size", "until"))
        given = str(params.get("token", ""))
        if not hmac.compare_digest(self._token(blob, size, until).encode(), given.encode()):
            raise AwsError("AccessDenied", "This is not an address that GetFunction gave out.", 403)
        if self._clock.real() >= int(until):
            raise AwsError("AccessDenied", "Request has expired", 403)
        if not self._blobs.path(blob).exists():
            raise AwsError("NoSuchKey", "The function has other code by now.", 404)
        return Response(200, [("content-type", "application/zip")], self._blobs.read(blob), int(size))

    def _token(self, *named: str) -> str:
        return hmac.new(self._key, "\n".join(named).encode(), hashlib.sha256).hexdigest()
