import type { AbortSignalLike } from '@octet/backend';
import type { Plan } from '@octet/graph';
import type { DownloadProgress, GraphModule } from '@octet/onnx';
import type { Tensor } from '@octet/tensor';
import { type BackendName, type BestBackendOptions, bestBackend, type PassedOver } from '../best-backend';
import { type LoadModelOptions, loadModel } from '../load-model';

/** Numbers of a tensor, row-major, as they travel between threads. */
export interface HostArray {
  readonly data: Float32Array | Int32Array | Uint8Array | Int8Array;
  readonly shape: readonly number[];
}

/** What a model takes. */
export interface InputInfo {
  readonly name: string;
  /** undefined: any. */
  readonly dtype: string | undefined;
  /** Sizes, or names of sizes that vary; undefined: not known. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface ModelInfo {
  readonly inputs: readonly InputInfo[];
  readonly outputNames: readonly string[];
}

/** The backend that a worker runs on. */
export interface WorkerBackend {
  readonly name: BackendName;
  /** Those before it in the order, and why they aren't used. */
  readonly passedOver: readonly PassedOver[];
}

/** What can be sent to a worker. */
export type SentOptions = Omit<LoadModelOptions, 'signal' | 'onProgress' | 'inputs'>;

/** What a worker does for its page. Models have numbers, which the page gives them. */
export class Host {
  private readonly models = new Map<number, RunningModel>();
  private readonly loading = new Map<number, { abort(): void }>();

  /** `transfer` hands memory on to the page, without a copy. */
  constructor(private readonly transfer: (arrays: HostArray[]) => HostArray[]) {}

  async begin(options: BestBackendOptions): Promise<WorkerBackend> {
    const { backend, name, passedOver } = await bestBackend(options);
    const { setBackend } = await import('@octet/tensor');
    setBackend(backend);
    return { name, passedOver };
  }

  async load(
    id: number,
    source: string | Uint8Array,
    options: SentOptions,
    onProgress: ((progress: DownloadProgress) => unknown) | null,
  ): Promise<ModelInfo> {
    const controller = new Controller();
    this.loading.set(id, controller);
    try {
      const { signal } = controller;
      const model = await loadModel(source, { ...options, signal, ...(onProgress && { onProgress }) });
      this.models.set(id, new RunningModel(model));
      return {
        inputs: model.graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
        outputNames: model.outputNames,
      };
    } finally {
      this.loading.delete(id);
    }
  }

  abort(id: number): void {
    this.loading.get(id)?.abort();
  }

  async run(id: number, inputs: readonly HostArray[]): Promise<HostArray[]> {
    return this.transfer((await this.models.get(id)?.run(inputs)) ?? []);
  }

  dispose(id: number): void {
    this.models.get(id)?.dispose();
    this.models.delete(id);
  }
}

/** What is wanted of `AbortController`, of which library code has no types. */
interface Aborting {
  readonly signal: AbortSignalLike;
  abort(): void;
}
const { AbortController: Controller } = globalThis as unknown as { AbortController: new () => Aborting };

/** A model, and its plan for inputs as the last ones were. */
class RunningModel {
  private plan: Plan<Tensor | Tensor[]> | undefined;
  private shapes = '';
  /** Settled when the run before is over: a run may make another plan. */
  private before: Promise<unknown> = Promise.resolve();

  constructor(private readonly model: GraphModule<Tensor | Tensor[]>) {}

  run(inputs: readonly HostArray[]): Promise<HostArray[]> {
    const outputs = this.before.then(() => this.runNow(inputs));
    this.before = outputs.catch(() => {});
    return outputs;
  }

  private async runNow(inputs: readonly HostArray[]): Promise<HostArray[]> {
    const { fromData, noGrad } = await import('@octet/tensor');
    const tensors = inputs.map(({ data, shape }) => fromData(data, shape));
    const shapes = JSON.stringify(tensors.map(({ dtype, shape }) => [dtype, shape]));
    if (shapes !== this.shapes) await this.planFor(tensors, shapes);
    const { plan, model } = this;
    const outputs = [plan ? plan.run(...tensors) : noGrad(() => model.call(...tensors))].flat();
    const arrays: HostArray[] = [];
    // A copy: what a tensor gives may be its own memory.
    for (const y of outputs)
      arrays.push({ data: (await y.data()).slice() as HostArray['data'], shape: y.shape });
    for (const t of [...tensors, ...outputs]) t.dispose();
    return arrays;
  }

  dispose(): void {
    this.plan?.dispose();
    this.plan = undefined;
  }

  private async planFor(tensors: readonly Tensor[], shapes: string): Promise<void> {
    const [{ planOf }, { ModuleError }] = await Promise.all([
      import('@octet/graph'),
      import('@octet/backend'),
    ]);
    this.dispose();
    try {
      this.plan = planOf(this.model, [...tensors]);
    } catch (error) {
      // What looks at numbers in between has no plan: it is called.
      if (!(error instanceof ModuleError)) throw error;
    }
    this.shapes = shapes;
  }
}
