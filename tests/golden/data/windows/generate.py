"""Cases of PyTorch 2.13 (engine qnnpack), for the format of ../README.md: what slides windows over rows and images.

    python generate.py [folder]

A function with its gradients is a line of FLOAT, one on integers a line of POOLS, a layer that is trained one of QAT.
"""

import argparse
import json
import struct
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.ao.nn.intrinsic as nni
import torch.ao.nn.intrinsic.qat as nniqat
import torch.ao.nn.intrinsic.quantized as nniq
import torch.ao.nn.qat as nnqat
import torch.ao.nn.quantized as nnq
import torch.ao.quantization as tq
import torch.nn.functional as F
from torch import nn

warnings.simplefilter("ignore")
torch.backends.quantized.engine = "qnnpack"
NEAR = {"atol": 1e-5, "rtol": 1e-4}

# The function, the shapes of its inputs, its keyword arguments.
FLOAT = [
    (F.conv1d, {"x": [2, 3, 11], "weight": [4, 3, 3], "bias": [4]}, {}),
    (F.conv1d, {"x": [2, 4, 12], "weight": [6, 2, 5], "bias": [6]}, {"stride": 2, "padding": 4, "dilation": 2, "groups": 2}),
    (F.conv1d, {"x": [1, 4, 9], "weight": [4, 1, 3]}, {"padding": 1, "groups": 4}),
    (F.conv_transpose2d, {"x": [2, 3, 4, 5], "weight": [3, 4, 3, 2], "bias": [4]}, {}),
    (F.conv_transpose2d, {"x": [1, 4, 4, 3], "weight": [4, 3, 2, 2], "bias": [3]}, {"stride": 2}),
    (F.conv_transpose2d, {"x": [2, 4, 5, 4], "weight": [4, 3, 3, 3], "bias": [6]}, {"stride": [2, 3], "padding": [1, 0], "output_padding": [1, 2], "groups": 2}),
    (F.conv_transpose2d, {"x": [1, 3, 4, 5], "weight": [3, 1, 4, 4]}, {"stride": 2, "padding": 1, "groups": 3}),
    (F.conv_transpose2d, {"x": [1, 2, 4, 3], "weight": [2, 3, 3, 2]}, {"stride": 2, "padding": 2, "dilation": [2, 3], "output_padding": [1, 0]}),
    (F.conv_transpose1d, {"x": [2, 3, 7], "weight": [3, 4, 4], "bias": [4]}, {"stride": 3, "padding": 1, "output_padding": 2}),
    (F.max_pool1d, {"x": [2, 3, 11]}, {"kernel_size": 3, "stride": 2, "padding": 1}),
    (F.max_pool1d, {"x": [2, 3, 11]}, {"kernel_size": 3, "stride": 1, "dilation": 2}),
    (F.avg_pool1d, {"x": [2, 3, 11]}, {"kernel_size": 4, "stride": 2, "padding": 2}),
    (F.avg_pool1d, {"x": [2, 3, 11]}, {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    (F.adaptive_avg_pool1d, {"x": [2, 3, 11]}, {"output_size": 4}),
    (F.interpolate, {"x": [2, 3, 4, 5]}, {"scale_factor": 2}),
    (F.interpolate, {"x": [1, 2, 7, 5]}, {"size": [4, 9]}),
    (F.interpolate, {"x": [1, 2, 6, 5]}, {"scale_factor": [1.7, 0.45], "mode": "nearest"}),
    (F.interpolate, {"x": [1, 2, 7, 5]}, {"size": [10, 3], "mode": "nearest-exact"}),
    (F.interpolate, {"x": [2, 3, 5]}, {"scale_factor": 2.6, "mode": "nearest"}),
    (F.interpolate, {"x": [2, 3, 5]}, {"size": 12, "mode": "linear"}),
    (F.interpolate, {"x": [2, 3, 5]}, {"scale_factor": 0.7, "mode": "linear", "align_corners": True}),
    (F.interpolate, {"x": [2, 3, 4, 5]}, {"scale_factor": 2, "mode": "bilinear"}),
    (F.interpolate, {"x": [1, 2, 7, 6]}, {"size": [3, 11], "mode": "bilinear"}),
    (F.interpolate, {"x": [1, 2, 5, 4]}, {"size": [9, 7], "mode": "bilinear", "align_corners": True}),
    (F.interpolate, {"x": [1, 2, 5, 4]}, {"scale_factor": [1.3, 2.7], "mode": "bilinear"}),
    (F.interpolate, {"x": [1, 2, 5, 4]}, {"scale_factor": [1.3, 2.7], "mode": "bilinear", "recompute_scale_factor": True}),
    (F.interpolate, {"x": [1, 2, 5, 4]}, {"size": [1, 1], "mode": "bilinear", "align_corners": True}),
    (F.interpolate, {"x": [2, 2, 5, 4]}, {"scale_factor": 2, "mode": "bicubic"}),
    (F.interpolate, {"x": [1, 2, 6, 7]}, {"size": [4, 10], "mode": "bicubic", "align_corners": True}),
    (F.interpolate, {"x": [1, 2, 6, 7]}, {"scale_factor": 0.6, "mode": "bicubic"}),
    (F.interpolate, {"x": [1, 2, 6, 7]}, {"size": [3, 4], "mode": "area"}),
    (F.max_pool2d, {"x": [1, 2, 6, 8]}, {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    (F.max_pool2d, {"x": [1, 2, 5, 5]}, {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}),
    (F.avg_pool2d, {"x": [1, 2, 6, 8]}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    (F.avg_pool2d, {"x": [1, 2, 6, 8]}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
    (F.max_pool1d, {"x": [1, 2, 8]}, {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    (F.avg_pool1d, {"x": [1, 2, 8]}, {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    (F.pad, {"x": [1, 2, 4, 5]}, {"pad": [2, 4, 3, 1], "mode": "reflect"}),
    (F.pad, {"x": [1, 2, 4, 5]}, {"pad": [2, 7, 5, 1], "mode": "replicate"}),
    (F.pad, {"x": [1, 2, 4, 5]}, {"pad": [5, 1, 0, 4], "mode": "circular"}),
    (F.pad, {"x": [2, 3, 6]}, {"pad": [3, 5], "mode": "reflect"}),
    (F.pad, {"x": [2, 3, 6]}, {"pad": [-2, 4], "mode": "replicate"}),
]

# Of a quint8 tensor: the function, its shape, its keyword arguments.
POOLS = [
    (F.max_pool1d, [2, 5, 11], {"kernel_size": 3, "stride": 2, "padding": 1}),
    (F.avg_pool1d, [2, 5, 11], {"kernel_size": 3, "stride": 2, "padding": 1}),
    (F.adaptive_avg_pool1d, [2, 5, 11], {"output_size": 4}),
    (F.interpolate, [2, 5, 4, 6], {"scale_factor": 2}),
    (F.interpolate, [1, 3, 7, 5], {"size": [4, 9], "mode": "nearest-exact"}),
    (F.interpolate, [2, 5, 4, 6], {"scale_factor": 2, "mode": "bilinear"}),
    (F.interpolate, [2, 5, 7, 6], {"size": [12, 17], "mode": "bilinear"}),
    (F.interpolate, [1, 32, 7, 9], {"size": [13, 5], "mode": "bilinear", "align_corners": True}),
    (F.interpolate, [1, 4, 16, 16], {"scale_factor": 4, "mode": "bilinear", "align_corners": True}),
    (F.max_pool2d, [1, 3, 6, 8], {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    (F.avg_pool2d, [1, 3, 6, 8], {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
]

# Kinds of layers, their convolution, the recipe, whether on the slow path.
QAT = [
    ("conv", {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "padding": 1}, "qat_qnnpack", False),
    ("conv_relu", {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "stride": 2}, "qat_fbgemm", False),
    ("conv_bn", {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "groups": 2}, "qat_qnnpack", False),
    ("conv_bn", {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "bias": False}, "qat_fbgemm", True),
    ("conv_bn_relu", {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "bias": False}, "qat_fbgemm", False),
]

# PyTorch's default mappings leave out two of the forms that it has.
TRAINED = tq.get_default_qat_module_mappings() | {nn.Conv1d: nnqat.Conv1d, nni.ConvReLU1d: nniqat.ConvReLU1d}
INT8 = tq.get_default_static_quant_module_mappings() | {nnqat.Conv1d: nnq.Conv1d, nniqat.ConvReLU1d: nniq.ConvReLU1d}


def save(path, params, about, tensors):
    kinds = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint8": "U8", "int8": "I8"}
    header, data, at = {"__metadata__": {"params": json.dumps(params), "about": about}}, b"", 0
    for name, value in tensors.items():
        value = np.array(value.detach().numpy() if isinstance(value, torch.Tensor) else value, order="C")
        header[name] = {"dtype": kinds[str(value.dtype)], "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        data, at = data + value.tobytes(), at + value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def entry(name, group, op, about, tolerance):
    return {"name": name, "group": group, "file": f"{name}.safetensors", "op": op, "tolerance": tolerance, "about": about}


def float_cases(folder):
    counts = {}
    for f, shapes, kwargs in FLOAT:
        torch.manual_seed(len(counts))
        inputs = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
        y = f(*inputs.values(), **kwargs)
        grad_out = torch.randn(y.shape)
        y.backward(grad_out)
        i = counts[f.__name__] = counts.get(f.__name__, -1) + 1
        name, about = f"{f.__name__}_{i}", f"{f.__name__} and its gradients."
        tensors = {f"in.{k}": v for k, v in inputs.items()} | {"in.grad_out": grad_out, "out.y": y}
        tensors |= {f"out.grad_{k}": v.grad for k, v in inputs.items()}
        save(folder / f"{name}.safetensors", {"op": "float_op", "fn": f.__name__, "kwargs": kwargs}, about, tensors)
        yield entry(name, "windows", "float_op", about, {"*": NEAR})


def pool_cases(folder):
    for i, (f, shape, kwargs) in enumerate(POOLS):
        rng = np.random.default_rng(i)
        q = torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))
        scale, zero_point = 0.037, 90 + i
        y = f(torch._make_per_tensor_quantized_tensor(q, scale, zero_point), **kwargs)
        params = {"op": "qunary", "fn": f.__name__, "kwargs": kwargs, "x_scale": scale, "x_zero_point": zero_point}
        tensors = {"in.x": q, "out.y.int": y.int_repr(), "out.y.scale": np.array([y.q_scale()]), "out.y.zero_point": np.array([y.q_zero_point()])}
        name, about = f"q_{f.__name__}_{i}", f"{f.__name__} of integers."
        save(folder / f"{name}.safetensors", params, about, tensors)
        # PyTorch subtracts the zero point and adds it again, both in float32: near a tie that rounds once more.
        uneven = kwargs.get("mode") == "bilinear" and "size" in kwargs
        rule = {"out.y.int": {"max_int_diff": 1, "max_fraction": 0.001}} if uneven else {}
        yield entry(name, "windows_int8", "qunary", about, {"*": "exact"} | rule)


def qconv1d_cases(folder):
    for i, per_channel in enumerate([False, True, True]):
        rng = np.random.default_rng(i)
        groups = [1, 1, 2][i]
        options = [{"stride": 1, "padding": 1, "dilation": 1}, {"stride": 2, "padding": 0, "dilation": 2}, {"stride": 1, "padding": 2, "dilation": 1}][i]
        x = torch.from_numpy(rng.integers(0, 256, [2, 4, 17], dtype=np.uint8))
        w = torch.from_numpy(rng.integers(-128, 128, [6, 4 // groups, 3], dtype=np.int8))
        bias = torch.from_numpy(rng.normal(0, 2, 6).astype(np.float32))
        sx, zx, sy, zy = 0.031, 117, 0.9, 130
        scales = (0.01 * rng.uniform(0.5, 2, 6)).astype(np.float32)
        if per_channel:
            zeros = torch.zeros(6, dtype=torch.int64)
            qw = torch._make_per_channel_quantized_tensor(w, torch.from_numpy(scales).double(), zeros, 0)
        else:
            qw = torch._make_per_tensor_quantized_tensor(w, float(scales[0]), 0)
        pack = [[options["stride"]], [options["padding"]], [options["dilation"]], groups]
        packed = torch.ops.quantized.conv1d_prepack(qw, bias, *pack)
        y = torch.ops.quantized.conv1d(torch._make_per_tensor_quantized_tensor(x, sx, zx), packed, sy, zy)
        params = {"op": "qconv1d", "relu": False, "per_channel": per_channel, **options, "groups": groups}
        params |= {"x_scale": sx, "x_zero_point": zx, "out_scale": sy, "out_zero_point": zy}
        tensors = {"in.x": x, "in.w": w, "in.bias": bias, "out.y": y.int_repr()}
        if per_channel:
            tensors |= {"in.w_scale": scales, "in.w_zero_point": np.zeros(6, np.int32)}
        else:
            params |= {"w_scale": float(scales[0]), "w_zero_point": 0}
        name, about = f"q_conv1d_{i}", "int8 convolution of rows."
        save(folder / f"{name}.safetensors", params, about, tensors)
        yield entry(name, "windows_int8", "qconv1d", about, {"*": "exact"})


# x, weight, and the arguments of an int8 transposed convolution.
TRANSPOSED = [
    ([2, 8, 5, 6], [8, 12, 2, 2], {"stride": [2, 2]}),
    ([1, 6, 5, 4], [6, 5, 3, 3], {"stride": [2, 2], "padding": [1, 1], "output_padding": [1, 1]}),
    ([2, 8, 4, 5], [8, 3, 4, 3], {"stride": [3, 2], "padding": [1, 2], "output_padding": [2, 0], "groups": 2}),
    ([1, 4, 5, 5], [4, 6, 3, 2], {"stride": [2, 1], "dilation": [2, 3]}),
    ([1, 8, 5, 5], [8, 1, 4, 4], {"stride": [2, 2], "padding": [1, 1], "groups": 8}),
    ([2, 4, 9], [4, 6, 4], {"stride": [2], "padding": [1]}),
]


def transposed_cases(folder):
    for i, (x_shape, w_shape, given) in enumerate(TRANSPOSED):
        rng = np.random.default_rng(50 + i)
        rank = len(w_shape) - 2
        options = {"stride": [1] * rank, "padding": [0] * rank, "output_padding": [0] * rank, "dilation": [1] * rank, "groups": 1} | given
        outputs = w_shape[1] * options["groups"]
        x = torch.from_numpy(rng.integers(0, 256, x_shape, dtype=np.uint8))
        w = torch.from_numpy(rng.integers(-128, 128, w_shape, dtype=np.int8))
        bias = torch.from_numpy(rng.normal(0, 2, outputs).astype(np.float32))
        sx, zx, sw, sy, zy = 0.031, 40 * i, 0.0123, 0.7, 120 + i
        qx, qw = torch._make_per_tensor_quantized_tensor(x, sx, zx), torch._make_per_tensor_quantized_tensor(w, sw, 0)
        ops, name = torch.ops.quantized, f"conv_transpose{rank}d"
        packed = getattr(ops, f"{name}_prepack")(qw, bias, *options.values())
        y = getattr(ops, name)(qx, packed, sy, zy)
        params = {"op": f"q{name}", "relu": False, "per_channel": False, **options}
        params |= {"x_scale": sx, "x_zero_point": zx, "w_scale": sw, "w_zero_point": 0, "out_scale": sy, "out_zero_point": zy}
        about = "int8 transposed convolution, QNNPACK's deconvolution."
        save(folder / f"q_{name}_{i}.safetensors", params, about, {"in.x": x, "in.w": w, "in.bias": bias, "out.y": y.int_repr()})
        yield entry(f"q_{name}_{i}", "windows_int8", f"q{name}", about, {"*": "exact"})


def fold_transposed_case(folder):
    torch.manual_seed(0)
    conv, bn = nn.ConvTranspose2d(3, 4, 3, stride=2), nn.BatchNorm2d(4)
    bn.running_mean.normal_()
    bn.running_var.uniform_(0.2, 3)
    nn.init.normal_(bn.weight)
    nn.init.normal_(bn.bias)
    state = {f"in.state.{k}.{n}": v.clone() for k, m in (("conv", conv), ("bn", bn)) for n, v in m.state_dict().items() if v.dtype == torch.float32}
    x = torch.randn(2, 3, 5, 4)
    model = nn.Sequential(conv, bn).eval()
    with torch.no_grad():
        y = model(x)
        fused = tq.fuse_modules(model, ["0", "1"])
        tensors = state | {"in.x": x, "out.y_unfused": y, "out.y": fused(x), "out.weight": fused[0].weight, "out.bias": fused[0].bias}
    geometry = {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "stride": 2}
    params = {"op": "fuse", "kind": "conv_bn", "conv_transpose": geometry}
    name, about = "fuse_conv_transpose_bn", "A transposed convolution and its batch normalisation, fused."
    save(folder / f"{name}.safetensors", params, about, tensors)
    yield entry(name, "windows", "fuse", about, {"*": NEAR, "out.weight": "exact", "out.bias": "exact"})


class Body(nn.Sequential):
    def __init__(self, kind, conv):
        layers = {"conv": lambda: nn.Conv1d(**conv), "bn": lambda: nn.BatchNorm1d(conv["out_channels"]), "relu": nn.ReLU}
        super().__init__()
        for name in kind.split("_"):
            self.add_module(name, layers[name]())


class Stubbed(nn.Module):
    def __init__(self, kind, conv):
        super().__init__()
        self.quant, self.body, self.dequant = tq.QuantStub(), Body(kind, conv), tq.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.body(self.quant(x)))


def qat_cases(folder):
    for i, (kind, conv, qconfig, slow_path) in enumerate(QAT):
        torch.manual_seed(i)
        model = Stubbed(kind, conv).train()
        tensors = {f"in.state.{k}": v.clone() for k, v in model.state_dict().items() if v.dtype == torch.float32}
        names = kind.split("_")
        if len(names) > 1:
            tq.fuse_modules_qat(model.body, names, inplace=True)
        model.qconfig = tq.get_default_qat_qconfig(qconfig[4:], version=1)
        tq.prepare_qat(model, mapping=TRAINED, inplace=True)
        for module in model.modules():
            if hasattr(module, "_enable_slow_path_for_better_numerical_stability"):
                module._enable_slow_path_for_better_numerical_stability = slow_path
        optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
        for step in range(3):
            x = torch.randn(2, conv["in_channels"], 12)
            optimizer.zero_grad()
            y = model(x)
            target = torch.randn(y.shape)
            loss = F.mse_loss(y, target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            tensors |= {f"in.x{step}": x, f"in.target{step}": target, f"out.step{step}.y": y}
            tensors |= {f"out.step{step}.grad.{k}": p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
        model.eval().apply(tq.disable_observer)
        x = torch.randn(3, conv["in_channels"], 12)
        with torch.no_grad():
            y = model(x)
            int8 = tq.convert(model, mapping=INT8)
            layer = int8.body if isinstance(int8.body, nn.quantized.Conv1d) else int8.body.conv
            tensors |= {"out.loss": np.array(losses, np.float32), "in.x_test": x, "out.eval.y": y, "out.int8.y": int8(x)}
            tensors |= {"out.int8.body.conv.weight.int": layer.weight().int_repr(), "out.int8.body.conv.scale": np.array([layer.scale])}
        kernel = conv["kernel_size"]
        params = {"op": "qat_module", "kind": kind, "conv1d": {**conv, "kernel_size": kernel}, "qconfig": qconfig}
        params |= {"steps": 3, "lr": 0.1, "events": {}, "slow_path": slow_path}
        slow = "_slow_path" if slow_path else ""
        name, about = f"qat_{kind}1d_{qconfig}{slow}", "A 1-d layer in quantization-aware training, three steps, and in int8."
        save(folder / f"{name}.safetensors", params, about, tensors)
        yield entry(name, "windows_qat", "qat_module", about, {"*": NEAR, "out.int8.body.conv.weight.int": "exact"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    cases = [*float_cases(folder), *pool_cases(folder), *qconv1d_cases(folder)]
    cases += [*transposed_cases(folder), *fold_transposed_case(folder), *qat_cases(folder)]
    reference = f"PyTorch {torch.__version__}, qnnpack quantized engine"
    (folder / "index.json").write_text(json.dumps({"version": 1, "reference": reference, "cases": cases}, indent=1) + "\n")
