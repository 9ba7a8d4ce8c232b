"""Golden values for CurvatureTests: the terms of a small network from its whole Hessian.

Made with Python 3.11, torch 2.15 in double precision, seed 7. Run: python make_curvature.py
(writes curvature.json beside itself)
"""

import json
import pathlib

import torch

torch.set_num_threads(1)
torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
inputs, hidden, outputs, count, clip = 6, 5, 3, 14, 0.5
shapes = [(hidden, inputs), (hidden,), (outputs, hidden), (outputs,)]
sizes = [torch.Size(shape).numel() for shape in shapes]
# Rounded to Float32, which the tests begin from.
start = torch.cat([0.8 * torch.randn(size) for size in sizes]).float().double()
x = torch.randn(count, inputs).float().double()
labels = torch.randint(0, outputs, (count,))


def losses(w):
  w1, b1, w2, b2 = [part.reshape(shape) for part, shape in zip(w.split(sizes), shapes)]
  scores = torch.tanh(x @ w1.T + b1) @ w2.T + b2
  return torch.nn.functional.cross_entropy(scores, labels, reduction="none")


hessian = torch.autograd.functional.hessian(lambda w: losses(w).mean(), start)
each = torch.autograd.functional.jacobian(losses, start)  # [records, parameters]
mean = each.mean(0)
factors = (clip / each.norm(dim=1)).clamp(max=1)
deviations = (each - mean) / count ** 0.5
between = deviations @ hessian @ deviations.T  # its trace is tr(H Sigma)


def deviation(matrix):
  """Standard deviation of one estimate of the trace by random signs."""
  off = matrix - torch.diag(torch.diag(matrix))
  return float((2 * (off ** 2).sum()) ** 0.5)


out = {
  "inputs": inputs, "hidden": hidden, "outputs": outputs, "clip": clip,
  "parameters": start.tolist(), "x": x.flatten().tolist(), "labels": labels.tolist(),
  "loss": float(losses(start).mean()),
  "gradientSquare": float(mean @ mean),
  "alongGradient": float(mean @ hessian @ mean),
  "trace": float(torch.trace(hessian)), "traceDeviation": deviation(hessian),
  "sampling": float(torch.trace(between)), "samplingDeviation": deviation(between),
  "clipFactor": float(factors.mean()),
  "clipAlongGradient": float((factors[:, None] * each).mean(0) @ mean / (mean @ mean)),
}
path = pathlib.Path(__file__).with_name("curvature.json")
path.write_text(json.dumps(out, indent=1) + "\n")
print({k: v for k, v in out.items() if not isinstance(v, list)})
