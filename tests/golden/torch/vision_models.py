"""Makes vision-models.pt: what torchvision's architectures give in PyTorch 2.13 with weights of a formula. python vision_models.py FOLDER

The networks are torchvision's, in plain PyTorch. Of each it keeps the number of parameters, which must be the one that torchvision's
documentation names, the number and the SHA-256 of the keys of its state dict, joined by line feeds, and its outputs.
test/vision-models.test.ts makes the same weights and inputs.
"""

import hashlib
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


def divisible(v):
    new = max(8, int(v + 4) // 8 * 8)
    return new + 8 if new < 0.9 * v else new


def conv_bn(n_in, n_out, k=3, stride=1, groups=1, activation=nn.ReLU, **norm):
    layers = [nn.Conv2d(n_in, n_out, k, stride, (k - 1) // 2, groups=groups, bias=False), nn.BatchNorm2d(n_out, **norm)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(inplanes, planes, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.downsample = shortcut(inplanes, planes * 4, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


def shortcut(n_in, n_out, stride):
    if stride == 1 and n_in == n_out:
        return None
    return nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))


class ResNet(nn.Module):
    def __init__(self, block, layers):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for i, n in enumerate(layers):
            blocks = []
            for j in range(n):
                blocks.append(block(channels, 64 * 2**i, 2 if i > 0 and j == 0 else 1))
                channels = 64 * 2**i * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean([2, 3]))


class ShuffleUnit(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.stride = stride
        half = n_out // 2
        depthwise = lambda n: nn.Conv2d(n, n, 3, stride, 1, groups=n, bias=False)
        pointwise = lambda n: nn.Conv2d(n, half, 1, bias=False)
        bn = nn.BatchNorm2d
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(depthwise(n_in), bn(n_in), pointwise(n_in), bn(half), nn.ReLU())
        self.branch2 = nn.Sequential(
            *[pointwise(n_in if stride > 1 else half), bn(half), nn.ReLU()],
            *[depthwise(half), bn(half), pointwise(half), bn(half), nn.ReLU()],
        )

    def forward(self, x):
        a, b = x.chunk(2, 1) if self.stride == 1 else (self.branch1(x), x)
        return F.channel_shuffle(torch.cat([a, self.branch2(b)], 1), 2)


class ShuffleNetV2(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = conv_bn(3, channels[0], stride=2)
        for i, n in enumerate([4, 8, 4]):
            units = [ShuffleUnit(channels[i + min(j, 1)], channels[i + 1], 2 if j == 0 else 1) for j in range(n)]
            setattr(self, f"stage{i + 2}", nn.Sequential(*units))
        self.conv5 = conv_bn(channels[3], channels[4], 1)
        self.fc = nn.Linear(channels[4], 1000)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 3, 2, 1)
        return self.fc(self.conv5(self.stage4(self.stage3(self.stage2(x)))).mean([2, 3]))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeeze, activation, scale):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeeze, 1)
        self.fc2 = nn.Conv2d(squeeze, channels, 1)
        self.activation = activation()
        self.scale = scale()

    def forward(self, x):
        return x * self.scale(self.fc2(self.activation(self.fc1(F.adaptive_avg_pool2d(x, 1)))))


class MobileBlock(nn.Module):
    def __init__(self, n_in, hidden, n_out, k, stride, activation, squeeze, **norm):
        super().__init__()
        self.res = stride == 1 and n_in == n_out
        layers = [] if hidden == n_in else [conv_bn(n_in, hidden, 1, activation=activation, **norm)]
        layers.append(conv_bn(hidden, hidden, k, stride, hidden, activation, **norm))
        if squeeze:
            layers.append(SqueezeExcitation(hidden, *squeeze))
        self.block = nn.Sequential(*layers, conv_bn(hidden, n_out, 1, activation=None, **norm))

    def forward(self, x):
        y = self.block(x)
        return x + y if self.res else y


class Classifying(nn.Module):
    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


RE, HS = nn.ReLU, nn.Hardswish
small = [
    *[(3, 16, 16, 1, RE, 2), (3, 72, 24, 0, RE, 2), (3, 88, 24, 0, RE, 1), (5, 96, 40, 1, HS, 2)],
    *[(5, 240, 40, 1, HS, 1), (5, 240, 40, 1, HS, 1), (5, 120, 48, 1, HS, 1), (5, 144, 48, 1, HS, 1)],
    *[(5, 288, 96, 1, HS, 2), (5, 576, 96, 1, HS, 1), (5, 576, 96, 1, HS, 1)],
]
large = [
    *[(3, 16, 16, 0, RE, 1), (3, 64, 24, 0, RE, 2), (3, 72, 24, 0, RE, 1), (5, 72, 40, 1, RE, 2)],
    *[(5, 120, 40, 1, RE, 1), (5, 120, 40, 1, RE, 1), (3, 240, 80, 0, HS, 2), (3, 200, 80, 0, HS, 1)],
    *[(3, 184, 80, 0, HS, 1), (3, 184, 80, 0, HS, 1), (3, 480, 112, 1, HS, 1), (3, 672, 112, 1, HS, 1)],
    *[(5, 672, 160, 1, HS, 2), (5, 960, 160, 1, HS, 1), (5, 960, 160, 1, HS, 1)],
]


class MobileNetV3(Classifying):
    def __init__(self, rows, last):
        super().__init__()
        norm = {"eps": 0.001}
        features, n = [conv_bn(3, 16, stride=2, activation=HS, **norm)], 16
        for k, hidden, out, squeeze, activation, stride in rows:
            se = (divisible(hidden // 4), nn.ReLU, nn.Hardsigmoid) if squeeze else None
            features.append(MobileBlock(n, hidden, out, k, stride, activation, se, **norm))
            n = out
        self.features = nn.Sequential(*features, conv_bn(n, 6 * n, 1, activation=HS, **norm))
        self.classifier = nn.Sequential(nn.Linear(6 * n, last), HS(), nn.Dropout(0.2), nn.Linear(last, 1000))


class EfficientNet(Classifying):
    def __init__(self):
        super().__init__()
        features, n = [conv_bn(3, 32, stride=2, activation=nn.SiLU)], 32
        for expand, k, stride, out, repeats in [
            *[(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)],
            *[(6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)],
        ]:
            blocks = []
            for i in range(repeats):
                se = (max(1, n // 4), nn.SiLU, nn.Sigmoid)
                blocks.append(MobileBlock(n, divisible(n * expand), out, k, stride if i == 0 else 1, nn.SiLU, se))
                n = out
            features.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*features, conv_bn(n, 4 * n, 1, activation=nn.SiLU))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(4 * n, 1000))


class Fire(nn.Module):
    def __init__(self, n_in, squeeze, each):
        super().__init__()
        self.squeeze = nn.Conv2d(n_in, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, each, 1)
        self.expand3x3 = nn.Conv2d(squeeze, each, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self, version):
        super().__init__()
        pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
        if version == "1_0":
            layers = [nn.Conv2d(3, 96, 7, 2), nn.ReLU(), pool(), Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128)]
            layers += [pool(), Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256)]
            layers += [pool(), Fire(512, 64, 256)]
        else:
            layers = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool()]
            layers += [Fire(128, 32, 128), Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192)]
            layers += [Fire(384, 64, 256), Fire(512, 64, 256)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


class M5(nn.Module):
    """Of torchaudio's tutorial on speech commands."""

    def __init__(self):
        super().__init__()
        for k, (n_in, n_out, size, stride) in enumerate([(1, 32, 80, 16), (32, 32, 3, 1), (32, 64, 3, 1), (64, 64, 3, 1)]):
            setattr(self, f"conv{k + 1}", nn.Conv1d(n_in, n_out, size, stride))
            setattr(self, f"bn{k + 1}", nn.BatchNorm1d(n_out))
        self.fc1 = nn.Linear(64, 35)

    def forward(self, x):
        for k in range(1, 5):
            x = F.max_pool1d(F.relu(getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x))), 4)
        return F.log_softmax(self.fc1(x.mean(2, keepdim=True).permute(0, 2, 1)), dim=2)


class DoubleConv(nn.Module):
    def __init__(self, n_in, n_out, mid=None):
        super().__init__()
        layers = []
        for a, b in [(n_in, mid or n_out), (mid or n_out, n_out)]:
            layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(n_in, n_out))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, n_in, n_out, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        else:
            self.up = nn.ConvTranspose2d(n_in, n_in // 2, 2, stride=2)
        self.conv = DoubleConv(n_in, n_out, n_in // 2 if bilinear else None)

    def forward(self, below, beside):
        y = self.up(below)
        dy, dx = (beside.shape[d] - y.shape[d] for d in (2, 3))
        return self.conv(torch.cat([beside, F.pad(y, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], 1))


class OutConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    """Of milesial/Pytorch-UNet, whose width is 64."""

    def __init__(self, width, bilinear):
        super().__init__()
        w, less = width, 2 if bilinear else 1
        self.inc = DoubleConv(3, w)
        for k in range(1, 5):
            setattr(self, f"down{k}", Down(w * 2 ** (k - 1), w * 2**k // (less if k == 4 else 1)))
        for k in range(1, 5):
            n_in = w * 2 ** (5 - k)
            setattr(self, f"up{k}", Up(n_in, n_in // 2 // (less if k < 4 else 1), bilinear))
        self.outc = OutConv(w, 2)

    def forward(self, x):
        down = [self.inc(x)]
        for k in range(1, 5):
            down.append(getattr(self, f"down{k}")(down[-1]))
        y = down.pop()
        for k in range(1, 5):
            y = getattr(self, f"up{k}")(y, down.pop())
        return self.outc(y)


def noise(n, salt):
    """Multiples of 2^-16 in [-0.5, 0.5), exact in float32: the upper bits of a product, as a hash."""
    i = torch.arange(n, dtype=torch.int64) + salt * 7919
    hashed = (i * 40503 + 12345) % 2**16 * 30011 % 2**16
    return (hashed.double() / 2**16 - 0.5).float()


def value(name, shape, salt, gain):
    x = noise(int(torch.tensor(shape).prod()), salt).reshape(shape)
    if name.endswith("running_var"):
        return x + 1
    if name.endswith(("running_mean", ".bias")):
        return x * 0.25
    if len(shape) == 1:
        return x * 0.5 + 1
    # A power of two near sqrt(gain / inputs), by which activations keep their size through the network's
    # ReLUs. No gain is a power of two times the inputs of a layer, where rounding would have ties.
    inputs = int(torch.tensor(shape[1:]).prod())
    return x * 2.0 ** round(torch.log2(torch.tensor(gain / inputs)).item() / 2)


# How to make each, its number of parameters as documented, the shape of an input, and the gain of the weights.
models = {
    "resnet34": (lambda: ResNet(BasicBlock, [3, 4, 6, 3]), 21797672, [3, 64, 64], 23),
    "resnet50": (lambda: ResNet(Bottleneck, [3, 4, 6, 3]), 25557032, [3, 64, 64], 23),
    "shufflenetV2x05": (lambda: ShuffleNetV2([24, 48, 96, 192, 1024]), 1366792, [3, 64, 64], 17),
    "shufflenetV2x10": (lambda: ShuffleNetV2([24, 116, 232, 464, 1024]), 2278604, [3, 64, 64], 17),
    "mobilenetV3Small": (lambda: MobileNetV3(small, 1024), 2542856, [3, 64, 64], 23),
    "mobilenetV3Large": (lambda: MobileNetV3(large, 1280), 5483032, [3, 64, 64], 17),
    "efficientnetB0": (lambda: EfficientNet(), 5288548, [3, 64, 64], 23),
    "squeezenet10": (lambda: SqueezeNet("1_0"), 1248424, [3, 70, 70], 23),
    "m5": (lambda: M5(), 26915, [1, 8000], 23),
    "unet": (lambda: UNet(16, False), 1942594, [3, 36, 48], 23),
    "unetBilinear": (lambda: UNet(16, True), 1080946, [3, 32, 48], 23),
    "squeezenet11": (lambda: SqueezeNet("1_1"), 1235496, [3, 70, 70], 23),
}

out = {}
for model_name, (create, documented, shape, gain) in models.items():
    model = create().eval()
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == documented, (model_name, parameters, documented)
    state = model.state_dict()
    for salt, (name, tensor) in enumerate(state.items()):
        if not name.endswith("num_batches_tracked"):
            tensor.copy_(value(name, list(tensor.shape), salt, gain))
    x = noise(2 * int(torch.tensor(shape).prod()), 1000).reshape(2, *shape) * 4
    x[1] *= 0.5
    with torch.no_grad():
        y = model(x)
        exact = model.double()(x.double())
    out[model_name] = {
        "parameters": parameters,
        "shape": shape,
        "gain": gain,
        "keys": len(state),
        "sha256": hashlib.sha256("\n".join(state).encode()).hexdigest(),
        "y": y,
    }
    most = y.abs().max()
    # How far the two images' outputs are from each other, and float32 from float64: both relative to the largest output.
    print(model_name, parameters, most.item(), ((y[0] - y[1]).abs().max() / most).item(), ((exact - y).abs().max() / most).item())
torch.save(out, Path(sys.argv[1]) / "vision-models.pt")
