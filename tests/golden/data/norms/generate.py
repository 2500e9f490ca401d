"""Writes the cases of this folder: PyTorch's normalisations with their gradients, and the running statistics of InstanceNorm.

    python generate.py
"""
import json
import pathlib
import struct

import torch
import torch.nn.functional as F
from torch import nn

folder = pathlib.Path(__file__).parent
index = []


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


def case(name, fn, f, kwargs, shapes):
    torch.manual_seed(0)
    inputs = {n: (torch.randn(s) * (2 if n == 'x' else 1)).requires_grad_() for n, s in shapes.items()}
    y = f(**inputs)
    grad_out = torch.randn(y.shape)
    y.backward(grad_out)
    tensors = {f'in.{n}': t for n, t in inputs.items()} | {'in.grad_out': grad_out, 'out.y': y}
    tensors |= {f'out.grad_{n}': t.grad for n, t in inputs.items()}
    safetensors(folder / f'{name}.safetensors', tensors, {'fn': fn, 'kwargs': kwargs})
    rule = {'atol': 2e-5, 'rtol': 1e-4}
    index.append({'name': name, 'group': 'norms', 'file': f'{name}.safetensors', 'op': 'float_op',
                  'tolerance': {n: rule for n in tensors if n.startswith('out.')}, 'about': f'{fn} and its gradients.'})


for i, (shape, groups) in enumerate([((2, 6, 4, 3), 3), ((3, 4, 7), 1), ((2, 8, 3, 3), 8), ((5, 6), 2)]):
    case(f'norm_group_{i}', 'group_norm', lambda x, weight, bias: F.group_norm(x, groups, weight, bias, 1e-4),
         {'num_groups': groups, 'eps': 1e-4}, {'x': shape, 'weight': (shape[1],), 'bias': (shape[1],)})
for i, shape in enumerate([(2, 3, 4, 5), (3, 4, 9)]):
    case(f'norm_instance_{i}', 'instance_norm', lambda x, weight, bias: F.instance_norm(x, weight=weight, bias=bias),
         {}, {'x': shape, 'weight': (shape[1],), 'bias': (shape[1],)})
for i, (shape, normalized, eps) in enumerate([((3, 7), (7,), None), ((2, 3, 4), (3, 4), 1e-3)]):
    case(f'norm_rms_{i}', 'rms_norm', lambda x, weight: F.rms_norm(x, normalized, weight, eps),
         {'normalized_shape': list(normalized), 'eps': eps}, {'x': shape, 'weight': normalized})
for i, (shape, size) in enumerate([((2, 7, 3, 3), 5), ((2, 6, 4), 4), ((1, 2, 3), 3)]):
    case(f'norm_local_response_{i}', 'local_response_norm', lambda x: F.local_response_norm(x, size, 0.5, 0.7, 1.5),
         {'size': size, 'alpha': 0.5, 'beta': 0.7, 'k': 1.5}, {'x': shape})

torch.manual_seed(1)
layer = nn.InstanceNorm2d(3, affine=True, track_running_stats=True, momentum=0.3)
with torch.no_grad():
    layer.weight.normal_()
    layer.bias.normal_()
tensors = {f'in.state.{n}': t.clone().to(torch.int64 if t.dtype == torch.int64 else torch.float32) for n, t in layer.state_dict().items()}
for step in range(3):
    x = torch.randn(2, 3, 4, 5) * 2 + 1
    tensors[f'in.x{step}'] = x
    tensors[f'out.y{step}'] = layer(x)
    tensors[f'out.running_mean{step}'] = layer.running_mean.clone()
    tensors[f'out.running_var{step}'] = layer.running_var.clone()
layer.eval()
tensors['out.eval'] = layer(x)
safetensors(folder / 'norm_instance_running.safetensors', tensors, {'momentum': 0.3, 'steps': 3})
rule = {'atol': 2e-5, 'rtol': 1e-4}
index.append({'name': 'norm_instance_running', 'group': 'norms', 'file': 'norm_instance_running.safetensors', 'op': 'instance_norm2d',
              'tolerance': {n: rule for n in tensors if n.startswith('out.')}, 'about': 'Batches in sequence, and evaluation after them.'})
(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
