/**
 * Which module becomes which: the tables that `prepareQat`, `convert` and `quantizeDynamic` go by. Adding a module is one
 * file and one line here.
 */
import { type KernelTable, QuantizationError, type UnaryName } from '@octet/backend';
import {
  type AnyModule,
  Conv2d,
  ELU,
  Hardswish,
  LeakyReLU,
  Linear,
  LSTM,
  Mish,
  Sigmoid,
  SiLU,
  Softplus,
  Tanh,
} from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import { DynamicQuantizedLinear } from './dynamic/linear';
import { DynamicQuantizedLSTM } from './dynamic/lstm';
import { FloatFunctional } from './float-functional';
import type { DynamicOptions } from './functional/linear';
import { ConvBn2d, ConvBnReLU2d, ConvReLU2d, FusedModule, LinearReLU } from './intrinsic';
import { outputObserver, readOutputQparams } from './observed';
import { QatConvBn2d, QatConvBnReLU2d } from './qat/conv-bn2d';
import { QatConv2d, QatConvReLU2d } from './qat/conv2d';
import { QatLinear, QatLinearReLU } from './qat/linear';
import {
  defaultFixedQparamsRange0to1FakeQuant,
  defaultFixedQparamsRangeNeg1to1FakeQuant,
  type QConfig,
} from './qconfig';
import { QuantizedActivation, QuantizedHardswish, QuantizedLeakyReLU } from './quantized/activations';
import { QuantizedConv2d, QuantizedConvReLU2d } from './quantized/conv2d';
import { QuantizedLinear, QuantizedLinearReLU } from './quantized/linear';
import { QFunctional } from './quantized/q-functional';
import { DeQuantize, Quantize } from './quantized/quantize';
import { quantizeWeight } from './quantized/weighted';
import { DeQuantStub, QuantStub } from './stubs';
import type { ObserverFactory } from './with-args';

// biome-ignore lint/suspicious/noExplicitAny: any module class
export type ModuleClass = abstract new (...args: any[]) => AnyModule;

// biome-ignore lint/suspicious/noExplicitAny: each entry knows its own module type
type Swap = (module: any, qconfig: QConfig) => AnyModule;

/** Float module → the one to train with fake quantization. */
export const defaultQatMapping: ReadonlyMap<ModuleClass, Swap> = new Map<ModuleClass, Swap>([
  [Conv2d, (m: Conv2d, q) => new QatConv2d(m, q)],
  [ConvReLU2d, (m: ConvReLU2d, q) => new QatConvReLU2d(m.conv, q)],
  [ConvBn2d, (m: ConvBn2d, q) => new QatConvBn2d(m.conv, m.bn, q)],
  [ConvBnReLU2d, (m: ConvBnReLU2d, q) => new QatConvBnReLU2d(m.conv, m.bn, q)],
  [Linear, (m: Linear, q) => new QatLinear(m, q)],
  [LinearReLU, (m: LinearReLU, q) => new QatLinearReLU(m.linear, q)],
]);

export interface StaticRule {
  /** Whether `prepare` watches the output; without, scale and zero point are the input's or known. */
  observe: boolean;
  /** What `prepareQat` puts after the module, whatever the recipe: its int8 form has a fixed scale. */
  fixed?: ObserverFactory;
  // biome-ignore lint/suspicious/noExplicitAny: each entry knows its own module type
  convert(path: string, module: any, qconfig: QConfig): AnyModule | Promise<AnyModule>;
}

const observed = (convert: StaticRule['convert']): StaticRule => ({ observe: true, convert });

/** An activation whose int8 form is the table of its row; `attrs` takes the row's attributes from the module. */
// biome-ignore lint/suspicious/noExplicitAny: each entry knows its own module type
const tabled = <N extends UnaryName>(kernel: N, attrs: (module: any) => KernelTable[N]['attrs']) =>
  observed(async (path, m) => new QuantizedActivation(kernel, attrs(m), await readOutputQparams(path, m)));

/** Prepared float or QAT module → int8 module. Modules that aren't here work on integers as they are, or stay in float. */
export const defaultStaticMapping: ReadonlyMap<ModuleClass, StaticRule> = new Map<ModuleClass, StaticRule>([
  [QuantStub, observed(async (path, m) => new Quantize(await readOutputQparams(path, m)))],
  [DeQuantStub, { observe: false, convert: () => new DeQuantize() }],
  [Conv2d, observed((path, m: Conv2d, q) => convertConv(QuantizedConv2d, path, m, m, q))],
  [ConvReLU2d, observed((path, m: ConvReLU2d, q) => convertConv(QuantizedConvReLU2d, path, m, m.conv, q))],
  [QatConv2d, observed((path, m: QatConv2d, q) => convertConv(QuantizedConv2d, path, m, m, q))],
  [QatConvReLU2d, observed((path, m: QatConvReLU2d, q) => convertConv(QuantizedConvReLU2d, path, m, m, q))],
  [QatConvBn2d, observed((path, m: QatConvBn2d, q) => convertConv(QuantizedConv2d, path, m, m, q))],
  [
    QatConvBnReLU2d,
    observed((path, m: QatConvBnReLU2d, q) => convertConv(QuantizedConvReLU2d, path, m, m, q)),
  ],
  [Linear, observed((path, m: Linear, q) => convertLinear(QuantizedLinear, path, m, m, q))],
  [
    LinearReLU,
    observed((path, m: LinearReLU, q) => convertLinear(QuantizedLinearReLU, path, m, m.linear, q)),
  ],
  [QatLinear, observed((path, m: QatLinear, q) => convertLinear(QuantizedLinear, path, m, m, q))],
  [QatLinearReLU, observed((path, m: QatLinearReLU, q) => convertLinear(QuantizedLinearReLU, path, m, m, q))],
  [FloatFunctional, observed(convertFunctional)],
  [Sigmoid, { observe: false, fixed: defaultFixedQparamsRange0to1FakeQuant, convert: () => new Sigmoid() }],
  [Tanh, { observe: false, fixed: defaultFixedQparamsRangeNeg1to1FakeQuant, convert: () => new Tanh() }],
  [Hardswish, observed(async (path, m) => new QuantizedHardswish(await readOutputQparams(path, m)))],
  [
    LeakyReLU,
    observed(
      async (path, m: LeakyReLU) => new QuantizedLeakyReLU(m.negativeSlope, await readOutputQparams(path, m)),
    ),
  ],
  [ELU, tabled('elu', ({ alpha }: ELU) => ({ alpha }))],
  [Softplus, tabled('softplus', ({ beta, threshold }: Softplus) => ({ beta, threshold }))],
  [Mish, tabled('mish', () => ({}))],
  [SiLU, tabled('silu', () => ({}))],
]);

/** Whether `prepare` and `convert` take a module as one: it has a rule, or is fused. */
export const isStatic = (module: AnyModule): boolean =>
  module instanceof FusedModule || defaultStaticMapping.has(module.constructor as ModuleClass);

/** Whether inputs have 7 bits is all that the activation's observer is asked: their range is their own, at every call. */
const dynamicOptions = (qconfig: QConfig): DynamicOptions => ({
  reduceRange: qconfig.activation().reduceRange,
});

/** Float module → one with int8 weights that quantizes its input at run time. */
export const defaultDynamicMapping: ReadonlyMap<ModuleClass, StaticRule['convert']> = new Map<
  ModuleClass,
  StaticRule['convert']
>([
  [
    Linear,
    async (path, m: Linear, q) =>
      new DynamicQuantizedLinear(
        m,
        await quantizeWeight('quantizeDynamic', path, m.weight, q.weight()),
        dynamicOptions(q),
      ),
  ],
  [
    LSTM,
    (path, m: LSTM, q) =>
      DynamicQuantizedLSTM.fromFloat(
        m,
        (weight) => quantizeWeight('quantizeDynamic', path, weight, q.weight()),
        dynamicOptions(q),
      ),
  ],
]);

async function convertConv(
  Int8: typeof QuantizedConv2d,
  path: string,
  module: AnyModule,
  conv: Conv2d,
  qconfig: QConfig,
): Promise<AnyModule> {
  const output = await readOutputQparams(path, module);
  const { weight, bias } = conv instanceof QatConvBn2d ? conv.folded() : conv;
  const observer = conv instanceof QatConv2d ? conv.weightFakeQuant : qconfig.weight();
  return new Int8(
    conv,
    await quantizeWeight('convert', path, weight, observer),
    await finiteBias(path, bias),
    output,
  ).withHostBias(path);
}

async function convertLinear(
  Int8: typeof QuantizedLinear,
  path: string,
  module: AnyModule,
  linear: Linear,
  qconfig: QConfig,
): Promise<AnyModule> {
  const output = await readOutputQparams(path, module);
  const observer = linear instanceof QatLinear ? linear.weightFakeQuant : qconfig.weight();
  return new Int8(
    await quantizeWeight('convert', path, linear.weight, observer),
    await finiteBias(path, linear.bias),
    output,
  ).withHostBias(path);
}

/** @throws QuantizationError, which names the layer, for NaN and infinities */
async function finiteBias(path: string, bias: Tensor | undefined): Promise<Tensor | undefined> {
  const bad = ((await bias?.data()) as Float32Array | undefined)?.find((b) => !Number.isFinite(b));
  if (bad === undefined) return bias?.detach();
  throw new QuantizationError({
    op: 'convert',
    expected: `a finite bias (${path}.bias)`,
    found: String(bad),
    fix: 'Mend the float model first.',
  });
}

async function convertFunctional(path: string, module: FloatFunctional): Promise<QFunctional> {
  // One that never ran (a block without a residual has one too) needs no scale; QFunctional refuses to be used then.
  return outputObserver(module)?.observed === false
    ? QFunctional.unused()
    : new QFunctional(await readOutputQparams(path, module));
}
