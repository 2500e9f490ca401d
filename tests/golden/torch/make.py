"""Makes the files of this folder, by PyTorch 2.13: python make.py FOLDER"""

import argparse
import collections
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.ao.quantization as tq
from torch import nn

out = Path(sys.argv[1])
torch.backends.quantized.engine = "qnnpack"


class Static(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant = tq.QuantStub()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(4 * 36, 5)
        self.out = nn.Linear(5, 2, bias=False)
        self.dequant = tq.DeQuantStub()

    def forward(self, x):
        x = self.flatten(self.relu(self.conv(self.quant(x))))
        return self.dequant(self.out(self.fc(x)))


class Dynamic(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.lstm = nn.LSTM(3, 5, num_layers=2)

    def forward(self, x):
        return self.lstm(self.fc(x))[0]


def static():
    torch.manual_seed(0)
    model = Static().eval()
    model = tq.fuse_modules(model, [["conv", "relu"]])
    model.qconfig = tq.QConfig(
        activation=tq.MinMaxObserver.with_args(dtype=torch.quint8),
        weight=tq.MinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric),
    )
    prepared = tq.prepare(model)
    x = torch.randn(2, 3, 6, 6)
    prepared(x)
    int8 = tq.convert(prepared)
    torch.save({"model": int8.state_dict(), "x": x, "y": int8(x)}, out / "static.pt")


def dynamic():
    torch.manual_seed(1)
    int8 = tq.quantize_dynamic(Dynamic().eval(), {nn.Linear, nn.LSTM})
    x = torch.randn(6, 2, 4)
    torch.save({"model": int8.state_dict(), "x": x, "y": int8(x).detach()}, out / "dynamic.pt")


def recurrent():
    """GRU, and LSTM of both directions: outputs, gradients of Σ y · w, and the outputs of dynamic int8 by engine."""
    cases = {}
    for i, (name, kind, options, batch) in enumerate(
        [
            ("gru", nn.GRU, {}, 2),
            ("gru, two layers", nn.GRU, {"num_layers": 2}, 3),
            ("gru without bias, batch first", nn.GRU, {"bias": False, "batch_first": True}, 2),
            ("gru of both directions", nn.GRU, {"num_layers": 2, "bidirectional": True}, 2),
            ("lstm of both directions", nn.LSTM, {"num_layers": 2, "bidirectional": True}, 2),
        ]
    ):
        torch.manual_seed(10 + i)
        model = nn.ModuleDict({"rnn": kind(6, 8, **options)}).eval()
        rnn = model["rnn"]
        x = torch.randn(batch, 7, 6) if rnn.batch_first else torch.randn(7, batch, 6)
        layers = rnn.num_layers * (2 if rnn.bidirectional else 1)
        state = [torch.randn(layers, batch, 8) for _ in range(2 if kind is nn.LSTM else 1)]
        inputs = [t.clone().requires_grad_() for t in [x, *state]]
        hx = tuple(inputs[1:]) if kind is nn.LSTM else inputs[1]
        y, last = rnn(inputs[0], hx)
        last = list(last) if kind is nn.LSTM else [last]
        weights = [torch.randn_like(t) for t in [y, *last]]
        sum((t * w).sum() for t, w in zip([y, *last], weights)).backward()
        dynamic = {}
        # PyTorch's dynamic layers have a bias.
        for engine in ("qnnpack", "x86", "onednn") if rnn.bias else ():
            torch.backends.quantized.engine = engine
            int8 = tq.quantize_dynamic(model, {kind})["rnn"]
            dynamic[engine] = int8(x, tuple(state) if kind is nn.LSTM else state[0])[0].detach()
        torch.backends.quantized.engine = "qnnpack"
        cases[name] = {
            "kind": kind.__name__,
            "options": options,
            "state_dict": {key: t.clone() for key, t in rnn.state_dict().items()},
            "x": x,
            "state": state,
            "outputs": [t.detach() for t in [y, *last]],
            "weights": weights,
            "input_grads": [t.grad for t in inputs],
            "grads": {key: p.grad for key, p in rnn.named_parameters()},
            "dynamic": dynamic,
        }
    torch.save(cases, out / "recurrent.pt")


def optimizers():
    adam, sgd, lr = torch.optim.Adam, torch.optim.SGD, torch.optim.lr_scheduler
    for name, make, schedule in [
        ("sgd", lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True), lambda o: lr.StepLR(o, 2)),
        ("adam", lambda p: adam(p, lr=0.1, amsgrad=True), lambda o: lr.MultiStepLR(o, [1, 3, 3])),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.1), lambda o: lr.CosineAnnealingLR(o, 10)),
        ("onecycle", lambda p: sgd(p, lr=0.1, momentum=0.9), lambda o: lr.OneCycleLR(o, 1.0, total_steps=10)),
    ]:
        torch.manual_seed(2)
        model = nn.Linear(2, 1)
        optimizer = make(model.parameters())
        scheduler = schedule(optimizer)

        def steps(first, last):
            for i in range(first, last):
                for p in model.parameters():
                    p.grad = torch.arange(1.0, p.numel() + 1).reshape(p.shape) * (0.1 * (i + 1))
                optimizer.step()
                scheduler.step()

        steps(0, 3)
        file = io.BytesIO()
        torch.save([model.state_dict(), optimizer.state_dict(), scheduler.state_dict()], file)
        file.seek(0)
        before = torch.load(file)
        steps(3, 5)
        after = {**model.state_dict(), "lr": scheduler.get_last_lr()[0]}
        torch.save(
            {"model": before[0], "optimizer": before[1], "scheduler": before[2], "after": after}, out / f"{name}.pt"
        )


def beside():
    values = {
        "set": {1, "a"},
        "frozenset": frozenset([1]),
        "bytes": b"ab\xff",
        "bytearray": bytearray(b"xy"),
        "complex": 1 + 2j,
        "device": torch.device("cuda:0"),
        "numpy": [np.float64(1.5), np.float32(0.5), np.int64(7), np.bool_(True), np.str_("x")],
        "dtype": np.dtype("float32"),
        "array": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "namespace": argparse.Namespace(lr=0.1),
        "default": collections.defaultdict(list, a=[1]),
        "tuples": {(1, 2): "t"},
        "size": torch.Size([1, 2]),
        "path": Path("a/b"),
        "class": nn.Linear,
        "complex64": torch.ones(2, dtype=torch.complex64),
        "float8": torch.ones(2).to(torch.float8_e4m3fn),
        "buffer": nn.Buffer(torch.ones(1)),
        "model": nn.Linear(1, 1),
    }
    for protocol in (2, 4, 5):
        torch.save(
            {"state_dict": {"w": torch.tensor([7.0])}, **values}, out / f"beside{protocol}.pt", pickle_protocol=protocol
        )


def big_endian():
    """What a big-endian machine writes: the same archive, with the bytes of each element turned around."""
    file = io.BytesIO()
    tensors = [torch.tensor([1.5, -2.0]), torch.tensor([258, -1]), torch.tensor([0.5, 3.0], dtype=torch.bfloat16)]
    torch.save(tensors, file)
    sizes = [tensor.element_size() for tensor in tensors]
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(out / "big-endian.pt", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            elif "/data/" in name:
                size = sizes[int(name.rsplit("/", 1)[1])]
                data = b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))
            target.writestr(name, data)


static()
dynamic()
recurrent()
optimizers()
beside()
big_endian()
