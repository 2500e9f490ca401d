import { AutogradError, DTypeError, QuantizationError, requireType, ShapeError } from '@octet/backend';
import { willRecord } from './autograd';
import { empty, expandTo, overwrite, requireTensor, run } from './kernel';
import { formatShape, isDense, sameShape } from './layout';
import { to } from './moving';
import { sameQParams } from './qparams';
import { tidy } from './scope';
import type { Tensor } from './tensor';

/** See `Tensor.copy_`. */
export function copy_<T extends Tensor>(x: T, source: Tensor): T {
  requireTensor('copy_', source);
  requireUnrecorded('copy_', 'target', x);
  requireUnrecorded('copy_', 'source', source);
  if (!sameShape(source.shape, x.shape)) {
    throw new ShapeError({
      op: 'copy_',
      expected: `a source of shape ${formatShape(x.shape)}`,
      found: formatShape(source.shape),
      fix: 'Reshape or expand the source.',
    });
  }
  if (source.dtype !== x.dtype && (source.qparams || x.qparams)) {
    throw new DTypeError({
      op: 'copy_',
      expected: x.dtype,
      found: source.dtype,
      fix: 'Quantize or dequantize the source first.',
    });
  }
  if (!sameQParams(source.qparams, x.qparams)) {
    throw new QuantizationError({
      op: 'copy_',
      expected: 'a source of the same scale and zero point',
      found: 'another',
      fix: 'Its integers mean other numbers: dequantize it and quantize it anew, or copy intRepr() if that is meant.',
    });
  }
  tidy(() => overwrite('copy_', x, to(to(source.detach(), x.backend), x.dtype)));
  return x;
}

/** See `Tensor.fill_`. */
export function fill_<T extends Tensor>(x: T, value: number): T {
  // true and false fill tensors of bool.
  if (typeof value !== 'boolean') requireType('fill_', 'value', value, 'number');
  requireUnrecorded('fill_', 'target', x);
  if (x.offset === 0 && x.storage.length === x.numel && isDense(x.shape, x.strides)) {
    run('fill', {}, { y: x }, { value });
    x.storage.writer = 'fill_';
    return x;
  }
  // A view: only its own elements.
  tidy(() => {
    const one = empty(x.backend, [], { dtype: x.storage.dtype });
    overwrite('fill_', x, expandTo(fill_(one, value), x.shape));
  });
  return x;
}

function requireUnrecorded(op: string, role: 'target' | 'source', t: Tensor): void {
  if (!willRecord(t)) return;
  throw new AutogradError({
    op,
    expected: 'tensors without gradients, or noGrad: what changes in place is not recorded',
    found: `a ${role} ${formatShape(t.shape)} that requires one`,
    fix: role === 'target' ? `Use noGrad(() => t.${op}(…)).` : 'Use source.detach().',
  });
}
