"""Makes resnet18.pt: what ResNet-18 gives in PyTorch 2.13 with weights of a formula. python resnet18.py FOLDER

The network is torchvision's, in plain PyTorch. Its weights would be 47 MB: test/resnet18.test.ts makes the same ones.
"""

import sys
from pathlib import Path

import torch
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def noise(n, salt):
    """Multiples of 2^-16 in [-0.5, 0.5), exact in float32: the upper bits of a product, as a hash."""
    i = torch.arange(n, dtype=torch.int64) + salt * 7919
    hashed = (i * 40503 + 12345) % 2**16 * 30011 % 2**16
    return (hashed.double() / 2**16 - 0.5).float()


def value(name, shape, salt):
    x = noise(int(torch.tensor(shape).prod()), salt).reshape(shape)
    if name.endswith("running_var"):
        return x + 1
    if name.endswith(("running_mean", ".bias")):
        return x * 0.25
    if len(shape) == 1:
        return x * 0.5 + 1
    # A power of two near sqrt(12 / inputs), so that activations keep their size.
    inputs = int(torch.tensor(shape[1:]).prod())
    return x * 2.0 ** round(torch.log2(torch.tensor(12 / inputs)).item() / 2)


model = ResNet18().eval()
state = model.state_dict()
for salt, (name, tensor) in enumerate(state.items()):
    if not name.endswith("num_batches_tracked"):
        tensor.copy_(value(name, list(tensor.shape), salt))
x = noise(3 * 64 * 64, 1000).reshape(1, 3, 64, 64) * 4
with torch.no_grad():
    torch.save({"names": list(state), "y": model(x)}, Path(sys.argv[1]) / "resnet18.pt")
    print(model(x).std(), model(x).abs().max())
    print(model.double()(x.double()).float().sub(model.float()(x)).abs().max())
