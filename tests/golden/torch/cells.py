"""Makes cells.pt: RNNs and recurrent cells of PyTorch 2.13, their gradients and dynamic int8 forms. python cells.py FOLDER"""

import sys
from pathlib import Path

import torch
import torch.ao.quantization as tq
from torch import nn

cases = {}
for i, (name, kind, options) in enumerate(
    [
        ("rnn", nn.RNN, {}),
        ("rnn of relu, two layers, both directions", nn.RNN, {"nonlinearity": "relu", "num_layers": 2, "bidirectional": True}),
        ("rnn without bias, batch first", nn.RNN, {"bias": False, "batch_first": True}),
        ("rnn cell", nn.RNNCell, {}),
        ("rnn cell of relu", nn.RNNCell, {"nonlinearity": "relu"}),
        ("gru cell", nn.GRUCell, {}),
        ("gru cell without bias", nn.GRUCell, {"bias": False}),
        ("lstm cell", nn.LSTMCell, {}),
    ]
):
    torch.manual_seed(20 + i)
    model = nn.ModuleDict({"m": kind(6, 8, **options)}).eval()
    m = model["m"]
    layers = kind is nn.RNN
    x = torch.randn(3, 5, 6) if layers else torch.randn(3, 6)
    batch = 5 if layers and not m.batch_first else 3
    shape = (m.num_layers * (2 if m.bidirectional else 1), batch, 8) if layers else (batch, 8)
    state = [torch.randn(shape) for _ in range(2 if kind is nn.LSTMCell else 1)]
    inputs = [t.clone().requires_grad_() for t in [x, *state]]
    hx = tuple(inputs[1:]) if len(state) > 1 else inputs[1]
    outputs = m(inputs[0], hx)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    weights = [torch.randn_like(t) for t in outputs]
    sum((t * w).sum() for t, w in zip(outputs, weights)).backward()
    dynamic = {}
    # PyTorch has cells with a bias in int8, and no RNN.
    for engine in ("qnnpack", "x86") if not layers and m.bias else ():
        torch.backends.quantized.engine = engine
        int8 = tq.quantize_dynamic(model, {kind})["m"]
        y = int8(x, tuple(state) if len(state) > 1 else state[0])
        dynamic[engine] = [t.detach() for t in (y if isinstance(y, tuple) else [y])]
    cases[name] = {
        "kind": kind.__name__,
        "options": options,
        "state_dict": {key: t.clone() for key, t in m.state_dict().items()},
        "x": x,
        "state": state,
        "outputs": [t.detach() for t in outputs],
        "weights": weights,
        "input_grads": [t.grad for t in inputs],
        "grads": {key: p.grad for key, p in m.named_parameters()},
        "dynamic": dynamic,
    }
torch.save(cases, Path(sys.argv[1]) / "cells.pt")
