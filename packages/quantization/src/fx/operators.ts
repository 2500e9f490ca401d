/** What quantization knows of the functions in a graph: a line an operator, by ONNX's names. */
import type { GraphNode, HostTensor, Slot } from '@octet/nn/graph';

/** A call of a method of a FloatFunctional that a function becomes; 'before' is the result of the call before it. */
export interface Step {
  readonly method: 'add' | 'addRelu' | 'mul' | 'matmul' | 'cat' | 'mean' | 'addScalar' | 'mulScalar';
  readonly inputs: readonly (Slot | 'before')[];
  readonly rest?: readonly unknown[];
}

/** The constant that a slot is; undefined for what is known only when the graph runs. */
export type ConstantOf = (slot: Slot | undefined) => HostTensor | undefined;

/** What the integers of a function's operands come to. */
export interface FxOperator {
  readonly op: string;
  /**
   * `passing`: the same function on integers gives integers at their scale. `sizes`: it reads no elements. Absent: `steps`.
   */
  readonly kind?: 'passing' | 'sizes';
  /** Calls of FloatFunctionals instead of the function; undefined: it stays in float. */
  steps?(node: GraphNode, constantOf: ConstantOf): readonly Step[] | undefined;
  /**
   * Whether all operands have to be integers already: where a difference to a float is taken, as by a normalization written
   * out, more float arithmetic follows, and what is rounded on the way is lost.
   */
  readonly all?: boolean;
  /**
   * Of a passing function that averages: the call that gives what it passes a scale of its own; undefined: it has its input's.
   */
  average?(node: GraphNode, constantOf: ConstantOf): Step | undefined;
  /** Whether integers may pass, by the constants among the operands. */
  passes?(node: GraphNode, constantOf: ConstantOf): boolean;
}

const passing = (op: string, passes?: FxOperator['passes']): FxOperator => ({
  ...{ op, kind: 'passing' },
  ...(passes && { passes }),
});
const sizes = (op: string): FxOperator => ({ op, kind: 'sizes' });

/** The one number of a constant. */
function numberIn(constant: HostTensor | undefined): number | undefined {
  return constant?.dtype === 'float32' && constant.numel === 1 && constant.dim <= 1
    ? constant.data[0]
    : undefined;
}

/** Steps of two operands: `scalar` if the second is a number, `first` if the first one is. */
function binary(
  op: string,
  both: (a: Slot, b: Slot) => readonly Step[] | undefined,
  scalar: (a: Slot, b: number) => readonly Step[] | undefined,
  first: (a: number, b: Slot) => readonly Step[] | undefined,
): FxOperator {
  return {
    op,
    steps({ inputs: [a, b] }, constantOf) {
      if (a === undefined || b === undefined) return undefined;
      const [left, right] = [numberIn(constantOf(a)), numberIn(constantOf(b))];
      if (left !== undefined) return first(left, b);
      if (right !== undefined) return scalar(a, right);
      // Whole numbers and larger constants on the host are no activations.
      return constantOf(a) || constantOf(b) ? undefined : both(a, b);
    },
  };
}

const addScalar = (x: Slot | 'before', c: number): Step => ({ method: 'addScalar', inputs: [x], rest: [c] });
const mulScalar = (x: Slot | 'before', c: number): Step => ({ method: 'mulScalar', inputs: [x], rest: [c] });

/** A bound that is one number: a clamp. */
function clamps({ inputs }: GraphNode, constantOf: ConstantOf): boolean {
  return inputs.length === 2 && inputs.some((slot) => numberIn(constantOf(slot)) !== undefined);
}

/** Whether all operands but the first are constants, or absent. */
function settled({ inputs }: GraphNode, constantOf: ConstantOf): boolean {
  return inputs.slice(1).every((slot) => slot === undefined || constantOf(slot) !== undefined);
}

const rows: readonly FxOperator[] = [
  binary(
    'Add',
    (a, b) => [{ method: 'add', inputs: [a, b] }],
    (a, c) => [addScalar(a, c)],
    (c, b) => [addScalar(b, c)],
  ),
  {
    ...binary(
      'Sub',
      (a, b) => [mulScalar(b, -1), { method: 'add', inputs: [a, 'before'] }],
      (a, c) => [addScalar(a, -c)],
      (c, b) => [mulScalar(b, -1), addScalar('before', c)],
    ),
    all: true,
  },
  binary(
    'Mul',
    (a, b) => [{ method: 'mul', inputs: [a, b] }],
    (a, c) => [mulScalar(a, c)],
    (c, b) => [mulScalar(b, c)],
  ),
  binary(
    'Div',
    () => undefined,
    (a, c) => (c === 0 ? undefined : [mulScalar(a, 1 / c)]),
    () => undefined,
  ),
  {
    op: 'Concat',
    steps: ({ inputs, attributes }) =>
      inputs.some((slot) => slot === undefined) || attributes?.axis === undefined
        ? undefined
        : [{ method: 'cat', inputs: inputs as Slot[], rest: [attributes.axis] }],
  },
  {
    op: 'MatMul',
    steps: ({ inputs: [a, b] }) =>
      a === undefined || b === undefined ? undefined : [{ method: 'matmul', inputs: [a, b] }],
  },
  passing('Reshape'),
  passing('Flatten'),
  passing('Transpose'),
  passing('Squeeze'),
  passing('Unsqueeze'),
  passing('squeeze'),
  passing('unsqueeze'),
  passing('Split'),
  passing('Expand'),
  passing('Tile'),
  passing('DepthToSpace'),
  passing('SpaceToDepth'),
  passing('Slice', ({ inputs }, constantOf) => {
    const steps = constantOf(inputs[4]);
    return inputs[4] === undefined || (steps?.toArray().every((step) => step > 0) ?? false);
  }),
  // One index is a slice.
  passing('Gather', ({ inputs }, constantOf) => constantOf(inputs[1])?.numel === 1),
  passing('Pad', settled),
  passing('pad'),
  passing('Clip', settled),
  passing('Max', clamps),
  passing('Min', clamps),
  passing('Resize', ({ attributes }) => attributes?.mode === 'nearest'),
  passing('Upsample', ({ attributes }) => attributes?.mode === 'nearest'),
  passing('GlobalMaxPool'),
  passing('GlobalAveragePool'),
  {
    ...passing('ReduceMean', settled),
    average({ inputs: [x, given], attributes }, constantOf) {
      if (x === undefined || !attributes) return undefined;
      const axes = constantOf(given)?.toArray() ?? (attributes.axes as readonly number[] | undefined) ?? [];
      if (axes.length === 0 && attributes.nothing) return undefined;
      return { method: 'mean', inputs: [x], rest: [axes.length > 0 ? axes : undefined, attributes.keep] };
    },
  },
  passing('ReduceMax', settled),
  passing('ReduceMin', settled),
  sizes('Shape'),
  sizes('Size'),
];

let table: ReadonlyMap<string, FxOperator> | undefined;

/** The line of an operator. */
export function fxOperator(op: string): FxOperator | undefined {
  if (!table) table = new Map(rows.map((row) => [row.op, row]));
  return table.get(op);
}
