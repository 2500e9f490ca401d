"""Makes layers.pt: layers of PyTorch 2.13 with their gradients, int8 forms and schedules. python layers.py FOLDER"""

import copy
import sys
from pathlib import Path

import torch
import torch.ao.quantization as tq
from torch import nn

torch.backends.quantized.engine = "qnnpack"


def layer(i, kind, args, options, *shapes, extra=None):
    """Outputs, and the gradients of the sum of the outputs times weights."""
    torch.manual_seed(50 + i)
    m = getattr(nn, kind)(*args, **options)
    inputs = [torch.randn(s).requires_grad_() for s in shapes]
    y = m(*inputs)
    outputs = [t for t in _flat(y)]
    floats = [t for t in outputs if t.is_floating_point()]
    weights = [torch.randn_like(t) for t in floats]
    sum((t * w).sum() for t, w in zip(floats, weights)).backward()
    return {
        "kind": kind,
        "args": args,
        "options": options,
        "state_dict": {key: t.clone() for key, t in m.state_dict().items()},
        "inputs": [t.detach() for t in inputs],
        "outputs": [t.detach() if t.is_floating_point() else t.int() for t in outputs],
        "weights": weights,
        "input_grads": [t.grad for t in inputs],
        "grads": {key: p.grad for key, p in m.named_parameters()},
    }


def _flat(y):
    return [y] if isinstance(y, torch.Tensor) else [t for part in y for t in _flat(part)]


C1, C2 = (2, 4, 9), (2, 4, 7, 6)
layers = [
    ("Conv1d", [4, 6, 4], {"padding": "same"}, C1),
    ("Conv1d", [4, 6, 3], {"padding": "same", "dilation": 2, "groups": 2}, C1),
    ("Conv1d", [4, 6, 3], {"padding": 2, "padding_mode": "reflect", "stride": 2}, C1),
    ("Conv1d", [4, 6, 4], {"padding": "same", "padding_mode": "circular"}, C1),
    ("Conv2d", [4, 6, 3], {"padding": "same"}, C2),
    ("Conv2d", [4, 6, (2, 4)], {"padding": "same", "dilation": (1, 3), "bias": False}, C2),
    ("Conv2d", [4, 6, 3], {"padding": "valid", "stride": 2}, C2),
    ("Conv2d", [4, 6, 3], {"padding": (2, 1), "padding_mode": "reflect"}, C2),
    ("Conv2d", [4, 6, 5], {"padding": (3, 1), "padding_mode": "replicate", "stride": 2, "groups": 2}, C2),
    ("Conv2d", [4, 6, 3], {"padding": (1, 2), "padding_mode": "circular"}, C2),
    ("Conv2d", [4, 4, (4, 2)], {"padding": "same", "padding_mode": "reflect", "groups": 4}, C2),
    ("AdaptiveMaxPool1d", [3], {"return_indices": True}, C1),
    ("AdaptiveMaxPool1d", [4], {}, C1),
    ("AdaptiveMaxPool2d", [(3, 4)], {"return_indices": True}, C2),
    ("AdaptiveMaxPool2d", [(7, 3)], {"return_indices": True}, C2),
    ("AdaptiveMaxPool2d", [1], {}, C2),
    ("MaxPool1d", [3], {"return_indices": True, "stride": 2, "padding": 1}, C1),
    ("MaxPool2d", [3], {"return_indices": True, "stride": 2, "ceil_mode": True}, C2),
    ("Bilinear", [3, 4, 5], {}, (2, 6, 3), (2, 6, 4)),
    ("Bilinear", [3, 4, 5], {"bias": False}, (2, 3), (2, 4)),
    ("LSTM", [6, 8], {"proj_size": 3}, (5, 2, 6)),
    ("LSTM", [6, 8], {"proj_size": 3, "num_layers": 2, "bidirectional": True, "batch_first": True}, (2, 5, 6)),
]
cases = {f"{i} {kind}": layer(i, kind, args, options, *shapes) for i, (kind, args, options, *shapes) in enumerate(layers)}


def unpool(i, dims, kernel, options, shape, exact):
    torch.manual_seed(80 + i)
    x = torch.randn(shape)
    pooled, indices = getattr(nn, f"MaxPool{dims}d")(kernel, return_indices=True, **options)(x)
    pooled.requires_grad_()
    m = getattr(nn, f"MaxUnpool{dims}d")(kernel, **options)
    size = list(shape[2:]) if exact else None
    y = m(pooled, indices, output_size=size)
    weight = torch.randn_like(y)
    (y * weight).sum().backward()
    return {
        "dims": dims, "kernel": kernel, "options": options, "size": size,
        "x": pooled.detach(), "indices": indices.int(), "y": y.detach(), "weight": weight, "grad": pooled.grad,
    }


unpools = [
    unpool(0, 1, 2, {}, (2, 3, 8), False),
    unpool(1, 1, 3, {"stride": 2, "padding": 1}, (2, 3, 9), True),
    unpool(2, 2, 2, {}, (2, 3, 6, 8), False),
    unpool(3, 2, 2, {}, (2, 3, 7, 9), True),
]


class Static(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.quant, self.conv, self.dequant = tq.QuantStub(), conv, tq.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.conv(self.quant(x)))


def int8(i, kind, args, options, shape):
    """A layer between stubs, calibrated by its input: by PyTorch's default for qnnpack."""
    torch.manual_seed(90 + i)
    model = Static(getattr(nn, kind)(*args, **options)).eval()
    state = {key: t.clone() for key, t in model.state_dict().items()}
    model.qconfig = tq.QConfig(
        activation=tq.MinMaxObserver.with_args(dtype=torch.quint8),
        weight=tq.MinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric),
    )
    prepared = tq.prepare(model)
    x = torch.randn(shape)
    prepared(x)
    converted = tq.convert(prepared)
    y = converted.conv(converted.quant(x)).int_repr()
    return {"kind": kind, "args": args, "options": options, "state_dict": state, "x": x, "y": y}


int8s = [
    int8(0, "Conv1d", [4, 6, 3], {"padding": 2, "padding_mode": "reflect"}, C1),
    int8(1, "Conv2d", [4, 6, 3], {"padding": (2, 1), "padding_mode": "reflect", "stride": 2}, C2),
    int8(2, "Conv2d", [4, 4, 3], {"padding": 1, "padding_mode": "reflect", "groups": 4}, C2),
]


def qat(i, options):
    """Three steps of a convolution, batch normalisation and ReLU that is trained for int8."""
    torch.manual_seed(95 + i)
    model = nn.Sequential(nn.Conv2d(4, 6, 3, bias=False, **options), nn.BatchNorm2d(6), nn.ReLU()).train()
    state = {key: t.clone() for key, t in model.state_dict().items()}
    model.qconfig = tq.get_default_qat_qconfig("qnnpack")
    fused = tq.prepare_qat(tq.fuse_modules_qat(model, [["0", "1", "2"]]))
    x, losses = torch.randn(C2), []
    sgd = torch.optim.SGD(fused.parameters(), 0.1)
    for _ in range(3):
        loss = fused(x).square().mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return {"options": options, "state_dict": state, "x": x, "losses": losses, "weight": fused[0].weight.detach().clone()}


# PyTorch's convolutions to be trained so take no padding by name.
qats = [qat(0, {"padding": 1, "padding_mode": "reflect"}), qat(1, {"padding": 2, "padding_mode": "circular"})]


def schedule(kind, options, groups, momentum, adam=False):
    if adam:
        optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=groups[0])
    else:
        optimizer = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in groups], momentum=momentum)
    s = kind(optimizer, **options)
    rates, momenta = [], []
    for _ in range(23):
        rates.append([float(g["lr"]) for g in optimizer.param_groups])
        momenta.append([float(g["betas"][0] if adam else g["momentum"]) for g in optimizer.param_groups])
        optimizer.step()
        s.step()
    return {"kind": kind.__name__, "options": options, "groups": groups, "momentum": momentum, "adam": adam, "rates": rates, "momenta": momenta}


Cyclic, SWA = torch.optim.lr_scheduler.CyclicLR, torch.optim.swa_utils.SWALR
schedules = [
    schedule(Cyclic, {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4}, [0.3], 0.9),
    schedule(Cyclic, {"base_lr": [0.1, 0.2], "max_lr": [0.5, 0.3], "step_size_up": 3, "step_size_down": 5, "mode": "triangular2"}, [0.3, 0.1], 0.9),
    schedule(Cyclic, {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9, "base_momentum": 0.7, "max_momentum": 0.95}, [0.3], 0.9),
    schedule(Cyclic, {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4}, [0.3], 0.9, True),
    schedule(Cyclic, {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "cycle_momentum": False}, [0.3], 0.0),
    schedule(SWA, {"swa_lr": 0.05}, [0.3], 0.9),
    schedule(SWA, {"swa_lr": [0.05, 0.01], "anneal_epochs": 5, "anneal_strategy": "linear"}, [0.3, 0.2], 0.9),
    schedule(SWA, {"swa_lr": 0.05, "anneal_epochs": 0}, [0.3], 0.9),
]

torch.save({"layers": cases, "unpools": unpools, "int8": int8s, "qat": qats, "schedules": schedules}, Path(sys.argv[1]) / "layers.pt")
