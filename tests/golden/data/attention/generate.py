"""Writes the cases of this folder: PyTorch's scaled dot product attention with its gradients, in all its forms.

    python generate.py

A case is a line of ATTENTION: name, sizes of q, k and v, mask, keyword arguments.
"""
import json
import pathlib
import struct

import torch
import torch.nn.functional as F

folder = pathlib.Path(__file__).parent

# Masks are of bools, a third of them false and the second row throughout, or numbers of which some are -inf.
ATTENTION = [
    ('plain', (2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 6), None, {}),
    ('scaled', (1, 2, 9, 4), (1, 2, 3, 4), (1, 2, 3, 4), None, {'scale': 0.9}),
    ('causal', (2, 2, 6, 4), (2, 2, 8, 4), (2, 2, 8, 4), None, {'is_causal': True}),
    ('causal_longer', (1, 2, 8, 4), (1, 2, 5, 4), (1, 2, 5, 4), None, {'is_causal': True}),
    ('grouped', (2, 6, 4, 4), (2, 2, 5, 4), (2, 2, 5, 3), None, {'enable_gqa': True}),
    ('no_heads', (3, 4, 8), (3, 6, 8), (3, 6, 8), None, {}),
    ('bools', (2, 2, 4, 4), (2, 2, 6, 4), (2, 2, 6, 4), ('bool', (4, 6)), {}),
    ('bools_of_keys', (2, 2, 4, 4), (2, 2, 6, 4), (2, 2, 6, 4), ('bool', (2, 1, 1, 6)), {}),
    ('numbers', (2, 2, 4, 4), (2, 2, 6, 4), (2, 2, 6, 4), ('float', (2, 1, 4, 6)), {}),
    ('numbers_of_heads', (2, 2, 4, 4), (2, 2, 6, 4), (2, 2, 6, 4), ('float', (2, 4, 6)), {'scale': 0.3}),
]


def safetensors(path, tensors, params):
    header, data = {'__metadata__': {'params': json.dumps(params)}}, b''
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.uint8: 'U8'}[t.dtype]
        header[name] = {'dtype': dtype, 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


index = []
for case, q, k, v, mask, kwargs in ATTENTION:
    torch.manual_seed(0)
    q, k, v = (torch.randn(shape, requires_grad=True) for shape in (q, k, v))
    attn_mask = None
    if mask and mask[0] == 'bool':
        attn_mask = torch.rand(mask[1]) > 0.3
        if mask[1][-2] > 1:
            attn_mask[..., 1, :] = False
    elif mask:
        attn_mask = torch.randn(mask[1])
        attn_mask[..., 1] = -torch.inf
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask, **kwargs)
    grad_out = torch.randn(y.shape)
    y.backward(grad_out)
    name = f'attention_{case}'
    tensors = {'in.q': q, 'in.k': k, 'in.v': v, 'in.grad_out': grad_out, 'out.y': y,
               'out.grad_q': q.grad, 'out.grad_k': k.grad, 'out.grad_v': v.grad}
    params = {'fn': 'scaled_dot_product_attention', 'kwargs': kwargs, 'no_grad': ['mask']}
    if attn_mask is not None:
        tensors['in.mask'] = attn_mask.to(torch.uint8) if attn_mask.dtype == torch.bool else attn_mask
        params['kwargs'] = {**kwargs, 'bool_mask': attn_mask.dtype == torch.bool}
    safetensors(folder / f'{name}.safetensors', tensors, params)
    rule = {'atol': 1e-5, 'rtol': 1e-4}
    index.append({'name': name, 'group': 'attention', 'file': f'{name}.safetensors', 'op': 'float_op',
                  'tolerance': {t: rule for t in tensors if t.startswith('out.')},
                  'about': f'Scaled dot product attention and its gradients: {case}.'})

(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
