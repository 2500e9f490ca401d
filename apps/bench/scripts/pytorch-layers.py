"""The calls of cases.ts in PyTorch: its engine qnnpack, one thread. Started by `pnpm bench pytorch --python …`.

The first line on the standard output is JSON of PyTorch's version and the names. Then every line on the standard input is a name; the
answer is the least milliseconds of a few calls by dtype, or, where PyTorch has no such operation, why not. Models need torchvision;
without it they say so.
"""

import json
import sys
import time
import warnings

import torch
import torch.ao.nn.quantized.functional as qF
import torch.ao.quantization as tq
import torch.nn.functional as F
from torch import nn
from torch.ao.quantization import quantize_fx

try:
    import torchvision.models as vision
except ImportError:
    vision = None

warnings.simplefilter('ignore')
torch.backends.quantized.engine = 'qnnpack'
torch.set_num_threads(1)
# It says at every convolution that a processor is none of its own.
torch.backends.nnpack.set_flags(False)
torch.set_grad_enabled(False)
torch.manual_seed(1)
ops = torch.ops.quantized
scale, zero = 0.03, 120


def last(x):
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def floats(*shape):
    return last(torch.randn(shape))


def ints(*shape):
    return last(torch._make_per_tensor_quantized_tensor(torch.randint(0, 256, shape, dtype=torch.uint8), 0.02, 110))


def weight(*shape):
    w = torch.randn(shape)
    return w, torch.quantize_per_tensor(w, 0.03, 0, torch.qint8)


def both(f, *shape):
    x, i = floats(*shape), ints(*shape)
    return {'float32': lambda: f(x), 'int8': lambda: f(i)}


def activation(f, q=None):
    x, i = floats(*image), ints(*image)
    return {'float32': lambda: f(x), 'int8': (lambda: q(i)) if q else None}


def pair(a, b, f, q):
    x, y, i, j = floats(*a), floats(*b), ints(*a), ints(*b)
    return {'float32': lambda: f(x, y), 'int8': lambda: q(i, j)}


def conv1d():
    (w, wq), b, x, i = weight(64, 64, 3), torch.randn(64), floats(8, 64, 256), ints(8, 64, 256)
    packed = ops.conv1d_prepack(wq, b, [1], [1], [1], 1)
    return {'float32': lambda: F.conv1d(x, w, b, padding=1), 'int8': lambda: ops.conv1d(i, packed, scale, zero)}


def conv_transpose1d():
    (w, wq), b, x, i = weight(64, 32, 4), torch.randn(32), floats(8, 64, 256), ints(8, 64, 256)
    packed = ops.conv_transpose1d_prepack(wq, b, [2], [1], [0], [1], 1)
    return {
        'float32': lambda: F.conv_transpose1d(x, w, b, stride=2, padding=1),
        'int8': lambda: ops.conv_transpose1d(i, packed, scale, zero),
    }


def conv_transpose2d(kernel, padding):
    (w, wq), b = weight(64, 32, kernel, kernel), torch.randn(32)
    x, i = floats(1, 64, 28, 28), ints(1, 64, 28, 28)
    packed = ops.conv_transpose2d_prepack(wq, b, [2, 2], [padding] * 2, [0, 0], [1, 1], 1)
    return {
        'float32': lambda: F.conv_transpose2d(x, w, b, stride=2, padding=padding),
        'int8': lambda: ops.conv_transpose2d(i, packed, scale, zero),
    }


def batch_norm(shape, relu=False):
    c = shape[1]
    w, b, m, v, x, i = torch.randn(c), torch.randn(c), torch.randn(c), torch.rand(c) + 0.1, floats(*shape), ints(*shape)
    q = ops.batch_norm2d_relu if relu else ops.batch_norm2d
    norm = lambda: F.batch_norm(x, m, v, w, b)
    return {
        'float32': (lambda: F.relu(norm())) if relu else norm,
        'int8': lambda: q(i, w, b, m, v, 1e-5, scale, zero),
    }


def layer_norm(shape):
    c = shape[-1]
    w, b, x, i = torch.randn(c), torch.randn(c), floats(*shape), ints(*shape)
    return {
        'float32': lambda: F.layer_norm(x, [c], w, b),
        'int8': lambda: ops.layer_norm(i, [c], weight=w, bias=b, eps=1e-5, output_scale=scale, output_zero_point=zero),
    }


def group_norm(groups):
    w, b, x, i = torch.randn(64), torch.randn(64), floats(*image), ints(*image)
    if groups == 64:
        return {
            'float32': lambda: F.instance_norm(x, weight=w, bias=b),
            'int8': lambda: ops.instance_norm(i, w, b, 1e-5, scale, zero),
        }
    return {
        'float32': lambda: F.group_norm(x, groups, w, b),
        'int8': lambda: ops.group_norm(i, groups, w, b, 1e-5, scale, zero),
    }


def prelu():
    slopes = torch.rand(64)
    q = torch.quantize_per_tensor(slopes, 1 / 128, 0, torch.quint8)
    return activation(lambda x: F.prelu(x, slopes), lambda x: ops.prelu(x, q, scale, zero))


def add(a, b):
    return pair(a, b, lambda x, y: x + y, lambda x, y: ops.add(x, y, scale, zero))


def mul(a, b):
    return pair(a, b, lambda x, y: x * y, lambda x, y: ops.mul(x, y, scale, zero))


def matmul(a, b):
    return pair(a, b, lambda x, y: x @ y, lambda x, y: ops.matmul(x, y, scale, zero))


def embedding():
    table, index = torch.randn(10000, 256), torch.randint(0, 10000, (128,))
    eight = ops.embedding_bag_prepack(rows(table, torch.quint8))
    four = ops.embedding_bag_prepack(rows(table, torch.quint4x2))
    return {
        'float32': lambda: F.embedding(index, table),
        'int8 weights': lambda: ops.embedding_byte(eight, index),
        'int4 weights': lambda: ops.embedding_4bit(four, index),
    }


def rows(table, dtype):
    observer = tq.PerChannelMinMaxObserver(dtype=dtype, qscheme=torch.per_channel_affine_float_qparams, ch_axis=0)
    observer(table)
    s, z = observer.calculate_qparams()
    return torch.quantize_per_channel(table, s, z, 0, dtype)


def linear(count, k, n):
    x, i, (w, wq) = floats(count, k), ints(count, k), weight(n, k)
    packed = ops.linear_prepack(wq, None)
    dynamic = tq.quantize_dynamic(nn.Sequential(nn.Linear(k, n)))[0]
    scales = w.abs().amax(1) / 127.5
    eight = (w / scales[:, None]).round().clamp(-128, 127).to(torch.int8)
    four = torch.randint(0, 16, (n, k), dtype=torch.int32)
    four = torch.ops.aten._convert_weight_to_int4pack_for_cpu(four, 1)
    grouped = torch.rand(k // 128, n, 2)
    return {
        'float32': lambda: F.linear(x, w),
        'int8': lambda: ops.linear(i, packed, scale, zero),
        'dynamic': lambda: dynamic(x),
        'int8 weights': lambda: torch.ops.aten._weight_int8pack_mm(x, eight, scales),
        'int4 weights': lambda: torch.ops.aten._weight_int4pack_mm_for_cpu(x, four, 128, grouped),
    }


def layer(module, *inputs):
    module.eval()
    dynamic = tq.quantize_dynamic(nn.Sequential(module))[0]

    def call_dynamic():
        # The fast path of transformer layers takes float weights alone, and fails with others.
        torch.backends.mha.set_fastpath_enabled(False)
        dynamic(*inputs)
        torch.backends.mha.set_fastpath_enabled(True)

    return {'float32': lambda: module(*inputs), 'dynamic': call_dynamic}


def model(make, x):
    """By FX, with what the recipe of qnnpack says."""
    float_model = make().eval()
    prepared = quantize_fx.prepare_fx(float_model, tq.get_default_qconfig_mapping('qnnpack'), (x,))
    prepared(x)
    int8 = quantize_fx.convert_fx(prepared)
    fused = quantize_fx.fuse_fx(float_model)
    return {'float32': lambda: fused(x), 'int8': lambda: int8(x)}


class M5(nn.Module):
    """vision/src/models/m5.ts"""

    def __init__(self, channels=32, classes=35):
        super().__init__()
        def block(i, o, k, **options):
            return [nn.Conv1d(i, o, k, **options), nn.BatchNorm1d(o), nn.ReLU(), nn.MaxPool1d(4)]
        c = channels
        self.body = nn.Sequential(*block(1, c, 80, stride=16), *block(c, c, 3), *block(c, 2 * c, 3), *block(2 * c, 2 * c, 3))
        self.fc = nn.Linear(2 * c, classes)

    def forward(self, x):
        return self.fc(self.body(x).mean(2))


class Bert(nn.Module):
    """Tiny BERT: two post-norm encoder layers of 128 with 2 heads, GELU between 128 and 512, embeddings, a pooler."""

    def __init__(self):
        super().__init__()
        self.words, self.positions, self.types = nn.Embedding(30522, 128), nn.Embedding(512, 128), nn.Embedding(2, 128)
        self.norm = nn.LayerNorm(128)
        layer = lambda: nn.TransformerEncoderLayer(128, 2, 512, activation='gelu', batch_first=True)
        self.layers = nn.Sequential(layer(), layer())
        self.pooler = nn.Linear(128, 128)

    def forward(self, x):
        y = self.words(x) + self.positions(torch.arange(x.shape[1])) + self.types(torch.zeros_like(x))
        y = self.layers(self.norm(y))
        return torch.tanh(self.pooler(y[:, 0]))


image = (1, 64, 56, 56)
tokens = floats(1, 128, 256)
photo = floats(1, 3, 224, 224)


def of_vision(name):
    if vision is None:
        return 'torchvision is not there'
    return lambda: model(getattr(vision, name), photo)


def plain(f, *shape):
    return lambda: both(f, *shape)


CASES = {
    'conv1d 3 [8,64,256]': conv1d,
    'convTranspose1d 4, stride 2 [8,64,256]': conv_transpose1d,
    'convTranspose2d 4 × 4, stride 2 [1,64,28,28]': lambda: conv_transpose2d(4, 1),
    'convTranspose2d 2 × 2, stride 2 [1,64,28,28]': lambda: conv_transpose2d(2, 0),
    'interpolate nearest × 2 [1,32,64,64]': plain(lambda x: F.interpolate(x, scale_factor=2), 1, 32, 64, 64),
    'interpolate bilinear × 2 [1,32,64,64]': plain(
        lambda x: F.interpolate(x, scale_factor=2, mode='bilinear'), 1, 32, 64, 64),
    'pad constant [1,64,56,56]': plain(lambda x: F.pad(x, [1, 1, 1, 1]), *image),
    'pad reflect [1,64,56,56]': plain(lambda x: F.pad(x, [1, 1, 1, 1], mode='reflect'), *image),
    'pad replicate [1,64,56,56]': plain(lambda x: F.pad(x, [1, 1, 1, 1], mode='replicate'), *image),
    'pad circular [1,64,56,56]': plain(lambda x: F.pad(x, [1, 1, 1, 1], mode='circular'), *image),
    'maxPool1d 4 [8,64,1024]': plain(lambda x: F.max_pool1d(x, 4), 8, 64, 1024),
    'maxPool2d 3, stride 2 [1,64,112,112]': plain(
        lambda x: F.max_pool2d(x, 3, stride=2, padding=1), 1, 64, 112, 112),
    'maxPool2d 3, stride 2, ceil [1,64,111,111]': plain(
        lambda x: F.max_pool2d(x, 3, stride=2, ceil_mode=True), 1, 64, 111, 111),
    'avgPool2d 3, stride 2 [1,64,56,56]': plain(lambda x: F.avg_pool2d(x, 3, stride=2), *image),
    'adaptiveAvgPool2d 7 [1,256,14,14]': plain(lambda x: F.adaptive_avg_pool2d(x, 7), 1, 256, 14, 14),
    'adaptiveAvgPool2d 1 [1,576,7,7]': plain(lambda x: F.adaptive_avg_pool2d(x, 1), 1, 576, 7, 7),
    'relu [1,64,56,56]': plain(F.relu, *image),
    'relu6 [1,64,56,56]': plain(F.relu6, *image),
    'leakyRelu [1,64,56,56]': lambda: activation(
        lambda x: F.leaky_relu(x, 0.1), lambda x: qF.leaky_relu(x, 0.1, scale=scale, zero_point=zero)),
    'sigmoid [1,64,56,56]': plain(torch.sigmoid, *image),
    'tanh [1,64,56,56]': plain(torch.tanh, *image),
    'hardsigmoid [1,64,56,56]': plain(F.hardsigmoid, *image),
    'hardswish [1,64,56,56]': lambda: activation(F.hardswish, lambda x: qF.hardswish(x, scale, zero)),
    'elu [1,64,56,56]': lambda: activation(F.elu, lambda x: qF.elu(x, scale, zero)),
    'celu [1,64,56,56]': lambda: activation(lambda x: F.celu(x, 1.5), lambda x: qF.celu(x, scale, zero, 1.5)),
    'selu [1,64,56,56]': lambda: activation(F.selu),
    'gelu [1,64,56,56]': lambda: activation(F.gelu, F.gelu),
    'silu [1,64,56,56]': lambda: activation(F.silu),
    'mish [1,64,56,56]': lambda: activation(F.mish),
    'softplus [1,64,56,56]': lambda: activation(F.softplus),
    'softsign [1,64,56,56]': lambda: activation(F.softsign),
    'prelu [1,64,56,56]': prelu,
    'softmax [128,256]': lambda: softmax(128, 256),
    'softmax [512,64]': lambda: softmax(512, 64),
    'softmax [1,1000]': lambda: softmax(1, 1000),
    'batchNorm2d [1,64,56,56]': lambda: batch_norm(image),
    'batchNorm2d [1,256,14,14]': lambda: batch_norm((1, 256, 14, 14)),
    'batchNorm2d, relu [1,64,56,56]': lambda: batch_norm(image, relu=True),
    'layerNorm [128,256]': lambda: layer_norm((128, 256)),
    'layerNorm [128,64]': lambda: layer_norm((128, 64)),
    'groupNorm 8 [1,64,56,56]': lambda: group_norm(8),
    'instanceNorm [1,64,56,56]': lambda: group_norm(64),
    'add [1,64,56,56]': lambda: add(image, image),
    'add [1,96,14,14]': lambda: add((1, 96, 14, 14), (1, 96, 14, 14)),
    'add a channel each [1,64,56,56]': lambda: add(image, (1, 64, 1, 1)),
    'mul [1,64,56,56]': lambda: mul(image, image),
    'mul by a gate [1,64,56,56]': lambda: mul(image, (1, 64, 1, 1)),
    'mean [2, 3] [1,64,56,56]': plain(lambda x: x.mean([2, 3]), *image),
    'mean -1 [128,256]': plain(lambda x: x.mean([-1]), 128, 256),
    'cat of channels [1,64,56,56] × 2': lambda: pair(
        image, image, lambda x, y: torch.cat([x, y], 1), lambda x, y: ops.cat([x, y], 1, scale, zero)),
    'matmul [4,128,64] · [4,64,128]': lambda: matmul((1, 4, 128, 64), (1, 4, 64, 128)),
    'matmul [4,128,128] · [4,128,64]': lambda: matmul((1, 4, 128, 128), (1, 4, 128, 64)),
    'embedding [10000,256], 128 rows': embedding,
    'linear [1,1024] → 1024': lambda: linear(1, 1024, 1024),
    'linear [128,256] → 256': lambda: linear(128, 256, 256),
    'LSTM 64, 2 layers [98,1,64]': lambda: layer(nn.LSTM(64, 64, 2), floats(98, 1, 64)),
    'GRU 64, 2 layers [98,1,64]': lambda: layer(nn.GRU(64, 64, 2), floats(98, 1, 64)),
    'MultiheadAttention 256, 4 heads [1,128,256]': lambda: layer(
        nn.MultiheadAttention(256, 4, batch_first=True), tokens, tokens, tokens),
    'TransformerEncoderLayer 256, 4 heads [1,128,256]': lambda: layer(
        nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True), tokens),
    'MobileNetV3-small [1,3,224,224]': of_vision('mobilenet_v3_small'),
    'ShuffleNetV2 1.0 [1,3,224,224]': of_vision('shufflenet_v2_x1_0'),
    'EfficientNet-B0 [1,3,224,224]': of_vision('efficientnet_b0'),
    'SqueezeNet 1.1 [1,3,224,224]': of_vision('squeezenet1_1'),
    'ResNet-18 [1,3,224,224]': of_vision('resnet18'),
    'M5 [1,1,8000]': lambda: model(M5, floats(1, 1, 8000)),
    'BERT tiny [1,128]': lambda: layer(Bert(), torch.randint(0, 30522, (1, 128))),
}


def softmax(*shape):
    x, i = floats(*shape), ints(*shape)
    return {'float32': lambda: F.softmax(x, -1), 'int8': lambda: ops.softmax(i, -1, 1 / 256, 0)}


def least(call, calls=5, budget=0.3):
    """The least seconds of up to so many calls, or of those that the budget allows."""
    best, began = float('inf'), time.perf_counter()
    for _ in range(calls):
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        best = min(best, end - start)
        if end - began > budget:
            break
    return best


def timed(case):
    """The least milliseconds of each call, or why there are none."""
    found = {}
    for dtype, call in case.items():
        try:
            found[dtype] = 'PyTorch has none' if call is None else 1e3 * least(call)
        except RuntimeError as error:
            found[dtype] = str(error).split('\n')[0]
    return found


print(json.dumps({'version': torch.__version__, 'names': list(CASES)}), flush=True)
made = {}
for line in sys.stdin:
    name = json.loads(line)
    if name not in made:
        made[name] = CASES[name] if isinstance(CASES[name], str) else CASES[name]()
    case = made[name]
    print(json.dumps(case if isinstance(case, str) else timed(case)), flush=True)
