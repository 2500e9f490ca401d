"""Cases of PyTorch 2.13 (engine qnnpack), for the format of ../README.md: int8 convolutions and linear layers that tell a
multiplication by a reciprocal from a division, folded batch normalisation that tells 1/sqrt(v) from v^-0.5, and checkpoints of
quantization-aware training with Sigmoid and Tanh.

    python generate.py [folder]
    python generate.py --compare 1000   # no files: so many random layers, and how many integers the formulas get wrong
"""

import argparse
import json
import struct
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.ao.quantization as tq
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

warnings.simplefilter("ignore")
torch.backends.quantized.engine = "qnnpack"
f32 = np.float32


def save(path, params, about, tensors):
    kinds = {"float32": "F32", "int32": "I32", "int64": "I64", "uint8": "U8", "int8": "I8"}
    header, data, at = {"__metadata__": {"params": json.dumps(params), "about": about}}, b"", 0
    for name, value in tensors.items():
        value = np.array(value, order="C")
        header[name] = {"dtype": kinds[str(value.dtype)], "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        data, at = data + value.tobytes(), at + value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def random_layer(rng, conv):
    """Input, weight, bias and scales of a layer whose sums are few, at an output scale near theirs."""
    per_channel = bool(rng.integers(2))
    groups = int(rng.choice([1, 1, 2, 4])) if conv else 1
    channels_in, channels_out = 4 * int(rng.integers(1, 4)), 4 * int(rng.integers(1, 5))
    x_scale, x_zero_point = float(f32(10 ** rng.uniform(-3, 0))), int(rng.integers(0, 256))
    count = channels_out if per_channel else 1
    w_scale = (10 ** rng.uniform(-4, -1) * rng.uniform(0.5, 2, count)).astype(f32)
    size = int(rng.choice([1, 3])) if conv else 1
    shape = [2, channels_in, 6, 6] if conv else [16, channels_in]
    x = np.clip(rng.normal(x_zero_point, 30, shape), 0, 255).astype(np.uint8)
    w_shape = [channels_out, channels_in // groups] + ([size, size] if conv else [])
    w = np.clip(rng.normal(0, 30, w_shape), -128, 127).astype(np.int8)
    step = f32(x_scale) * w_scale.max()
    bias = (rng.normal(0, 3000, channels_out) * step).astype(f32)
    # Half of them lie next to a half of a step, where rounding decides.
    near = (np.rint(bias / step) + 0.5) * step
    bias = np.where(rng.random(channels_out) < 0.5, near, bias).astype(f32)
    reach = np.sqrt(w[0].size) * 30 * 30 * rng.uniform(0.02, 2)
    y_scale, y_zero_point = float(f32(step * max(1, reach / 100))), int(rng.integers(0, 256))
    options = {"stride": [1, 1], "padding": [size // 2] * 2, "dilation": [1, 1], "groups": groups} if conv else {}
    return x, w, bias, w_scale, per_channel, (x_scale, x_zero_point), (y_scale, y_zero_point), options


def by_torch(layer, conv):
    x, w, bias, w_scale, per_channel, (sx, zx), (sy, zy), options = layer
    qx = torch._make_per_tensor_quantized_tensor(torch.from_numpy(x), sx, zx)
    integers = torch.from_numpy(w)
    if per_channel:
        zeros = torch.zeros(len(w_scale), dtype=torch.int64)
        qw = torch._make_per_channel_quantized_tensor(integers, torch.from_numpy(w_scale).double(), zeros, 0)
    else:
        qw = torch._make_per_tensor_quantized_tensor(integers, float(w_scale[0]), 0)
    b = torch.from_numpy(bias)
    if not conv:
        return torch.ops.quantized.linear(qx, torch.ops.quantized.linear_prepack(qw, b), sy, zy).int_repr().numpy()
    pack = [options[key] for key in ("stride", "padding", "dilation", "groups")]
    return torch.ops.quantized.conv2d(qx, torch.ops.quantized.conv2d_prepack(qw, b, *pack), sy, zy).int_repr().numpy()


def by_formula(layer, conv, reciprocal):
    x, w, bias, w_scale, _, (sx, zx), (sy, zy), options = layer
    xs, ws = torch.from_numpy(x).double() - zx, torch.from_numpy(w).double()
    sums = (F.conv2d(xs, ws, **options) if conv else F.linear(xs, ws)).numpy()
    s = (f32(sx) * w_scale).astype(f32)
    b = np.rint(bias * (f32(1) / s) if reciprocal else bias / s).astype(np.float64)
    m = s * (f32(1) / f32(sy)) if reciprocal else s / f32(sy)
    each = [1, -1, 1, 1] if conv else [1, -1]
    y = np.rint((sums + b.reshape(each)).astype(f32) * m.reshape(each)) + zy
    return np.clip(y, 0, 255).astype(np.uint8)


def int8_cases(folder, conv, count):
    name = "q_conv2d_v213" if conv else "q_linear_v213"
    found, seed = 0, 0
    while found < count:
        rng = np.random.default_rng(seed)
        seed += 1
        layer = random_layer(rng, conv)
        y = by_torch(layer, conv)
        if (by_formula(layer, conv, False) == y).all():
            continue
        x, w, bias, w_scale, per_channel, (sx, zx), (sy, zy), options = layer
        params = {"op": "qconv2d" if conv else "qlinear", "relu": False, "per_channel": per_channel, **options}
        params |= {"x_scale": sx, "x_zero_point": zx, "out_scale": sy, "out_zero_point": zy}
        tensors = {"in.x": x, "in.w": w, "in.bias": bias, "out.y": y}
        if per_channel:
            tensors |= {"in.w_scale": w_scale, "in.w_zero_point": np.zeros(len(w_scale), np.int32)}
        else:
            params |= {"w_scale": float(w_scale[0]), "w_zero_point": 0}
        about = "By a division for bias or multiplier, some integers are others."
        save(folder / f"{name}_{found}.safetensors", params, about, tensors)
        yield entry(f"{name}_{found}", "int8_reciprocals", params["op"], about, {"out.y": "exact"})
        found += 1


def fold_cases(folder):
    for index, kind in enumerate(["conv_bn", "conv_bn", "linear_bn", "linear_bn"]):
        torch.manual_seed(index)
        conv, bias = kind == "conv_bn", index % 2 == 0
        layer = nn.Conv2d(4, 24, 3, bias=bias) if conv else nn.Linear(12, 24, bias=bias)
        bn = nn.BatchNorm2d(24) if conv else nn.BatchNorm1d(24)
        with torch.no_grad():
            # From variances as small as eps, whose float32 counts.
            bn.running_var.copy_(10 ** torch.empty(24).uniform_(-7, 2))
            bn.running_mean.normal_()
            bn.weight.normal_()
            bn.bias.normal_()
        layer.eval(), bn.eval()
        folded = (fuse_conv_bn_eval if conv else fuse_linear_bn_eval)(layer, bn)
        geometry = {"in_channels": 4, "out_channels": 24, "kernel_size": 3, "bias": bias}
        params = {"op": "fold", "kind": kind, "bn_eps": bn.eps}
        params |= {"conv": geometry} if conv else {"linear": {"in_features": 12, "out_features": 24, "bias": bias}}
        own = "conv" if conv else "linear"
        state = {f"{own}.{k}": v for k, v in layer.state_dict().items()}
        state |= {f"bn.{k}": v for k, v in bn.state_dict().items()}
        tensors = {f"in.state.{k}": v.numpy() for k, v in state.items()}
        tensors |= {"out.weight": folded.weight.detach().numpy(), "out.bias": folded.bias.detach().numpy()}
        name, about = f"fold_{kind}_{index}", "Folded weight and bias, to the last bit."
        save(folder / f"{name}.safetensors", params, about, tensors)
        yield entry(name, "fuse_exact", "fold", about, {"*": "exact"})


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant = tq.QuantStub()
        self.conv = nn.Conv2d(2, 4, 3)
        self.sigmoid = nn.Sigmoid()
        self.pointwise = nn.Conv2d(4, 3, 1)
        self.tanh = nn.Tanh()
        self.dequant = tq.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.tanh(self.pointwise(self.sigmoid(self.conv(self.quant(x))))))


def qat_cases(folder):
    for qconfig, version in [("qat_qnnpack", 1), ("qat_qnnpack_v0", 0)]:
        torch.manual_seed(version)
        model = Activations().train()
        model.qconfig = tq.get_default_qat_qconfig("qnnpack", version=version)
        model = tq.prepare_qat(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            (model(torch.randn(2, 2, 6, 6)) - 0.3).square().mean().backward()
            optimizer.step()
        model.eval().apply(tq.disable_observer)
        x = torch.randn(3, 2, 6, 6)
        with torch.no_grad():
            y = model(x)
            int8 = tq.convert(model)(x)
        tensors = {f"in.state.{k}": v.detach().numpy() for k, v in model.state_dict().items()}
        tensors |= {"in.x": x.numpy(), "out.y": y.numpy(), "out.int8": int8.numpy()}
        name, about = f"qat_activations_{qconfig}", "A checkpoint with Sigmoid and Tanh, loaded strictly, in evaluation and in int8."
        save(folder / f"{name}.safetensors", {"op": "qat_activations", "qconfig": qconfig}, about, tensors)
        tolerance = {"out.y": {"atol": 1e-6, "rtol": 1e-6}, "out.int8": "exact"}
        yield entry(name, "qat_activations", "qat_activations", about, tolerance)


def entry(name, group, op, about, tolerance):
    return {"name": name, "group": group, "file": f"{name}.safetensors", "op": op, "tolerance": tolerance, "about": about}


def compare(count):
    for conv in (True, False):
        total, wrong = 0, {True: 0, False: 0}
        for seed in range(count):
            layer = random_layer(np.random.default_rng(10**6 + seed), conv)
            y = by_torch(layer, conv)
            total += y.size
            for reciprocal in wrong:
                wrong[reciprocal] += int((by_formula(layer, conv, reciprocal) != y).sum())
        what = "convolutions" if conv else "linear layers"
        print(f"{count} {what}, {total} integers: {wrong[True]} differ by reciprocals, {wrong[False]} by divisions")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--compare", type=int, default=0)
    args = parser.parse_args()
    if args.compare:
        compare(args.compare)
    else:
        args.folder.mkdir(parents=True, exist_ok=True)
        folder = args.folder
        cases = [*int8_cases(folder, True, 12), *int8_cases(folder, False, 8), *fold_cases(folder), *qat_cases(folder)]
        reference = f"PyTorch {torch.__version__}, qnnpack quantized engine"
        (folder / "index.json").write_text(json.dumps({"version": 1, "reference": reference, "cases": cases}, indent=1) + "\n")
