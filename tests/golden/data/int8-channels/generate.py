"""Writes the cases of this folder: PyTorch's int8 normalisations and mean by its engine qnnpack. With --compare N: how many of the
integers of batch normalisation differ from the formula of docs/numerics.md, over N random layers.

    python generate.py [--compare N]
"""
import json
import pathlib
import struct
import sys

import numpy as np
import torch

folder = pathlib.Path(__file__).parent
torch.backends.quantized.engine = 'qnnpack'
index = []
f32 = np.float32


def safetensors(path, tensors, params):
    header, data = {'__metadata__': {'params': json.dumps(params)}}, b''
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.uint8: 'U8', torch.float64: 'F64', torch.int64: 'I64'}[t.dtype]
        header[name] = {'dtype': dtype, 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def case(name, params, inputs, y, rule='exact'):
    tensors = {f'in.{n}': t for n, t in inputs.items()}
    tensors |= {'out.y.int': y.int_repr(), 'out.y.scale': torch.tensor([y.q_scale()], dtype=torch.float64),
                'out.y.zero_point': torch.tensor([y.q_zero_point()])}
    safetensors(folder / f'{name}.safetensors', tensors, params)
    tolerance = {'out.y.int': rule, 'out.y.scale': 'exact', 'out.y.zero_point': 'exact'}
    index.append({'name': name, 'group': 'int8_channels', 'file': f'{name}.safetensors', 'op': 'qnorm',
                  'tolerance': tolerance, 'about': f'int8 {params["fn"]}.'})


def random(shape, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, shape, dtype=torch.uint8, generator=g)
    scale, zero = 0.01 + 0.1 * torch.rand(2, generator=g).double(), torch.randint(60, 200, (2,), generator=g)
    qparams = {'x_scale': scale[0].item(), 'x_zero_point': zero[0].item(), 'out_scale': scale[1].item(), 'out_zero_point': zero[1].item()}
    return g, x, qparams, torch._make_per_tensor_quantized_tensor(x, qparams['x_scale'], qparams['x_zero_point'])


def batch_norm(seed, shape, relu):
    g, x, p, xq = random(shape, seed)
    c = shape[1]
    w, b, m = (torch.randn(c, generator=g) for _ in range(3))
    v = torch.rand(c, generator=g) + 0.1
    op = torch.ops.quantized.batch_norm2d_relu if relu else torch.ops.quantized.batch_norm2d
    return x, p, {'weight': w, 'bias': b, 'mean': m, 'variance': v}, op(xq, w, b, m, v, 1e-5, p['out_scale'], p['out_zero_point'])


if '--compare' in sys.argv:
    differ = total = 0
    for seed in range(int(sys.argv[-1])):
        x, p, t, y = batch_norm(seed, (2, 24, 5, 7), False)
        w, b, m, v = (t[n].numpy() for n in ('weight', 'bias', 'mean', 'variance'))
        s = ((f32(1) / np.sqrt(v + f32(1e-5))) * w).astype(f32)
        m1 = (s * f32(f32(p['x_scale']) / f32(p['out_scale']))).reshape(1, -1, 1, 1)
        shift = ((b - (m * s).astype(f32)) / f32(p['out_scale'])).astype(f32).reshape(1, -1, 1, 1)
        q = x.numpy().astype(f32) - p['x_zero_point']
        want = np.clip(np.rint((q * m1).astype(f32) + shift) + p['out_zero_point'], 0, 255)
        differ += int((want != y.int_repr().numpy()).sum())
        total += want.size
    print(f'{differ} of {total} differ')
    sys.exit()

for i, (shape, relu) in enumerate([((2, 19, 5, 7), False), ((2, 16, 4, 4), True), ((1, 3, 9, 8), False)]):
    x, p, tensors, y = batch_norm(i, shape, relu)
    case(f'q_batch_norm_{i}', {'fn': 'batch_norm', 'eps': 1e-5, 'relu': relu, **p}, {'x': x, **tensors}, y)
# Where float32's rounding of the mean decides a half-way number, a step may differ.
near = {'max_int_diff': 1, 'max_fraction': 0.01}
for i, (shape, normalized) in enumerate([((6, 33), [33]), ((2, 3, 4, 5), [4, 5])]):
    g, x, p, xq = random(shape, 10 + i)
    w, b = torch.randn(normalized, generator=g), torch.randn(normalized, generator=g)
    y = torch.ops.quantized.layer_norm(xq, normalized, weight=w, bias=b, eps=1e-5, output_scale=p['out_scale'], output_zero_point=p['out_zero_point'])
    case(f'q_layer_norm_{i}', {'fn': 'layer_norm', 'normalized_shape': normalized, 'eps': 1e-5, **p}, {'x': x, 'weight': w, 'bias': b}, y)
for i, (shape, groups) in enumerate([((2, 6, 5, 7), 3), ((2, 4, 9), 1), ((2, 8, 4, 4), 8), ((3, 5, 11), 5)]):
    g, x, p, xq = random(shape, 20 + i)
    w, b = torch.randn(shape[1], generator=g), torch.randn(shape[1], generator=g)
    if groups == shape[1]:
        y = torch.ops.quantized.instance_norm(xq, w, b, 1e-5, p['out_scale'], p['out_zero_point'])
    else:
        y = torch.ops.quantized.group_norm(xq, groups, w, b, 1e-5, p['out_scale'], p['out_zero_point'])
    case(f'q_group_norm_{i}', {'fn': 'group_norm', 'num_groups': groups, 'eps': 1e-5, **p}, {'x': x, 'weight': w, 'bias': b}, y)
for i, (shape, dims) in enumerate([((3, 40, 5, 7), [2, 3]), ((3, 40, 4, 4), [2, 3])]):
    g, x, p, xq = random(shape, 30 + i)
    case(f'q_mean_{i}', {'fn': 'mean', 'dims': dims, **p}, {'x': x}, xq.mean(dims))
for i, (shape, dim) in enumerate([((5, 20), -1), ((2, 9, 4), 1)]):
    g, x, p, xq = random(shape, 40 + i)
    p |= {'out_scale': 1 / 256, 'out_zero_point': 0}
    # Of a dim that isn't the last QNNPACK's approximation by integers is not used.
    torch.backends.quantized.engine = 'fbgemm'
    case(f'q_softmax_{i}', {'fn': 'softmax', 'dim': dim, **p}, {'x': x}, torch.ops.quantized.softmax(xq, dim, 1 / 256, 0), near)
(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
