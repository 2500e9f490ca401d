"""Writes the cases of this folder: PyTorch's embeddings of 8 and 4 bits.

    python generate.py

8 bits are those of prepare and convert with float_qparams_weight_only_qconfig, integers included. PyTorch's module has 4 bits wrong in eager
mode; these are of its operator, which rounds scales and zero points to float16, and hence the tolerance.
"""
import json
import pathlib
import struct

import torch
import torch.ao.quantization as tq
from torch import nn

folder = pathlib.Path(__file__).parent


def safetensors(path, tensors, params):
    header, data = {'__metadata__': {'params': json.dumps(params)}}, b''
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.uint8: 'U8', torch.int64: 'I64', torch.float64: 'F64'}[t.dtype]
        header[name] = {'dtype': dtype, 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


index = []
for bits, rows, columns in [(8, 10, 9), (8, 7, 32), (4, 10, 8), (4, 7, 34)]:
    torch.manual_seed(0)
    embedding = nn.Embedding(rows, columns).eval()
    with torch.no_grad():
        embedding.weight[1] = 0.25
        embedding.weight[2] += 5
    indices = torch.tensor([[0, 3, 1], [rows - 1, 2, 2]])
    tensors = {'in.weight': embedding.weight, 'in.index': indices}
    exact = {'atol': 1e-6, 'rtol': 1e-5}
    tolerance = {'*': exact}
    if bits == 8:
        model = nn.Sequential(embedding)
        model[0].qconfig = tq.float_qparams_weight_only_qconfig
        int8 = tq.convert(tq.prepare(model))
        w = int8[0].weight()
        tensors['out.weight'] = w.int_repr()
        tensors['out.scale'] = w.q_per_channel_scales().float()
        tensors['out.zero_point'] = w.q_per_channel_zero_points().float()
        tensors['out.y'] = int8(indices)
        tolerance['out.weight'] = 'exact'
    else:
        observer = tq.default_float_qparams_observer_4bit()
        observer(embedding.weight)
        scales, zeros = observer.calculate_qparams()
        w = torch.quantize_per_channel(embedding.weight.detach(), scales.float(), zeros.float(), 0, torch.quint4x2)
        packed = torch.ops.quantized.embedding_bag_prepack(w)
        flat = indices.flatten()
        offsets = torch.arange(len(flat))
        y = torch.ops.quantized.embedding_bag_4bit(packed, flat, offsets, False, 0, False, None, None, False)
        tensors['out.scale'] = scales.float()
        tensors['out.zero_point'] = zeros.float()
        tensors['out.y'] = y.reshape(*indices.shape, columns)
        tolerance['out.y'] = {'atol': 4e-3, 'rtol': 2e-3}
    name = f'embedding_{bits}_{rows}x{columns}'
    safetensors(folder / f'{name}.safetensors', tensors, {'bits': bits})
    index.append({'name': name, 'group': 'weight-only', 'file': f'{name}.safetensors', 'op': 'weight_only_embedding',
                  'tolerance': tolerance, 'about': f'An embedding of {bits} bits.'})

(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
