/** Which nodes of a graph run on integers. */
import type { GraphNode, Slot } from '@octet/nn/graph';
import { type AnyModule, GRU, Hardtanh, LSTM } from '@octet/nn/modules';
import type { ModuleRules } from '../module-rules';
import type { GraphEditor } from './graph-editor';
import { type ConstantOf, fxOperator } from './operators';

/** Why a node runs in float. */
export type FloatReason =
  /** No int8 form of it is known. */
  | 'no int8 form'
  /** The recipe says so. */
  | 'recipe'
  /** Nothing that runs on integers reads its result, and it rounds: in float it is exacter. */
  | 'read in float only'
  /** None of its operands are integers, and it multiplies no matrices. */
  | 'takes floats'
  /** Recurrent layers run in int8 by quantizeDynamic. */
  | 'recurrent';

/**
 * `weighted`: on integers wherever it stands; `rounding`: gives integers at a scale of its own; `passing`: at its input's;
 * `sizes`: reads no elements; `float`: takes and gives floats.
 */
export type Role = 'weighted' | 'rounding' | 'passing' | 'sizes' | 'float';

/** What a node could be. */
export function roleOf(
  node: GraphNode,
  module: AnyModule | undefined,
  rules: ModuleRules,
  constantOf: ConstantOf,
): Role {
  if (module) {
    // A factor for each channel, as of PReLU, is no product that integers would make faster.
    if (rules.int8(module) || rules.qat(module))
      return module.parameters().some(({ dim }) => dim >= 2) ? 'weighted' : 'rounding';
    const passes = rules.isScalable(module) || rules.isTransparent(module) || module instanceof Hardtanh;
    return passes ? 'passing' : 'float';
  }
  const row = node.bodies ? undefined : fxOperator(node.op);
  if (!row) return 'float';
  if (row.kind === 'sizes') return 'sizes';
  if (row.kind === 'passing') return (row.passes?.(node, constantOf) ?? true) ? 'passing' : 'float';
  return row.steps?.(node, constantOf) ? 'rounding' : 'float';
}

/** The operands of a node that are activations: of a passing function the first, of others all. */
export function dataOf(node: GraphNode, role: Role): Slot[] {
  const inputs = node.inputs.filter((slot) => slot !== undefined);
  return role === 'passing' && typeof node.target !== 'string' && !['Max', 'Min'].includes(node.op)
    ? inputs.slice(0, 1)
    : inputs;
}

export interface Placement {
  /** The nodes that run on integers. */
  readonly integer: ReadonlySet<GraphNode>;
  readonly roles: ReadonlyMap<GraphNode, Role>;
  /** Why the others, of those that could matter, don't. */
  readonly reasons: ReadonlyMap<GraphNode, FloatReason>;
}

/** `excluded` are nodes that a recipe leaves in float. */
export function place(
  editor: GraphEditor,
  rules: ModuleRules,
  excluded: (node: GraphNode) => boolean,
): Placement {
  const constantOf: ConstantOf = (slot) => (slot === undefined ? undefined : editor.constants.get(slot));
  const roles = new Map<GraphNode, Role>();
  const reasons = new Map<GraphNode, FloatReason>();
  for (const node of editor.nodes) {
    const module = editor.moduleOf(node);
    const role = roleOf(node, module, rules, constantOf);
    const out = role !== 'sizes' && role !== 'float' && excluded(node);
    if (out) reasons.set(node, 'recipe');
    else if (role === 'float')
      reasons.set(node, module instanceof LSTM || module instanceof GRU ? 'recurrent' : 'no int8 form');
    roles.set(node, out ? 'float' : role);
  }
  const reached = (stops: (node: GraphNode) => boolean) => {
    const integers = new Set<Slot>();
    const nodes = new Set<GraphNode>();
    for (const node of editor.nodes) {
      const role = roles.get(node) as Role;
      const moves = role === 'passing' || role === 'rounding';
      const data = dataOf(node, role);
      const isIn = (slot: Slot) => integers.has(slot);
      const reads = fxOperator(node.op)?.all
        ? data.every((slot) => isIn(slot) || editor.constants.has(slot))
        : data.some(isIn);
      const runs = role === 'weighted' || (moves && !stops(node) && reads && data.some(isIn));
      if (!runs) continue;
      nodes.add(node);
      for (const slot of node.outputs) integers.add(slot);
    }
    return nodes;
  };
  const candidates = reached(() => false);
  const stopped = new Set<GraphNode>();
  /** Values that reach what runs on integers. */
  const wanted = new Set<Slot>();
  for (const node of [...editor.nodes].reverse()) {
    if (!candidates.has(node)) continue;
    const role = roles.get(node) as Role;
    const leads = role === 'weighted' || node.outputs.some((slot) => wanted.has(slot));
    if (role === 'rounding' && !leads) stopped.add(node);
    if (leads) for (const slot of dataOf(node, role)) wanted.add(slot);
  }
  const integer = reached((node) => stopped.has(node));
  for (const node of editor.nodes) {
    if (integer.has(node) || reasons.has(node) || roles.get(node) === 'sizes') continue;
    reasons.set(node, stopped.has(node) ? 'read in float only' : 'takes floats');
  }
  return { integer, roles, reasons };
}
