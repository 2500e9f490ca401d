"""Writes the cases of this folder: PyTorch's activations with their gradients, and the int8 ones of its engine qnnpack, of all 256 integers.

    python generate.py
"""
import json
import pathlib
import struct

import torch
import torch.ao.nn.quantized.functional as qF
import torch.nn.functional as F

folder = pathlib.Path(__file__).parent
torch.backends.quantized.engine = 'qnnpack'

# The name here, the function, its keyword arguments in the order of the signature.
FLOAT = [
    ('celu', F.celu, {}),
    ('celu', F.celu, {'alpha': 0.5}),
    ('selu', F.selu, {}),
    ('softsign', F.softsign, {}),
    ('log_sigmoid', F.logsigmoid, {}),
    ('hardshrink', F.hardshrink, {}),
    ('hardshrink', F.hardshrink, {'lambd': 3.0}),
    ('softshrink', F.softshrink, {}),
    ('softshrink', F.softshrink, {'lambd': 3.0}),
    ('tanhshrink', F.tanhshrink, {}),
    ('threshold', F.threshold, {'threshold': 0.5, 'value': -2.0}),
    ('gelu_tanh', lambda x: F.gelu(x, approximate='tanh'), {}),
    ('rrelu', lambda x, lower, upper: F.rrelu(x, lower, upper, False), {'lower': 0.1, 'upper': 0.4}),
]
# As in FLOAT, beside the scale and zero point of x and, where the function asks for them, of y.
XS = [(0.05, 128), (0.031, 90), (0.0217, 14), (0.1, 0), (0.25, 201)]
YS = [(0.04, 25), (0.0217, 14), (0.1, 128), (1 / 64, 77), (0.0303, 3)]
INT8 = [
    ('hardsigmoid', F.hardsigmoid, {}, False),
    ('sigmoid', torch.sigmoid, {}, False),
    ('tanh', torch.tanh, {}, False),
    ('hardswish', qF.hardswish, {}, True),
]
CELU = [((0.05, 128), (0.04, 25), 0.7), ((0.031, 90), (0.0217, 14), 1.5)]
BENDS = [-100, -20, -7, -3, -1, -0.5, -1e-3, -0.0, 0, 1e-3, 0.5, 1, 3, 6, 7, 19.9, 20.1, 50, 100]


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


def float_case(name, params, tensors):
    safetensors(folder / f'{name}.safetensors', tensors, params)
    rule = {'atol': 1e-5, 'rtol': 1e-4}
    index.append({'name': name, 'group': 'activations', 'file': f'{name}.safetensors', 'op': 'float_op',
                  'tolerance': {out: rule for out in tensors if out.startswith('out.')},
                  'about': f'{params["fn"]} and its gradient.'})


def int8_case(name, params, q, y):
    tensors = {'in.x': q, 'out.y.int': y.int_repr(), 'out.y.scale': torch.tensor([y.q_scale()], dtype=torch.float64),
               'out.y.zero_point': torch.tensor([y.q_zero_point()])}
    safetensors(folder / f'{name}.safetensors', tensors, params)
    index.append({'name': name, 'group': 'activations', 'file': f'{name}.safetensors', 'op': 'qunary',
                  'tolerance': {'*': 'exact'}, 'about': f'int8 {params["fn"]} of all 256 integers.'})


for fn, f, kwargs in FLOAT:
    torch.manual_seed(0)
    x = torch.cat([torch.tensor(BENDS), torch.randn(41) * 4]).requires_grad_()
    grad_out = torch.randn(x.shape)
    y = f(x, **kwargs)
    y.backward(grad_out)
    suffix = ''.join(f'_{v}' for v in kwargs.values())
    float_case(f'activation_{fn}{suffix}', {'fn': fn, 'kwargs': kwargs},
               {'in.x': x, 'in.grad_out': grad_out, 'out.y': y, 'out.grad_x': x.grad})

for i, (shape, weights) in enumerate([((2, 3, 4, 5), 3), ((2, 3, 4), 1), ((7, 5), 5), ((6,), 1)]):
    torch.manual_seed(i)
    x = torch.randn(shape)
    x.view(-1)[0] = 0.0
    x.requires_grad_()
    w = torch.randn(weights).requires_grad_()
    grad_out = torch.randn(shape)
    y = F.prelu(x, w)
    y.backward(grad_out)
    float_case(f'activation_prelu_{i}', {'fn': 'prelu', 'kwargs': {}},
               {'in.x': x, 'in.weight': w, 'in.grad_out': grad_out, 'out.y': y, 'out.grad_x': x.grad, 'out.grad_weight': w.grad})

for shape, dim in [((3, 8), -1), ((2, 4, 3), 1)]:
    torch.manual_seed(0)
    x = (torch.randn(shape) * 3).requires_grad_()
    y = F.glu(x, dim)
    grad_out = torch.randn(y.shape)
    y.backward(grad_out)
    float_case(f'activation_glu_{dim}', {'fn': 'glu', 'kwargs': {'dim': dim}},
               {'in.x': x, 'in.grad_out': grad_out, 'out.y': y, 'out.grad_x': x.grad})

q = torch.arange(256, dtype=torch.uint8)
for fn, f, kwargs, observed in INT8:
    for i, ((x_scale, x_zero_point), (scale, zero_point)) in enumerate(zip(XS, YS)):
        x = torch._make_per_tensor_quantized_tensor(q, x_scale, x_zero_point)
        y = f(x, scale, zero_point, **kwargs) if observed else f(x, **kwargs)
        given = {**kwargs, 'out_scale': scale, 'out_zero_point': zero_point} if observed else kwargs
        params = {'fn': fn, 'kwargs': given, 'x_scale': x_scale, 'x_zero_point': x_zero_point}
        int8_case(f'q_{fn}_{i}', params, q, y)
for i, ((x_scale, x_zero_point), (scale, zero_point), alpha) in enumerate(CELU):
    x = torch._make_per_tensor_quantized_tensor(q, x_scale, x_zero_point)
    y = qF.celu(x, scale, zero_point, alpha)
    params = {'fn': 'celu', 'kwargs': {'alpha': alpha, 'out_scale': scale, 'out_zero_point': zero_point},
              'x_scale': x_scale, 'x_zero_point': x_zero_point}
    int8_case(f'q_celu_{i}', params, q, y)

(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
