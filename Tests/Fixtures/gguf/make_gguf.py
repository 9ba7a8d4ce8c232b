"""Writes tiny.gguf with one tensor of each element type that ragbench reads, and the values gguf-py gives for them.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0
    venv/bin/python make_gguf.py

Seed 20261125. `tiny.json` names the arrays of `tiny.f32` (Float32, little-endian, row-major) and the metadata.
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

HERE = Path(__file__).resolve().parent
rng = np.random.default_rng(20261125)

writer = GGUFWriter(HERE / "tiny.gguf", "llama")
writer.add_uint8("test.uint8", 255)
writer.add_int8("test.int8", -128)
writer.add_uint16("test.uint16", 65535)
writer.add_int16("test.int16", -32768)
writer.add_uint32("test.uint32", 4294967295)
writer.add_int32("test.int32", -2147483648)
writer.add_uint64("test.uint64", 2**63 - 1)
writer.add_int64("test.int64", -(2**63))
writer.add_float32("test.float32", 1e-5)
writer.add_float64("test.float64", 0.1)
writer.add_bool("test.true", True)
writer.add_bool("test.false", False)
writer.add_string("test.string", "é e\u0301 \U0001f642")
writer.add_array("test.strings", ["", "a", "Ġthe", "é", "e\u0301"])
writer.add_array("test.ints", [-1, 0, 70000])
writer.add_array("test.floats", [0.5, -2.25])

tensors = {
    "f32": (T.F32, rng.standard_normal((3, 5)).astype(np.float32)),
    "f16": (T.F16, rng.standard_normal((2, 3, 7)).astype(np.float16)),
    "vector": (T.F32, rng.standard_normal(4).astype(np.float32)),
}
for name in ["Q4_0", "Q4_1", "Q8_0"]:
    kind = T[name]
    numbers = rng.standard_normal((3, 64)).astype(np.float32) * np.float32(0.2)
    tensors[name.lower()] = (kind, quantize(numbers, kind))
    # Every bit pattern of the numbers, with scales of either sign, zero and subnormal.
    width = {"Q4_0": 18, "Q4_1": 20, "Q8_0": 34}[name]
    blocks = rng.integers(0, 256, (2, 4, width), dtype=np.uint8)
    scales = np.array([1.5, -0.0, 6e-8, -3.3e-5, 0.011, -65504, 1, 2**-14], dtype=np.float16)
    blocks[:, :, 0:2] = scales.view(np.uint8).reshape(2, 4, 2)
    if name == "Q4_1":
        blocks[:, :, 2:4] = scales[::-1].copy().view(np.uint8).reshape(2, 4, 2)
    tensors[name.lower() + "_bits"] = (kind, blocks.reshape(2, 4 * width))

for name, (kind, data) in tensors.items():
    writer.add_tensor(name, data, raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

arrays, values = [], []
for tensor in GGUFReader(HERE / "tiny.gguf").tensors:
    numbers = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    shape = [int(n) for n in tensor.shape[::-1]]
    assert numbers.size == int(np.prod(shape)), tensor.name
    arrays.append(dict(name=tensor.name, type=tensor.tensor_type.name, shape=shape, offset=sum(v.size for v in values)))
    values.append(numbers.reshape(-1))
np.concatenate(values).astype("<f4").tofile(HERE / "tiny.f32")
(HERE / "tiny.json").write_text(json.dumps(dict(arrays=arrays), indent=1) + "\n")
