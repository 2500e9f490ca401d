import { BackendError, hostArray, requireArrayOf, type StorageDType, type TypedArray } from '@octet/backend';
import { Buffers, type GpuBuffer } from './buffers';
import type { Capture } from './capture';
import { Constants } from './constants';
import { type ErrorOptions, ErrorScopes } from './error-scopes';
import { Pipelines } from './pipelines';
import { bufferUsage, mapModeRead } from './platform';
import { BufferPool } from './pool';
import { type Program, program, uniformBytes } from './program';
import { batchSize, type ProgramBuffers, type ProgramUniforms, Recorder, type Workgroups } from './recorder';

export interface GpuOptions extends ErrorOptions {
  /** Whether programs may use `dot4I8Packed`. */
  dotProduct: boolean;
  /** Bytes of freed buffers that are kept for reuse. */
  maxIdleBytes: number;
}

const mergeWord = program({
  name: 'mergeWord',
  inputs: {},
  outputs: { y: 'u32' },
  uniforms: { at: 'u32', mask: 'u32', value: 'u32' },
  workgroup: [1],
  main: 'y[u.at] = (y[u.at] & ~u.mask) | (u.value & u.mask);',
});

/** One device, as kernels and the backend see it. */
export class Gpu {
  readonly device: GPUDevice;
  readonly limits: GPUSupportedLimits;
  /** Whether programs may use `dot4I8Packed`. */
  readonly dotProduct: boolean;

  // The parts, for what is no kernel.
  readonly errors: ErrorScopes;
  readonly buffers: Buffers;
  readonly pipelines: Pipelines;
  readonly recorder: Recorder;

  readonly #options: GpuOptions;
  readonly #storage: BufferPool;
  readonly #staging: BufferPool;
  readonly #constants: Constants;
  #capture: Capture<unknown> | undefined;
  /** 0 after the GPU ran out of memory, until the next flush. */
  #maxIdleBytes: number;

  constructor(device: GPUDevice, options: GpuOptions) {
    this.device = device;
    this.limits = device.limits;
    this.dotProduct = options.dotProduct;
    this.#options = options;
    this.#maxIdleBytes = options.maxIdleBytes;
    this.errors = new ErrorScopes(device, options, () => {
      this.#maxIdleBytes = 0;
      return this.#storage.statistics;
    });
    const { storage, copySource, copyDestination, mapRead, uniform } = bufferUsage;
    const pool = (usage: number) => new BufferPool((bytes, failed) => this.#create(bytes, usage, failed));
    this.#storage = pool(storage | copySource | copyDestination);
    this.#staging = pool(mapRead | copyDestination);
    this.buffers = new Buffers(device.limits, this.#storage, this.errors);
    this.#constants = new Constants(
      (bytes) => {
        // As bytes: a buffer of them can be bound as words.
        const buffer = this.allocate('uint8', bytes.length);
        this.write(buffer, bytes);
        return buffer;
      },
      (buffer) => this.free(buffer),
    );
    this.pipelines = new Pipelines(device, this.errors);
    const uniforms = this.#create(batchSize * uniformBytes, uniform | copyDestination);
    this.recorder = new Recorder(device, this.buffers, this.pipelines, this.errors, uniforms, () =>
      this.#trim(),
    );
  }

  /** See `Buffers.allocate`. */
  allocate(dtype: StorageDType, length: number): GpuBuffer {
    return this.buffers.allocate(dtype, length);
  }

  /** See `Buffers.free`. */
  free(buffer: GpuBuffer): void {
    this.buffers.free(buffer);
  }

  /** A buffer that is freed when the running kernel call ends; contents unspecified. */
  scratch(bytes: number): GpuBuffer {
    return this.buffers.scratch(bytes);
  }

  /** Calls `run`, then frees what it took with `scratch`. */
  scoped<R>(run: () => R): R {
    return this.buffers.scoped(run);
  }

  /** A buffer with the elements of an attribute's array. Read-only; the same contents are uploaded once. */
  constant(data: TypedArray): GpuBuffer {
    if (this.#capture) return this.buffers.over(this.#capture.constant(data), 'uint8', data.byteLength);
    return this.#constants.get(data);
  }

  /** See `Recorder.run`. */
  run<P extends Program>(
    program: P,
    buffers: ProgramBuffers<P>,
    uniforms: ProgramUniforms<P>,
    groups: Workgroups,
  ): void {
    this.recorder.run(program, buffers, uniforms, groups);
  }

  /** Calls `run`, whose dispatches are written down in `capture` instead of recorded, and its memory reserved there. */
  captured(capture: Capture<unknown>, run: () => void): void {
    this.#setCapture(capture);
    try {
      run();
    } finally {
      this.#setCapture(undefined);
    }
  }

  /** A buffer for uniforms, which the caller destroys. */
  createUniforms(data: ArrayBuffer): GPUBuffer {
    const buffer = this.#create(data.byteLength, bufferUsage.uniform | bufferUsage.copyDestination);
    this.errors.guard('write', ['validation'], () => this.device.queue.writeBuffer(buffer, 0, data));
    return buffer;
  }

  /** Submits the recorded commands. */
  flush(): void {
    this.recorder.flush();
  }

  /** Copies `data` to the buffer's start. @throws ArgumentError for more elements than it has, or an array of another type */
  write(buffer: GpuBuffer, data: TypedArray): void {
    this.errors.check();
    const allocation = this.buffers.elements('write', buffer, data.length);
    requireArrayOf(buffer, data);
    // Recorded commands come before the write.
    this.recorder.flushUses(allocation);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>;
    const whole = bytes.length - (bytes.length % 4);
    const rest = bytes.subarray(whole);
    const word = rest.reduceRight((value, byte) => value * 256 + byte, 0);
    const { queue } = this.device;
    this.errors.guard('write', ['validation'], () => {
      if (whole > 0) queue.writeBuffer(allocation.gpu, 0, bytes, 0, whole);
      // Bytes behind the buffer's last element may change.
      if (rest.length > 0 && data.length === buffer.length) {
        queue.writeBuffer(allocation.gpu, whole, Uint32Array.of(word));
      }
    });
    if (rest.length > 0 && data.length < buffer.length) {
      const uniforms = { at: whole / 4, mask: 2 ** (8 * rest.length) - 1, value: word };
      this.run(mergeWord, { y: buffer }, uniforms, 1);
    }
  }

  /** The first `length` elements as they are now. @throws ArgumentError for more than it has; what `sync` throws */
  async read(buffer: GpuBuffer, length: number): Promise<TypedArray> {
    this.errors.check();
    const allocation = this.buffers.elements('read', buffer, length);
    const result = hostArray(buffer.dtype, length);
    const bytes = Math.ceil(result.byteLength / 4) * 4;
    if (bytes === 0) return result;
    const staging = this.#staging.take(bytes, this.buffers.maxBytes);
    this.recorder.copy(allocation, staging, bytes);
    this.flush();
    try {
      await this.errors.finished('read', staging.gpu.mapAsync(mapModeRead, 0, bytes));
      const mapped = new Uint8Array(staging.gpu.getMappedRange(0, bytes), 0, result.byteLength);
      new Uint8Array(result.buffer).set(mapped);
    } finally {
      staging.gpu.unmap();
      this.#staging.give(staging);
    }
    return result;
  }

  /** Waits until all commands are done. @throws BackendError for the first error among them, DeviceLostError after a loss */
  async sync(): Promise<void> {
    this.errors.check();
    this.flush();
    await this.errors.finished('sync', this.device.queue.onSubmittedWorkDone());
  }

  /** Buffers alive and their bytes, without those of constants. */
  memory(): { buffers: number; bytes: number } {
    const [all, constants] = [this.buffers.statistics, this.#constants.statistics];
    return { buffers: all.buffers - constants.buffers, bytes: all.bytes - constants.bytes };
  }

  info(): Record<string, string | number | boolean> {
    const { buffers, bytes, idleBytes } = this.#storage.statistics;
    const { pipelines, bindGroups } = this.pipelines.statistics;
    const { dispatches, submits } = this.recorder.statistics;
    return {
      dotProduct: this.dotProduct,
      pipelines,
      bindGroups,
      constants: this.#constants.statistics.buffers,
      buffers: this.memory().buffers,
      gpuBuffers: buffers,
      gpuBytes: bytes,
      idleBytes,
      dispatches,
      submits,
      maxBufferBytes: this.buffers.maxBytes,
    };
  }

  /** Destroys all buffers, and the device if it goes with the backend. Every later call throws. */
  dispose(): void {
    this.errors.end(
      new BackendError({
        op: 'webgpu',
        expected: 'a backend that is alive',
        found: 'one that was disposed',
        fix: 'Dispose a backend after the last use of its tensors, or make a new one.',
      }),
    );
    this.recorder.dispose();
    this.#storage.dispose();
    this.#staging.dispose();
    this.pipelines.dispose();
    this.#constants.dispose();
    this.buffers.dispose();
    if (this.#options.ownsDevice) this.device.destroy();
  }

  #setCapture(capture: Capture<unknown> | undefined): void {
    this.#capture = capture;
    this.buffers.capture = capture;
    this.recorder.capture = capture;
  }

  #create(size: number, usage: number, failed?: () => void): GPUBuffer {
    const act = () => this.device.createBuffer({ size, usage });
    return this.errors.guard(`a buffer of ${size} bytes`, ['validation', 'out-of-memory'], act, failed);
  }

  /** Destroys idle buffers beyond the limit. */
  #trim(): void {
    // Bind groups hold on to buffers. Destroying one is rare.
    if (this.#storage.trim(this.#maxIdleBytes)) this.pipelines.forgetBindGroups();
    this.#staging.trim(this.#maxIdleBytes);
    this.#maxIdleBytes = this.#options.maxIdleBytes;
  }
}
