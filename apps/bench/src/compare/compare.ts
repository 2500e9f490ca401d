import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { UsageError } from '@octet/cli/errors';
import { breathe, signal as programSignal } from '@octet/cli/interrupt';
import { serializeSafetensorsAsync } from '@octet/formats';
import type { Module } from '@octet/nn';
import { defaultQEngine } from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend, type Tensor } from '@octet/tensor';
import { joined, lackingFloat, measureLayers } from '../layers';
import { images } from '../peers/models';
import { provenance } from '../provenance';
import { median, middleHalf, timeRuns } from '../timing';
import { agreementOf, type Integers, integersOf } from './integers';
import type { ComparePlan } from './plan';
import type { BackendResult, CompareReport, Time } from './report';

/** How far a comparison is. */
export interface Step {
  done: number;
  total: number;
  /** What is being done. */
  note: string;
}

export interface CompareOptions {
  /**
   * Makes a backend of the plan, which is disposed of in the end. What it throws is the reason why the backend is
   * absent, but for a UsageError.
   */
  load(name: string, threads: number): Promise<Backend>;
  host: CompareReport['host'];
  /** Ends it between two runs; Ctrl-C, if left out. */
  signal?: AbortSignal;
}

/** Of each backend, besides the timed runs: load, warm up, integers, layers in float and in int8. */
const stepsOfBackend = 5;

/**
 * Runs one network in float and in int8 on several backends, with the same weights and the same input, and says step by
 * step how far it is. Free of Node and of browsers.
 *
 * @throws UsageError if the plan asks for what isn't there, and what `signal` was aborted with
 */
export async function* compare(
  plan: ComparePlan,
  { load, host, signal = programSignal }: CompareOptions,
): AsyncGenerator<Step, CompareReport> {
  const total = 1 + plan.backends.length * (plan.runs + stepsOfBackend);
  let done = 0;
  const step = (note: string): Step => ({ done: done++, total, note });
  yield step('Preparing the networks');
  await breathe(signal);
  const networks = await prepareNetworks(plan);
  const results: BackendResult[] = [];
  const absent: CompareReport['absent'] = [];
  const integers = new Map<string, Integers>();
  for (const [i, name] of plan.backends.entries()) {
    done = 1 + i * (plan.runs + stepsOfBackend);
    yield step(`${name}: loading`);
    let backend: Backend | undefined;
    try {
      backend = await load(name, plan.threads);
      const found = yield* measureOn(backend, networks, { plan, name, step, signal });
      results.push(found.result);
      integers.set(name, found.integers);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UsageError) throw error;
      absent.push({ backend: name, reason: error instanceof Error ? error.message : String(error) });
    } finally {
      setBackend(referenceBackend);
      backend?.dispose?.();
    }
  }
  yield { done: total, total, note: 'Done' };
  return {
    command: 'compare',
    ...provenance(),
    ...plan,
    bytes: networks.bytes,
    results,
    absent,
    agreement: agreementOf(integers),
    host,
  };
}

interface Networks {
  float: Module;
  int8: Module;
  x: Tensor;
  bytes: CompareReport['bytes'];
}

/** The largest images for statistics and calibration: what counts here is the time, and the reference takes its own. */
const calibrationSize = 64;

/** On the reference, so that every machine gets the same. */
async function prepareNetworks({ model, batch, size }: ComparePlan): Promise<Networks> {
  setBackend(referenceBackend);
  manualSeed(0);
  const network = images(model, batch);
  const few = randn(network.inputShape({ batch: 2, size: Math.min(size, calibrationSize) }));
  const float = network.create(few);
  const int8 = await network.toInt8(float, defaultQEngine, few);
  const checkpoint = async (of: Module) => (await serializeSafetensorsAsync(of.stateDict())).length;
  const bytes = { fp32: await checkpoint(float), int8: await checkpoint(int8) };
  return { float, int8, x: randn(network.inputShape({ batch, size })), bytes };
}

interface Measuring {
  plan: ComparePlan;
  name: string;
  step(note: string): Step;
  signal: AbortSignal;
}

async function* measureOn(
  backend: Backend,
  networks: Networks,
  { plan: { runs }, name, step, signal }: Measuring,
): AsyncGenerator<Step, { result: BackendResult; integers: Integers }> {
  setBackend(backend);
  const float = await networks.float.clone().toAsync(backend);
  const int8 = await networks.int8.clone().toAsync(backend);
  const x = await networks.x.toAsync(backend);
  const floatSkipped = lackingFloat(float, x);
  const sides = (floatSkipped === undefined ? [float, int8] : [int8]).map((network) => ({
    network,
    ms: [] as number[],
  }));
  const time = (network: Module) =>
    timeRuns(() => noGrad(() => network.call(x)), { runs: 1, warmup: 0, backend, signal });

  yield step(`${name}: warming up`);
  for (const { network } of [...sides, ...sides]) await time(network);
  for (let run = 1; run <= runs; run++) {
    yield step(`${name}: run ${run} of ${runs}`);
    // In turn, so that other load on the machine falls on both.
    for (const { network, ms } of sides) ms.push(...(await time(network)));
  }
  yield step(`${name}: checking the integers`);
  const integers = await integersOf(int8, x);
  yield step(`${name}: layers in float`);
  const floatLayers =
    floatSkipped === undefined ? await measureLayers(float, x, { runs, backend, signal }) : [];
  yield step(`${name}: layers in int8`);
  const int8Layers = await measureLayers(int8, x, { runs, backend, signal });
  const timeOf = (network: Module): Time | null => {
    const ms = sides.find((side) => side.network === network)?.ms;
    return ms ? { medianMs: median(ms), minMs: Math.min(...ms), middleMs: middleHalf(ms) } : null;
  };
  const fp32Time = timeOf(float);
  const int8Time = timeOf(int8) as Time;
  return {
    result: {
      backend: name,
      name: backend.name,
      info: backend.info?.() ?? {},
      fp32: fp32Time,
      int8: int8Time,
      speedup: fp32Time && fp32Time.medianMs / int8Time.medianMs,
      ...(floatSkipped === undefined ? {} : { floatSkipped }),
      checksum: integers.at(-1)?.checksum ?? '',
      layers: joined(floatLayers, int8Layers),
    },
    integers,
  };
}
