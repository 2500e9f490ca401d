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

/** A body run for each element along an axis of some inputs; what it gives besides its state is collected. */
function scan(node: OnnxNode): readonly Operand[] {
  const body = node.body('body');
  const count = node.int('num_scan_inputs', 1);
  const states = node.inputs.length - count;
  const scans = body.outputs.length - states;
  if (count < 1 || states < 0 || scans < 0 || body.inputs.length !== node.inputs.length)
    throw node.wrong(
      `a body of ${node.inputs.length} inputs and at least ${states} outputs`,
      `${body.inputs.length} and ${body.outputs.length}`,
    );
  const list = (name: string, length: number) => node.ints(name) ?? new Array<number>(length).fill(0);
  const [inAxes, outAxes] = [list('scan_input_axes', count), list('scan_output_axes', scans)];
  const [inBack, outBack] = [list('scan_input_directions', count), list('scan_output_directions', scans)];
  return node.call(
    (args, run) => {
      let state = args.slice(0, states) as Value[];
      const over = args.slice(states) as Value[];
      const axes = over.map((x, i) => axisOf(inAxes[i], x.shape.length));
      const times = over[0].shape[axes[0]];
      const seen: Value[][] = Array.from({ length: scans }, () => []);
      for (let t = 0; t < times; t++) {
        const parts = over.map((x, i) => {
          const at = inBack[i] ? times - 1 - t : t;
          return x.slice(axes[i], at, at + 1).reshape(x.shape.filter((_, d) => d !== axes[i]));
        });
        const results = run.body(0, [...state, ...parts]);
        state = results.slice(0, states);
        for (const [k, values] of seen.entries()) values.push(results[states + k]);
      }
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
];
