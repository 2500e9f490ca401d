"""Writes the cases of this folder: int8 average pools of PyTorch's qnnpack engine, at scales and windows where means lie half-way.

    python generate.py            # the cases
    python generate.py --compare  # no files: counts where the formula of docs/numerics.md differs from PyTorch
"""
import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.backends.quantized.engine = 'qnnpack'
torch.manual_seed(0)
f32 = np.float32
folder = pathlib.Path(__file__).parent

# Windows of PyTorch's qnnpack: adaptive ones whose cells are all of one size, fixed ones whose padding counts.
ADAPTIVE = [((7, 7), 1), ((7, 2), 1), ((14, 14), 1), ((4, 4), 1), ((11, 2), 1), ((5, 3), 1), ((6, 4), 2), ((9, 6), 3)]
FIXED = [((8, 8), (2, 2), {}), ((7, 6), (3, 2), {'stride': 1}), ((9, 5), (7, 2), {'stride': [2, 1]}),
         ((12, 3), (11, 2), {'stride': 1}), ((6, 6), (3, 3), {'stride': 2, 'padding': 1}), ((5, 5), (5, 5), {'padding': 2})]


def tensor_of(q, scale, zero_point):
    return torch._make_per_tensor_quantized_tensor(q, scale, zero_point)


def cases(rounds, channels):
    generator = np.random.default_rng(7)
    for i in range(rounds):
        for (height, width), *rest in ADAPTIVE + FIXED:
            scale = float(f32([0.05, generator.uniform(0.001, 0.2), generator.uniform(1, 40)][i % 3]))
            zero_point = int([0, 255, generator.integers(0, 256)][i % 3 if i < 3 else 2])
            q = torch.from_numpy(generator.integers(0, 256, (2, channels, height, width)).astype(np.uint8))
            x = tensor_of(q, scale, zero_point).contiguous(memory_format=torch.channels_last)
            if len(rest) == 1:
                kwargs = {'output_size': rest[0]}
                yield 'adaptive_avg_pool2d', kwargs, x, F.adaptive_avg_pool2d(x, rest[0])
            else:
                kwargs = {'kernel_size': list(rest[0]), **rest[1]}
                yield 'avg_pool2d', kwargs, x, F.avg_pool2d(x, **kwargs)


def formula(fn, kwargs, x):
    """clamp(rint(f32(f32(sum) * f32(S / f32(S * n)))) + Z)"""
    q = x.int_repr().double() - x.q_zero_point()
    if fn == 'avg_pool2d':
        sums = F.avg_pool2d(q, **kwargs, divisor_override=1)
        n = kwargs['kernel_size'][0] * kwargs['kernel_size'][1]
    else:
        size = kwargs['output_size']
        window = [q.shape[2] // size, q.shape[3] // size]
        sums, n = F.avg_pool2d(q, window, divisor_override=1), window[0] * window[1]
    scale = f32(x.q_scale())
    product = sums.numpy().astype(f32) * (scale / (scale * f32(n)))
    return np.clip(np.rint(product).astype(np.int64) + x.q_zero_point(), 0, 255)


def save(name, tensors, params, about):
    header, data = {'__metadata__': {'params': json.dumps(params), 'about': about}}, b''
    for key, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        dtype = {'uint8': 'U8', 'float64': 'F64', 'int64': 'I64'}[str(array.dtype)]
        header[key] = {'dtype': dtype, 'shape': list(array.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    (folder / name).write_bytes(struct.pack('<Q', len(text)) + text + data)


def write():
    index = []
    for i, (fn, kwargs, x, y) in enumerate(cases(3, 48)):
        name = f'q_average_{i}'
        about = f'int8 {fn} {kwargs}, S = {x.q_scale():.6g}, Z = {x.q_zero_point()}; to the last integer'
        params = {'op': 'qunary', 'fn': fn, 'kwargs': kwargs, 'x_scale': x.q_scale(), 'x_zero_point': x.q_zero_point()}
        save(f'{name}.safetensors', {
            'in.x': x.int_repr().numpy(), 'out.y.int': y.int_repr().numpy(),
            'out.y.scale': np.array(y.q_scale()), 'out.y.zero_point': np.array(y.q_zero_point()),
        }, params, about)
        rules = {'out.y.int': 'exact', 'out.y.scale': 'exact', 'out.y.zero_point': 'exact'}
        index.append({'name': name, 'group': 'int8_average_pools', 'file': f'{name}.safetensors', 'op': 'qunary',
                      'tolerance': rules, 'about': about})
    reference = f'PyTorch {torch.__version__}, qnnpack quantized engine'
    (folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': reference, 'cases': index}, indent=1) + '\n')


def compare():
    values = differing = 0
    for fn, kwargs, x, y in cases(120, 48):
        values += y.numel()
        differing += int((y.int_repr().numpy() != formula(fn, kwargs, x)).sum())
    print(f'{differing} of {values} values differ')


if __name__ == '__main__':
    compare() if '--compare' in sys.argv else write()
