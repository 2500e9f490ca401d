import { ArgumentError } from '@octet/backend';
import { stack, Tensor } from '@octet/tensor';
import { HostTensor, toTensor, type Value } from '../../host-tensor';
import type { OnnxOperator } from '../table';
import { numberOf, scalar } from './helpers';
import { concat } from './views';

/** Values of one shape as one with a dim in front. */
function stacked(values: readonly Value[]): Value {
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

export const control: readonly OnnxOperator[] = [
  {
    op: 'If',
    since: 1,
    import(node) {
      const condition = node.input(0);
      const known = condition.constant;
      if (known) return node.inline(known.data[0] ? 'then_branch' : 'else_branch');
      const bodies = [node.body('then_branch'), node.body('else_branch')];
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
          const scanned = seen.map((list) => {
            if (list.length > 0) return stacked(list);
            throw new ArgumentError({
              op: 'Loop',
              expected: 'at least one turn, for what it collects',
              found: 'none',
              fix: 'Check the count and the condition.',
            });
          });
          return [...state, ...scanned];
        },
        node.inputs,
        { outputs: carried + scans, bodies: [body], host: [0, 1] },
      );
    },
  },
];

export { HostTensor };
