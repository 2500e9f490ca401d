import { ArgumentError, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { checkData } from '../../check-data';
import { fromData, full } from '../../factory';
import { broadcastLayout, contiguous, expandTo, requireTensor } from '../../kernel';
import { formatShape, normalizeDim, numel, replaced } from '../../layout';
import { readTensor } from '../../reading';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { cast } from '../elementwise/cast';
import { mul } from '../elementwise/mul';
import { lt } from '../elementwise/relations';
import { requireMask, where } from '../elementwise/where';
import { expand } from '../shape/expand';
import { permute } from '../shape/permute';
import { reshape } from '../shape/reshape';
import { around, gathered, requireIndexed, requirePlain, scattered } from './axis';

/**
 * The entries of one dim that a list of numbers (int32) names, in its order.
 * @throws ShapeError, DTypeError, ArgumentError for a dim or an index out of range
 */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  requireTensor('indexSelect', x, index);
  const d = normalizeDim('indexSelect', dim, x.shape.length);
  requireIndexed('indexSelect', index, x.shape[d], x);
  if (index.shape.length > 1) {
    throw new ShapeError({
      op: 'indexSelect',
      expected: 'a list of numbers',
      found: formatShape(index.shape),
      fix: 'Flatten it, or use index([…]), which takes any shape.',
    });
  }
  return selected('indexSelect', x, d, index);
}

/** `indexSelect` as a part of the op `name`, of an index that is known to be sound. */
function selected(name: string, x: Tensor, d: number, index: Tensor): Tensor {
  return op(name, { x }, (save) => {
    const rows = { tensor: save(contiguous(index)), shape: [1, index.numel, 1] };
    const { shape } = x;
    return [
      gathered(around(x, d), rows, replaced(shape, d, index.numel)),
      (grad) => {
        const zeros = full(shape, 0, { dtype: grad.storage.dtype, backend: grad.backend });
        return [scattered(around(zeros, d), rows, around(grad, d), 'add')];
      },
    ];
  });
}

/**
 * x at positions given by a tensor for each dim, from the first: x[a, b] is index(x, [a, b]); null takes all of a dim, and negative
 * numbers count from its end. The tensors (int32) broadcast to each other; their shape stands where the first of them does if
 * they are neighbours, else in front. One of bool stands for the positions where it is true: as maskedSelect, that is read at
 * once.
 * @throws ShapeError, DTypeError, ArgumentError for a number out of range or too many tensors
 */
export function index(x: Tensor, indices: readonly (Tensor | null)[]): Tensor {
  requireTensor('index', x, ...indices.filter((t) => t !== null));
  return tidy(() => {
    const given = indices.flatMap((t) => (t?.dtype === 'bool' ? positions('index', t) : [t]));
    if (given.length > x.shape.length || !given.some((t) => t !== null)) {
      throw new ArgumentError({
        op: 'index',
        expected: `one to ${x.shape.length} tensors`,
        found: `${given.filter((t) => t !== null).length}, for dims 0 to ${given.length - 1}`,
        fix: 'Give one tensor for each dim, or null for all of it.',
      });
    }
    const dims = given.flatMap((t, d) => (t === null ? [] : [d]));
    const tensors = dims.map((d) => given[d] as Tensor);
    for (const [i, d] of dims.entries()) requirePositions(tensors[i], x, d);
    const { shape } = broadcastLayout('index', ...tensors);
    const flat = tensors.reduce<Tensor | undefined>((sum, t, i) => {
      const n = x.shape[dims[i]];
      const own = expandTo(where(lt(t, 0), add(t, n), t), shape);
      return sum ? add(mul(sum, n), own) : own;
    }, undefined) as Tensor;
    const neighbours = dims.at(-1) === dims[0] + dims.length - 1;
    const before = neighbours ? dims[0] : 0;
    const others = x.shape.map((_, d) => d).filter((d) => !dims.includes(d));
    const order = [...others.slice(0, before), ...dims, ...others.slice(before)];
    const sizes = (list: readonly number[]) => list.map((d) => x.shape[d]);
    const count = numel(sizes(dims));
    const merged = reshape(permute(x, order), [
      ...sizes(others.slice(0, before)),
      count,
      ...sizes(others.slice(before)),
    ]);
    const y = selected('index', merged, before, reshape(flat, [flat.numel]));
    return reshape(y, [...sizes(others.slice(0, before)), ...shape, ...sizes(others.slice(before))]);
  });
}

function requirePositions(t: Tensor, x: Tensor, d: number): void {
  const n = x.shape[d];
  requireIndexed('index', t, undefined, x);
  if (!t.backend.readSync) return;
  checkData('index', t, (elements) => {
    for (const i of elements) {
      if (i >= -n && i < n) continue;
      throw new ArgumentError({
        op: 'index',
        expected: `numbers from ${-n} to ${n - 1} for dim ${d}`,
        found: String(i),
        fix: 'Check the numbering, which starts at 0.',
      });
    }
  });
}

const readRemedy = 'Read the mask with await t.data(), and use index numbers.';

/** For each dim of a mask where it is true, in order. Read at once. */
function positions(op: string, mask: Tensor): Tensor[] {
  const data = readTensor(op, contiguous(mask), readRemedy);
  const found: number[] = [];
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) found.push(i);
  return mask.shape.map((n, d) => {
    const inner = numel(mask.shape.slice(d + 1));
    return fromData(
      Int32Array.from(found, (at) => Math.floor(at / inner) % n),
      [found.length],
      { backend: mask.backend },
    );
  });
}

/**
 * The elements of x where `mask` (bool, broadcast) is true, in a list. How many is only known by reading the mask, at once.
 * @throws ShapeError, DTypeError, BackendError on a backend that can't be read at once
 */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  requireTensor('maskedSelect', x);
  requirePlain('maskedSelect', x);
  requireMask('maskedSelect', mask);
  return tidy(() => {
    const { shape } = broadcastLayout('maskedSelect', x, mask);
    const [flags] = positions('maskedSelect', reshape(expandTo(mask, shape), [-1]));
    return selected('maskedSelect', reshape(expand(x, shape), [-1]), 0, flags);
  });
}

/** Where x is not 0, one row of numbers for each, int32 [count, dims]. Read at once. @throws BackendError on a backend that can't be */
export function nonzero(x: Tensor): Tensor {
  requireTensor('nonzero', x);
  return tidy(() => {
    const found = positions('nonzero', cast(x, 'bool'));
    const count = found[0]?.numel ?? 0;
    const columns = found.map((t) => Array.from(readTensor('nonzero', contiguous(t), readRemedy)));
    return fromData(
      Int32Array.from(
        { length: count * columns.length },
        (_, i) => columns[i % columns.length][Math.floor(i / columns.length)],
      ),
      [count, columns.length],
      { backend: x.backend },
    );
  });
}
