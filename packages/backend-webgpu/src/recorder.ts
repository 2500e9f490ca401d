import { BackendError } from '@octet/backend';
import { type Buffers, GpuBuffer, type GpuTensor } from './buffers';
import type { Capture } from './capture';
import type { ErrorScopes } from './error-scopes';
import type { Pipeline, Pipelines } from './pipelines';
import type { Allocation } from './pool';
import { type Program, uniformBytes } from './program';

/** One for each input and output of a program. */
export type ProgramBuffers<P extends Program> = {
  readonly [N in keyof P['inputs'] | keyof P['outputs']]: GpuBuffer | GpuTensor;
};
export type ProgramUniforms<P extends Program> = { readonly [N in keyof P['uniforms']]: number };
/** Numbers of workgroups: one, folded into 2-D where it is past the device's limit of one dimension, or x, y and z. */
export type Workgroups = number | readonly [x: number, y: number, z?: number];

/** A dispatch with everything decided. */
export interface ReadyDispatch {
  readonly pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  /** Where its uniforms begin in their buffer: the one dynamic offset. */
  readonly offsets: Iterable<number>;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Dispatches recorded before they are submitted: enough to make submitting cheap, few enough to keep the GPU busy. */
export const batchSize = 32;

/** Records the commands of one device in order, and submits them in batches. */
export class Recorder {
  readonly #device: GPUDevice;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  readonly #errors: ErrorScopes;
  readonly #afterFlush: () => void;
  /** Where dispatches are written down instead. */
  capture: Capture<unknown> | undefined;
  /** The uniforms of a batch: one slot for each dispatch that `run` recorded. */
  readonly #uniformBuffer: GPUBuffer;
  readonly #uniformData = new DataView(new ArrayBuffer(batchSize * uniformBytes));

  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  /** Number of the batch that is being recorded, its dispatches and its slots of uniforms so far. */
  #batch = 0;
  #recorded = 0;
  #slots = 0;
  #dispatches = 0;

  /** @param afterFlush called whenever no recorded command waits to be submitted */
  constructor(
    device: GPUDevice,
    buffers: Buffers,
    pipelines: Pipelines,
    errors: ErrorScopes,
    uniformBuffer: GPUBuffer,
    afterFlush: () => void,
  ) {
    this.#device = device;
    this.#buffers = buffers;
    this.#pipelines = pipelines;
    this.#errors = errors;
    this.#uniformBuffer = uniformBuffer;
    this.#afterFlush = afterFlush;
  }

  get statistics(): { dispatches: number; submits: number } {
    return { dispatches: this.#dispatches, submits: this.#batch };
  }

  /**
   * Records one dispatch of a program, after all those before it. With 0 workgroups nothing runs.
   *
   * @throws BackendError for a dimension with more workgroups than the device allows, or a buffer of another device
   * @throws FreedError for a buffer that was freed
   * @throws DeviceLostError after a loss
   */
  run<P extends Program>(
    program: P,
    buffers: ProgramBuffers<P>,
    uniforms: ProgramUniforms<P>,
    groups: Workgroups,
  ): void {
    this.#errors.check();
    const [x, y, z] = this.#fold(program.name, groups);
    if (x * y * z === 0) return;
    const pipeline = this.#pipelines.get(program);
    const given = buffers as Record<string, GpuBuffer | GpuTensor>;
    const memory = pipeline.names.map((name) => {
      const of = given[name];
      return this.#buffers.memory(`${program.name} (${name})`, of instanceof GpuBuffer ? of : of?.buffer);
    });
    if (this.capture) {
      this.capture.commands.push({ pipeline, memory, uniforms: { ...uniforms }, groups: [x, y, z] });
      return;
    }
    const allocations = memory as Allocation[];
    const bindGroup = this.#pipelines.cachedBindGroup(pipeline.layout, this.#uniformBuffer, allocations);
    const offset = this.#slots * uniformBytes;
    writeUniforms(this.#uniformData, offset, pipeline.uniforms, uniforms);

    const pass = this.#openPass();
    pass.setPipeline(pipeline.gpu);
    pass.setBindGroup(0, bindGroup, [offset]);
    pass.dispatchWorkgroups(x, y, z);
    for (const allocation of allocations) allocation.lastUse = this.#batch;
    this.#slots += 1;
    this.#count(1);
  }

  /** Records all of the dispatches, in one batch. @param allocations those that they use */
  replay(dispatches: readonly ReadyDispatch[], allocations: readonly Allocation[]): void {
    this.#errors.check();
    const pass = this.#openPass();
    let current: GPUComputePipeline | undefined;
    for (let i = 0; i < dispatches.length; i++) {
      const { pipeline, bindGroup, offsets, x, y, z } = dispatches[i];
      if (pipeline !== current) pass.setPipeline(pipeline);
      current = pipeline;
      pass.setBindGroup(0, bindGroup, offsets);
      // Each argument costs.
      if (y === 1 && z === 1) pass.dispatchWorkgroups(x);
      else pass.dispatchWorkgroups(x, y, z);
    }
    for (const allocation of allocations) allocation.lastUse = this.#batch;
    this.#count(dispatches.length);
  }

  /** Records a copy of the first `bytes`, a multiple of 4. */
  copy(from: Allocation, to: Allocation, bytes: number): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#encoder.copyBufferToBuffer(from.gpu, 0, to.gpu, 0, bytes);
  }

  /** Submits the recorded commands if one of them uses the allocation: for what is not recorded and comes after them. */
  flushUses({ lastUse }: Allocation): void {
    if (lastUse === this.#batch) this.flush();
  }

  /** Submits the recorded commands. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder) {
      this.#pass?.end();
      this.#pass = undefined;
      this.#encoder = undefined;
      this.#errors.guard('submit', ['validation'], () => {
        const { queue } = this.#device;
        // Ordered after the batches before it, which have read their uniforms by then.
        queue.writeBuffer(this.#uniformBuffer, 0, this.#uniformData.buffer, 0, this.#slots * uniformBytes);
        queue.submit([encoder.finish()]);
      });
      this.#batch += 1;
      this.#recorded = 0;
      this.#slots = 0;
    }
    this.#afterFlush();
  }

  dispose(): void {
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#uniformBuffer.destroy();
  }

  #openPass(): GPUComputePassEncoder {
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    return this.#pass;
  }

  #count(dispatches: number): void {
    this.#dispatches += dispatches;
    this.#recorded += dispatches;
    if (this.#recorded >= batchSize) this.flush();
  }

  #fold(name: string, groups: Workgroups): [number, number, number] {
    const { maxComputeWorkgroupsPerDimension: max } = this.#device.limits;
    let counts: [number, number, number];
    if (typeof groups === 'number') {
      const rows = Math.ceil(groups / max);
      counts = [rows > 1 ? Math.ceil(groups / rows) : groups, Math.max(1, rows), 1];
    } else {
      counts = [groups[0], groups[1], groups[2] ?? 1];
    }
    if (counts.every((count) => count <= max)) return counts;
    throw new BackendError({
      op: name,
      expected: `at most ${max} workgroups a dimension (maxComputeWorkgroupsPerDimension)`,
      found: counts.join(' × '),
      fix: 'Use smaller tensors or batches.',
    });
  }
}

/** Writes the values into the slot that begins at `offset`. */
export function writeUniforms(
  data: DataView,
  offset: number,
  fields: Pipeline['uniforms'],
  values: Readonly<Record<string, number>>,
): void {
  fields.forEach(([name, type], i) => {
    const at = offset + 4 * i;
    if (type === 'f32') data.setFloat32(at, values[name], true);
    else if (type === 'i32') data.setInt32(at, values[name], true);
    else data.setUint32(at, values[name], true);
  });
}
