"""Writes the cases of this folder: PyTorch's tensor operations with their gradients, a file a family, in it a call a line.

    python generate.py

A line: its name, what PyTorch computes of the inputs, our function's name and arguments ('x' an input, anything else itself),
the inputs. Gradients are of the float inputs, with ones as upstream.
"""
import json
import math
import pathlib
import struct

import torch
import torch.nn.functional as F

folder = pathlib.Path(__file__).parent
inf, nan = math.inf, math.nan
RULE = {'atol': 1e-5, 'rtol': 1e-4}


def randn(*shape):
    return torch.randn(shape)


def positive(*shape):
    return torch.rand(shape) + 0.2


def ints(*values):
    return torch.tensor(values, dtype=torch.int32)


def index(high, *shape):
    return torch.randint(0, high, shape)


def safetensors(path, tensors, params):
    header, data = {'__metadata__': {'params': json.dumps(params)}}, b''
    for name, t in tensors.items():
        t = t.detach().contiguous()
        t = t.to(torch.uint8) if t.dtype == torch.bool else t
        raw = t.numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.uint8: 'U8', torch.int8: 'I8', torch.int32: 'I32', torch.int64: 'I64'}[t.dtype]
        header[name] = {'dtype': dtype, 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def unary(*names, make=lambda: randn(3, 5) * 2):
    return [(n, lambda x, n=n: getattr(torch, n)(x), n, ['x'], {'x': make()}) for n in names]


def two(fn, ours=None, a=None, b=None, name=None):
    ours = ours or fn.__name__
    a = randn(2, 3, 4) if a is None else a
    b = randn(3, 1) if b is None else b
    return (name or ours, fn, ours, ['a', 'b'], {'a': a, 'b': b})


def whole(*shape):
    return torch.randint(-9, 10, shape, dtype=torch.int32)


torch.manual_seed(0)
STRANGE = torch.tensor([nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, -0.5])
PAIRS = torch.cartesian_prod(STRANGE, STRANGE)
mask = torch.tensor([[True, False, True], [False, True, True]])

elementwise = [
    *unary('floor', 'ceil', 'round', 'trunc', 'sign', 'sin', 'cos', 'tan', 'atan', 'sinh', 'cosh', 'asinh', 'erf', 'expm1', 'exp2', 'square'),
    *unary('asin', 'acos', 'atanh', make=lambda: torch.rand(3, 5) * 1.8 - 0.9),
    *unary('acosh', make=lambda: positive(3, 5) + 1),
    *unary('log1p', 'log2', 'log10', 'reciprocal', 'rsqrt', make=lambda: positive(3, 5)),
    ('round ties', torch.round, 'round', ['x'], {'x': torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 1e20])}),
    two(torch.maximum), two(torch.minimum),
    two(torch.maximum, a=torch.tensor([1.0, 2.0, 3.0]), b=torch.tensor([1.0, 3.0, 2.0]), name='maximum of equals'),
    two(torch.fmod, a=randn(2, 3, 4) * 5, b=positive(3, 1)), two(torch.remainder, a=randn(2, 3, 4) * 5, b=-positive(3, 1)),
    two(torch.atan2), two(torch.pow, a=positive(2, 3, 4)),
    ('pow of numbers', lambda b: torch.pow(2.0, b), 'pow', [2, 'b'], {'b': randn(2, 3)}),
    ('pow of 0', torch.pow, 'pow', ['a', 'b'], {'a': torch.tensor([0.0, 0.0, 2.0]), 'b': torch.tensor([0.0, 2.0, 0.0])}),
    ('rsub', lambda x: 1 - x, 'sub', [1, 'x'], {'x': randn(3)}),
    ('rdiv', lambda x: 3 / x, 'div', [3, 'x'], {'x': randn(3)}),
    *[(f'int {name}', f, ours, ['a', 'b'], {'a': whole(4, 5), 'b': torch.tensor([1, -2, 3, -4, 5], dtype=torch.int32)}) for name, f, ours in [
        ('add', torch.add, 'add'), ('sub', torch.sub, 'sub'), ('mul', torch.mul, 'mul'), ('div', torch.div, 'div'),
        ('floorDivide', torch.floor_divide, 'floorDivide'), ('remainder', torch.remainder, 'remainder'), ('fmod', torch.fmod, 'fmod'),
        ('maximum', torch.maximum, 'maximum'), ('minimum', torch.minimum, 'minimum')]],
    ('int pow', torch.pow, 'pow', ['a', 'b'], {'a': whole(5), 'b': ints(0, 1, 2, 3, 4)}),
    ('int minus', lambda x: 1 - x, 'sub', [1, 'x'], {'x': ints(1, -5, 7)}),
    *[(f'strange {ours}', f, ours, ['a', 'b'], {'a': PAIRS[:, 0].clone(), 'b': PAIRS[:, 1].clone(), 'gradient': False}) for f, ours in [
        (torch.maximum, 'maximum'), (torch.minimum, 'minimum'), (torch.pow, 'pow'), (torch.fmod, 'fmod'), (torch.remainder, 'remainder'),
        (torch.atan2, 'atan2')]],
]
masks = [
    *[(ours, f, ours, ['a', 'b'], {'a': PAIRS[:, 0].clone(), 'b': PAIRS[:, 1].clone()}) for f, ours in [
        (torch.eq, 'eq'), (torch.ne, 'ne'), (torch.lt, 'lt'), (torch.le, 'le'), (torch.gt, 'gt'), (torch.ge, 'ge'),
        (torch.logical_and, 'logicalAnd'), (torch.logical_or, 'logicalOr'), (torch.logical_xor, 'logicalXor')]],
    *[(f.__name__, f, f.__name__, ['x'], {'x': STRANGE.clone()}) for f in [torch.isnan, torch.isinf, torch.isfinite]],
    ('logicalNot', torch.logical_not, 'logicalNot', ['x'], {'x': STRANGE.clone()}),
    ('int gt', lambda x: x > 1.5, 'gt', ['x', 1.5], {'x': ints(1, 2)}),
    ('where', torch.where, 'where', ['mask', 'a', 'b'], {'mask': mask, 'a': randn(2, 3), 'b': randn(3)}),
    ('where number', lambda mask, a: torch.where(mask, a, 0.0), 'where', ['mask', 'a', 0], {'mask': mask, 'a': randn(2, 1)}),
    ('maskedFill', lambda x, mask: x.masked_fill(mask, -inf), 'maskedFill', ['x', 'mask', '-inf'], {'x': randn(4, 2, 3), 'mask': mask}),
    ('clampMin', lambda x: x.clamp_min(0.1), 'clampMin', ['x', 0.1], {'x': randn(3, 4)}),
    ('clampMax', lambda x: x.clamp_max(0.1), 'clampMax', ['x', 0.1], {'x': randn(3, 4)}),
]
x34 = torch.tensor([[3.0, 1, 3, 2], [nan, 5, -inf, 5], [0, -0.0, inf, -1]])
indexing = [
    ('gather', lambda x, i: x.gather(1, i), 'gather', ['x', 1, 'i'], {'x': randn(3, 5, 2), 'i': index(5, 2, 7, 2)}),
    ('takeAlongDim', lambda x, i: torch.take_along_dim(x, i, 1), 'takeAlongDim', ['x', 'i', 1], {'x': randn(3, 5, 2), 'i': index(5, 1, 4, 2)}),
    ('scatter', lambda x, i, s: x.scatter(0, i, s), 'scatter', ['x', 0, 'i', 's'], {'x': randn(5, 3), 'i': torch.tensor([[0, 2, 1], [4, 0, 3]]), 's': randn(2, 3)}),
    ('scatter number', lambda x, i: x.scatter(1, i, 2.5), 'scatter', ['x', 1, 'i', 2.5], {'x': randn(3, 4), 'i': torch.tensor([[0, 2], [3, 1]])}),
    ('scatterAdd', lambda x, i, s: x.scatter_add(1, i, s), 'scatterAdd', ['x', 1, 'i', 's'], {'x': randn(3, 4), 'i': index(4, 2, 6), 's': randn(2, 6)}),
    *[(f'scatterReduce {r} {own}', lambda x, i, s, r=r, own=own: x.scatter_reduce(0, i, s, r, include_self=own), 'scatterReduce', ['x', 0, 'i', 's', r, {'includeSelf': own}],
       {'x': randn(4, 3), 'i': torch.tensor([[0, 2, 1], [0, 0, 3], [2, 2, 1]]), 's': randn(3, 3), 'gradient': r != 'prod'})
      for r in ['sum', 'prod', 'mean', 'amax', 'amin'] for own in [True, False]],
    ('indexSelect', lambda x, i: x.index_select(1, i), 'indexSelect', ['x', 1, 'i'], {'x': randn(2, 4, 3), 'i': torch.tensor([3, 0, 0])}),
    ('indexAdd', lambda x, i, s: x.index_add(1, i, s, alpha=2), 'indexAdd', ['x', 1, 'i', 's', {'alpha': 2}], {'x': randn(2, 4, 3), 'i': torch.tensor([3, 0, 0]), 's': randn(2, 3, 3)}),
    ('index one', lambda x, i: x[i], 'index', ['x', ['i']], {'x': randn(4, 3), 'i': torch.tensor([[3, -1], [0, 0]])}),
    ('index two', lambda x, i, j: x[i, j], 'index', ['x', ['i', 'j']], {'x': randn(4, 3, 2), 'i': torch.tensor([[3], [0]]), 'j': torch.tensor([0, -2, 1])}),
    ('index behind', lambda x, i, j: x[:, i, j], 'index', ['x', [None, 'i', 'j']], {'x': randn(2, 4, 3), 'i': torch.tensor([3, 0]), 'j': torch.tensor([0, 1])}),
    ('index apart', lambda x, i, j: x[i, :, j], 'index', ['x', ['i', None, 'j']], {'x': randn(2, 4, 3), 'i': torch.tensor([1, 0]), 'j': torch.tensor([0, 2])}),
    ('index mask', lambda x, mask: x[mask], 'index', ['x', ['mask']], {'x': randn(2, 3, 2), 'mask': mask}),
    ('maskedSelect', lambda x, mask: x.masked_select(mask), 'maskedSelect', ['x', 'mask'], {'x': randn(2, 2, 3), 'mask': mask}),
    ('nonzero', torch.nonzero, 'nonzero', ['x'], {'x': torch.tensor([[0.0, 1], [2, 0]]), 'gradient': False}),
    ('bytes', lambda x, i: x.gather(0, i), 'gather', ['x', 0, 'i'], {'x': torch.tensor([1, 2, 255], dtype=torch.uint8), 'i': torch.tensor([2, 2, 0])}),
    *[(f'sort {d}', lambda x, d=d: torch.sort(x, dim=1, descending=d, stable=True), 'sort', ['x', 1, {'descending': d}], {'x': x34.clone()}) for d in [False, True]],
    ('argsort', lambda x: torch.argsort(x, dim=0, stable=True), 'argsort', ['x', 0], {'x': randn(5, 3), 'gradient': False}),
    ('sort int', lambda x: x.sort(), 'sort', ['x'], {'x': ints(3, -2, 7, 0)}),
    ('topk', lambda x: x.topk(2, 1), 'topk', ['x', 2, {'dim': 1}], {'x': randn(3, 5, 2)}),
    ('topk smallest', lambda x: x.topk(3, largest=False), 'topk', ['x', 3, {'largest': False}], {'x': randn(3, 5)}),
]
reductions = [
    ('cumsum', lambda x: x.cumsum(1), 'cumsum', ['x', 1], {'x': randn(2, 4, 3)}),
    ('cumsum int', lambda x: x.cumsum(0, dtype=torch.int32), 'cumsum', ['x', 0], {'x': ints(3, -2, 7)}),
    ('cumprod', lambda x: x.cumprod(1), 'cumprod', ['x', 1], {'x': randn(2, 4, 3)}),
    ('cumprod 0', lambda x: x.cumprod(0), 'cumprod', ['x', 0], {'x': torch.tensor([2.0, 0, 3, 0, 4])}),
    ('prod', lambda x: x.prod(), 'prod', ['x'], {'x': randn(2, 3)}),
    ('prod dim', lambda x: x.prod(1, keepdim=True), 'prod', ['x', 1, True], {'x': torch.tensor([[[1.0, 0], [2, 3], [4, 0]]])}),
    ('amin', lambda x: x.amin((0, 2)), 'amin', ['x', [0, 2]], {'x': torch.randint(-2, 3, (3, 4, 2)).float()}),
    ('argmin', lambda x: x.argmin(1), 'argmin', ['x', 1], {'x': randn(3, 4), 'gradient': False}),
    ('any', lambda x: x.any(1), 'any', ['x', 1], {'x': mask}), ('all', lambda x: x.all(0), 'all', ['x', 0], {'x': mask}),
    ('any of NaN', lambda x: x.any(), 'any', ['x'], {'x': torch.tensor([0.0, nan]), 'gradient': False}),
    ('std', lambda x: x.std((0, 2)), 'std', ['x', [0, 2]], {'x': randn(3, 4, 2)}),
    ('std biased', lambda x: x.std(1, correction=0, keepdim=True), 'std', ['x', 1, {'correction': 0, 'keepDim': True}], {'x': randn(3, 4, 2)}),
    *[(f'norm {p}', lambda x, p=p: torch.linalg.vector_norm(x, p, 1), 'norm', ['x', str(p) if math.isinf(p) else p, {'dims': 1}], {'x': randn(3, 4, 2)}) for p in [2, 1, 3, inf, -inf]],
    ('norm 0', lambda x: x.norm(), 'norm', ['x'], {'x': torch.zeros(3)}),
    ('norm count', lambda x: torch.linalg.vector_norm(x, 0), 'norm', ['x', 0], {'x': torch.tensor([0.0, 2, 0, 3]), 'gradient': False}),
    ('logsumexp', lambda x: x.logsumexp((0, 2)), 'logsumexp', ['x', [0, 2]], {'x': randn(3, 4, 2) * 100}),
    ('logsumexp of -inf', lambda x: x.logsumexp(1), 'logsumexp', ['x', 1], {'x': torch.tensor([[-inf, -inf], [0, inf]]), 'gradient': False}),
    ('tril', lambda x: x.tril(-1), 'tril', ['x', -1], {'x': randn(2, 3, 4)}), ('triu', lambda x: x.triu(1), 'triu', ['x', 1], {'x': randn(2, 3, 4)}),
]

boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 10, 9]])
shapes = [
    *[(f'einsum {eq}', lambda *t, eq=eq: torch.einsum(eq, *t), 'einsum', [eq, *'abc'[:len(sizes)]], {k: randn(*s) for k, s in zip('abc', sizes)}) for eq, sizes in [
        ('bij,bjk->bik', [(2, 3, 4), (2, 4, 5)]), ('ij,jk', [(3, 4), (4, 5)]), ('ii->i', [(4, 4)]), ('ii', [(4, 4)]), ('ij->ji', [(2, 3)]),
        ('i,j->ij', [(3,), (4,)]), ('...ij,...jk->...ik', [(2, 1, 3, 4), (5, 4, 2)]), ('bhqd,bhkd->bhqk', [(2, 2, 3, 4), (2, 2, 5, 4)]),
        ('ab,bc,cd->ad', [(2, 3), (3, 4), (4, 5)]), ('ij,ij->', [(2, 3), (2, 3)]), ('ba', [(2, 3)]), ('ijk,ik->kj', [(2, 3, 4), (2, 4)])]],
    ('bmm', torch.bmm, 'bmm', ['a', 'b'], {'a': randn(2, 3, 4), 'b': randn(2, 4, 2)}),
    ('outer', torch.outer, 'outer', ['a', 'b'], {'a': randn(3), 'b': randn(2)}), ('dot', torch.dot, 'dot', ['a', 'b'], {'a': randn(3), 'b': randn(3)}),
    ('trace', torch.trace, 'trace', ['x'], {'x': randn(3, 4)}),
    ('tile', lambda x: x.tile(2, 1, 3), 'tile', ['x', [2, 1, 3]], {'x': randn(2, 3)}), ('tile short', lambda x: x.tile(2), 'tile', ['x', [2]], {'x': randn(2, 3)}),
    ('repeat', lambda x: x.repeat(2, 1, 3), 'repeat', ['x', [2, 1, 3]], {'x': randn(2, 3)}),
    ('repeatInterleave', lambda x: x.repeat_interleave(3, 1), 'repeatInterleave', ['x', 3, 1], {'x': randn(2, 3)}),
    ('repeatInterleave flat', lambda x: x.repeat_interleave(2), 'repeatInterleave', ['x', 2], {'x': randn(2, 3)}),
    ('flip', lambda x: x.flip((0, 2)), 'flip', ['x', [0, 2]], {'x': randn(2, 3, 4)}),
    ('roll', lambda x: x.roll((1, -2), (0, 1)), 'roll', ['x', [1, -2], [0, 1]], {'x': randn(3, 4)}), ('roll flat', lambda x: x.roll(5), 'roll', ['x', 5], {'x': randn(3, 4)}),
    ('unfold', lambda x: F.unfold(x, (2, 3), dilation=(1, 2), padding=(1, 2), stride=(2, 1)), 'unfold', ['x', [2, 3], {'dilation': [1, 2], 'padding': [1, 2], 'stride': [2, 1]}], {'x': randn(2, 3, 5, 4)}),
    ('fold', lambda x: F.fold(x, (5, 4), (2, 3), padding=1), 'fold', ['x', [5, 4], [2, 3], {'padding': 1}], {'x': randn(2, 12, 24)}),
    ('windows', lambda x: x.unfold(1, 3, 2), 'windows', ['x', 1, 3, 2], {'x': randn(2, 8, 3)}),
    ('pixelShuffle', lambda x: F.pixel_shuffle(x, 2), 'pixelShuffle', ['x', 2], {'x': randn(2, 8, 3, 2)}),
    ('pixelUnshuffle', lambda x: F.pixel_unshuffle(x, 2), 'pixelUnshuffle', ['x', 2], {'x': randn(2, 3, 4, 6)}),
    ('channelShuffle', lambda x: F.channel_shuffle(x, 3), 'channelShuffle', ['x', 3], {'x': randn(2, 6, 3, 2), 'gradient': False}),
    ('oneHot', lambda x: F.one_hot(x, 5), 'oneHot', ['x', 5], {'x': index(5, 2, 3)}),
    ('meshgrid', lambda a, b: torch.meshgrid(a, b, indexing='ij'), 'meshgrid', [['a', 'b']], {'a': randn(2), 'b': randn(3)}),
    ('meshgrid xy', lambda a, b: torch.meshgrid(a, b, indexing='xy'), 'meshgrid', [['a', 'b'], {'indexing': 'xy'}], {'a': randn(2), 'b': randn(3)}),
    ('linspace', lambda: torch.linspace(-1, 2, 7), 'linspace', [-1, 2, 7], {}), ('eye', lambda: torch.eye(3, 4), 'eye', [3, 4], {}),
    ('split', lambda x: x.split(2, 1), 'split', ['x', 2, 1], {'x': randn(2, 5)}), ('unbind', lambda x: x.unbind(1), 'unbind', ['x', 1], {'x': randn(2, 3)}),
    ('narrow', lambda x: x.narrow(1, 1, 2), 'narrow', ['x', 1, 1, 2], {'x': randn(2, 4)}),
    ('diag', lambda x: x.diag(-1), 'diag', ['x', -1], {'x': randn(3)}), ('diag of', lambda x: x.diag(1), 'diag', ['x', 1], {'x': randn(3, 4)}),
    ('diagonal', lambda x: x.diagonal(-1, -2, -1), 'diagonal', ['x', -1], {'x': randn(2, 3, 4)}),
]

FAMILIES = {'elementwise': elementwise, 'masks': masks, 'indexing': indexing, 'reductions': reductions, 'shapes': shapes}

if __name__ == '__main__':
    cases = []
    for family, lines in FAMILIES.items():
        tensors, calls = {}, []
        for at, (name, fn, ours, args, inputs) in enumerate(lines):
            inputs = dict(inputs)
            gradient = inputs.pop('gradient', True)
            trained = [k for k, t in inputs.items() if t.dtype == torch.float32 and gradient]
            for k in trained:
                inputs[k].requires_grad_()
            y = fn(*inputs.values())
            ys = list(y) if isinstance(y, (tuple, list)) else [y]
            for k, t in inputs.items():
                tensors[f'in.{at}.{k}'] = t
            for i, t in enumerate(ys):
                tensors[f'out.{name}.{i}'] = t
            trained = [k for k in trained if ys[0].requires_grad]
            if trained:
                total = sum(t.sum() for t in ys if t.requires_grad)
                grads = torch.autograd.grad(total, [inputs[k] for k in trained], allow_unused=True)
                for k, g in zip(trained, grads):
                    tensors[f'out.{name}.grad_{k}'] = torch.zeros_like(inputs[k]) if g is None else g
            bools = [k for k, t in inputs.items() if t.dtype == torch.bool]
            calls.append({'name': name, 'fn': ours, 'args': args, 'bools': bools, 'trained': trained})
        names = [c['name'] for c in calls]
        assert len(set(names)) == len(names), names
        safetensors(folder / f'{family}.safetensors', tensors, {'calls': calls})
        cases.append({'name': f'tensor_ops_{family}', 'group': 'tensor ops', 'file': f'{family}.safetensors', 'op': 'tensor_ops',
                      'tolerance': {'*': RULE}, 'about': f'{len(calls)} calls of tensor operations and their gradients.'})
    (folder / 'index.json').write_text(json.dumps({'version': 1, 'reference': f'torch {torch.__version__}', 'cases': cases}, indent=1) + '\n')
    print(sum(len(lines) for lines in FAMILIES.values()), 'calls')
