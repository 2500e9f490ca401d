import { ArgumentError } from '@octet/backend';
import { stack, Tensor } from '@octet/tensor';
import { toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { axisOf, numberOf, scalar } from './helpers';
import { concat } from './views';

/** What a loop has collected, one value a turn, as one with a dim in front. @throws ArgumentError if there was no turn */
function stacked(op: string, values: readonly Value[]): Value {
  if (values.length === 0) {
    throw new ArgumentError({
      op,
      expected: 'at least one turn, for what it collects',
      found: 'none',
      fix: 'Check the count, the condition, and the sizes of the inputs.',
    });
  }
  const there = values.find((v) => v instanceof Tensor);
  if (there)
    return stack(
      values.map((v) => toTensor(v, there.backend)),
      0,
    );
  return concat(
    values.map((v) => v.reshape([1, ...v.shape])),
    0,
  );
}

/** The body of a scan, and how many of its inputs and outputs are what. */
function scanned(node: OnnxNode, inputs: number) {
  const body = node.body('body');
  // All but the lengths of version 8 must be there.
  for (let i = node.inputs.length - inputs; i < node.inputs.length; i++) node.input(i);
  const count = node.int('num_scan_inputs', 1);
  const states = inputs - count;
  const scans = body.outputs.length - states;
  if (count < 1 || states < 0 || scans < 0 || body.inputs.length !== inputs)
    throw node.wrong(
      `a body of ${inputs} inputs and at least ${states} outputs`,
      `${body.inputs.length} and ${body.outputs.length}`,
    );
  return { body, count, states, scans };
}

/** The body run `times` times, each on a part of its inputs: the last state, and what else it gave in each turn. */
function turns(
  run: (inputs: readonly Value[]) => Value[],
  initial: readonly Value[],
  times: number,
  parts: (t: number) => readonly Value[],
  scans: number,
): { state: Value[]; seen: Value[][] } {
  let state = [...initial];
  const seen: Value[][] = Array.from({ length: scans }, () => []);
  for (let t = 0; t < times; t++) {
    const results = run([...state, ...parts(t)]);
    state = results.slice(0, initial.length);
    for (const [k, values] of seen.entries()) values.push(results[initial.length + k]);
  }
  return { state, seen };
}

/** Part `at` along a dim, without it. */
function partOf(x: Value, dim: number, at: number): Value {
  return x.slice(dim, at, at + 1).reshape(x.shape.filter((_, d) => d !== dim));
}

/** Version 8: the inputs have a batch in front, each of it a scan of its own along the next dim. */
function batchedScan(node: OnnxNode): readonly Operand[] {
  const [lengths, ...inputs] = node.inputs;
  if (lengths) node.unsupported('sequence_lens');
  const { body, count, states, scans } = scanned(node, inputs.length);
  const back = node.ints('directions') ?? new Array<number>(count).fill(0);
  return node.call(
    (args, run) => {
      const given = args as Value[];
      for (const x of given) axisOf(0, x.shape.length);
      for (const x of given.slice(states)) axisOf(1, x.shape.length);
      const results = Array.from({ length: given[0].shape[0] }, (_, b) => {
        const own = given.map((x) => partOf(x, 0, b));
        const over = own.slice(states);
        const times = over[0].shape[0];
        const parts = (t: number) => over.map((x, i) => partOf(x, 0, back[i] ? times - 1 - t : t));
        const { state, seen } = turns(
          (values) => run.body(0, values),
          own.slice(0, states),
          times,
          parts,
          scans,
        );
        return [...state, ...seen.map((values) => stacked('Scan', values))];
      });
      return Array.from({ length: states + scans }, (_, k) =>
        stacked(
          'Scan',
          results.map((of) => of[k]),
        ),
      );
    },
    inputs,
    { outputs: states + scans, bodies: [body] },
  );
}

/** A body run for each element along an axis of some inputs; what it gives besides its state is collected. */
function scan(node: OnnxNode): readonly Operand[] {
  const { body, count, states, scans } = scanned(node, node.inputs.length);
  const list = (name: string, length: number) => node.ints(name) ?? new Array<number>(length).fill(0);
  const [inAxes, outAxes] = [list('scan_input_axes', count), list('scan_output_axes', scans)];
  const [inBack, outBack] = [list('scan_input_directions', count), list('scan_output_directions', scans)];
  return node.call(
    (args, run) => {
      const over = args.slice(states) as Value[];
      const axes = over.map((x, i) => axisOf(inAxes[i], x.shape.length));
      const times = over[0].shape[axes[0]];
      const parts = (t: number) => over.map((x, i) => partOf(x, axes[i], inBack[i] ? times - 1 - t : t));
      const initial = args.slice(0, states) as Value[];
      const { state, seen } = turns((values) => run.body(0, values), initial, times, parts, scans);
      const collected = seen.map((values, k) => {
        const y = stacked('Scan', outBack[k] ? values.reverse() : values);
        const to = axisOf(outAxes[k], y.shape.length);
        const rest = y.shape.map((_, d) => d).slice(1);
        return to === 0 ? y : y.permute([...rest.slice(0, to), 0, ...rest.slice(to)]);
      });
      return [...state, ...collected];
    },
    node.inputs,
    { outputs: states + scans, bodies: [body] },
  );
}

export const control = (): readonly OnnxOperator[] => [
  {
    op: 'If',
    since: 1,
    import(node) {
      const condition = node.input(0);
      const branches = ['then_branch', 'else_branch'];
      if (!branches.every((name) => node.has(name))) throw node.wrong('two branches', 'fewer');
      const known = condition.constant;
      if (known) return node.inline(branches[known.data[0] ? 0 : 1]);
      const bodies = branches.map((name) => node.body(name));
      return node.call((args, run) => run.body(numberOf(args[0] as Value) ? 0 : 1, []), [condition], {
        outputs: node.outputs.length,
        bodies,
      });
    },
  },
  {
    op: 'Loop',
    since: 1,
    inputs: 0,
    import(node) {
      const body = node.body('body');
      const carried = node.inputs.length - 2;
      for (let i = 0; i < carried; i++) node.input(2 + i);
      const scans = body.outputs.length - 1 - carried;
      if (carried < 0 || scans < 0 || body.inputs.length !== carried + 2)
        throw node.wrong(
          `a body of ${carried + 2} inputs and at least ${carried + 1} outputs`,
          `${body.inputs.length} and ${body.outputs.length}`,
        );
      return node.call(
        (args, run) => {
          const [times, condition, ...initial] = args;
          const most = times ? numberOf(times) : Number.POSITIVE_INFINITY;
          let going = condition ? numberOf(condition) !== 0 : true;
          let state = initial as Value[];
          const seen: Value[][] = Array.from({ length: scans }, () => []);
          for (let i = 0; i < most && going; i++) {
            const [next, ...rest] = run.body(0, [
              scalar(i, 'int32'),
              scalar(Number(going), 'bool'),
              ...state,
            ]);
            going = numberOf(next) !== 0;
            state = rest.slice(0, carried);
            for (const [k, list] of seen.entries()) list.push(rest[carried + k]);
          }
          const scanned = seen.map((list) => stacked('Loop', list));
          return [...state, ...scanned];
        },
        node.inputs,
        { outputs: carried + scans, bodies: [body], host: [0, 1] },
      );
    },
  },
  { op: 'Scan', since: 9, import: scan },
  { op: 'Scan', since: 8, until: 8, inputs: 0, import: batchedScan },
];
