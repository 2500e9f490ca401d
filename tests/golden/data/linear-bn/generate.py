"""Writes the cases of this folder: PyTorch's LinearBn1d in quantization-aware training, three steps, and the int8 layer it becomes; and
checkpoints with Hardsigmoid and Softmax, whose fixed ranges training simulates.

    python generate.py
"""
import json
import pathlib
import struct
import warnings

import numpy as np
import torch
import torch.ao.quantization as tq
import torch.nn.functional as F
from torch import nn

warnings.simplefilter('ignore')
torch.backends.quantized.engine = 'qnnpack'
folder = pathlib.Path(__file__).parent
NEAR = {'atol': 1e-5, 'rtol': 1e-4}
CASES = [
    ({'in_features': 7, 'out_features': 5}, 'qat_qnnpack'),
    ({'in_features': 6, 'out_features': 4, 'bias': False}, 'qat_fbgemm'),
]


def save(path, params, about, tensors):
    kinds = {'float32': 'F32', 'float64': 'F64', 'int32': 'I32', 'int64': 'I64', 'uint8': 'U8', 'int8': 'I8'}
    header, data, at = {'__metadata__': {'params': json.dumps(params), 'about': about}}, b'', 0
    for name, value in tensors.items():
        value = np.array(value.detach().numpy() if isinstance(value, torch.Tensor) else value, order='C')
        header[name] = {'dtype': kinds[str(value.dtype)], 'shape': list(value.shape), 'data_offsets': [at, at + value.nbytes]}
        data, at = data + value.tobytes(), at + value.nbytes
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


class Body(nn.Sequential):
    def __init__(self, linear):
        super().__init__()
        self.linear, self.bn = nn.Linear(**linear), nn.BatchNorm1d(linear['out_features'])


class Stubbed(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.quant, self.body, self.dequant = tq.QuantStub(), Body(linear), tq.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.body(self.quant(x)))


index = []
for i, (linear, qconfig) in enumerate(CASES):
    torch.manual_seed(i)
    model = Stubbed(linear).train()
    tensors = {f'in.state.{k}': v.clone() for k, v in model.state_dict().items() if v.dtype == torch.float32}
    tq.fuse_modules_qat(model.body, ['linear', 'bn'], inplace=True)
    model.qconfig = tq.get_default_qat_qconfig(qconfig[4:], version=1)
    tq.prepare_qat(model, inplace=True)
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    for step in range(3):
        x = torch.randn(9, linear['in_features'])
        optimizer.zero_grad()
        y = model(x)
        target = torch.randn(y.shape)
        loss = F.mse_loss(y, target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        tensors |= {f'in.x{step}': x, f'in.target{step}': target, f'out.step{step}.y': y}
        tensors |= {f'out.step{step}.grad.{k}': p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
        tensors |= {f'out.step{step}.state.{k}': v.clone() for k, v in model.state_dict().items() if v.dtype == torch.float32 and v.isfinite().all()}
    model.eval().apply(tq.disable_observer)
    x = torch.randn(6, linear['in_features'])
    with torch.no_grad():
        y = model(x)
        int8 = tq.convert(model)
        layer = int8.body.linear
        tensors |= {'out.loss': np.array(losses, np.float32), 'in.x_test': x, 'out.eval.y': y, 'out.int8.y': int8(x)}
        tensors |= {'out.int8.body.linear.weight.int': layer.weight().int_repr(), 'out.int8.body.linear.scale': np.array([layer.scale])}
    params = {'op': 'qat_module', 'kind': 'linear_bn', 'linear': linear, 'qconfig': qconfig, 'steps': 3, 'lr': 0.1, 'events': {}, 'slow_path': False}
    name, about = f'qat_linear_bn1d_{qconfig}', 'A linear layer and batch normalisation in quantization-aware training, three steps, and in int8.'
    save(folder / f'{name}.safetensors', params, about, tensors)
    index.append({'name': name, 'group': 'linear_bn', 'file': f'{name}.safetensors', 'op': 'qat_module',
                  'tolerance': {'*': NEAR, 'out.int8.body.linear.weight.int': 'exact'}, 'about': about})


class Activations(nn.Module):
    def __init__(self, first, second):
        super().__init__()
        self.quant, self.conv, self.sigmoid = tq.QuantStub(), nn.Conv2d(2, 4, 3), first
        self.pointwise, self.tanh, self.dequant = nn.Conv2d(4, 3, 1), second, tq.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.tanh(self.pointwise(self.sigmoid(self.conv(self.quant(x))))))


# Softmax, which PyTorch doesn't run on integers, in training alone.
for kinds, modules in [(['hardsigmoid', 'tanh'], (nn.Hardsigmoid(), nn.Tanh())), (['hardsigmoid', 'softmax'], (nn.Hardsigmoid(), nn.Softmax(1)))]:
    torch.manual_seed(5)
    model = Activations(*modules).train()
    model.qconfig = tq.get_default_qat_qconfig('qnnpack', version=1)
    model = tq.prepare_qat(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        (model(torch.randn(2, 2, 6, 6)) - 0.3).square().mean().backward()
        optimizer.step()
    model.eval().apply(tq.disable_observer)
    x = torch.randn(3, 2, 6, 6)
    with torch.no_grad():
        tensors = {f'in.state.{k}': v for k, v in model.state_dict().items()} | {'in.x': x, 'out.y': model(x)}
        tolerance = {'out.y': {'atol': 1e-6, 'rtol': 1e-6}}
        if 'softmax' not in kinds:
            tensors['out.int8'] = tq.convert(model)(x)
            tolerance['out.int8'] = 'exact'
    name, about = f'qat_activations_{"_".join(kinds)}', f'A checkpoint with {" and ".join(kinds)}, loaded strictly, in evaluation and in int8.'
    save(folder / f'{name}.safetensors', {'op': 'qat_activations', 'qconfig': 'qat_qnnpack', 'kinds': kinds}, about, tensors)
    index.append({'name': name, 'group': 'qat_activations', 'file': f'{name}.safetensors', 'op': 'qat_activations', 'tolerance': tolerance, 'about': about})
(folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': index}, indent=1) + '\n')
print(f'{len(index)} cases')
