import { formatShape } from './layout';
import { dequantize } from './ops/quantized/quantize';
import { dataSync } from './reading';
import type { Tensor } from './tensor';

const EDGE = 3;
const MAX_SHOWN = 1000;
const LINE_WIDTH = 80;

/** As PyTorch prints: aligned columns, four digits, the middle of long dims left out, then what is out of the ordinary. */
export function formatTensor(t: Tensor): string {
  const readable = !t.storage.freed && t.backend.readSync !== undefined;
  const summarize = t.numel > MAX_SHOWN;
  const notes: string[] = [];
  if (!readable || summarize || (t.numel === 0 && t.shape.length !== 1))
    notes.push(`shape=${formatShape(t.shape)}`);
  if (t.dtype !== 'float32') notes.push(`dtype=${t.dtype}`);
  if (t.qparams?.scheme === 'perTensor') {
    notes.push(`scale=${Number(t.qparams.scale.toPrecision(6))}`, `zeroPoint=${t.qparams.zeroPoint}`);
  } else if (t.qparams) notes.push(`axis=${t.qparams.axis}`);
  if (t.backend.name !== 'js') notes.push(`backend=${t.backend.name}`);
  if (t.gradNode) notes.push(`gradFn=${t.gradNode.op}`);
  else if (t.requiresGrad) notes.push('requiresGrad=true');
  const body = readable
    ? formatValues(t, summarize)
    : t.storage.freed
      ? '<disposed>'
      : '<await t.data() to read>';
  return `tensor(${[body, ...notes].join(', ')})`;
}

/** Numbers nested as the dims are; undefined stands for those left out. */
type Tree = number | undefined | readonly Tree[];

function formatValues(t: Tensor, summarize: boolean): string {
  const { shape } = t;
  const data = dataSync(t.qparams ? dequantize(t) : t);
  const shown: number[] = [];
  const tree = build(0, 0, t.numel);
  const text = formatter(shown, t);
  const width = Math.max(0, ...shown.map((v) => text(v).length));
  return write(tree, 'tensor('.length);

  function build(depth: number, at: number, count: number): Tree {
    if (depth === shape.length) {
      shown.push(data[at]);
      return data[at];
    }
    const size = shape[depth];
    const step = count / size;
    const row = (i: number) => build(depth + 1, at + i * step, step);
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i));
    return summarize && size > 2 * EDGE
      ? [...range(0, EDGE), undefined, ...range(size - EDGE, size)]
      : range(0, size);
  }

  function write(node: Tree, indent: number): string {
    if (node === undefined) return '...';
    if (typeof node === 'number') return text(node).padStart(width);
    const parts = node.map((v) => write(v, indent + 1));
    const depth = depthOf(node);
    const newline = `,${'\n'.repeat(Math.max(1, depth - 1))}${' '.repeat(indent + 1)}`;
    if (depth > 1) return `[${parts.join(newline)}]`;
    const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / (width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < parts.length; i += perLine) lines.push(parts.slice(i, i + perLine).join(', '));
    return `[${lines.join(newline)}]`;
  }

  function depthOf(node: Tree): number {
    return Array.isArray(node) ? 1 + (node.length > 0 ? depthOf(node[0]) : 0) : 0;
  }
}

/** One way of writing for all shown numbers, by PyTorch's rules (torch/_tensor_str.py). */
function formatter(shown: readonly number[], { dtype, qparams }: Tensor): (v: number) => string {
  if (dtype === 'bool') return (v) => (v ? 'true' : 'false');
  if (!qparams && dtype !== 'float32' && dtype !== 'float64') return String;
  const sizes = shown.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const max = Math.max(0, ...sizes);
  const min = Math.min(Number.POSITIVE_INFINITY, ...sizes);
  const whole = sizes.every(Number.isInteger);
  const scientific = max / min > 1000 || max > 1e8 || (!whole && min < 1e-4);
  const write = scientific ? exponential : whole ? (v: number) => `${v}.` : (v: number) => v.toFixed(4);
  return (v) => (Number.isNaN(v) ? 'nan' : Number.isFinite(v) ? write(v) : v > 0 ? 'inf' : '-inf');
}

/** 1.2345e-05, two digits of exponent at least. */
function exponential(v: number): string {
  return v.toExponential(4).replace(/e([+-])(\d)$/, 'e$10$2');
}
