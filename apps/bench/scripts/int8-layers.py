"""The times of int8-layers.ts of PyTorch's engine qnnpack, one thread: python int8-layers.py."""
import time

import torch
import torch.ao.nn.quantized.functional as qF
import torch.nn.functional as F

torch.backends.quantized.engine = 'qnnpack'
torch.set_num_threads(1)
ops = torch.ops.quantized
scale, zero = 0.03, 120


def ints(*shape):
    q = torch._make_per_tensor_quantized_tensor(torch.randint(0, 256, shape, dtype=torch.uint8), 0.02, 110)
    return q.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else q


image, small, rows, gate = ints(1, 64, 56, 56), ints(1, 256, 14, 14), ints(128, 256), ints(1, 64, 1, 1)
heads, keys = ints(1, 4, 128, 64), ints(1, 4, 64, 128)
w64, b64, m64, v64 = torch.randn(64), torch.randn(64), torch.randn(64), torch.rand(64) + 0.1
w256, b256, m256, v256 = torch.randn(256), torch.randn(256), torch.randn(256), torch.rand(256) + 0.1
slopes = torch.quantize_per_tensor(torch.rand(64), 1 / 128, 0, torch.quint8)
operations = {
    'batch_norm2d [1,64,56,56]': lambda: ops.batch_norm2d(image, w64, b64, m64, v64, 1e-5, scale, zero),
    'batch_norm2d [1,256,14,14]': lambda: ops.batch_norm2d(small, w256, b256, m256, v256, 1e-5, scale, zero),
    'batch_norm2d_relu [1,64,56,56]': lambda: ops.batch_norm2d_relu(image, w64, b64, m64, v64, 1e-5, scale, zero),
    'prelu [1,64,56,56]': lambda: ops.prelu(image, slopes, scale, zero),
    'layer_norm [128,256]': lambda: ops.layer_norm(rows, [256], weight=w256, bias=b256, eps=1e-5, output_scale=scale, output_zero_point=zero),
    'group_norm(8) [1,64,56,56]': lambda: ops.group_norm(image, 8, w64, b64, 1e-5, scale, zero),
    'instance_norm [1,64,56,56]': lambda: ops.instance_norm(image, w64, b64, 1e-5, scale, zero),
    'softmax [128,256]': lambda: ops.softmax(rows, -1, 1 / 256, 0),
    'hardsigmoid [1,64,56,56]': lambda: F.hardsigmoid(image),
    'elu [1,64,56,56]': lambda: qF.elu(image, scale, zero),
    'hardswish [1,64,56,56]': lambda: qF.hardswish(image, scale, zero),
    'mean [1,64,56,56]': lambda: image.mean([2, 3]),
    'mul by a gate [1,64,56,56]': lambda: ops.mul(image, gate, scale, zero),
    'add [1,64,56,56]': lambda: ops.add(image, image, scale, zero),
    'matmul [1,4,128,64] x [1,4,64,128]': lambda: ops.matmul(heads, keys, scale, zero),
}
best = {}
for _ in range(30):
    for name, run in operations.items():
        for _ in range(5):
            start = time.perf_counter()
            run()
            best[name] = min(best.get(name, 1e9), time.perf_counter() - start)
for name, s in best.items():
    print(f'{name:40} {1e6 * s:.0f} µs')
