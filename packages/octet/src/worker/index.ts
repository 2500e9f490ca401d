/** Models in a worker: a page stays smooth while they are loaded and run. */
import { type AbortSignalLike, ArgumentError, BackendError, checkOptions, describe } from '@octet/backend';
import type { OnnxSource } from '@octet/onnx';
import { expose, proxy, type Remote, transfer, wrap } from 'comlink';
import type { BestBackendOptions } from '../best-backend';
import type { LoadModelOptions } from '../load-model';
import { Host, type HostArray, type ModelInfo, type SentOptions, type WorkerBackend } from './host';

export type { HostArray, InputInfo, WorkerBackend } from './host';

/** A `Worker`, or one end of a `MessageChannel`. */
export interface WorkerLike {
  postMessage(message: unknown): void;
  // biome-ignore lint/suspicious/noExplicitAny: the types of events are the platform's, of which library code has none
  addEventListener(type: string, listener: (event: any) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  removeEventListener(type: string, listener: (event: any) => void): void;
  terminate?(): void;
}

export interface WorkerModelOptions extends Omit<LoadModelOptions, 'inputs'> {}

/**
 * Lets a worker serve models: its module is `import { serveModels } from 'octet/worker'; serveModels();`.
 *
 * @param endpoint to whom; the page that started the worker
 */
export function serveModels(endpoint?: WorkerLike): void {
  const host = new Host((arrays) =>
    transfer(
      arrays,
      arrays.map(({ data }) => data.buffer as ArrayBuffer),
    ),
  );
  expose(host, endpoint as never);
}

/**
 * A worker whose module calls `serveModels`, as its page sees it.
 *
 * It runs on the first backend of `order` that works there, `['wasm', 'js']` unless given; one for all its models.
 */
export class ModelWorker {
  private readonly remote: Remote<Host>;
  /** Rejected when the worker ends: comlink waits for good. */
  private readonly ended: Promise<never>;
  private end: (error: Error) => void = () => {};
  private readonly begun: Promise<WorkerBackend>;
  private models = 0;

  /** @throws ArgumentError for what is no worker, or a bad option */
  constructor(
    private readonly worker: WorkerLike,
    options?: BestBackendOptions,
  ) {
    const checked = checkOptions('ModelWorker', options, 'order softwareGpu');
    if (typeof worker?.postMessage !== 'function') throw noWorker(worker);
    this.ended = new Promise((_, reject) => {
      this.end = reject;
    });
    this.ended.catch(() => {});
    worker.addEventListener('error', (event: { message?: string }) => this.end(failed(event.message)));
    this.remote = wrap<Host>(worker as never);
    this.begun = this.ask(this.remote.begin({ order: ['wasm', 'js'], ...checked }));
    this.begun.catch(() => {});
  }

  /** What it runs on. @throws BackendError if the worker can't be started, ArgumentError if no backend of the order works there */
  backend(): Promise<WorkerBackend> {
    return this.begun;
  }

  /**
   * Loads a model in the worker, as `loadModel` does. Addresses are the page's.
   *
   * @throws what `loadModel` throws, as an Error of that name; the signal's reason; BackendError if the worker fails
   */
  async loadModel(source: OnnxSource, options?: WorkerModelOptions): Promise<WorkerModel> {
    const { onProgress, signal, ...sent } = checkOptions(
      'loadModel',
      options,
      'dims files onProgress signal cache',
    );
    signal?.throwIfAborted();
    await this.begun;
    signal?.throwIfAborted();
    const id = this.models++;
    const withoutListener = onAbort(signal, () => void this.remote.abort(id));
    try {
      const info = await this.ask(
        this.remote.load(id, sendable(source), sent as SentOptions, onProgress ? proxy(onProgress) : null),
      );
      return new WorkerModel(this, id, info);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      withoutListener();
    }
  }

  /** Ends the worker; its models are gone, and calls that wait are rejected with a BackendError. */
  terminate(): void {
    this.worker.terminate?.();
    this.end(failed('it was terminated'));
  }

  /** @internal */
  async run(id: number, inputs: readonly HostArray[]): Promise<HostArray[]> {
    return this.ask(this.remote.run(id, inputs));
  }

  /** @internal */
  async dispose(id: number): Promise<void> {
    await this.ask(this.remote.dispose(id));
  }

  private ask<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.ended]);
  }
}

/** A model in a worker. */
export class WorkerModel {
  /** What it takes, in the file's order. */
  readonly inputs: ModelInfo['inputs'];
  readonly outputNames: readonly string[];

  /** @internal */
  constructor(
    private readonly worker: ModelWorker,
    private readonly id: number,
    { inputs, outputNames }: ModelInfo,
  ) {
    this.inputs = inputs;
    this.outputNames = outputNames;
  }

  /**
   * The outputs for these inputs, both in the file's order. Runs wait for one another. The first of new shapes takes longer: it plans
   * those that follow.
   *
   * @throws what the model throws, as an Error of that name; BackendError if the worker fails
   */
  run(...inputs: HostArray[]): Promise<HostArray[]> {
    return this.worker.run(this.id, inputs);
  }

  /** Lets go of it. */
  dispose(): Promise<void> {
    return this.worker.dispose(this.id);
  }
}

/** A worker has addresses of its own, and an URL can't be sent. */
function sendable(source: OnnxSource): string | Uint8Array {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Uint8Array) return source;
  const { URL, document } = globalThis as unknown as {
    URL: new (url: string, base?: string) => { href: string };
    document?: { baseURI: string };
  };
  const written = typeof source === 'string' ? source : source.href;
  return document ? new URL(written, document.baseURI).href : written;
}

/** Calls `fn` when the signal is aborted, until the function that it returns is called. */
function onAbort(signal: AbortSignalLike | undefined, fn: () => void): () => void {
  const target = signal as
    | undefined
    | (AbortSignalLike & Pick<WorkerLike, 'addEventListener' | 'removeEventListener'>);
  target?.addEventListener('abort', fn);
  return () => target?.removeEventListener('abort', fn);
}

function failed(why = 'no message'): BackendError {
  return new BackendError({
    op: 'ModelWorker',
    expected: 'a worker that serves models',
    found: `one that failed: ${why}`,
    fix: "Its module is: import { serveModels } from 'octet/worker'; serveModels();",
  });
}

function noWorker(found: unknown): ArgumentError {
  return new ArgumentError({
    op: 'ModelWorker',
    expected: 'a Worker',
    found: describe(found),
    fix: "Pass new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }).",
  });
}
