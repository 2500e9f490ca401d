"""Writes the cases of this folder: a small BERT of PyTorch's layers under the key names of Hugging Face's BertModel, in float and with int8 weights.

    python generate.py
"""
import json
import pathlib
import struct
import sys

import torch
import torch.ao.quantization as tq
import torch.nn.functional as F
from torch import nn

folder = pathlib.Path(__file__).parent
torch.backends.quantized.engine = 'qnnpack'
H, LAYERS, HEADS, VOCAB, LONGEST = 16, 2, 2, 30, 12


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCAB, H, padding_idx=0)
        self.position_embeddings = nn.Embedding(LONGEST, H)
        self.token_type_embeddings = nn.Embedding(2, H)
        self.LayerNorm = nn.LayerNorm(H, eps=1e-12)

    def forward(self, ids, types):
        places = torch.arange(ids.shape[1])
        return self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings(types) + self.position_embeddings(places))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(H, H), nn.Linear(H, H), nn.Linear(H, H)

    def forward(self, x, mask):
        q, k, v = (f(x).view(*x.shape[:2], HEADS, H // HEADS).transpose(1, 2) for f in (self.query, self.key, self.value))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(x.shape)


class Output(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dense = nn.Linear(width, H)
        self.LayerNorm = nn.LayerNorm(H, eps=1e-12)

    def forward(self, x, before):
        return self.LayerNorm(self.dense(x) + before)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.self = SelfAttention()
        self.output = Output(H)

    def forward(self, x, mask):
        return self.output(self.self(x, mask), x)


class Dense(nn.Module):
    def __init__(self, width, f):
        super().__init__()
        self.dense = nn.Linear(H, width)
        self.f = f

    def forward(self, x):
        return self.f(self.dense(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.intermediate = Dense(24, F.gelu)
        self.output = Output(24)

    def forward(self, x, mask):
        x = self.attention(x, mask)
        return self.output(self.intermediate(x), x)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, x, mask):
        for layer in self.layer:
            x = layer(x, mask)
        return x


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = Encoder()
        self.pooler = Dense(H, torch.tanh)

    def forward(self, ids, types, mask):
        x = self.encoder(self.embeddings(ids, types), mask[:, None, None, :])
        return x, self.pooler(x[:, 0])


def safetensors(path, tensors, params):
    header, data = {'__metadata__': {'params': json.dumps(params)}}, b''
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.int64: 'I64', torch.uint8: 'U8'}[t.dtype]
        header[name] = {'dtype': dtype, 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


torch.manual_seed(0)
model = Bert().eval()
for module in model.modules():
    if isinstance(module, nn.LayerNorm):
        nn.init.uniform_(module.weight, 0.5, 1.5)
        nn.init.normal_(module.bias, std=0.2)
ids = torch.randint(1, VOCAB, (3, 7))
types = (torch.arange(7) > 3).long().expand(3, 7).contiguous()
mask = torch.ones(3, 7, dtype=torch.bool)
mask[1, 5:] = False
mask[2, 2:] = False
ids[~mask] = 0
with torch.no_grad():
    states, pooled = model(ids, types, mask)
    int8 = tq.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    states8, pooled8 = int8(ids, types, mask)
tensors = {'in.ids': ids, 'in.types': types, 'in.mask': mask.to(torch.uint8), 'out.states': states, 'out.pooled': pooled,
           'out.int8.states': states8, 'out.int8.pooled': pooled8}
tensors.update({f'in.state.{name}': t for name, t in model.state_dict().items()})
safetensors(folder / 'bert.safetensors', tensors, {'sizes': [VOCAB, H, LAYERS, HEADS, 24, LONGEST]})
rule = {'atol': 1e-5, 'rtol': 1e-5}
cases = [{'name': 'bert', 'group': 'bert', 'file': 'bert.safetensors', 'op': 'bert', 'tolerance': {'*': rule},
          'about': 'A small BERT with padding and two sentences, in float and with int8 weights.'}]
(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': cases}, indent=1) + '\n')
print(f'{len(cases)} cases')
