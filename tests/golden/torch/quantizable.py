"""Makes quantizable.pt: static int8 LSTMs, cells and attention of PyTorch 2.13, its engine qnnpack. python quantizable.py FOLDER"""

import sys
from pathlib import Path

import torch
import torch.ao.nn.quantizable as nnqa
import torch.ao.quantization as tq
from torch import nn

torch.backends.quantized.engine = "qnnpack"


def qconfig():
    return tq.QConfig(
        activation=tq.MinMaxObserver.with_args(dtype=torch.quint8),
        weight=tq.MinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric),
    )


class Wrapped(nn.Module):
    """The module between stubs, each of its inputs with one of its own."""

    def __init__(self, module, inputs, call):
        super().__init__()
        self.quants = nn.ModuleList(tq.QuantStub() for _ in range(inputs))
        self.module = module
        self.kwargs = call

    def forward(self, *xs):
        x, *rest = (quant(x) for quant, x in zip(self.quants, xs))
        if isinstance(self.module, nnqa.LSTMCell):
            return self.module(x, tuple(rest))
        return self.module(x, *rest, **self.kwargs)


def flat(out):
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for each in out if each is not None for t in flat(each)]


cases = {}


def case(name, module, shapes, options, call=None, args=None):
    torch.manual_seed(30 + len(cases))
    wrapped = Wrapped(module, len(shapes), call or {}).eval()
    for p in module.parameters():
        if p.dim() == 1:
            nn.init.uniform_(p, -0.3, 0.3)
    wrapped.qconfig = qconfig()
    float_state = {key: t.clone() for key, t in module.state_dict().items()}
    data = [[torch.randn(shape) for shape in shapes] for _ in range(3)]
    prepared = tq.prepare(wrapped)
    calibrated = [flat(prepared(*xs)) for xs in data[:2]]
    int8 = tq.convert(prepared)
    cases[name] = {
        "kind": type(module).__name__,
        "args": args,
        "options": options,
        "call": call or {},
        "float": float_state,
        "data": data,
        "calibrated": [[t.detach() for t in each] for each in calibrated],
        "int8": int8.state_dict(),
        "outputs": flat(int8(*data[2])),
    }


def lstm(name, *args, **options):
    steps, batch = 4, 3
    case(name, nn.LSTM(*args, **options), [(batch, steps, args[0]) if options.get("batch_first") else (steps, batch, args[0])], options, args=list(args))


def attention(name, *args, call=None, **options):
    k, v = options.get("kdim", args[0]), options.get("vdim", args[0])
    shapes = [(5, 2, args[0]), (6, 2, k), (6, 2, v)]
    case(name, nn.MultiheadAttention(*args, **options), shapes, options, call, list(args))


lstm("lstm", 6, 8)
lstm("two layers, both directions", 6, 8, num_layers=2, bidirectional=True)
lstm("batch first, without bias", 6, 8, batch_first=True, bias=False)
case("cell", nnqa.LSTMCell(6, 8), [(3, 6), (3, 8), (3, 8)], {}, args=[6, 8])
attention("attention", 8, 2)
attention("a key of zeros, no weights", 8, 2, add_zero_attn=True, call={"need_weights": False})
attention("a mask, weights of each head", 8, 2, call={"attn_mask": torch.ones(5, 6).triu(1).bool(), "average_attn_weights": False})
attention("widths of their own, no bias", 8, 4, kdim=6, vdim=10, bias=False)
torch.save(cases, Path(sys.argv[1]) / "quantizable.pt")
for name, made in cases.items():
    print(name, [tuple(t.shape) for t in made["outputs"]], *made["int8"].keys(), sep="\n  " if "-v" in sys.argv else " ")

if "--others" in sys.argv:
    for what, build in {
        "a learned key": lambda: attention("learned key", 8, 2, add_bias_kv=True),
        "batch first": lambda: attention("batch first", 8, 2, batch_first=True),
    }.items():
        try:
            build()
            print(what, "runs")
        except Exception as error:  # noqa: BLE001
            print(what, type(error).__name__, str(error)[:200])
    m = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    m.qconfig = qconfig()
    x = torch.randn(2, 5, 8)
    print("batch first, largest difference in float", (nnqa.MultiheadAttention.from_float(m)(x, x, x)[0] - m(x, x, x)[0]).abs().max())
