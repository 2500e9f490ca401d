import { capture, tensorsIn } from '@octet/graph';
import { formatShape, getBackend, Tensor, zeros } from '@octet/tensor/functional';
import { Identity } from './layers';
import { type AnyModule, typeName } from './module';
import { Parameter } from './parameter';

/** What a module may tell `summary` about itself. */
export interface Measured {
  /** Multiplications of one call, for the shapes of its input and output. */
  macs?(input: readonly number[], output: readonly number[]): number;
  /** How many numbers it learned, where they aren't in `Parameter` fields. */
  readonly parameterCount?: number;
  /** The bytes of these. */
  readonly parameterBytes?: number;
}

interface Row {
  readonly path: string;
  readonly module: AnyModule;
  output: Tensor | undefined;
  macs: number;
  readonly kernels: Set<string>;
}

/** Kernels that only move data say nothing about a layer. */
const movers: readonly string[] = ['copyStrided', 'fill', 'cast'];

/**
 * A table of the layers that an input of shape `input` passes, in order: path, type, output shape and dtype,
 * parameters, their bytes, multiplications (MACs) and the kernels that computed it; totals below.
 *
 * Runs a copy of the model in evaluation mode, on zeros unless `input` is a tensor: the model itself isn't touched, its
 * observers see nothing. Modules under it are listed if they compute something themselves.
 */
export function summary(model: AnyModule, input: readonly number[] | Tensor): string {
  const copy = model.clone().eval();
  const rows = rowsOf(copy, input instanceof Tensor ? input : zeros(input, { backend: backendOf(copy) }));
  const modules = copy.modules();
  const total = (of: (module: AnyModule) => number) => modules.reduce((sum, module) => sum + of(module), 0);
  return table([
    ['Layer', 'Type', 'Output', 'Dtype', 'Parameters', 'Bytes', 'MACs', 'Kernel'],
    ...rows
      .filter(
        // An Identity stands where fusing took a layer away.
        ({ module, kernels }) =>
          kernels.size > 0 ||
          countOf(module) > 0 ||
          (module.children().length === 0 && !(module instanceof Identity)),
      )
      .map(({ path, module, output, macs, kernels }) => [
        path || '(model)',
        typeName(module),
        output ? formatShape(output.shape) : '',
        output?.dtype ?? '',
        number(countOf(module)),
        number(bytesOf(module)),
        number(macs),
        [...kernels].join(' '),
      ]),
    [
      'Total',
      '',
      '',
      '',
      number(total(countOf), '0'),
      number(total(bytesOf), '0'),
      number(
        rows.reduce((sum, row) => sum + row.macs, 0),
        '0',
      ),
      '',
    ],
  ]);
}

/** Runs the model; one row for each module that was called, in the order of the first calls. */
function rowsOf(model: AnyModule, input: Tensor): Row[] {
  const rows = new Map<object, Row>();
  const recording = capture(model, input);
  try {
    for (const { module, path, args, output } of recording.calls) {
      if (path === undefined) continue;
      const known = rows.get(module);
      const row = known ?? {
        path,
        module: module as AnyModule,
        output: undefined,
        macs: 0,
        kernels: new Set(),
      };
      rows.set(module, row);
      const [x] = tensorsIn(args);
      [row.output] = tensorsIn(output);
      if (x && row.output) row.macs += (module as Measured).macs?.(x.shape, row.output.shape) ?? 0;
    }
    for (const { kernel, call } of recording.kernels) {
      if (call && !movers.includes(kernel)) rows.get(call.module)?.kernels.add(kernel);
    }
  } finally {
    recording.release();
  }
  return [...rows.values()];
}

function backendOf(model: AnyModule) {
  return (model.parameters()[0] ?? model.buffers()[0])?.backend ?? getBackend();
}

function ownParameters(module: AnyModule): Parameter[] {
  return Object.values(module).filter((value) => value instanceof Parameter);
}

function countOf(module: AnyModule): number {
  return (module as Measured).parameterCount ?? ownParameters(module).reduce((sum, p) => sum + p.numel, 0);
}

function bytesOf(module: AnyModule): number {
  return (module as Measured).parameterBytes ?? ownParameters(module).reduce((sum, p) => sum + p.nbytes, 0);
}

function number(value: number, zero = ''): string {
  return value === 0 ? zero : value.toLocaleString('en-US');
}

/** Aligned columns, a rule under the first row and above the last; numbers to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const numeric = [4, 5, 6];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (numeric.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
  return [lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1)].join('\n');
}
