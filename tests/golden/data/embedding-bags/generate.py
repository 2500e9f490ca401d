"""Writes the cases of this folder: PyTorch's bags of embeddings, in all modes, with the gradient of the weight; and of 8 bits.

    python generate.py
"""
import json
import pathlib
import struct

import torch
from torch import nn

folder = pathlib.Path(__file__).parent


def safetensors(path, tensors, params):
    header, data = {'__metadata__': {'params': json.dumps(params)}}, b''
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.int64: 'I64'}[t.dtype]
        header[name] = {'dtype': dtype, 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


index = []
for mode in ('sum', 'mean', 'max'):
    for form in ('rows', 'offsets', 'last_offset', 'weighted', 'weighted_offsets'):
        if form.startswith('weighted') and mode != 'sum':
            continue
        torch.manual_seed(0)
        last = form == 'last_offset'
        bag = nn.EmbeddingBag(9, 4, mode=mode, include_last_offset=last)
        indices = torch.randint(0, 9, (3, 5))
        tensors = {'in.weight': bag.weight}
        given = {}
        if form not in ('rows', 'weighted'):
            indices = indices.flatten()
            # An empty bag, and one of one.
            given['offsets'] = torch.tensor([0, 4, 4, 5] + ([15] if last else []))
            tensors['in.offsets'] = given['offsets']
        if form.startswith('weighted'):
            given['per_sample_weights'] = torch.randn(indices.shape)
            tensors['in.per_sample_weights'] = given['per_sample_weights']
        y = bag(indices, **given)
        grad_out = torch.randn(y.shape)
        y.backward(grad_out)
        tensors.update({'in.index': indices, 'in.grad_out': grad_out, 'out.y': y, 'out.grad_weight': bag.weight.grad})
        name = f'embedding_bag_{mode}_{form}'
        safetensors(folder / f'{name}.safetensors', tensors, {'mode': mode, 'last': last})
        index.append({'name': name, 'group': 'embedding-bags', 'file': f'{name}.safetensors', 'op': 'embedding_bag',
                      'tolerance': {'*': {'atol': 1e-6, 'rtol': 1e-5}}, 'about': f'EmbeddingBag, {mode}, {form}.'})

(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
