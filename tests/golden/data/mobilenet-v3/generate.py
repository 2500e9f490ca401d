"""Writes mobilenet-v3-small.pt and its index: MobileNetV3-small of torchvision's keys in int8, by PyTorch's engine qnnpack.

    python generate.py [width] [size] [folder]

The channels are `width` (a quarter unless given) of the network's, the image has `size` (64) rows and columns. The weights are random,
the statistics of the batch normalisations settled.
"""
import pathlib
import sys

import torch
from torch import nn
from torch.ao.quantization import DeQuantStub, MinMaxObserver, QConfig, QuantStub, convert, fuse_modules, prepare

width = float(sys.argv[1]) if len(sys.argv) > 1 else 0.25
size = int(sys.argv[2]) if len(sys.argv) > 2 else 64
folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else pathlib.Path(__file__).parent
torch.backends.quantized.engine = 'qnnpack'
torch.manual_seed(0)


def rounded(v, divisor=8):
    new = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return new + divisor if new < 0.9 * v else new


def wide(c):
    return rounded(c * width)


class ConvNormActivation(nn.Sequential):
    def __init__(self, i, o, k, stride=1, groups=1, activation=None):
        layers = [nn.Conv2d(i, o, k, stride, (k - 1) // 2, groups=groups, bias=False), nn.BatchNorm2d(o, eps=0.001, momentum=0.01)]
        super().__init__(*layers, *([activation()] if activation else []))


class SqueezeExcitation(nn.Module):
    def __init__(self, c, squeeze):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(c, squeeze, 1)
        self.fc2 = nn.Conv2d(squeeze, c, 1)
        self.activation = nn.ReLU()
        self.scale_activation = nn.Hardsigmoid()
        self.skip_mul = torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x):
        scale = self.activation(self.fc1(self.avgpool(x)))
        return self.skip_mul.mul(self.scale_activation(self.fc2(scale)), x)


class InvertedResidual(nn.Module):
    def __init__(self, i, k, expanded, o, se, activation, stride):
        super().__init__()
        self.residual = stride == 1 and i == o
        layers = [ConvNormActivation(i, expanded, 1, activation=activation)] if expanded != i else []
        layers.append(ConvNormActivation(expanded, expanded, k, stride, expanded, activation))
        if se:
            layers.append(SqueezeExcitation(expanded, rounded(expanded // 4)))
        layers.append(ConvNormActivation(expanded, o, 1))
        self.block = nn.Sequential(*layers)
        self.skip_add = torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x):
        return self.skip_add.add(x, self.block(x)) if self.residual else self.block(x)


SMALL = [(16, 3, 16, 16, True, nn.ReLU, 2), (16, 3, 72, 24, False, nn.ReLU, 2), (24, 3, 88, 24, False, nn.ReLU, 1),
         (24, 5, 96, 40, True, nn.Hardswish, 2), (40, 5, 240, 40, True, nn.Hardswish, 1), (40, 5, 240, 40, True, nn.Hardswish, 1),
         (40, 5, 120, 48, True, nn.Hardswish, 1), (48, 5, 144, 48, True, nn.Hardswish, 1), (48, 5, 288, 96, True, nn.Hardswish, 2),
         (96, 5, 576, 96, True, nn.Hardswish, 1), (96, 5, 576, 96, True, nn.Hardswish, 1)]


class MobileNetV3(nn.Module):
    def __init__(self, classes):
        super().__init__()
        first, last, hidden = wide(16), 6 * wide(96), wide(1024)
        blocks = [InvertedResidual(wide(i), k, wide(e), wide(o), se, a, s) for i, k, e, o, se, a, s in SMALL]
        self.features = nn.Sequential(ConvNormActivation(3, first, 3, 2, activation=nn.Hardswish), *blocks,
                                      ConvNormActivation(wide(96), last, 1, activation=nn.Hardswish))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Linear(last, hidden), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(hidden, classes))
        self.quant = QuantStub()
        self.dequant = DeQuantStub()

    def forward(self, x):
        y = self.features(self.quant(x))
        return self.dequant(self.classifier(torch.flatten(self.avgpool(y), 1)))

    def fuse(self):
        for m in self.modules():
            if type(m) is ConvNormActivation:
                fuse_modules(m, ['0', '1', '2'] if len(m) > 2 and type(m[2]) is nn.ReLU else ['0', '1'], inplace=True)
            if type(m) is SqueezeExcitation:
                fuse_modules(m, ['fc1', 'activation'], inplace=True)


model = MobileNetV3(10)
with torch.no_grad():
    for _ in range(30):
        model(torch.randn(16, 3, size, size))
model.eval()
model.fuse()
model.qconfig = QConfig(activation=MinMaxObserver.with_args(dtype=torch.quint8),
                        weight=MinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric))
prepared = prepare(model)
with torch.no_grad():
    for _ in range(4):
        prepared(torch.randn(8, 3, size, size))
int8 = convert(prepared)
# The input by a formula: it isn't stored.
n = 2 * 3 * size * size
x = ((torch.arange(n, dtype=torch.float64) * 7919 % 65521) / 65521 * 6 - 3).to(torch.float32).reshape(2, 3, size, size)
state = int8.state_dict()
traced = {}
for name, m in int8.named_modules():
    if name in ('features.1', 'features.4', 'features.12', 'classifier'):
        m.register_forward_hook(lambda _m, _i, y, name=name: traced.__setitem__(name, y.int_repr().clone()))
with torch.no_grad():
    y = int8(x)
torch.save({'state': state, 'features.1': traced['features.1'][:, :, :8, :8].clone(), 'features.4': traced['features.4'],
            'features.12': traced['features.12'], 'classifier': traced['classifier'], 'y': y}, folder / 'mobilenet-v3-small.pt')
print(sum(p.numel() for p in MobileNetV3(1000).parameters()), (folder / 'mobilenet-v3-small.pt').stat().st_size)
