"""The pixels of an image file, by one rule for each of Pillow's modes.

Integers of 16 and 32 bits and floats are kept as they are; all images of a data set must then be of
that depth. All else has 8 bits: transparent pixels are laid over white, the orientation that a
camera noted is applied, colour profiles are ignored, and grey is the luminance of a colour.
"""

from pathlib import Path
from typing import Any

import numpy as np

# 16-bit colours are read as their upper 8 bits.
EIGHT_BITS = {
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBX",
    "RGBa",
    "CMYK",
    "YCbCr",
    "HSV",
}
EIGHT = "integers of 8 bits"
WITH_PREVIEW = "MPO"  # what phones write as .jpg: a photograph and small copies of it


def read_images(paths: list[Path], shape: list[int]) -> np.ndarray:
    """The images as ``[n, C, H, W]``, uint8 or float32: each is cut to the shape's ratio of sides
    around its centre and resized; raises ValueError."""
    channels, height, width = shape
    if channels not in (1, 3):
        raise ValueError(f"dataset.shape: {channels} channels; write 1 (grey) or 3 (colour)")
    of_first, first = read_image(paths[0], channels, (width, height))
    images = np.empty((len(paths), height, width, channels), first.dtype)
    for image, path in zip(images, paths, strict=True):
        depth, image[:] = read_image(path, channels, (width, height))
        if depth != of_first:
            raise ValueError(
                f"{path}: its pixels are {depth}, those of {paths[0]} {of_first}; convert them to one kind"
            )
    return images.transpose(0, 3, 1, 2)


def read_image(path: Path, channels: int, size: tuple[int, int]) -> tuple[str, np.ndarray]:
    """The depth of an image in words, and its pixels ``[H, W, C]``."""
    from PIL import Image, ImageOps

    refused = depth = None
    try:
        with Image.open(path) as opened:
            depth, refused = _depth(opened.mode), _refused(opened)
            if not refused:
                upright = ImageOps.exif_transpose(opened)
                flat = _eight_bits(upright, channels) if depth == EIGHT else _floats(upright)
                pixels = np.asarray(ImageOps.fit(flat, size))
    except Exception as error:  # Pillow's readers raise of all kinds for a damaged file
        raise ValueError(f"{path}: not a readable image ({error}); repair or remove it") from error
    if refused:
        raise ValueError(f"{path}: {refused}")
    if not np.isfinite(pixels).all():
        raise ValueError(f"{path}: some of its pixels are not numbers; repair or remove it")
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return str(depth), np.broadcast_to(pixels, (*pixels.shape[:2], channels))


def _refused(opened: Any) -> str | None:
    """Why an image is not taken, if it isn't."""
    frames = getattr(opened, "n_frames", 1)
    if _depth(opened.mode) is None:
        return f"images of mode {opened.mode} are not supported; convert it to RGB or grey"
    if frames > 1 and opened.format != WITH_PREVIEW:
        return f"it holds {frames} images; save one of them as a file of its own"
    return None


def _depth(mode: str) -> str | None:
    if mode in EIGHT_BITS:
        return EIGHT
    if mode == "F":
        return "floats"
    return "integers of 16 or 32 bits" if mode == "I" or mode.startswith("I;16") else None


def _eight_bits(image: Any, channels: int) -> Any:
    """Colours or greys without transparency."""
    from PIL import Image

    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.new("RGBA", above.size, "white")
        image.alpha_composite(above)
    return image.convert("RGB" if channels == 3 else "L")


def _floats(image: Any) -> Any:
    from PIL import Image

    return Image.fromarray(np.asarray(image).astype(np.float32))
