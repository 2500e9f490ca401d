"""Writes the cases of this folder: PyTorch's multi-head attention and transformers, with the gradients of inputs and parameters.

    python generate.py

A case is a line of CASES: name, class, its arguments, its inputs, the masks of the call.
"""
import json
import pathlib
import struct

import torch
from torch import nn

folder = pathlib.Path(__file__).parent


def bools(*shape):
    """A third is true; no row is throughout."""
    mask = torch.rand(shape) < 0.3
    mask[..., 0] = False
    return mask


def numbers(*shape):
    return torch.randn(shape)


MHA, ENC, DEC = nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer
L, S, N, E = 5, 7, 3, 8
SMALL = {'dim_feedforward': 12, 'dropout': 0.0}
CASES = [
    ('self', MHA, (E, 2), {}, [(L, N, E)], {}, {}),
    ('cross', MHA, (E, 4), {'batch_first': True}, [(N, L, E), (N, S, E), (N, S, E)], {'attn_mask': bools, 'key_padding_mask': bools}, {}),
    ('each_head', MHA, (E, 2), {'bias': False}, [(L, N, E), (S, N, E), (S, N, E)], {'attn_mask': numbers},
     {'average_attn_weights': False}),
    ('widths', MHA, (E, 2), {'kdim': 5, 'vdim': 6}, [(L, N, E), (S, N, 5), (S, N, 6)], {'key_padding_mask': numbers}, {}),
    ('bias_kv', MHA, (E, 2), {'add_bias_kv': True, 'add_zero_attn': True, 'batch_first': True},
     [(N, L, E), (N, S, E), (N, S, E)], {'attn_mask': bools}, {}),
    ('unbatched', MHA, (E, 2), {}, [(L, E), (S, E), (S, E)], {'attn_mask': bools}, {}),
    ('no_weights', MHA, (E, 2), {}, [(L, N, E), (S, N, E), (S, N, E)], {'attn_mask': numbers, 'key_padding_mask': numbers},
     {'need_weights': False}),
    ('encoder_layer', ENC, (E, 2), SMALL, [(L, N, E)], {'src_mask': bools, 'src_key_padding_mask': bools}, {}),
    ('encoder_layer_first', ENC, (E, 2), {**SMALL, 'norm_first': True, 'activation': 'gelu', 'batch_first': True},
     [(N, L, E)], {}, {}),
    ('encoder_layer_no_bias', ENC, (E, 2), {**SMALL, 'bias': False, 'layer_norm_eps': 0.1}, [(L, N, E)], {}, {}),
    ('decoder_layer', DEC, (E, 2), SMALL, [(L, N, E), (S, N, E)],
     {'tgt_mask': bools, 'memory_mask': bools, 'tgt_key_padding_mask': bools, 'memory_key_padding_mask': bools}, {}),
    ('decoder_layer_first', DEC, (E, 2), {**SMALL, 'norm_first': True, 'batch_first': True, 'activation': 'gelu'},
     [(N, L, E), (N, S, E)], {'tgt_mask': numbers}, {}),
    ('transformer', nn.Transformer, (), {'d_model': E, 'nhead': 2, 'num_encoder_layers': 2, 'num_decoder_layers': 2, **SMALL},
     [(S, N, E), (L, N, E)], {'tgt_mask': bools, 'src_key_padding_mask': bools}, {}),
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


def mask_shape(name, cls, inputs, kwargs, heads):
    batched = len(inputs[0]) == 3
    rows = [shape[1 if kwargs.get('batch_first') else 0] if batched else shape[0] for shape in inputs]
    batch = (inputs[0][0 if kwargs.get('batch_first') else 1],) if batched else ()
    if name == 'attn_mask':
        return (rows[0], rows[-1]) if cls is not MHA or heads is None else (batch[0] * heads, rows[0], rows[-1])
    first = {'tgt': rows[-1] if cls is nn.Transformer else rows[0], 'src': rows[0], 'memory': rows[1] if len(rows) > 1 else 0, 'key': rows[-1]}
    of = first[name.split('_')[0]]
    if name.endswith('key_padding_mask'):
        return (*batch, of)
    return (first['tgt'] if name == 'memory_mask' else of, of)


index = []
for case, cls, args, kwargs, shapes, masks, call in CASES:
    torch.manual_seed(0)
    module = cls(*args, **kwargs).train()
    # Biases and norms start as zeros and ones, which would hide mistakes.
    for parameter in module.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    heads = 2 if case == 'each_head' else None
    given = {name: make(*mask_shape(name, cls, shapes, kwargs, heads)) for name, make in masks.items()}
    operands = inputs * 3 if cls is MHA and len(inputs) == 1 else inputs
    out = module(*operands, **given, **call)
    y, weights = out if isinstance(out, tuple) else (out, None)
    grad_out = torch.randn(y.shape)
    y.backward(grad_out)
    tensors = {'in.grad_out': grad_out, 'out.y': y}
    if weights is not None:
        tensors['out.weights'] = weights
    for i, x in enumerate(inputs):
        tensors[f'in.x{i}'] = x
        tensors[f'out.grad_x{i}'] = x.grad
    for name, mask in given.items():
        tensors[f'in.mask.{name}'] = mask.to(torch.uint8) if mask.dtype == torch.bool else mask
    for name, parameter in module.named_parameters():
        tensors[f'in.state.{name}'] = parameter
        tensors[f'out.grad.{name}'] = parameter.grad
    name = f'transformers_{case}'
    params = {'class': cls.__name__, 'args': args, 'kwargs': kwargs, 'call': call}
    safetensors(folder / f'{name}.safetensors', tensors, params)
    rule = {'atol': 2e-5, 'rtol': 1e-4}
    index.append({'name': name, 'group': 'transformers', 'file': f'{name}.safetensors', 'op': 'attention_module',
                  'tolerance': {'*': rule}, 'about': f'{cls.__name__}, its state dict and its gradients: {case}.'})

(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
