import { BackendError } from '@octet/backend';
import { DeviceLostError } from './errors';
import { platform } from './platform';

export interface ErrorOptions {
  /** Whether the device goes with the backend. */
  ownsDevice: boolean;
  onLost?: ((error: DeviceLostError) => void) | undefined;
  onError?: ((error: BackendError) => void) | undefined;
}

/** Told when the GPU's memory is full. @returns what the backend has allocated */
type OnOutOfMemory = () => { buffers: number; bytes: number };

/** The errors of one device. WebGPU reports them after the call: the next `read` or `sync` throws them. */
export class ErrorScopes {
  readonly #device: GPUDevice;
  readonly #options: ErrorOptions;
  readonly #onOutOfMemory: OnOutOfMemory;
  /** Why nothing works any more. */
  #end: BackendError | undefined;
  /** Wakes the pending calls of `finished` when the device ends. */
  readonly #waiting = new Set<() => void>();
  /** The first error that no read or sync has thrown yet. */
  #error: BackendError | undefined;
  /** Error scopes that the GPU has not answered yet. */
  readonly #pending = new Set<Promise<void>>();

  constructor(device: GPUDevice, options: ErrorOptions, onOutOfMemory: OnOutOfMemory) {
    this.#device = device;
    this.#options = options;
    this.#onOutOfMemory = onOutOfMemory;
    // Errors outside our error scopes. A shared device's are the program's own.
    if (options.ownsDevice) {
      device.addEventListener('uncapturederror', ({ error }) => this.#report('a call of WebGPU', error));
    }
    void device.lost.then(({ message, reason }) => {
      if (this.#end) return;
      const error = new DeviceLostError(message || reason);
      this.end(error);
      options.onLost?.(error);
    });
  }

  /** Whether the device was lost or disposed. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** @throws DeviceLostError after a loss, BackendError after `dispose` */
  check(): void {
    if (this.#end) throw this.#end;
  }

  /** Makes every later call throw `error`, and those that wait. The first end stays. */
  end(error: BackendError): void {
    if (this.#end) return;
    this.#end = error;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /**
   * Calls WebGPU within error scopes. The scopes close before it returns: the device may be shared with the program.
   *
   * @param what what the error's text says was wrong
   * @param failed called later if the GPU reports an error
   */
  guard<R>(what: string, filters: readonly GPUErrorFilter[], act: () => R, failed?: () => void): R {
    for (const filter of filters) this.#device.pushErrorScope(filter);
    try {
      return act();
    } finally {
      for (const _ of filters) {
        const pending = this.#device.popErrorScope().then(
          (error) => {
            this.#pending.delete(pending);
            if (!error) return;
            failed?.();
            this.#report(what, error);
          },
          // Rejected by a loss, which `device.lost` reports.
          () => void this.#pending.delete(pending),
        );
        this.#pending.add(pending);
      }
    }
  }

  /**
   * Waits for `work` and for the answers of all error scopes before it.
   *
   * @throws BackendError for the first error since the last call, or if `work` rejects
   * @throws DeviceLostError if the device is lost meanwhile
   */
  async finished(op: string, work: Promise<unknown>): Promise<void> {
    let failure: unknown;
    const settled = work.catch((reason: unknown) => {
      failure = reason;
    });
    await this.#unlessEnded(Promise.all([settled, ...this.#pending]));
    // A loss is often reported a moment after its first consequence.
    if (failure && !this.#error) {
      await this.#unlessEnded(new Promise((resolve) => platform.setTimeout(() => resolve(undefined), 1000)));
    }
    this.check();
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    if (failure) {
      throw new BackendError(
        { op, expected: 'the GPU to answer', found: `${failure}`, fix: 'Please report this.' },
        { cause: failure },
      );
    }
  }

  #report(what: string, cause: GPUError): void {
    if (this.#end) return;
    const error =
      cause.constructor.name === 'GPUOutOfMemoryError'
        ? this.#outOfMemory(what, cause)
        : invalid(what, cause);
    this.#error ??= error;
    if (this.#options.onError) this.#options.onError(error);
    else platform.console.error(`octet: ${error.message}`);
  }

  #outOfMemory(what: string, cause: GPUError): BackendError {
    const { buffers, bytes } = this.#onOutOfMemory();
    return new BackendError(
      {
        op: 'allocate',
        expected: `room for ${what}`,
        found: `a GPU that has none left, with ${buffers} buffers of ${bytes} bytes in all`,
        fix: 'Use smaller tensors or batches, or free tensors that are no longer needed.',
      },
      { cause },
    );
  }

  /** Waits for `work`, or for the device's end if that comes first: a lost device answers nothing. */
  async #unlessEnded(work: Promise<unknown>): Promise<void> {
    if (this.#end) return;
    let wake = () => {};
    const ended = new Promise<void>((resolve) => {
      wake = resolve;
    });
    // One promise for each wait: a shared one would hold on to every race.
    this.#waiting.add(wake);
    await Promise.race([work, ended]);
    this.#waiting.delete(wake);
  }
}

function invalid(what: string, cause: GPUError): BackendError {
  return new BackendError(
    {
      op: 'webgpu',
      expected: `${what} to be valid`,
      found: `an error of the GPU: ${cause.message}`,
      fix: 'This is a mistake in @octet/backend-webgpu or in a kernel added to it: please report it.',
    },
    { cause },
  );
}
