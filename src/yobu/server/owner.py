"""The owner's key pair of a node with `--auth`: made at the first start, kept in the data folder.

The file is in the AWS SDKs' own format (AWS_SHARED_CREDENTIALS_FILE can name it) and readable by its owner only.
"""

from __future__ import annotations

import configparser
import os
import string
from pathlib import Path
from typing import NamedTuple

from yobu.base.errors import YobuError
from yobu.base.ids import Ids

FILE = "credentials"
_SECRET_LETTERS = string.ascii_letters + string.digits + "+/"


class OwnerKey(NamedTuple):
    """An access key of the node's root."""

    access_key: str
    secret: str


def ensure(data: Path, ids: Ids) -> OwnerKey:
    """The pair in `<data>/credentials`. Raises YobuError where the file is there but holds none."""
    path = data / FILE
    if not path.exists():
        _write(path, OwnerKey("AKIA" + ids.text(16), ids.text(40, _SECRET_LETTERS)))
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
        section = parser["default"]
        return OwnerKey(section["aws_access_key_id"], section["aws_secret_access_key"])
    except (OSError, KeyError, configparser.Error) as error:
        raise YobuError(f"{path} holds no key pair ({error}); remove it to get a new one") from None


def _write(path: Path, key: OwnerKey) -> None:
    text = f"[default]\naws_access_key_id = {key.access_key}\naws_secret_access_key = {key.secret}\n"
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
