import {
  ArgumentError,
  BackendError,
  bytesPerElement,
  foreignBuffer,
  freedBuffer,
  hostArray,
  requireArrayOf,
  requireElements,
  requireStorageDType,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { type Block, BlockPool, dtypes, GpuBuffer } from './buffers';
import { DeviceLostError } from './errors';
import type { GpuTensor } from './kernel';
import { bufferUsage, mapModeRead, platform, shaderStageCompute } from './platform';
import { type Program, program, type UniformType, uniformBytes, wgsl } from './program';

export interface GpuOptions {
  /** Whether programs may use `dot4I8Packed`. */
  dotProduct: boolean;
  /** Bytes of freed buffers that are kept for reuse. */
  mostIdleBytes: number;
  /** Whether the device goes with the backend. */
  ownsDevice: boolean;
  onLost?: ((error: DeviceLostError) => void) | undefined;
  onError?: ((error: BackendError) => void) | undefined;
}

/** One for each input and output of a program. */
type Buffers<P extends Program> = {
  readonly [N in keyof P['inputs'] | keyof P['outputs']]: GpuBuffer | GpuTensor;
};
type Uniforms<P extends Program> = { readonly [N in keyof P['uniforms']]: number };

/** The layout of all programs with the same numbers of inputs and outputs. */
interface Layout {
  readonly key: string;
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: Layout;
  /** Names of its inputs and outputs, in the order of their bindings. */
  readonly names: readonly string[];
  readonly uniforms: readonly (readonly [name: string, type: UniformType])[];
}

/** Dispatches recorded before they are handed over: enough to make handing over cheap, few enough to keep the GPU busy. */
const batchSize = 32;
/** Bind groups and attribute arrays remembered, the ones used longest ago are forgotten first. */
const mostBindGroups = 4096;
const mostConstants = 512;

const mergeWord = program({
  name: 'mergeWord',
  inputs: {},
  outputs: { y: 'u32' },
  uniforms: { at: 'u32', mask: 'u32', value: 'u32' },
  workgroup: [1],
  main: 'y[u.at] = (y[u.at] & ~u.mask) | (u.value & u.mask);',
});

/** Forgets the oldest entries of a map that is kept in order of use. */
function forgetOldest<K, V>(map: Map<K, V>, most: number, forget?: (value: V) => void): void {
  for (const [key, value] of map) {
    if (map.size <= most) return;
    map.delete(key);
    forget?.(value);
  }
}

/** The bytes of an array as the characters of a string. */
function contentKey(data: TypedArray): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let key = '';
  for (let i = 0; i < bytes.length; i += 4096) key += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return key;
}

/** One device: its buffers, its commands, and what is cached for it. */
export class Gpu {
  readonly device: GPUDevice;
  readonly limits: GPUSupportedLimits;
  /** Whether programs may use `dot4I8Packed`. */
  readonly dotProduct: boolean;

  readonly #options: GpuOptions;
  readonly #storage: BlockPool;
  readonly #staging: BlockPool;
  readonly #mostBytes: number;
  /** 0 after the GPU ran out of memory, until the next flush. */
  #mostIdleBytes: number;
  #buffers = 0;
  #bytes = 0;
  // It holds blocks, so that it keeps no buffer alive.
  readonly #collected = new FinalizationRegistry<[block: Block, bytes: number]>(([block, bytes]) =>
    this.#release(block, bytes),
  );
  /** Buffers of the running kernel calls, freed when they end: one list for each call. */
  readonly #scratch: GpuBuffer[][] = [];
  readonly #constants = new Map<string, GpuBuffer>();

  readonly #uniformBuffer: GPUBuffer;
  readonly #uniformData = new DataView(new ArrayBuffer(batchSize * uniformBytes));
  readonly #layouts = new Map<string, Layout>();
  readonly #compiled = new Map<Program, Compiled>();
  readonly #bindGroups = new Map<string, GPUBindGroup>();

  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  /** The batch that is being recorded, and its dispatches so far. */
  #batch = 0;
  #recorded = 0;
  #dispatches = 0;

  /** Why nothing works any more. */
  #end: BackendError | undefined;
  /** What calls of `read` and `sync` do when that happens. */
  readonly #waiting = new Set<() => void>();
  /** The first error of the GPU that no read or sync has thrown yet, and the answers it still owes. */
  #error: BackendError | undefined;
  readonly #owed = new Set<Promise<void>>();

  constructor(device: GPUDevice, options: GpuOptions) {
    this.device = device;
    this.limits = device.limits;
    this.dotProduct = options.dotProduct;
    this.#options = options;
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    // WGSL counts in 32 bits, whatever the device allows.
    this.#mostBytes = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize, 2 ** 32 - 1) / 4) * 4;
    this.#mostIdleBytes = options.mostIdleBytes;
    const pool = (usage: number) =>
      new BlockPool((bytes, failed) => this.#createBuffer(bytes, usage, failed));
    this.#storage = pool(bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyDestination);
    this.#staging = pool(bufferUsage.mapRead | bufferUsage.copyDestination);
    this.#uniformBuffer = this.#createBuffer(
      this.#uniformData.byteLength,
      bufferUsage.uniform | bufferUsage.copyDestination,
    );
    // Ours come by error scopes: this is for what may have slipped past them.
    if (options.ownsDevice) {
      device.addEventListener('uncapturederror', ({ error }) => this.#report('a call of WebGPU', error));
    }
    void device.lost.then(({ message, reason }) => {
      if (this.#end) return;
      const error = new DeviceLostError(message || reason);
      this.#endWith(error);
      options.onLost?.(error);
    });
  }

  // Memory

  /** A buffer that lives until it is freed, or forgotten. @throws typed errors for bad dtypes, lengths, sizes */
  allocate(dtype: StorageDType, length: number): GpuBuffer {
    this.#check();
    requireStorageDType(dtype, dtypes);
    if (!Number.isInteger(length) || length < 0) {
      throw new ArgumentError({
        op: 'allocate',
        expected: 'a whole number of elements from 0',
        found: `${length}`,
        fix: 'Check the shape that this length was computed from.',
      });
    }
    const bytes = length * bytesPerElement(dtype);
    if (bytes > this.#mostBytes) {
      const { maxBufferSize, maxStorageBufferBindingSize } = this.limits;
      throw new BackendError({
        op: 'allocate',
        expected: `at most ${this.#mostBytes} bytes a buffer (maxBufferSize ${maxBufferSize}, maxStorageBufferBindingSize ${maxStorageBufferBindingSize})`,
        found: `${bytes}, for ${length} elements of ${dtype}`,
        fix: 'Use smaller tensors or batches.',
      });
    }
    const block = this.#storage.take(bytes, this.#mostBytes);
    const buffer = new GpuBuffer(this, dtype, length, block);
    this.#collected.register(buffer, [block, bytes], buffer);
    this.#buffers += 1;
    this.#bytes += bytes;
    return buffer;
  }

  /** Gives the memory back. Does nothing more after a loss or `dispose`. @throws FreedError the second time */
  free(buffer: GpuBuffer): void {
    const block = this.#block('free', buffer);
    buffer.block = undefined;
    this.#collected.unregister(buffer);
    this.#release(block, buffer.length * bytesPerElement(buffer.dtype));
  }

  /** A buffer that is freed when the running kernel call ends; contents unspecified. */
  scratch(bytes: number): GpuBuffer {
    const buffer = this.allocate('int32', Math.ceil(bytes / 4));
    this.#scratch.at(-1)?.push(buffer);
    return buffer;
  }

  /** A buffer with the elements of an attribute's array. Read-only; the same contents are uploaded once. */
  constant(data: TypedArray): GpuBuffer {
    const key = contentKey(data);
    let buffer = this.#constants.get(key);
    if (buffer) {
      this.#constants.delete(key);
    } else {
      // Bytes come as whole words of them.
      buffer = this.allocate('uint8', data.byteLength);
      this.write(buffer, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    this.#constants.set(key, buffer);
    forgetOldest(this.#constants, mostConstants, (forgotten) => this.free(forgotten));
    return buffer;
  }

  /** What `scratch` gives during `run` is freed after it. */
  scoped<R>(run: () => R): R {
    this.#check();
    this.#scratch.push([]);
    try {
      return run();
    } finally {
      for (const buffer of this.#scratch.pop() ?? []) this.free(buffer);
    }
  }

  write(buffer: GpuBuffer, data: TypedArray): void {
    this.#check();
    const block = this.#elements('write', buffer, data.length);
    requireArrayOf(buffer, data);
    // Recorded commands come before the write.
    if (block.lastUse === this.#batch) this.flush();
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>;
    const whole = bytes.length - (bytes.length % 4);
    const rest = bytes.subarray(whole);
    const word = rest.reduceRight((value, byte) => value * 256 + byte, 0);
    const { queue } = this.device;
    this.#guard('write', ['validation'], () => {
      if (whole > 0) queue.writeBuffer(block.gpu, 0, bytes, 0, whole);
      // Behind the buffer's last element nothing has to stay.
      if (rest.length > 0 && data.length === buffer.length) {
        queue.writeBuffer(block.gpu, whole, Uint32Array.of(word));
      }
    });
    if (rest.length > 0 && data.length < buffer.length) {
      const uniforms = { at: whole / 4, mask: 2 ** (8 * rest.length) - 1, value: word };
      this.run(mergeWord, { y: buffer }, uniforms, 1);
    }
  }

  async read(buffer: GpuBuffer, length: number): Promise<TypedArray> {
    this.#check();
    const block = this.#elements('read', buffer, length);
    const result = hostArray(buffer.dtype, length);
    const bytes = Math.ceil(result.byteLength / 4) * 4;
    if (bytes === 0) return result;
    const staging = this.#staging.take(bytes, this.#mostBytes);
    this.#endPass().copyBufferToBuffer(block.gpu, 0, staging.gpu, 0, bytes);
    this.flush();
    try {
      await this.#finished('read', staging.gpu.mapAsync(mapModeRead, 0, bytes));
      const mapped = new Uint8Array(staging.gpu.getMappedRange(0, bytes), 0, result.byteLength);
      new Uint8Array(result.buffer).set(mapped);
    } finally {
      staging.gpu.unmap();
      this.#staging.give(staging);
    }
    return result;
  }

  /** Waits until all commands are done. @throws what went wrong with them */
  async sync(): Promise<void> {
    this.#check();
    this.flush();
    await this.#finished('sync', this.device.queue.onSubmittedWorkDone());
  }

  memory(): { buffers: number; bytes: number } {
    let [buffers, bytes] = [this.#buffers, this.#bytes];
    for (const { length } of this.#constants.values()) {
      buffers -= 1;
      bytes -= length;
    }
    return { buffers, bytes };
  }

  info(): Record<string, string | number | boolean> {
    const { blocks, bytes, idleBytes } = this.#storage.statistics;
    return {
      dotProduct: this.dotProduct,
      pipelines: this.#compiled.size,
      bindGroups: this.#bindGroups.size,
      constants: this.#constants.size,
      buffers: this.memory().buffers,
      gpuBuffers: blocks,
      gpuBytes: bytes,
      idleBytes,
      dispatches: this.#dispatches,
      submits: this.#batch,
      maxBufferBytes: this.#mostBytes,
    };
  }

  dispose(): void {
    if (!this.#end) {
      this.#endWith(
        new BackendError({
          op: 'webgpu',
          expected: 'a backend that is alive',
          found: 'one that was disposed',
          fix: 'Dispose a backend after the last use of its tensors, or make a new one.',
        }),
      );
    }
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#storage.dispose();
    this.#staging.dispose();
    this.#uniformBuffer.destroy();
    for (const cache of [this.#constants, this.#layouts, this.#compiled, this.#bindGroups]) cache.clear();
    this.#buffers = 0;
    this.#bytes = 0;
    if (this.#options.ownsDevice) this.device.destroy();
  }

  // Commands

  /**
   * Records one dispatch of a program, after all those before it.
   *
   * @param groups the number of workgroups, folded into 2-D where it is past the device's limit of one dimension; or
   * the numbers in x, y and z, each at most that limit. With 0 nothing runs.
   */
  run<P extends Program>(
    program: P,
    buffers: Buffers<P>,
    uniforms: Uniforms<P>,
    groups: number | readonly [x: number, y: number, z?: number],
  ): void {
    this.#check();
    const [x, y, z] = this.#fold(program.name, groups);
    if (x * y * z === 0) return;
    const { pipeline, layout, names, uniforms: fields } = this.#compile(program);
    const given = buffers as Record<string, GpuBuffer | GpuTensor>;
    const blocks = names.map((name) => {
      const of = given[name];
      return this.#block(`${program.name} (${name})`, of instanceof GpuBuffer ? of : of?.buffer);
    });
    const bindGroup = this.#bindGroup(layout, blocks);
    const offset = this.#recorded * uniformBytes;
    this.#writeUniforms(fields, uniforms, offset);

    this.#encoder ??= this.device.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, bindGroup, [offset]);
    this.#pass.dispatchWorkgroups(x, y, z);
    for (const block of blocks) block.lastUse = this.#batch;
    this.#dispatches += 1;
    this.#recorded += 1;
    if (this.#recorded === batchSize) this.flush();
  }

  /** Hands the recorded commands over. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder) {
      this.#endPass();
      this.#encoder = undefined;
      this.#guard('submit', ['validation'], () => {
        const { queue } = this.device;
        // Lands after the commands handed over before: they have read theirs by then.
        queue.writeBuffer(this.#uniformBuffer, 0, this.#uniformData.buffer, 0, this.#recorded * uniformBytes);
        queue.submit([encoder.finish()]);
      });
      this.#batch += 1;
      this.#recorded = 0;
    }
    // Bind groups hold on to buffers; destroying one is rare.
    if (this.#storage.trim(this.#mostIdleBytes)) this.#bindGroups.clear();
    this.#staging.trim(this.#mostIdleBytes);
    this.#mostIdleBytes = this.#options.mostIdleBytes;
  }

  /** The encoder, outside of any pass. */
  #endPass(): GPUCommandEncoder {
    this.#pass?.end();
    this.#pass = undefined;
    this.#encoder ??= this.device.createCommandEncoder();
    return this.#encoder;
  }

  #fold(
    name: string,
    groups: number | readonly [x: number, y: number, z?: number],
  ): [number, number, number] {
    const { maxComputeWorkgroupsPerDimension: most } = this.limits;
    let counts: [number, number, number];
    if (typeof groups === 'number') {
      const rows = Math.ceil(groups / most);
      counts = [rows > 1 ? Math.ceil(groups / rows) : groups, Math.max(1, rows), 1];
    } else {
      counts = [groups[0], groups[1], groups[2] ?? 1];
    }
    if (counts.every((count) => count <= most)) return counts;
    throw new BackendError({
      op: name,
      expected: `at most ${most} workgroups a dimension (maxComputeWorkgroupsPerDimension)`,
      found: counts.join(' × '),
      fix: 'Use smaller tensors or batches.',
    });
  }

  #writeUniforms(
    fields: Compiled['uniforms'],
    values: Readonly<Record<string, number>>,
    offset: number,
  ): void {
    const data = this.#uniformData;
    fields.forEach(([name, type], i) => {
      const at = offset + 4 * i;
      if (type === 'f32') data.setFloat32(at, values[name], true);
      else if (type === 'i32') data.setInt32(at, values[name], true);
      else data.setUint32(at, values[name], true);
    });
  }

  #compile(program: Program): Compiled {
    let compiled = this.#compiled.get(program);
    if (!compiled) {
      const { name: label, inputs, outputs, uniforms } = program;
      const layout = this.#layout(Object.keys(inputs).length, Object.keys(outputs).length);
      const pipeline = this.#guard(`the program ${label}`, ['validation', 'internal'], () =>
        this.device.createComputePipeline({
          label,
          layout: layout.pipeline,
          compute: { module: this.device.createShaderModule({ label, code: wgsl(program) }) },
        }),
      );
      const names = [...Object.keys(inputs), ...Object.keys(outputs)];
      compiled = { pipeline, layout, names, uniforms: Object.entries(uniforms) };
      this.#compiled.set(program, compiled);
    }
    return compiled;
  }

  /** Written out: the layout 'auto' drops buffers that a program doesn't use. */
  #layout(inputs: number, outputs: number): Layout {
    const key = `${inputs},${outputs}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const buffers: GPUBufferBindingLayout[] = [
        { type: 'uniform', hasDynamicOffset: true },
        ...new Array<GPUBufferBindingLayout>(inputs).fill({ type: 'read-only-storage' }),
        ...new Array<GPUBufferBindingLayout>(outputs).fill({ type: 'storage' }),
      ];
      layout = this.#guard(`${inputs} inputs and ${outputs} outputs`, ['validation'], () => {
        const group = this.device.createBindGroupLayout({
          entries: buffers.map((buffer, binding) => ({ binding, visibility: shaderStageCompute, buffer })),
        });
        const pipeline = this.device.createPipelineLayout({ bindGroupLayouts: [group] });
        return { key, group, pipeline };
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  #bindGroup(layout: Layout, blocks: readonly Block[]): GPUBindGroup {
    const key = `${layout.key}:${blocks.map(({ id }) => id).join()}`;
    let group = this.#bindGroups.get(key);
    if (group) {
      this.#bindGroups.delete(key);
    } else {
      group = this.#guard('a bind group', ['validation'], () =>
        this.device.createBindGroup({
          layout: layout.group,
          entries: [
            { binding: 0, resource: { buffer: this.#uniformBuffer, size: uniformBytes } },
            ...blocks.map(({ gpu }, i) => ({ binding: i + 1, resource: { buffer: gpu } })),
          ],
        }),
      );
    }
    this.#bindGroups.set(key, group);
    forgetOldest(this.#bindGroups, mostBindGroups);
    return group;
  }

  // What goes wrong

  /** @throws DeviceLostError, or BackendError after `dispose` */
  #check(): void {
    if (this.#end) throw this.#end;
  }

  /** The block of a buffer that is alive and of this device. */
  #block(op: string, buffer: GpuBuffer): Block {
    if (buffer?.owner !== this) throw foreignBuffer(op, 'webgpu', buffer instanceof GpuBuffer);
    if (!buffer.block) throw freedBuffer(op, buffer);
    return buffer.block as Block;
  }

  /** The block of a buffer that has `length` elements. */
  #elements(op: string, buffer: GpuBuffer, length: number): Block {
    const block = this.#block(op, buffer);
    requireElements(op, buffer, length);
    return block;
  }

  #release(block: Block, bytes: number): void {
    if (this.#end) return;
    this.#buffers -= 1;
    this.#bytes -= bytes;
    this.#storage.give(block);
  }

  #createBuffer(size: number, usage: number, failed?: () => void): GPUBuffer {
    const act = () => this.device.createBuffer({ size, usage });
    return this.#guard(`a buffer of ${size} bytes`, ['validation', 'out-of-memory'], act, failed);
  }

  /**
   * Calls WebGPU. It hardly ever throws: what it finds wrong it tells later. That becomes an error of the next `read` or
   * `sync`. Error scopes, and never one open between calls: the device may be the program's own.
   */
  #guard<R>(what: string, filters: readonly GPUErrorFilter[], act: () => R, failed?: () => void): R {
    for (const filter of filters) this.device.pushErrorScope(filter);
    try {
      return act();
    } finally {
      for (const _ of filters) {
        const owed = this.device.popErrorScope().then(
          (error) => {
            this.#owed.delete(owed);
            if (!error) return;
            failed?.();
            this.#report(what, error);
          },
          // The device was lost, which is told elsewhere.
          () => void this.#owed.delete(owed),
        );
        this.#owed.add(owed);
      }
    }
  }

  #report(what: string, cause: GPUError): void {
    if (this.#end) return;
    const { blocks, bytes } = this.#storage.statistics;
    const memory = cause.constructor.name === 'GPUOutOfMemoryError';
    const error = new BackendError(
      memory
        ? {
            op: 'allocate',
            expected: `room for ${what}`,
            found: `a GPU that has none left, with ${blocks} buffers of ${bytes} bytes in all`,
            fix: 'Use smaller tensors or batches, or free tensors that are no longer needed.',
          }
        : {
            op: 'webgpu',
            expected: `${what} to be valid`,
            found: `an error of the GPU: ${cause.message}`,
            fix: 'This is a mistake in @octet/backend-webgpu or in a kernel added to it: please report it.',
          },
      { cause },
    );
    this.#error ??= error;
    if (memory) this.#mostIdleBytes = 0;
    if (this.#options.onError) this.#options.onError(error);
    else platform.console.error(`octet: ${error.message}`);
  }

  /** Waits for `work`, and for the GPU to have said whether anything before it was wrong. */
  async #finished(op: string, work: Promise<unknown>): Promise<void> {
    let failure: unknown;
    const settled = work.catch((reason: unknown) => {
      failure = reason;
    });
    await this.#unlessEnded(Promise.all([settled, ...this.#owed]));
    // A loss is often told a moment after its first consequence.
    if (failure && !this.#error) {
      await this.#unlessEnded(new Promise((resolve) => platform.setTimeout(() => resolve(undefined), 1000)));
    }
    this.#check();
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

  /** Waits for `work`, or for the end of the device if that comes first: nothing is answered then. */
  async #unlessEnded(work: Promise<unknown>): Promise<void> {
    if (this.#end) return;
    let wake = () => {};
    const ended = new Promise<void>((resolve) => {
      wake = resolve;
    });
    // Not one promise for all to race with: it would remember every race.
    this.#waiting.add(wake);
    await Promise.race([work, ended]);
    this.#waiting.delete(wake);
  }

  #endWith(error: BackendError): void {
    this.#end = error;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
