"""The bar chart of a bill as pixels.

In: the shapes of bill_plot.py. Out: a PNG, in the light colours. It needs Pillow and must not know what is drawn.
"""

from __future__ import annotations

import io

from yobu.base.errors import YobuError
from yobu.kits.bill_plot import LOOKS, Picture, Rect

SCALE = 2
"""Pixels for each unit of the picture."""
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(drawn: Picture) -> bytes:
    """The picture as a PNG file, twice as wide as its SVG. Raises YobuError where Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise YobuError(
            "a PNG is drawn with Pillow, which is not installed: pip install 'yobu[demo]'; an .svg needs nothing"
        ) from None
    image = Image.new("RGB", (drawn.width * SCALE, drawn.height * SCALE))
    draw = ImageDraw.Draw(image)
    for shape in drawn.shapes:
        colour = LOOKS[shape.look][0]
        if isinstance(shape, Rect):
            left, top = round(shape.x * SCALE), round(shape.y * SCALE)
            right, bottom = round((shape.x + shape.width) * SCALE), round((shape.y + shape.height) * SCALE)
            draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=colour)
        else:
            font = ImageFont.load_default(shape.size * SCALE)
            place = (shape.x * SCALE, shape.y * SCALE)
            draw.text(place, shape.text, fill=colour, font=font, anchor=_ANCHORS[shape.anchor])
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
