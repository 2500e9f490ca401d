import {
  type AbortSignalLike,
  ArgumentError,
  breathe,
  checkOptions,
  OctetError,
  QuantizationError,
} from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import {
  calibrate,
  convert,
  getDefaultQConfigMapping,
  leaveInFloat,
  type ModuleRule,
  moduleRules,
  Observer,
  PerChannelMinMaxObserver,
  prepare,
  QConfig,
  type QConfigMapping,
} from '@octet/quantization';
import type { Metric } from '../analyze';
import { collect, type Inputs, type ModelInput } from '../inputs';
import { metricOfFloat } from '../metric-of-float';
import { costliest } from '../ranking';
import { run, valuesOf } from '../record';
import { sensitivity as measureSensitivity, type SensitivityReport } from '../sensitivity';
import { DifferenceSums } from '../statistics';
import { type AdaroundOptions, adaround } from './adaround';
import { requireNoTraining } from './convert-pair';
import { correctBias } from './correct-bias';
import { equalize } from './equalize';

/** What may help a model that int8 costs too much. */
export type RemedyName =
  | 'eightBits'
  | 'perChannel'
  | 'equalize'
  | 'correctBias'
  | 'adaround'
  | 'leaveInFloat';

/** In the order in which they are tried alone: what costs nothing at run time first. */
export const remedyNames: readonly RemedyName[] = [
  'eightBits',
  'perChannel',
  'equalize',
  'correctBias',
  'adaround',
  'leaveInFloat',
];

export interface TryRemediesOptions<M extends AnyModule = AnyModule> {
  /** The recipe of the int8 model. Default: getDefaultQConfigMapping(). */
  mapping?: QConfigMapping;
  /**
   * What to try; an array is tried together. Default: each of them alone, and then all together that gained something, but for
   * `leaveInFloat`, which costs speed.
   */
  remedies?: readonly (RemedyName | readonly RemedyName[])[];
  /** Such as the accuracy on a test set: measured for each. */
  metric?: Metric<M>;
  /** How a report calls it; 'metric'. */
  metricName?: string;
  /** How many layers `leaveInFloat` leaves in float: those that cost the output most. 3 */
  floatLayers?: number;
  /** What `sensitivity` measured on this model, for `leaveInFloat`; measured on the calibration's inputs, if left out. */
  sensitivity?: SensitivityReport;
  /** For `adaround`, which takes the longest. */
  adaround?: Omit<AdaroundOptions, 'onProgress' | 'rules' | 'signal'>;
  /** Rules of your own, as `fuse` and `prepare` take them. */
  rules?: readonly ModuleRule[];
  /** Told before each trial, after each layer that `adaround` has done, and at the end; waited for. */
  onProgress?: (done: number, total: number, remedy: string) => unknown;
  /** Ends it with the signal's reason; the model isn't changed. */
  signal?: AbortSignalLike;
}

/** How an int8 model does on inputs that chose nothing of it. */
export interface Judgement {
  /** Signal to noise of its output against the float model's, in dB; null where there is no noise. */
  readonly sqnrDb: number | null;
  /** null if none was asked for. */
  readonly metric: number | null;
}

/** One remedy, or some together, on a fresh copy of the model. */
export interface RemedyTrial {
  readonly remedies: readonly RemedyName[];
  /** null where it couldn't be applied. */
  readonly after: Judgement | null;
  /** How much less noise the output has, in dB; null where it couldn't be applied, or nothing is left. */
  readonly gainDb: number | null;
  /** Why it couldn't be applied; null where it was. */
  readonly reason: string | null;
  /** The layers that it left in float. */
  readonly inFloat: readonly string[];
  readonly seconds: number;
}

/** What remedies gained. Plain data. */
export interface RemedyTrials {
  readonly metricName: string | null;
  /** The float model's metric. */
  readonly float: number | null;
  /** The int8 model of the recipe alone. */
  readonly before: Judgement;
  /** The best first, by the output; those that couldn't be applied last. */
  readonly trials: readonly RemedyTrial[];
}

/** Less than this, in dB, is chance. */
export const worthwhileDb = 0.3;

/**
 * Applies remedies to fresh copies of a float model, each alone, converts them, and says what each gained on inputs that chose nothing:
 * calibration, remedies and the choice of layers see `calibration` alone, the judgement `data` alone.
 *
 * @param model the float model, fused, in evaluation mode; it isn't changed
 * @param calibration for the calibration and the remedies: some batches
 * @param data for the judgement: inputs like those, but others
 * @throws QuantizationError without inputs, if an input is in both, or if the recipe itself can't be applied
 * @throws ArgumentError for an unknown remedy; the signal's reason
 */
export async function tryRemedies<M extends AnyModule>(
  model: M,
  calibration: Inputs,
  data: Inputs,
  options?: TryRemediesOptions<M>,
): Promise<RemedyTrials> {
  const chosen = checkOptions(
    'tryRemedies',
    options,
    'mapping remedies metric metricName floatLayers sensitivity adaround rules onProgress signal',
  );
  const { metric, metricName = 'metric', remedies, onProgress, signal } = chosen;
  for (const name of (remedies ?? []).flat()) checkName(name);
  requireNoTraining('tryRemedies', model, moduleRules('tryRemedies', chosen.rules));
  const seen = await collect('tryRemedies', calibration);
  const unseen = await collect('tryRemedies', data);
  checkApart(seen, unseen);
  const clinic = new Clinic(model, seen, chosen);
  const judge = await judgeOf(model, unseen, metric);

  const sets = remedies?.map((one) => (typeof one === 'string' ? [one] : one));
  const planned: (readonly RemedyName[])[] = [...(sets ?? remedyNames.map((name) => [name]))];
  // And those together that gained something.
  let total = 1 + planned.length + (sets ? 0 : 1);
  await onProgress?.(0, total, '');
  const { int8 } = await clinic.treated([]);
  const before = await judge(int8);

  const trials: RemedyTrial[] = [];
  const attempt = async (names: readonly RemedyName[]) => {
    const tell = async () => {
      await onProgress?.(1 + trials.length, total, names.join(' + '));
      await breathe(signal);
    };
    await tell();
    const start = Date.now();
    const found = await clinic.treated(names, tell).catch((error: unknown) => {
      if (error instanceof OctetError) return error.message;
      throw error;
    });
    const after = typeof found === 'string' ? null : await judge(found.int8);
    trials.push({
      remedies: names,
      after,
      gainDb: gained(before.sqnrDb, after?.sqnrDb),
      reason: typeof found === 'string' ? found : null,
      inFloat: typeof found === 'string' ? [] : found.inFloat,
      seconds: (Date.now() - start) / 1000,
    });
  };
  for (const names of planned) await attempt(names);
  if (!sets) {
    const good = trials.filter(isWorthwhile).flatMap((trial) => trial.remedies);
    const together = good.filter((name) => name !== 'leaveInFloat');
    if (together.length > 1) await attempt(together);
  }
  total = 1 + trials.length;
  await onProgress?.(total, total, '');
  return {
    metricName: metric ? metricName : null,
    float: metric ? await metricOfFloat('tryRemedies', metric, model) : null,
    before,
    trials: trials.sort((a, b) => sortKey(b) - sortKey(a)),
  };
}

export const isWorthwhile = ({ gainDb }: RemedyTrial) => gainDb !== null && gainDb >= worthwhileDb;

function gained(before: number | null, after: number | null | undefined): number | null {
  return typeof before === 'number' && typeof after === 'number' ? after - before : null;
}

function sortKey({ after }: RemedyTrial): number {
  return after === null ? Number.NEGATIVE_INFINITY : (after.sqnrDb ?? Number.POSITIVE_INFINITY);
}

function checkName(name: RemedyName): void {
  if (remedyNames.includes(name)) return;
  throw new ArgumentError({
    op: 'tryRemedies',
    expected: `remedies of ${remedyNames.join(', ')}`,
    found: String(name),
    fix: 'Leave them out to try all.',
  });
}

function checkApart(seen: readonly ModelInput[], unseen: readonly ModelInput[]): void {
  if (!unseen.some((input) => seen.includes(input))) return;
  throw new QuantizationError({
    op: 'tryRemedies',
    expected: 'other inputs for the judgement than for the calibration',
    found: 'an input that is in both',
    fix: 'Split the data: a remedy that is judged by what it was made from looks better than it is.',
  });
}

/** How an int8 model does against the float one on `inputs`. */
async function judgeOf<M extends AnyModule>(
  model: M,
  inputs: readonly ModelInput[],
  metric: Metric<M> | undefined,
): Promise<(int8: M) => Promise<Judgement>> {
  const expected: ArrayLike<number>[] = [];
  for (const input of inputs) expected.push(await valuesOf(run(model, input)));
  return async (int8) => {
    const sums = new DifferenceSums();
    for (const [i, input] of inputs.entries()) {
      const output = run(int8, input);
      sums.add(expected[i], await valuesOf(output), output.shape);
    }
    return { sqnrDb: sums.difference?.sqnrDb ?? null, metric: metric ? await metric(int8) : null };
  };
}

/** Makes int8 models of one float model. */
class Clinic<M extends AnyModule> {
  private readonly mapping: QConfigMapping;
  private measured: SensitivityReport | undefined;

  constructor(
    private readonly model: M,
    private readonly inputs: readonly ModelInput[],
    private readonly options: TryRemediesOptions<M>,
  ) {
    this.mapping = options.mapping ?? getDefaultQConfigMapping();
    this.measured = options.sensitivity;
  }

  /** @throws OctetError for a remedy that can't be applied */
  async treated(
    names: readonly RemedyName[],
    onLayer?: () => unknown,
  ): Promise<{ int8: M; inFloat: readonly string[] }> {
    const wants = (name: RemedyName) => names.includes(name);
    const { inputs } = this;
    const { rules, signal } = this.options;
    const own = rules && { rules };
    const stop = signal && { signal };
    const inFloat = wants('leaveInFloat') ? await this.costly() : [];
    const { model, mapping } = leaveInFloat(this.model, inFloat, this.mapping);
    mapping.applyTo(model);
    if (wants('eightBits')) changeRecipes(model, withEightBits);
    if (wants('perChannel')) changeRecipes(model, withPerChannelWeights);
    const prepared = prepare(model, undefined, own);
    if (wants('equalize')) await equalize(prepared, inputs[0], own);
    await calibrate(prepared, inputs, stop);
    if (wants('adaround'))
      await adaround(prepared, inputs, {
        ...this.options.adaround,
        ...own,
        ...stop,
        ...(onLayer && { onProgress: onLayer }),
      });
    if (wants('correctBias')) await correctBias(prepared, inputs, { ...own, ...stop });
    return { int8: await convert(prepared, { ...own, ...stop }), inFloat };
  }

  private async costly(): Promise<string[]> {
    const { model, mapping, inputs } = this;
    const { rules, signal } = this.options;
    const own = { ...(rules && { rules }), ...(signal && { signal }) };
    this.measured ??= await measureSensitivity(model, inputs, undefined, { mapping, ...own });
    const paths = costliest(this.measured).map(({ path }) => path);
    if (paths.length > 0) return paths.slice(0, this.options.floatLayers ?? 3);
    throw notApplicable('leaveInFloat', 'a layer with weights that costs the output something', 'none');
  }
}

/** @throws QuantizationError if `change` finds nothing to change in any */
function changeRecipes(model: AnyModule, change: Change): void {
  const known = new Map<QConfig, QConfig | undefined>();
  for (const module of model.modules()) {
    const { qconfig } = module;
    if (!(qconfig instanceof QConfig)) continue;
    if (!known.has(qconfig)) known.set(qconfig, change.of(qconfig));
    module.qconfig = known.get(qconfig) ?? qconfig;
  }
  if ([...known.values()].some((changed) => changed !== undefined)) return;
  throw notApplicable(change.name, change.expected, 'none in the recipe');
}

interface Change {
  readonly name: RemedyName;
  readonly expected: string;
  /** undefined where there is nothing to change. */
  of(qconfig: QConfig): QConfig | undefined;
}

const withEightBits: Change = {
  name: 'eightBits',
  expected: 'activations of 7 bits',
  of({ activation, weight }) {
    const observer = activation();
    if (!(observer instanceof Observer) || observer.dtype !== 'quint8' || observer.quantMax > 127)
      return undefined;
    const all = { reduceRange: false, quantMin: 0, quantMax: 255 };
    return new QConfig({ activation: activation.withArgs(all), weight });
  },
};

const withPerChannelWeights: Change = {
  name: 'perChannel',
  expected: 'weights with one scale for all channels',
  of({ activation, weight }) {
    const observer = weight();
    if (!(observer instanceof Observer) || observer.chAxis !== undefined) return undefined;
    const { dtype, quantMin, quantMax } = observer;
    const options = { dtype, quantMin, quantMax, qscheme: 'perChannelSymmetric' } as const;
    return new QConfig({ activation, weight: PerChannelMinMaxObserver.withArgs(options) });
  },
};

function notApplicable(remedy: RemedyName, expected: string, found: string): QuantizationError {
  return new QuantizationError({
    op: `tryRemedies, ${remedy}`,
    expected,
    found,
    fix: 'There is nothing here for it to mend.',
  });
}
