import { checkOptions, warnOnce } from '@octet/backend';
import type { GraphNode, Slot } from '@octet/nn/graph';
import { type AnyModule, ReLU } from '@octet/nn/modules';
import { moduleRules } from '../default-rules';
import { FloatFunctional } from '../float-functional';
import { AveragePool, isAveragingLayer } from '../intrinsic/average-pool';
import type { ModuleRule, ModuleRules } from '../module-rules';
import { observeBetween, outputObserver } from '../observed';
import { prepare, prepareQat } from '../prepare';
import type { QConfig } from '../qconfig';
import {
  getDefaultGraphQConfigMapping,
  getDefaultQatQConfigMapping,
  type QConfigMapping,
  requireRecipe,
} from '../qconfig-mapping';
import { DeQuantStub, QuantStub } from '../stubs';
import { fuseNodes, requireGraph } from './fuse-fx';
import { type AnyGraphModule, GraphEditor, renamed } from './graph-editor';
import { type ConstantOf, fxOperator, type Step } from './operators';
import { dataOf, type Placement, place, type Role } from './placement';
import { QuantizationReport, type QuantizationRow, setReport } from './report';
import { usefulValues } from './useful-ranges';

export interface PrepareFxOptions {
  /** Rules of your own, which go before the library's. `convertFx` needs the same. */
  rules?: readonly ModuleRule[];
}

/**
 * A copy of a graph in evaluation mode that is ready to be calibrated: show it some real data, then `convertFx` it. Layers
 * are fused wherever they stand, and integers begin and end where they have to, by stubs: sums, products and joins become
 * FloatFunctionals; views, pools and clamps pass integers on; what has no int8 form, and functions that would only round what
 * is read in float anyway, stay in float. `quantizationReport` says which and why.
 *
 * Tensors that are joined and used nowhere else get the scale of the whole, as PyTorch's do. Means and average pools get a scale of their own;
 * PyTorch's keep their input's, of which they may use a few steps only.
 *
 * @param mapping recipes by path, class, or for all; null leaves in float. `getDefaultGraphQConfigMapping()` unless given. Functions go
 * by the names of their nodes
 * @throws ArgumentError for what is no GraphModule; QuantizationError in training mode, for a path that the model lacks, or if it
 * was prepared before
 */
export function prepareFx<M extends AnyGraphModule>(
  model: M,
  mapping: QConfigMapping = getDefaultGraphQConfigMapping(),
  options?: PrepareFxOptions,
): M {
  return prepared('prepareFx', model, mapping, options);
}

/**
 * As `prepareFx`, of a graph in training mode: with fake quantizers, and layers that train with quantized weights.
 *
 * @param mapping `getDefaultQatQConfigMapping()` unless given
 * @throws ArgumentError for what is no GraphModule; QuantizationError in evaluation mode, for a path that the model lacks, or if
 * it was prepared before
 */
export function prepareQatFx<M extends AnyGraphModule>(
  model: M,
  mapping: QConfigMapping = getDefaultQatQConfigMapping(),
  options?: PrepareFxOptions,
): M {
  return prepared('prepareQatFx', model, mapping, options);
}

function prepared<M extends AnyGraphModule>(
  op: 'prepareFx' | 'prepareQatFx',
  model: M,
  mapping: QConfigMapping,
  options: PrepareFxOptions | undefined,
): M {
  const { rules: own } = checkOptions(op, options, 'rules');
  requireGraph(op, model);
  requireRecipe('QConfigMapping', op, mapping, 'Use getDefaultQConfigMapping().');
  const rules = moduleRules(op, own);
  const before = model.namedModules().map(([path]) => path);
  const editor = new GraphEditor(model.clone({ hooks: true }));
  fuseNodes(editor, rules, model.training);
  const functions = model.graph.nodes.filter(({ target }) => typeof target !== 'string');
  const names = new Set(functions.map(({ name }) => name));
  const isExcluded = ({ name }: GraphNode) => names.has(name) && mapping.ruleOf(name) === null;
  placeFunctionals(editor, rules, isExcluded);
  const named = new Map([...model.graph.nodes, ...editor.nodes].map((node) => [node.name, node.target]));
  const byPath = mapping.renamed((name) => (before.includes(name) ? name : pathIn(named, name)));
  const recipes = byPath.recipesOf(editor.build(), before);
  const recipeOf = (node: GraphNode) => {
    const module = editor.moduleOf(node);
    return module && recipes.get(module);
  };
  const placement = place(editor, rules, (node) => recipeOf(node) === null || isExcluded(node));
  const report = reportOf(editor, placement);
  const joins = editor.nodes
    .filter((node) => node.method === 'cat' && placement.integer.has(node))
    .map((node) => ({ join: node.target as string, parts: partsOf(editor, node, placement) }));
  const qconfigs = new Map<AnyModule, QConfig | null>();
  for (const node of editor.nodes) {
    const module = editor.moduleOf(node);
    if (module) qconfigs.set(module, (placement.integer.has(node) && recipeOf(node)) || null);
  }
  placeStubs(editor, placement, qconfigs);
  const target = editor.build();
  for (const [module, qconfig] of qconfigs) module.qconfig = qconfig;
  const settings = { inplace: true, ...(own && { rules: own }) };
  const prepareTarget = op === 'prepareFx' ? prepare : prepareQat;
  // A recipe may leave all in float, and a model may have nothing else; a model without a recipe is a mistake.
  const isNone = placement.integer.size === 0;
  const isExcludedAll = isNone && [...placement.reasons.values()].includes('recipe');
  const isFloat = isExcludedAll || (isNone && [...recipes.values()].some((recipe) => recipe !== null));
  if (isFloat && !isExcludedAll)
    warnOnce(
      `${op} nothing`,
      `${op}: nothing of the model has a static int8 form: all stays in float. See quantizationReport(model).`,
    );
  const result = isFloat ? target : prepareTarget(target, undefined, settings);
  for (const { join, parts } of joins) shareObserver(result, join, parts);
  limitRanges(result);
  setReport(result, report);
  return result as M;
}

/** The path of what a node calls; undefined for a function that has none, the name itself where there is no such node. */
function pathIn(targets: ReadonlyMap<string, GraphNode['target']>, name: string): string | undefined {
  if (!targets.has(name)) return name;
  const target = targets.get(name);
  return typeof target === 'string' ? target : undefined;
}

/** Sums, products, joins and means of what could be integers as methods of FloatFunctionals, average pools as layers with a scale. */
function placeFunctionals(
  editor: GraphEditor,
  rules: ModuleRules,
  isExcluded: (node: GraphNode) => boolean,
): void {
  const { integer } = place(editor, rules, isExcluded);
  const constantOf: ConstantOf = (slot) => (slot === undefined ? undefined : editor.constants.get(slot));
  const gone = new Set<GraphNode>();
  const nodes = editor.nodes.flatMap((node) => {
    if (gone.has(node)) return [];
    const row = typeof node.target === 'string' ? undefined : fxOperator(node.op);
    const steps = integer.has(node) ? row?.steps?.(node, constantOf) : undefined;
    if (!steps) return [(integer.has(node) && averageOf(editor, node, constantOf)) || node];
    const relu = steps[steps.length - 1].method === 'add' ? editor.onlyReaderOf(node) : undefined;
    const clamped = relu !== undefined && editor.moduleOf(relu)?.constructor === ReLU;
    if (clamped) gone.add(relu);
    return calls(
      editor,
      node,
      clamped ? [{ ...steps[0], method: 'addRelu' }] : steps,
      (clamped ? relu : node).outputs[0],
    );
  });
  editor.setNodes(nodes);
}

/** A mean or an average pool as a node whose result has a scale of its own; undefined for anything else. */
export function averageOf(
  editor: GraphEditor,
  node: GraphNode,
  constantOf: ConstantOf,
): GraphNode | undefined {
  const module = editor.moduleOf(node);
  if (isAveragingLayer(module)) {
    const path = node.target as string;
    const own = new AveragePool(module).train(module.training);
    // What is called in several places gets a scale for each.
    if (editor.callsOf(path) > 1) return { ...node, target: editor.addChild(path, own) };
    editor.replaceChild(path, own);
    return node;
  }
  const step = module ? undefined : fxOperator(node.op)?.average?.(node, constantOf);
  return step && calls(editor, node, [step], node.outputs[0])[0];
}

/** The steps that a node becomes, each a call of a FloatFunctional of its own; the last makes `output`. */
function calls(editor: GraphEditor, node: GraphNode, steps: readonly Step[], output: Slot): GraphNode[] {
  let before: Slot | undefined;
  return steps.map(({ method, inputs, rest }, i) => {
    const slots = inputs.map((slot) => (slot === 'before' ? (before as Slot) : slot));
    before = i === steps.length - 1 ? output : editor.value();
    return {
      name: i === 0 ? node.name : `${node.name} (${i + 1})`,
      op: node.op,
      inputs: slots,
      outputs: [before],
      target: editor.addChild(pathOf(node.name), new FloatFunctional()),
      method,
      ...(method === 'cat' && { tuple: 0 }),
      ...(rest && { rest }),
    };
  });
}

/** A node's name as the path of a child: `/features/3/Add` as `features.3.add`. */
export function pathOf(name: string): string {
  const parts = name.split('/').filter((part) => part !== '');
  const last = parts.pop() ?? 'function';
  return [...parts, last.charAt(0).toLowerCase() + last.slice(1)].join('.');
}

/** Stubs where integers begin and end; they get the recipe of what reads them. */
function placeStubs(
  editor: GraphEditor,
  { integer, roles }: Placement,
  qconfigs: Map<AnyModule, QConfig | null>,
): void {
  const inIntegers = new Set<Slot>();
  /** The other form of a value. */
  const floats = new Map<Slot, Slot>();
  const quantized = new Map<Slot, Slot>();
  const nodes: GraphNode[] = [];
  const stub = (
    slot: Slot,
    made: Map<Slot, Slot>,
    Stub: typeof QuantStub | typeof DeQuantStub,
    qconfig: QConfig | null,
  ) => {
    const known = made.get(slot);
    if (known !== undefined) return known;
    const what = Stub === QuantStub ? 'quant' : 'dequant';
    const name = `${editor.nameOf(slot) ?? `value${slot}`}_${what}`;
    const module = new Stub();
    qconfigs.set(module, qconfig);
    const output = editor.value(name);
    made.set(slot, output);
    nodes.push({
      name,
      op: Stub.name,
      inputs: [slot],
      outputs: [output],
      target: editor.addChild(pathOf(name), module),
    });
    return output;
  };
  const toFloat = (slot: Slot) =>
    inIntegers.has(slot) ? stub(slot, floats, DeQuantStub, firstOf(qconfigs)) : slot;
  for (const node of editor.nodes) {
    const role = roles.get(node) as Role;
    if (!integer.has(node)) {
      nodes.push(role === 'sizes' ? node : renamed(node, toFloat));
      continue;
    }
    const module = editor.moduleOf(node);
    const data = new Set(dataOf(node, role));
    const qconfig = (module && qconfigs.get(module)) ?? null;
    const inputs = node.inputs.map((slot) => {
      if (slot === undefined || !data.has(slot) || inIntegers.has(slot) || isNumber(editor, slot, role))
        return slot;
      return stub(slot, quantized, QuantStub, qconfig ?? firstOf(qconfigs));
    });
    nodes.push({ ...node, inputs });
    for (const slot of node.outputs) inIntegers.add(slot);
  }
  for (const output of editor.outputs) output.slot = toFloat(output.slot);
  editor.setNodes(nodes);
}

/** A bound, beside the tensor that is clamped. */
function isNumber(editor: GraphEditor, slot: Slot, role: Role): boolean {
  return role === 'passing' && editor.constants.has(slot);
}

function firstOf(qconfigs: ReadonlyMap<AnyModule, QConfig | null>): QConfig | null {
  return [...qconfigs.values()].find((qconfig) => qconfig !== null) ?? null;
}

/**
 * The layers whose results are joined by a node and used nowhere else, as they are or as views: at the scale of the whole
 * they are rounded once.
 */
function partsOf(editor: GraphEditor, node: GraphNode, { integer, roles }: Placement): string[] {
  const makers = new Map(editor.nodes.flatMap((n) => n.outputs.map((slot) => [slot, n] as const)));
  return node.inputs.flatMap((slot) => {
    let maker = makers.get(slot as Slot);
    while (maker && integer.has(maker) && editor.onlyReaderOf(maker)) {
      const role = roles.get(maker);
      if (role === 'weighted' || role === 'rounding')
        return typeof maker.target === 'string' ? [maker.target] : [];
      if (!isView(maker)) return [];
      maker = makers.get(maker.inputs[0] as Slot);
    }
    return [];
  });
}

/** Whether a passing node keeps all values: clamps don't. */
function isView({ target, op }: GraphNode): boolean {
  return typeof target !== 'string' && !['Clip', 'Max', 'Min'].includes(op);
}

/** Lets the observer of a join watch its parts too, unless theirs are fixed. */
function shareObserver(model: AnyGraphModule, join: string, parts: readonly string[]): void {
  const whole = model.getSubmodule(join) as FloatFunctional;
  for (const path of parts) {
    const part = model.getSubmodule(path) as { activationPostProcess?: unknown } & AnyModule;
    const observer = outputObserver(part);
    if (observer && observer.constructor === whole.activationPostProcess?.constructor)
      part.activationPostProcess = whole.activationPostProcess;
  }
}

/** Lets observers see what makes a difference to what reads it. */
function limitRanges(model: AnyGraphModule): void {
  const useful = usefulValues(model);
  for (const { target, outputs } of model.graph.nodes) {
    const range = useful.get(outputs[0]);
    if (typeof target !== 'string' || !range) continue;
    const module = model.getSubmodule(target);
    if (
      outputObserver(module) &&
      (range.min > Number.NEGATIVE_INFINITY || range.max < Number.POSITIVE_INFINITY)
    )
      observeBetween(module, range);
  }
}

function reportOf(editor: GraphEditor, { integer, reasons, roles }: Placement): QuantizationReport {
  const touched = new Set<Slot>();
  const rows: QuantizationRow[] = [];
  for (const node of editor.nodes) {
    const module = editor.moduleOf(node);
    const runs = integer.has(node) ? 'int8' : 'float';
    const reason = reasons.get(node);
    const weights = module?.parameters().reduce((n, { numel }) => n + numel, 0) ?? 0;
    const met = node.inputs.some((slot) => slot !== undefined && touched.has(slot));
    if (runs === 'int8') for (const slot of node.outputs) touched.add(slot);
    const counts =
      runs === 'int8'
        ? module !== undefined
        : weights > 0 || met || (module && roles.get(node) !== 'passing');
    if (!counts || roles.get(node) === 'sizes') continue;
    rows.push({
      name: typeof node.target === 'string' ? node.target : node.name,
      type: module ? module.constructor.name : node.op,
      runs,
      ...(runs === 'float' && reason && { reason }),
      weights,
    });
  }
  return new QuantizationReport(rows);
}
