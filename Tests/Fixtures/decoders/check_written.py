#!/usr/bin/env python3
"""Loads what this program wrote with transformers and peft: python check_written.py FOLDER

FOLDER holds `model`, `adapter` and `ids.json`, a list of token ids. Prints two rows of JSON: the scores after each token without the
adapter and with it.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
folder = Path(sys.argv[1])
ids = torch.tensor([json.loads((folder / "ids.json").read_text())])
model, report = AutoModelForCausalLM.from_pretrained(folder / "model", output_loading_info=True)
assert not any(report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
with torch.no_grad():
  print(json.dumps(model.eval()(input_ids=ids).logits.flatten().tolist()))
  model = PeftModel.from_pretrained(model, folder / "adapter").eval()
  print(json.dumps(model(input_ids=ids).logits.flatten().tolist()))
