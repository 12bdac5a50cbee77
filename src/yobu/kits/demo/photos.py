"""Make photos of several megapixels: a sky, a sun, hills and the grain of a sensor. Pillow is imported lazily."""

from __future__ import annotations

import io
import math
import random

SIZES = ((4032, 3024), (3000, 4000), (4608, 2592), (3264, 2448))


def make(number: int) -> bytes:
    """Photo `number` as JPEG bytes (7 to 12 megapixels); the same number gives the same picture."""
    from PIL import Image, ImageChops, ImageDraw

    chance = random.Random(number)  # noqa: S311  (the same picture each time)
    width, height = SIZES[number % len(SIZES)]
    ramp = Image.linear_gradient("L").resize((width, height))
    low, high = [(chance.randrange(120, 255), chance.randrange(90, 200), chance.randrange(60, 255)) for _ in range(2)]
    bands = [ramp.point([a + (b - a) * level // 255 for level in range(256)]) for a, b in zip(low, high, strict=True)]
    picture = Image.merge("RGB", bands)
    draw = ImageDraw.Draw(picture)
    radius = height // 9
    x, y = chance.randrange(radius, width - radius), chance.randrange(radius, height // 2)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 240, 200))
    for hill in range(3):
        base, swing, shade = height * (5 + hill) // 9, height // (9 + hill), 90 - 28 * hill
        phase, length = chance.random() * 6, width / (1.5 + hill)
        ridge = [(at, base + swing * math.sin(phase + at / length * 6)) for at in range(0, width + 32, 32)]
        draw.polygon([(0, height), *ridge, (width, height)], fill=(shade, shade + 30, shade + 10))
    grain = Image.effect_noise((width, height), 18).convert("RGB")
    picture = ImageChops.add(picture, grain, scale=1, offset=-128)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()
