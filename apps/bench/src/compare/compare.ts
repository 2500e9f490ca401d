import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { UsageError } from '@octet/cli/errors';
import { breathe, signal as programSignal } from '@octet/cli/interrupt';
import { serializeSafetensorsAsync } from '@octet/formats';
import type { AnyModule, Module } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { defaultQEngine } from '@octet/quantization';
import { manualSeed, noGrad, randn, setBackend, type Tensor } from '@octet/tensor';
import { joined, lackingFloat, measureLayers } from '../layers';
import { images } from '../peers/models';
import { provenance } from '../provenance';
import { timeRuns } from '../timing';
import { agreementOf, type Integers, integersOf } from './integers';
import { measurePeers, type Peer, type Subject } from './peers';
import { type ComparePlan, own } from './plan';
import type { BackendResult, CompareReport, OwnModel } from './report';
import { timeOf } from './time';

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
  /** Makes the networks; those of the plan's name, if left out. On the reference, which is set when it is called. */
  prepare?(plan: ComparePlan): Promise<Networks>;
  /** Engines that run the same networks when the backends are done. */
  peers?: readonly Peer[];
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
  { load, host, signal = programSignal, prepare = namedNetworks, peers = [] }: CompareOptions,
): AsyncGenerator<Step, CompareReport> {
  const ofBackends = plan.backends.length * (plan.runs + stepsOfBackend);
  const total = 1 + ofBackends + peers.length * 2 * (1 + plan.runs);
  let done = 0;
  const step = (note: string): Step => ({ done: done++, total, note });
  yield step('Preparing the networks');
  await breathe(signal);
  // On the reference, so that every machine gets the same.
  setBackend(referenceBackend);
  const networks = await prepare(plan);
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
  done = 1 + ofBackends;
  const beside =
    peers.length > 0
      ? yield* measurePeers(await subjectOf(networks), peers, { runs: plan.runs, step, signal })
      : undefined;
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
    ...(networks.own && { own: networks.own }),
    ...(beside && { peers: beside }),
  };
}

/** What is compared. */
export interface Networks {
  float: AnyModule;
  int8: AnyModule;
  inputs: readonly Tensor[];
  bytes: CompareReport['bytes'];
  own?: OwnModel;
  /** The float network as an ONNX file, if it came as one. */
  file?: Uint8Array;
}

async function subjectOf({ float, int8, inputs, file }: Networks): Promise<Subject> {
  setBackend(referenceBackend);
  return {
    networks: { float32: float, int8 },
    onnx: { float32: file ?? (await exportOnnx(float, inputs)), int8: await exportOnnx(int8, inputs) },
    inputs: await Promise.all(inputs.map(async (x) => ({ shape: x.shape, data: await x.data() }))),
  };
}

/** The largest images for statistics and calibration: what counts here is the time, and the reference takes its own. */
const calibrationSize = 64;

async function namedNetworks({ model, batch, size }: ComparePlan): Promise<Networks> {
  if (model === own) {
    throw new UsageError({
      op: 'compare',
      expected: 'the name of a network',
      found: `'${own}' without a file`,
      fix: 'Choose a file.',
    });
  }
  manualSeed(0);
  const network = images(model, batch);
  const few = randn(network.inputShape({ batch: 2, size: Math.min(size, calibrationSize) }));
  const float = network.create(few);
  const int8 = await network.toInt8(float, defaultQEngine, few);
  const checkpoint = async (of: Module) => (await serializeSafetensorsAsync(of.stateDict())).length;
  const bytes = { fp32: await checkpoint(float), int8: await checkpoint(int8) };
  return { float, int8, inputs: [randn(network.inputShape({ batch, size }))], bytes };
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
  const inputs = await Promise.all(networks.inputs.map((x) => x.toAsync(backend)));
  const floatSkipped = lackingFloat(float, inputs);
  const sides = (floatSkipped === undefined ? [float, int8] : [int8]).map((network) => ({
    network,
    ms: [] as number[],
  }));
  const time = (network: AnyModule) =>
    timeRuns(() => noGrad(() => network.call(...inputs)), { runs: 1, warmup: 0, backend, signal });

  yield step(`${name}: warming up`);
  for (const { network } of [...sides, ...sides]) await time(network);
  for (let run = 1; run <= runs; run++) {
    yield step(`${name}: run ${run} of ${runs}`);
    // In turn, so that other load on the machine falls on both.
    for (const { network, ms } of sides) ms.push(...(await time(network)));
  }
  yield step(`${name}: checking the integers`);
  const integers = await integersOf(int8, inputs);
  yield step(`${name}: layers in float`);
  const floatLayers =
    floatSkipped === undefined ? await measureLayers(float, inputs, { runs, backend, signal }) : [];
  yield step(`${name}: layers in int8`);
  const int8Layers = await measureLayers(int8, inputs, { runs, backend, signal });
  const msOf = (network: AnyModule) => sides.find((side) => side.network === network)?.ms;
  const floatMs = msOf(float);
  const fp32Time = floatMs ? timeOf(floatMs) : null;
  const int8Time = timeOf(msOf(int8) as number[]);
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
