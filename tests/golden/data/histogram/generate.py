"""Cases of PyTorch 2.13's HistogramObserver, for the format of ../README.md.

    python generate.py [folder] [--fuzz count]

Without --fuzz: the cases of this folder. With it: so many random sequences, for a look beyond them
(`GOLDEN_DIR=folder pnpm test:golden`).
"""

import argparse
import json
import math
import struct
import warnings
from pathlib import Path

import numpy as np
import torch
from torch.ao.quantization.observer import HistogramObserver

warnings.simplefilter("ignore")
QSCHEMES = {"per_tensor_affine": torch.per_tensor_affine, "per_tensor_symmetric": torch.per_tensor_symmetric}
EXACT = ["min_val", "max_val", "zero_point"]


def save(path, params, about, tensors):
    kinds = {"float32": "F32", "int32": "I32", "int64": "I64"}
    header, data, at = {"__metadata__": {"params": json.dumps(params), "about": about}}, b"", 0
    for name, value in tensors.items():
        raw = value.tobytes()
        header[name] = {"dtype": kinds[str(value.dtype)], "shape": list(value.shape), "data_offsets": [at, at + len(raw)]}
        data, at = data + raw, at + len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def case(folder, name, about, batches, **kwargs):
    options = dict(kwargs)
    if "qscheme" in options:
        options["qscheme"] = QSCHEMES[options["qscheme"]]
    if "dtype" in options:
        options["dtype"] = getattr(torch, options["dtype"])
    observer = HistogramObserver(**options)
    batches = [np.asarray(batch, dtype=np.float32) for batch in batches]
    rows = {name: [] for name in ["min_val", "max_val", "scale", "zero_point", "histogram"]}
    for batch in batches:
        observer(torch.from_numpy(batch))
        scale, zero_point = observer.calculate_qparams()
        now = {"min_val": observer.min_val, "max_val": observer.max_val, "histogram": observer.histogram}
        now |= {"scale": scale, "zero_point": zero_point.to(torch.int32)}
        for key, value in now.items():
            rows[key].append(value.numpy().copy())
    params = {"op": "observer", "observer": "HistogramObserverCurrent", "kwargs": kwargs, "n_batches": len(batches)}
    tensors = {f"in.x{i}": batch for i, batch in enumerate(batches)}
    tensors |= {f"out.{key}": np.stack(values) for key, values in rows.items()}
    save(folder / f"{name}.safetensors", params, about, tensors)
    tolerance = {f"out.{key}": "exact" for key in EXACT}
    tolerance |= {"out.scale": {"atol": 0.0, "rtol": 1e-6}, "out.histogram": {"atol": 0.0, "rtol": 1e-6}}
    return {
        "name": name,
        "group": "observers_histogram_v213",
        "file": f"{name}.safetensors",
        "op": "observer",
        "tolerance": tolerance,
        "about": about,
    }


def fixed(add):
    rng = np.random.default_rng(0)
    normal = lambda n, scale=1.0, shift=0.0: rng.normal(size=n) * scale + shift
    inf = math.inf
    add("grows", "Ranges that grow at both ends.", [normal(200, 1 + i, i) for i in range(4)])
    add("within", "Later batches within the first one's range.", [[-5, 5], normal(200), normal(200)])
    add("default_bins", "2048 bins.", [np.maximum(normal(400, 1 + i), 0) for i in range(2)], bins=2048)
    add("relu", "After a ReLU.", [np.maximum(normal(300, 1 + 0.3 * i), 0) for i in range(4)])
    add("outliers", "A lone outlier each.", [np.append(normal(300), 30.0 * (i + 1)) for i in range(3)])
    add("far_outlier", "One value far out.", [normal(300), np.append(normal(30), 1e6), normal(300)])
    add("narrow_first", "A first range of one step of float32.", [[0.5, 0.50000006], [0.2, 0.9], normal(100)])
    add("narrow_then_wide", "Widths from 1e-5 to 1e5.", [normal(50, 10.0**e) for e in range(-5, 6, 2)])
    add("one_by_one", "Batches of one value.", [[5.0], [-3.0], [0.5], [7.0], [0.1]])
    add("constants", "Constant batches of several values.", [[2.0] * 9, [2.0] * 5, [-1.0] * 7, [0.5] * 100])
    add("constant_then_normal", "A constant batch, then others.", [[3.25] * 20, normal(200), normal(200, 3)])
    add("zeros_then_normal", "Zeros, then others.", [[0.0] * 20, [0.0] * 20, normal(200)])
    add("zeros", "Nothing but zeros.", [[0.0] * 5, [0.0]])
    add("constant_inside", "Constants within a range.", [normal(200), [0.25] * 500, [0.25] * 500])
    add("large_constant", "A constant whose neighbours are further than 1.", [[1e10] * 4, [1e10], [1e10 + 4096]])
    add("infinities", "Infinities are left out.", [[inf, 1, 2, 3], [-inf, inf], [0.5, -inf, 7], normal(50)])
    add("only_infinities_first", "A first batch without a finite value.", [[inf, -inf], normal(100)])
    add("empty", "Empty batches.", [np.zeros(0), normal(100), np.zeros(0), normal(100, 2)])
    add("denormal", "Denormals first.", [[1e-45, 3e-45], [1e-40, 2e-40], [0.0, 1.0]])
    add("tiny", "All of it tiny.", [normal(100, 1e-20), normal(100, 3e-20)])
    add("large", "1e6 to 1e11.", [normal(100, 1e6), normal(200, 1e9), normal(100, 1e11)])
    add("huge", "Cubes beyond float32.", [normal(200, 1e14), normal(200, 3e14)])
    add("far", "One value of 1e35, the most that torch.histc takes in 256 bins.", [[1.0, 2.0], [1e35], [7.0]])
    add("negative", "Below zero only.", [-np.abs(normal(100, 1, 5)), -np.abs(normal(100, 2, 9))])
    add("positive", "Above zero only.", [np.abs(normal(100, 1, 5)), np.abs(normal(100, 2, 9))])
    add("shifting", "Ranges that move.", [normal(100, 0.1, i) for i in range(6)])
    add("many", "Twelve batches.", [normal(40, 1 + 0.1 * i) for i in range(12)], bins=64)
    add("bimodal", "Two heaps.", [np.concatenate([normal(90, 0.1, -4), normal(90, 0.1, 4 + i)]) for i in range(3)])
    add("heavy_tails", "Cauchy.", [rng.standard_cauchy(200) for _ in range(4)])
    add("uniform", "Uniform.", [rng.uniform(-1 - i, 2 + i, 200) for i in range(3)])
    add("integers", "Whole numbers.", [rng.integers(-5 - 10 * i, 5, 100) for i in range(3)])
    add("symmetric", "qint8, symmetric.", [normal(100, 1 + i) for i in range(3)], dtype="qint8", qscheme="per_tensor_symmetric")
    add("reduced", "reduce_range.", [normal(100, 1 + i) for i in range(3)], reduce_range=True)
    add("custom", "0 to 127.", [normal(100, 1 + i) for i in range(3)], quant_min=0, quant_max=127)
    add("few_bins", "31 bins.", [normal(100, 1 + i) for i in range(3)], bins=31)


def fuzz(add, count):
    for index in range(count):
        rng = np.random.default_rng(index)
        make = [
            lambda: rng.normal(size=rng.integers(1, 2000)) * 10 ** rng.uniform(-2, 2) + rng.normal(),
            lambda: np.maximum(rng.normal(size=rng.integers(1, 2000)) * rng.uniform(0.1, 5), 0),
            lambda: rng.laplace(size=rng.integers(1, 2000)),
            lambda: rng.uniform(-1, rng.uniform(0, 9), rng.integers(1, 2000)),
            lambda: np.full(rng.integers(1, 9), rng.normal()),
            lambda: rng.standard_cauchy(rng.integers(1, 500)) * 10 ** rng.uniform(-3, 3),
            lambda: 1 / (1 + np.exp(-rng.normal(size=rng.integers(1, 2000)) * 3)),
            lambda: rng.normal(size=rng.integers(1, 300)) * 10.0 ** rng.integers(-30, 15),
        ]
        batches = [make[rng.integers(len(make))]() for _ in range(rng.integers(1, 8))]
        if rng.random() < 0.5:
            batches = [make[index % len(make)]() for _ in batches]
        add(f"fuzz_{index}", "Random.", batches, bins=2048 if rng.random() < 0.8 else int(rng.integers(3, 400)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--fuzz", type=int, default=0)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    cases = []

    def add(name, about, batches, **kwargs):
        name = f"obs_hist_v213_{name}"
        cases.append(case(args.folder, name, about, batches, **{"bins": 256, **kwargs}))

    fuzz(add, args.fuzz) if args.fuzz else fixed(add)
    reference = f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"
    (args.folder / "index.json").write_text(json.dumps({"version": 1, "reference": reference, "cases": cases}, indent=1) + "\n")
