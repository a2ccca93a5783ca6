"""Colour PNG of 16 bits: the upper 8 bits are taken."""

import struct
import zlib

import numpy as np

SOURCE = "python-pillow/Pillow#880"
OUTCOME = "trains"
DATASET = {"shape": [3, 2, 2]}


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def make(folder, save):
    for i, name in enumerate(("cat", "dog")):
        for k in range(2):
            row = np.array([0, 256 * (1 + 2 * i + k) + 255, 65535] * 2, ">u2").tobytes()
            save(folder / name / f"{k}.png", 0)
            (folder / name / f"{k}.png").write_bytes(
                b"\x89PNG\r\n\x1a\n"
                + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(2 * (b"\0" + row)))
                + chunk(b"IEND", b"")
            )


def expected():
    return {"all": [(i, [0, 1 + 2 * i + k, 255]) for i in range(2) for k in range(2)]}
