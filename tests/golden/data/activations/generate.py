"""Writes the cases of this folder: PyTorch's activations with their gradients, where they bend and far out.

    python generate.py

An activation is a line of FLOAT: the function, its keyword arguments in the order of the signature.
"""
import json
import pathlib
import struct

import torch
import torch.ao.nn.quantized
import torch.nn.functional as F

folder = pathlib.Path(__file__).parent

FLOAT = [
    (F.silu, {}),
    (F.mish, {}),
    (F.softplus, {}),
    (F.softplus, {'beta': 2.0, 'threshold': 1.0}),
    (F.elu, {}),
    (F.elu, {'alpha': 0.3}),
]
# Those that PyTorch has in int8: as in FLOAT, beside the scale and zero point of x and of y.
INT8 = [
    (torch.ao.nn.quantized.functional.elu, {'alpha': 1.0}, (0.05, 128), (0.04, 25)),
    (torch.ao.nn.quantized.functional.elu, {'alpha': 0.3}, (0.031, 90), (0.0217, 14)),
]
BENDS = [-100, -20, -7, -3, -1, -1e-3, -0.0, 0, 1e-3, 1, 3, 6, 7, 19.9, 20.1, 50, 100]


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


index = []
for f, kwargs in FLOAT:
    torch.manual_seed(0)
    x = torch.cat([torch.tensor(BENDS), torch.randn(43) * 4]).requires_grad_()
    grad_out = torch.randn(x.shape)
    y = f(x, **kwargs)
    y.backward(grad_out)
    suffix = ''.join(f'_{v}' for v in kwargs.values())
    name = f'activation_{f.__name__}{suffix}'
    params = {'fn': f.__name__, 'kwargs': kwargs}
    tensors = {'in.x': x, 'in.grad_out': grad_out, 'out.y': y, 'out.grad_x': x.grad}
    safetensors(folder / f'{name}.safetensors', tensors, params)
    rule = {'atol': 1e-5, 'rtol': 1e-4}
    index.append({'name': name, 'group': 'activations', 'file': f'{name}.safetensors', 'op': 'float_op',
                  'tolerance': {'out.y': rule, 'out.grad_x': rule}, 'about': f'{f.__name__} and its gradient.'})

for i, (f, kwargs, (x_scale, x_zero_point), (scale, zero_point)) in enumerate(INT8):
    q = torch.arange(256, dtype=torch.uint8)
    x = torch._make_per_tensor_quantized_tensor(q, x_scale, x_zero_point)
    y = f(x, scale, zero_point, **kwargs)
    name = f'q_{f.__name__}_{i}'
    params = {'fn': f.__name__, 'kwargs': {**kwargs, 'out_scale': scale, 'out_zero_point': zero_point},
              'x_scale': x_scale, 'x_zero_point': x_zero_point}
    tensors = {'in.x': q, 'out.y.int': y.int_repr(), 'out.y.scale': torch.tensor([y.q_scale()], dtype=torch.float64),
               'out.y.zero_point': torch.tensor([y.q_zero_point()])}
    safetensors(folder / f'{name}.safetensors', tensors, params)
    index.append({'name': name, 'group': 'activations', 'file': f'{name}.safetensors', 'op': 'qunary',
                  'tolerance': {'*': 'exact'}, 'about': f'int8 {f.__name__} of all 256 integers.'})

(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
