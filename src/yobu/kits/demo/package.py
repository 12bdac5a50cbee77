"""Make the function's package: app.py and Pillow, as a user's build step would. Out comes the zip's bytes."""

from __future__ import annotations

import io
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from yobu.base.errors import YobuError

FUNCTION = Path(__file__).with_name("function") / "app.py"


def build() -> bytes:
    """A zip with app.py at its root and this interpreter's own Pillow beside it.

    Raises YobuError where Pillow is not installed.
    """
    try:
        installed = files("pillow") or []
    except PackageNotFoundError:
        raise YobuError("the demo's function needs Pillow; get it with: pip install 'yobu[demo]'") from None
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(FUNCTION, "app.py")
        for file in installed:
            if file.parts[0] in ("PIL", "pillow.libs") and file.suffix not in (".pyc", ".pyi"):
                archive.write(str(file.locate()), str(file))
    return out.getvalue()
