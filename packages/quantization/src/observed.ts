/** The observer of a module's output lives in its field `activationPostProcess`, and runs in a forward hook. */
import { QuantizationError, quantRange, warn } from '@octet/backend';
import type { AnyModule } from '@octet/nn/modules';
import { clamp, type Tensor } from '@octet/tensor/functional';
import { FakeQuantizeBase } from './fake-quantize/base';
import { Observer, RangeObserver } from './observers/base';
import type { ObserverOrFakeQuant } from './with-args';

/** The numbers that make a difference to what reads them. */
export interface Useful {
  readonly min: number;
  readonly max: number;
}

interface Observed {
  activationPostProcess?: ObserverOrFakeQuant;
  useful?: Useful;
}

/** The observer of the module's output; a fake quantizer's own observer isn't one. */
export function outputObserver(module: AnyModule): ObserverOrFakeQuant | undefined {
  if (module instanceof FakeQuantizeBase) return undefined;
  return (module as unknown as Observed).activationPostProcess;
}

/**
 * Waits until the observers of a model have processed all queued batches. Only a HistogramObserver on a backend that can't
 * be read at once (WebGPU) queues them; `convert` waits by itself. @throws QuantizationError for batches with NaN or infinity
 */
export async function flushObservers(model: AnyModule): Promise<void> {
  for (const [path, module] of model.namedModules()) {
    if (!(module instanceof Observer)) continue;
    try {
      await module.settled();
    } catch (error) {
      if (path === '' || !(error instanceof QuantizationError)) throw error;
      throw new QuantizationError({ ...error, found: `${error.found} (${path})` });
    }
  }
  for (const module of model.modules()) if (module instanceof FakeQuantizeBase) module.catchUp();
}

/** Makes `observer` watch the output of `module`; it may replace it, as fake quantization does. */
export function attachObserver(module: AnyModule, observer: ObserverOrFakeQuant): void {
  (module as unknown as Observed).activationPostProcess = observer;
  module.registerForwardHook(watchOutput, { copyOnClone: true, prepend: true });
}

// It finds the observer through the module it runs on, so that a clone watches with its own.
function watchOutput(self: AnyModule, _: Tensor[], output: Tensor): Tensor {
  return observe(self, output);
}
watchOutput.pure = true;

/** Lets the observer of a module see its outputs between these bounds only: beyond them all numbers are the same to what reads them. */
export function observeBetween(module: AnyModule, useful: Useful): void {
  (module as unknown as Observed).useful = useful;
}

/** `x` as the module's observer gives it, if it has one. `method` is what of the module made it. */
export function observe(module: AnyModule, x: Tensor, method = ''): Tensor {
  const observer = outputObserver(module);
  if (!observer) return x;
  if (pass && rangeOf(observer)) {
    const uses = pass.uses.get(module) ?? [];
    pass.uses.set(module, [...uses, { method, after: pass.last }]);
    pass.last = module;
  }
  const { useful } = module as unknown as Observed;
  return observer.call(useful ? clamp(x, useful.min, useful.max) : x);
}

/** What `attachObserver` and `watchPasses` register. */
export const observerHooks: readonly unknown[] = [watchOutput, beginPass, endPass];

/** One run of a prepared model: where each observed module was used. */
interface Pass {
  readonly uses: Map<AnyModule, readonly { method: string; after: AnyModule | undefined }[]>;
  last: AnyModule | undefined;
}

let pass: Pass | undefined;
const warned = new WeakSet<AnyModule>();

/** Runs what uses its modules in one pass again and again, as the steps of a sequence do: of their one range nothing warns. */
export function withOneRange<T>(run: () => T): T {
  const outer = pass;
  pass = undefined;
  try {
    return run();
  } finally {
    pass = outer;
  }
}

/** Warns, once, of observers that see the results of several places in one pass of `model`: their ranges become one. */
export function watchPasses(model: AnyModule): void {
  const options = { copyOnClone: true };
  model.registerForwardPreHook(beginPass, options);
  model.registerForwardHook(endPass, options);
}

function beginPass(): void {
  pass = { uses: new Map(), last: undefined };
}
beginPass.pure = true;

function endPass(model: AnyModule): void {
  const shared = [...(pass?.uses ?? [])].filter(([, uses]) => uses.length > 1);
  pass = undefined;
  if (shared.length === 0 || warned.has(model)) return;
  warned.add(model);
  const paths = new Map(model.namedModules().map(([path, module]) => [module, path]));
  const places = shared.map(([module, uses]) => {
    const texts = uses
      .slice(0, 4)
      .map(({ method, after }) => `${method}${after ? ` after ${paths.get(after)}` : ' first'}`.trim());
    return `${paths.get(module)} (${uses.length} times: ${texts.join(', ')})`;
  });
  warn(
    `calibration: one range for several uses in a pass: ${places.join('; ')}. Give each a module of its own, unless their results are alike.`,
  );
}
endPass.pure = true;

/**
 * Scale and zero point of a module's output, read to the host.
 * @throws QuantizationError if nothing watches the output, for integers that int8 kernels don't take, and for a range that
 * has no scale
 */
export async function readOutputQparams(
  path: string,
  module: AnyModule,
): Promise<{ scale: number; zeroPoint: number }> {
  const observer = outputObserver(module);
  if (!observer) {
    throw new QuantizationError({
      op: 'convert',
      expected: `an observer on ${path}`,
      found: 'none',
      fix: 'Call prepare() or prepareQat() before convert().',
    });
  }
  if (observer.dtype !== 'quint8' || observer.chAxis !== undefined) {
    throw new QuantizationError({
      op: 'convert',
      expected: `quint8 activations, per tensor (${path})`,
      found: observer.dtype + (observer.chAxis === undefined ? '' : ', per channel'),
      fix: 'Choose such an observer: int8 kernels take unsigned activations and signed weights.',
    });
  }
  const { scale, zeroPoint } = await readQparams('convert', path, observer);
  return { scale: scale[0], zeroPoint: zeroPoint[0] };
}

/**
 * The observer's scale and zero point, read to the host.
 * @throws QuantizationError for what can't be used: NaN, infinities, zero, scales too small to divide by, a minimum above the
 * maximum, a zero point outside the integers
 */
export async function readQparams(
  op: string,
  path: string,
  observer: ObserverOrFakeQuant,
): Promise<{ scale: Float32Array; zeroPoint: Int32Array }> {
  await flushObservers(observer);
  const qparams = observer.calculateQparams();
  const scale = (await qparams.scale.data()) as Float32Array;
  const zeroPoint = (await qparams.zeroPoint.data()) as Int32Array;
  const range = observer.observed ? rangeOf(observer) : undefined;
  const [min, max] = range ? [await range.minVal.data(), await range.maxVal.data()] : [[], []];
  const [lo, hi] = quantRange[observer.dtype];
  for (let i = 0; i < Math.max(scale.length, 1); i++) {
    const [s, z] = [scale[i], zeroPoint[i]];
    const usable = s > 0 && s < Number.POSITIVE_INFINITY && Math.fround(1 / s) < Number.POSITIVE_INFINITY;
    if (usable && z >= lo && z <= hi && !(min[i] > max[i])) continue;
    throw new QuantizationError({
      op,
      expected: `a finite scale > 0, and a zero point from ${lo} to ${hi}, for ${path}`,
      found: `scale ${s}, zero point ${z}${min.length > 0 ? ` of the range ${min[i]} to ${max[i]}` : ''}${scale.length > 1 ? ` in channel ${i}` : ''}`,
      fix: path.endsWith('.weight')
        ? 'Mend the weights of the float model.'
        : 'Prepare anew, and calibrate with finite numbers: NaN and infinity spoil a range for good.',
    });
  }
  return { scale, zeroPoint };
}

/** What keeps the minimum and maximum; undefined where scale and zero point are given. */
function rangeOf(observer: ObserverOrFakeQuant): RangeObserver | undefined {
  const inner = observer instanceof FakeQuantizeBase ? observer.activationPostProcess : observer;
  return inner instanceof RangeObserver ? inner : undefined;
}
