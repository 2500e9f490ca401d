import { ArgumentError, describe, ShapeError } from '@octet/backend';
import { requireFloat, requireRank } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { mul } from '../elementwise/mul';
import { sum } from '../reduce/sum';
import { expand } from '../shape/expand';
import { permute } from '../shape/permute';
import { diagonal } from '../shape/rearrange';
import { reshape } from '../shape/reshape';
import { matmul } from './matmul';

/** Products of batches of matrices: [B, M, K] · [B, K, N] → [B, M, N]. @throws ShapeError, DTypeError */
export function bmm(a: Tensor, b: Tensor): Tensor {
  requireFloat('bmm', a, b);
  requireRank('bmm', 'a', a, 3);
  requireRank('bmm', 'b', b, 3);
  if (a.shape[0] !== b.shape[0]) {
    throw new ShapeError({
      op: 'bmm',
      expected: 'as many matrices in both',
      found: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      fix: 'Use matmul, which broadcasts.',
    });
  }
  return matmul(a, b);
}

/** The sum of products of two lists: [N] · [N] → []. @throws ShapeError, DTypeError */
export function dot(a: Tensor, b: Tensor): Tensor {
  requireFloat('dot', a, b);
  requireRank('dot', 'a', a, 1);
  requireRank('dot', 'b', b, 1);
  return matmul(a, b);
}

/** All products of two lists: [M], [N] → [M, N]. @throws ShapeError, DTypeError */
export function outer(a: Tensor, b: Tensor): Tensor {
  requireFloat('outer', a, b);
  requireRank('outer', 'a', a, 1);
  requireRank('outer', 'b', b, 1);
  return tidy(() => mul(reshape(a, [a.numel, 1]), b));
}

/** A tensor, and a label for each dim. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/**
 * Einstein's sums: `einsum('bij,bjk->bik', a, b)`. A letter names a dim; those that the right side lacks are summed, and a letter
 * twice in one operand is its diagonal. `...` stands for further dims, which broadcast. Without `->` the letters that stand
 * once follow in the order of the alphabet. Operands are multiplied from left to right, by `matmul` where a sum goes over both.
 * @throws ArgumentError for an equation that isn't one, ShapeError for sizes that differ, DTypeError
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  if (typeof equation !== 'string') {
    throw new ArgumentError({
      op: 'einsum',
      expected: 'an equation',
      found: describe(equation),
      fix: "It comes first: einsum('ij,jk->ik', a, b).",
    });
  }
  requireFloat('einsum', ...operands);
  const [left, right] = equation.replaceAll(/\s/g, '').split('->');
  const sides = left.split(',');
  if (sides.length !== operands.length || operands.length === 0) {
    throw wrong(equation, `${sides.length} operands`, `${operands.length}`);
  }
  const given = sides.map((side, i) => labelled(equation, side, operands[i]));
  const counts = new Map<string, number>();
  for (const { labels } of given) for (const l of labels) counts.set(l, (counts.get(l) ?? 0) + 1);
  const further = [...counts.keys()].filter((l) => l.length > 1).sort(byNumber);
  const output =
    right === undefined
      ? [...further, ...[...counts.keys()].filter((l) => l.length === 1 && counts.get(l) === 1).sort()]
      : lettersOf(equation, right).flatMap((l) => (l === '...' ? further : [l]));
  for (const l of output) {
    if (!counts.has(l)) throw wrong(equation, 'letters of the left side on the right', l);
  }
  if (new Set(output).size !== output.length) throw wrong(equation, 'each letter once on the right', right);
  return tidy(() => {
    const [first, ...rest] = given.map(onDiagonals);
    const product = rest.reduce((a, b, i) => {
      const later = new Set([...output, ...rest.slice(i + 1).flatMap(({ labels }) => labels)]);
      return multiplied(equation, a, b, later);
    }, first);
    const { tensor, labels } = summed(product, new Set(output));
    return permute(
      tensor,
      output.map((l) => labels.indexOf(l)),
    );
  });
}

function wrong(equation: string, expected: string, found: string): ArgumentError {
  return new ArgumentError({
    op: 'einsum',
    expected,
    found: `${found}, in '${equation}'`,
    fix: "Write it as 'bij,bjk->bik': letters for dims, commas between operands.",
  });
}

const byNumber = (a: string, b: string) => Number(b.slice(3)) - Number(a.slice(3));

/** The letters of a side, and `...`. */
function lettersOf(equation: string, side: string): string[] {
  const found = side.match(/\.\.\.|[a-zA-Z]/g) ?? [];
  if (found.join('') !== side || found.filter((l) => l === '...').length > 1) {
    throw wrong(equation, 'letters, and ... once', `'${side}'`);
  }
  return found;
}

/** Labels of an operand; the dims of `...` are called `...2`, `...1`, `...0`, from the right. */
function labelled(equation: string, side: string, tensor: Tensor): Labelled {
  const letters = lettersOf(equation, side);
  const more = tensor.shape.length - letters.filter((l) => l !== '...').length;
  if (more < 0 || (more > 0 && !letters.includes('...'))) {
    throw wrong(
      equation,
      `'${side}' to have a letter for each dim of ${formatShape(tensor.shape)}`,
      `${letters.length}`,
    );
  }
  const labels = letters.flatMap((l) =>
    l === '...' ? Array.from({ length: more }, (_, i) => `...${more - 1 - i}`) : [l],
  );
  return { tensor, labels };
}

/** Letters that stand twice, once. */
function onDiagonals({ tensor, labels }: Labelled): Labelled {
  const second = labels.findIndex((l, i) => labels.indexOf(l) < i);
  if (second < 0) return { tensor, labels };
  const first = labels.indexOf(labels[second]);
  if (tensor.shape[first] !== tensor.shape[second]) {
    throw new ShapeError({
      op: 'einsum',
      expected: `dims of one size for ${labels[second]}`,
      found: formatShape(tensor.shape),
      fix: 'A letter that stands twice in an operand is a diagonal.',
    });
  }
  const others = labels.map((_, i) => i).filter((i) => i !== first && i !== second);
  const turned = diagonal(permute(tensor, [...others, first, second]));
  return onDiagonals({ tensor: turned, labels: [...others.map((i) => labels[i]), labels[first]] });
}

/** Sums over the dims whose letters aren't wanted. */
function summed({ tensor, labels }: Labelled, wanted: ReadonlySet<string>): Labelled {
  const dims = labels.flatMap((l, i) => (wanted.has(l) ? [] : [i]));
  if (dims.length === 0) return { tensor, labels };
  return { tensor: sum(tensor, dims), labels: labels.filter((l) => wanted.has(l)) };
}

/** The product of two, summed over the letters that are in both and not needed later. */
function multiplied(equation: string, p: Labelled, q: Labelled, later: ReadonlySet<string>): Labelled {
  const a = summed(p, new Set([...later, ...q.labels]));
  const b = summed(q, new Set([...later, ...p.labels]));
  const sizeIn = ({ tensor, labels }: Labelled, l: string) => tensor.shape[labels.indexOf(l)];
  const shared = a.labels.filter((l) => b.labels.includes(l));
  for (const l of shared) {
    const [m, n] = [sizeIn(a, l), sizeIn(b, l)];
    if (m === n || ((m === 1 || n === 1) && l.startsWith('...'))) continue;
    throw new ShapeError({
      op: 'einsum',
      expected: `one size for ${l} in '${equation}'`,
      found: `${m} and ${n}`,
      fix: 'Check the letters against the shapes.',
    });
  }
  const size = (l: string) =>
    Math.max(...[a, b].filter((t) => t.labels.includes(l)).map((t) => sizeIn(t, l)));
  const batch = shared.filter((l) => later.has(l));
  const over = shared.filter((l) => !later.has(l));
  const [rows, columns] = [a, b].map(({ labels }) => labels.filter((l) => !shared.includes(l)));
  const count = (labels: readonly string[]) => labels.reduce((n, l) => n * size(l), 1);
  const laid = ({ tensor, labels }: Labelled, order: readonly string[], shape: readonly number[]) => {
    const turned = permute(
      tensor,
      order.map((l) => labels.indexOf(l)),
    );
    return reshape(expand(turned, order.map(size)), shape);
  };
  const y = matmul(
    laid(a, [...batch, ...rows, ...over], [count(batch), count(rows), count(over)]),
    laid(b, [...batch, ...over, ...columns], [count(batch), count(over), count(columns)]),
  );
  const labels = [...batch, ...rows, ...columns];
  return { tensor: reshape(y, labels.map(size)), labels };
}

/** The sum of the main diagonal of a matrix. @throws ShapeError */
export function trace(x: Tensor): Tensor {
  requireFloat('trace', x);
  requireRank('trace', 'x', x, 2);
  return tidy(() => sum(diagonal(x)));
}
