import { type GraphNode, HostTensor, type Slot } from '@octet/nn/graph';
import { type AnyModule, Buffer, Conv1d, Conv2d, Linear, ReLU } from '@octet/nn/modules';
import { quantizePerChannel, quantizePerTensor, type Tensor, tensor } from '@octet/tensor/functional';
import { convert } from '../convert';
import { moduleRules } from '../default-rules';
import { DynamicQuantizedConv1d, DynamicQuantizedConv2d } from '../dynamic/conv';
import { DynamicQuantizedLinear } from '../dynamic/linear';
import { FloatFunctional } from '../float-functional';
import type { OutputQparams } from '../functional/int8';
import type { QparamTensors } from '../functional/observe';
import { FixedQParamsObserver } from '../observers';
import { Observer } from '../observers/base';
import { prepare } from '../prepare';
import { defaultWeightObserver, QConfig } from '../qconfig';
import { DeQuantStub, QuantStub } from '../stubs';
import { fuseNodes, requireGraph } from './fuse-fx';
import { type AnyGraphModule, GraphEditor, renamed } from './graph-editor';
import { type ConstantOf, fxOperator, type Step } from './operators';
import { dataOf, roleOf } from './placement';
import { averageOf, pathOf } from './prepare-fx';

/** Says the scales that a file gives its weights. */
class GivenWeightScales extends Observer {
  static override readonly name: string = 'GivenWeightScales';
  static readonly pure = true;

  private readonly scale: Buffer;
  private readonly zeroPoint: Buffer;

  constructor({ scales }: { scales: ArrayLike<number> }) {
    super({ dtype: 'qint8', qscheme: scales.length > 1 ? 'perChannelSymmetric' : 'perTensorSymmetric' });
    this.scale = new Buffer(tensor(Array.from(scales)));
    this.zeroPoint = new Buffer(tensor(new Array<number>(scales.length).fill(0), { dtype: 'int32' }));
    this.observed = true;
  }

  override get chAxis(): number | undefined {
    return this.scale.numel > 1 ? 0 : undefined;
  }

  override forward(x: Tensor): Tensor {
    return x;
  }

  override calculateQparams(): QparamTensors {
    return { scale: this.scale, zeroPoint: this.zeroPoint };
  }
}

/**
 * A graph in which QuantizeLinear and DequantizeLinear stand around functions of floats, as a graph that runs on integers
 * where those say so: layers whose weights, inputs and outputs have scales, sums, products, joins, and what passes integers on.
 * The rest stays as it is. The model itself is used up.
 *
 * @throws ArgumentError for what is no GraphModule
 */
export async function fromQdq<M extends AnyGraphModule>(model: M): Promise<M> {
  requireGraph('fromQdq', model);
  const editor = new GraphEditor(model);
  const rules = moduleRules('fromQdq');
  // Before they are fused with what follows, which has no dynamic form.
  const dynamic = await makeDynamic(editor);
  fuseNodes(editor, rules, false);
  const constantOf: ConstantOf = (slot) => (slot === undefined ? undefined : editor.constants.get(slot));
  frameRows(editor);
  moveViews(editor, (node) => roleOf(node, editor.moduleOf(node), rules, constantOf) === 'passing');
  const pairs = new Pairs(editor);

  /** What a value becomes when it is quantized: integers where nothing else reads it. */
  const outputOf = (node: GraphNode): OutputQparams | undefined => {
    const reader = editor.onlyReaderOf(node);
    return reader && pairs.qparams.get(reader);
  };
  const nodes: GraphNode[] = [];
  const qconfigs = new Map<AnyModule, QConfig>();
  const gone = new Set<GraphNode>();
  const integers = new Map<Slot, Slot>();
  const floats = new Map<Slot, Slot>();
  const qconfigOf = (output: OutputQparams, weight?: ArrayLike<number>) =>
    new QConfig({
      activation: FixedQParamsObserver.withArgs({ ...output }),
      weight: weight ? GivenWeightScales.withArgs({ scales: weight }) : defaultWeightObserver,
    });
  const call = (
    name: string,
    module: AnyModule,
    input: Slot,
    qconfig: QConfig,
    more: Partial<GraphNode> = {},
  ): Slot => {
    const output = editor.value(name);
    const target = editor.addChild(pathOf(name), module);
    nodes.push({ name, op: module.constructor.name, inputs: [input], outputs: [output], target, ...more });
    qconfigs.set(module, qconfig);
    return output;
  };
  /** The integers of the value `v`, which the pair of `quantized` quantizes. */
  const integersOf = (quantized: Slot): Slot => {
    const known = integers.get(quantized);
    if (known !== undefined) return known;
    const { source, qparams } = pairs.sources.get(quantized) as Source;
    const name = `${editor.nameOf(source) ?? `value${source}`}_quant`;
    const made = call(name, new QuantStub(), floatOf(source), qconfigOf(qparams));
    integers.set(quantized, made);
    return made;
  };
  function floatOf(slot: Slot): Slot {
    const quantized = pairs.aliases.get(slot);
    if (quantized === undefined) return slot;
    const known = floats.get(quantized);
    if (known !== undefined) return known;
    const { qparams } = pairs.sources.get(quantized) as Source;
    const name = `${editor.nameOf(slot) ?? `value${slot}`}_dequant`;
    const made = call(name, new DeQuantStub(), integersOf(quantized), qconfigOf(qparams));
    floats.set(quantized, made);
    return made;
  }
  /** Puts `node` on integers; its last one, if that is another, gives the value that is quantized. */
  const emit = (node: GraphNode, last: GraphNode, data: ReadonlySet<Slot>, qconfig: QConfig | undefined) => {
    const inputs = node.inputs.map((slot) => {
      const quantized = slot === undefined || !data.has(slot) ? undefined : pairs.aliases.get(slot);
      return quantized === undefined ? slot : integersOf(quantized);
    });
    nodes.push({ ...node, inputs, outputs: last.outputs });
    const module = editor.moduleOf(node);
    if (module && qconfig) qconfigs.set(module, qconfig);
    const reader = editor.onlyReaderOf(last) as GraphNode;
    integers.set(reader.outputs[0], last.outputs[0]);
    if (last !== node) gone.add(last);
  };

  let quantized = 0;
  for (const node of editor.nodes) {
    if (pairs.nodes.has(node) || gone.has(node)) continue;
    const scaled = pairs.scaled.get(node);
    if (scaled) {
      const { from, to, factor, addend } = scaled;
      let at = integersOf(from);
      const qconfig = qconfigOf(pairs.of(node.outputs[0]) as OutputQparams);
      for (const [op, method, by, none] of [
        ['Mul', 'mulScalar', factor, 1],
        ['Add', 'addScalar', addend, 0],
      ] as const) {
        if (by === none) continue;
        at = call(`${node.name}_${op}`, new FloatFunctional(), at, qconfig, { op, method, rest: [by] });
      }
      integers.set(to, at);
      quantized++;
      continue;
    }
    const module = editor.moduleOf(node);
    const role = roleOf(node, module, rules, constantOf);
    const data = dataOf(node, role).filter((slot) => !(role === 'passing' && editor.constants.has(slot)));
    const reads = data.length > 0 && data.every((slot) => pairs.aliases.has(slot));
    const output = outputOf(node);
    const given = reads ? pairs.of(data[0]) : undefined;
    const set = new Set(data);
    if (reads && output && role === 'weighted') {
      const scales = node.attributes?.weightScale as ArrayLike<number> | undefined;
      if (scales && (await fits(weightOf(module as AnyModule), scales))) {
        emit(node, node, set, qconfigOf(output, scales));
        quantized++;
        continue;
      }
    } else if (reads && output && role === 'passing' && given && same(given, output)) {
      emit(node, node, set, undefined);
      continue;
    } else if (reads && output && role === 'passing') {
      const average = averageOf(editor, node, constantOf);
      if (average) {
        emit(average, node, set, qconfigOf(output));
        quantized++;
        continue;
      }
    } else if (reads && output && role === 'rounding' && module) {
      const fixed = fixedOutput[module.constructor.name];
      const isFixed = rules.int8(module)?.observe !== true;
      if (!isFixed || (fixed && same(fixed, output))) {
        emit(node, node, set, qconfigOf(output));
        quantized++;
        continue;
      }
    } else if (reads && role === 'rounding') {
      const steps = fxOperator(node.op)?.steps?.(node, constantOf) ?? [];
      const relu = steps[0]?.method === 'add' && !output ? editor.onlyReaderOf(node) : undefined;
      const clamped = relu && editor.moduleOf(relu)?.constructor === ReLU ? relu : undefined;
      const qparams = clamped ? outputOf(clamped) : output;
      if (steps.length === 1 && qparams && !/Scalar$/.test(steps[0].method)) {
        const step: Step = clamped ? { ...steps[0], method: 'addRelu' } : steps[0];
        const target = editor.addChild(pathOf(node.name), new FloatFunctional());
        const functional: GraphNode = {
          ...{ name: node.name, op: node.op, inputs: node.inputs, outputs: node.outputs },
          ...{ target, method: step.method },
          ...(step.method === 'cat' && { tuple: 0 }),
          ...(step.rest && { rest: step.rest }),
        };
        emit(functional, clamped ?? node, set, qconfigOf(qparams));
        quantized++;
        continue;
      }
    }
    nodes.push(renamed(node, floatOf));
  }
  for (const output of editor.outputs) output.slot = floatOf(output.slot);
  if (quantized === 0) return dynamic > 0 ? (editor.build() as M) : model;
  editor.setNodes(nodes);
  const target = editor.build();
  for (const m of target.modules()) m.qconfig = null;
  target.qconfig = undefined;
  for (const [module, qconfig] of qconfigs) module.qconfig = qconfig;
  const settings = { inplace: true } as const;
  return convert(prepare(target, undefined, settings), {
    ...settings,
    requireCalibration: false,
  }) as Promise<M>;
}

/** Puts layers that quantize their input at each call where nodes ask for them (`attributes.dynamic`); how many. */
async function makeDynamic(editor: GraphEditor): Promise<number> {
  let count = 0;
  for (const node of editor.nodes) {
    const { weightScale, weightZero, dynamic } = node.attributes ?? {};
    const layer = dynamic ? editor.moduleOf(node) : undefined;
    const scales = weightScale as ArrayLike<number> | undefined;
    const make = layer && dynamicForms.get(layer.constructor);
    if (!layer || !make || !scales) continue;
    const zeros = (weightZero as number[] | undefined) ?? new Array<number>(scales.length).fill(0);
    const { weight } = layer as Linear;
    if (!(await fits(weight, scales, zeros))) continue;
    const floats = weight.detach();
    const integers =
      scales.length === 1
        ? quantizePerTensor(floats, scales[0], zeros[0], 'qint8')
        : quantizePerChannel(floats, scales, zeros, 0, 'qint8');
    editor.replaceChild(node.target as string, make(layer as never, integers));
    count++;
  }
  return count;
}

type MakeDynamic = (layer: never, weight: Tensor) => AnyModule;

/** By the class of the layer in float. */
const dynamicForms: ReadonlyMap<unknown, MakeDynamic> = /* @__PURE__ */ new Map<unknown, MakeDynamic>([
  [Linear, (layer, weight) => new DynamicQuantizedLinear(layer, weight)],
  [Conv1d, (layer, weight) => new DynamicQuantizedConv1d(layer, weight)],
  [Conv2d, (layer, weight) => new DynamicQuantizedConv2d(layer, weight)],
]);

/** Rows that layers take as images of one line: their integers are rounded at the layer, not before and behind the views that make them images. */
function frameRows(editor: GraphEditor): void {
  const back = editor.nodes.find(({ op }) => op === 'DequantizeLinear');
  if (!back) return;
  const makers = new Map(editor.nodes.flatMap((node) => node.outputs.map((slot) => [slot, node] as const)));
  const isScaled = (node: GraphNode | undefined) => node?.attributes?.weightScale !== undefined;
  const pair = (
    name: string,
    { op, target }: GraphNode,
    parameters: GraphNode['inputs'],
    from: Slot,
    to: Slot,
  ) => {
    const integers = editor.value();
    return [
      { name: `${name} (integers)`, op, target, inputs: [from, ...parameters], outputs: [integers] },
      { ...back, name: `${name} (floats)`, inputs: [integers, ...parameters], outputs: [to] },
    ];
  };
  const quantize = editor.nodes.find(({ op }) => op === 'QuantizeLinear');
  const nodes = editor.nodes.flatMap((node) => {
    const { op, name, inputs, outputs } = node;
    const maker = inputs[0] === undefined ? undefined : makers.get(inputs[0]);
    const reader = editor.onlyReaderOf(node);
    if (op === 'unsqueeze' && quantize && maker?.op === 'DequantizeLinear' && isScaled(reader)) {
      const image = editor.value();
      const framed = pair(name, quantize, maker.inputs.slice(1), image, outputs[0]);
      return [{ ...node, outputs: [image] }, ...framed];
    }
    if (op === 'squeeze' && reader?.op === 'QuantizeLinear' && isScaled(maker)) {
      const image = editor.value();
      const framed = pair(name, reader, reader.inputs.slice(1), inputs[0] as Slot, image);
      return [...framed, { ...node, inputs: [image, ...inputs.slice(1)] }];
    }
    return [node];
  });
  editor.setNodes(nodes);
}

/** What passes integers on between the two of a pair goes behind it, and gets a pair of its own. */
function moveViews(editor: GraphEditor, passes: (node: GraphNode) => boolean): void {
  const back = editor.nodes.find(({ op }) => op === 'DequantizeLinear');
  /** The QuantizeLinear that made integers, or made those that they are a view of. */
  const makers = new Map<Slot, GraphNode>();
  const nodes = editor.nodes.flatMap((node) => {
    if (node.op === 'QuantizeLinear') makers.set(node.outputs[0], node);
    const maker = node.inputs[0] === undefined ? undefined : makers.get(node.inputs[0]);
    if (!back || !maker || node.outputs.length !== 1 || !passes(node)) return [node];
    makers.set(node.outputs[0], maker);
    const parameters = maker.inputs.slice(1);
    const [real, view] = [editor.value(), editor.value()];
    return [
      { ...back, name: `${node.name} (floats)`, inputs: [node.inputs[0], ...parameters], outputs: [real] },
      { ...node, inputs: [real, ...numbersOf(editor, node, parameters)], outputs: [view] },
      { ...maker, name: `${node.name} (integers)`, inputs: [view, ...parameters], outputs: node.outputs },
    ];
  });
  editor.setNodes(nodes);
}

/** Which operands of functions that pass integers on are integers, too. */
const integerOperands: Readonly<Record<string, readonly number[]>> = {
  Pad: [2],
  Clip: [1, 2],
  Max: [1],
  Min: [1],
};

/** The operands of a function of integers behind the first, for the numbers that the integers stand for. */
function numbersOf(
  editor: GraphEditor,
  { op, inputs }: GraphNode,
  parameters: GraphNode['inputs'],
): (Slot | undefined)[] {
  const [scale, zero] = parameters.map((slot) =>
    slot === undefined ? undefined : editor.constants.get(slot),
  );
  const operands = [...inputs.slice(1)];
  for (const i of integerOperands[op] ?? []) {
    const slot = inputs[i];
    const given = slot === undefined ? undefined : editor.constants.get(slot);
    // What is absent is no bound; Pad puts 0 around.
    if ((slot !== undefined && given?.numel !== 1) || (slot === undefined && op !== 'Pad')) continue;
    const number = ((given?.data[0] ?? 0) - (zero?.data[0] ?? 0)) * (scale?.data[0] ?? 1);
    operands[i - 1] = editor.constant(HostTensor.of([number], [], 'float32'));
  }
  return operands;
}

/** What the int8 forms of these give whatever was asked for. */
const fixedOutput: Readonly<Record<string, OutputQparams>> = {
  Sigmoid: { scale: 1 / 256, zeroPoint: 0 },
  Hardsigmoid: { scale: 1 / 256, zeroPoint: 0 },
  Tanh: { scale: 1 / 128, zeroPoint: 128 },
};

function same(a: OutputQparams, b: OutputQparams): boolean {
  return Math.fround(a.scale) === Math.fround(b.scale) && a.zeroPoint === b.zeroPoint;
}

/** The weight of a layer, or of the first of a fused one. */
function weightOf(module: AnyModule): Tensor | undefined {
  const first = (module.children()[0] ?? module) as Conv2d | Linear;
  return first.weight;
}

/** Whether a weight consists of whole multiples of these scales that int8 has, around these zero points. */
async function fits(
  weight: Tensor | undefined,
  scales: ArrayLike<number>,
  zeros?: readonly number[],
): Promise<boolean> {
  if (!weight || (scales.length !== 1 && scales.length !== weight.shape[0])) return false;
  const data = await weight.detach().data();
  const each = data.length / scales.length;
  return Array.from(data).every((w, i) => {
    const channel = Math.floor(i / each);
    const q = Number(w) / scales[channel] + (zeros?.[channel] ?? 0);
    return Math.abs(q - Math.round(q)) < 1e-3 && q > -128.5 && q < 127.5;
  });
}

interface Source {
  /** The floats that are quantized. */
  readonly source: Slot;
  readonly qparams: OutputQparams;
}

/** Integers `from` that mean what they meant times a factor, plus an addend: the integers `to`. */
interface Scaled {
  readonly from: Slot;
  readonly to: Slot;
  readonly factor: number;
  readonly addend: number;
}

/** QuantizeLinear to 8 bits at one scale, and the DequantizeLinears that alone read it. */
class Pairs {
  readonly nodes = new Set<GraphNode>();
  /** Of the QuantizeLinears. */
  readonly qparams = new Map<GraphNode, OutputQparams>();
  /** By the integers. */
  readonly sources = new Map<Slot, Source>();
  /** The DequantizeLinears of another scale, or zero point. */
  readonly scaled = new Map<GraphNode, Scaled>();
  /** What DequantizeLinear gives, to the integers. */
  readonly aliases = new Map<Slot, Slot>();

  constructor(private readonly editor: GraphEditor) {
    for (const node of editor.nodes) {
      const qparams = node.op === 'QuantizeLinear' ? this.qparamsOf(node) : undefined;
      const [source] = node.inputs;
      const [slot] = node.outputs;
      if (!qparams || source === undefined || editor.isOutput(slot)) continue;
      const readers = editor.readersOf(slot);
      // The same integers at another scale and zero point are the number times another, and another added.
      const back = readers.every((reader) => {
        const other = reader.op === 'DequantizeLinear' ? this.qparamsOf(reader) : undefined;
        return reader.inputs[0] === slot && other !== undefined;
      });
      if (!back || readers.length === 0) continue;
      this.nodes.add(node);
      this.qparams.set(node, qparams);
      this.sources.set(slot, { source, qparams });
      for (const reader of readers) {
        const other = this.qparamsOf(reader) as OutputQparams;
        const isSame = same(qparams, other);
        const integers = isSame ? slot : editor.value();
        this.aliases.set(reader.outputs[0], integers);
        if (isSame) {
          this.nodes.add(reader);
          continue;
        }
        this.sources.set(integers, { source: reader.outputs[0], qparams: other });
        this.scaled.set(reader, {
          ...{ from: slot, to: integers, factor: other.scale / qparams.scale },
          addend: (qparams.zeroPoint - other.zeroPoint) * other.scale,
        });
      }
    }
  }

  of(slot: Slot): OutputQparams | undefined {
    const quantized = this.aliases.get(slot);
    return quantized === undefined ? undefined : this.sources.get(quantized)?.qparams;
  }

  /** As quint8; integers of int8 are those less 128. */
  private qparamsOf({ inputs }: GraphNode): OutputQparams | undefined {
    const [scale, zero] = [1, 2].map((i) => this.editor.constants.get(inputs[i] as Slot));
    if (scale?.numel !== 1 || (inputs[2] !== undefined && zero?.numel !== 1)) return undefined;
    const at = zero?.data[0] ?? 0;
    if (zero && zero.dtype !== 'uint8' && zero.dtype !== 'int8') return undefined;
    return { scale: scale.data[0], zeroPoint: zero?.dtype === 'int8' ? at + 128 : at };
  }
}
