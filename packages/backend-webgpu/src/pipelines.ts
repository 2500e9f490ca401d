import { LruCache } from './cache';
import type { ErrorScopes } from './error-scopes';
import { shaderStageCompute } from './platform';
import type { Allocation } from './pool';
import { type Program, type UniformType, uniformBytes, wgsl } from './program';

/** The layout of all programs with the same numbers of inputs and outputs. */
interface Layout {
  readonly key: string;
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

/** A program as the device has it. */
export interface Pipeline {
  readonly gpu: GPUComputePipeline;
  readonly layout: Layout;
  /** Names of its inputs and outputs, in the order of their bindings. */
  readonly names: readonly string[];
  readonly uniforms: readonly (readonly [name: string, type: UniformType])[];
}

const maxBindGroups = 4096;

/** The compiled programs of one device, and the bind groups of their buffers. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #errors: ErrorScopes;
  readonly #layouts = new Map<string, Layout>();
  readonly #pipelines = new Map<Program, Pipeline>();
  readonly #bindGroups = new LruCache<string, GPUBindGroup>(maxBindGroups);

  constructor(device: GPUDevice, errors: ErrorScopes) {
    this.#device = device;
    this.#errors = errors;
  }

  get statistics(): { pipelines: number; bindGroups: number } {
    return { pipelines: this.#pipelines.size, bindGroups: this.#bindGroups.size };
  }

  /** The program, compiled on first use. */
  get(program: Program): Pipeline {
    let pipeline = this.#pipelines.get(program);
    if (!pipeline) {
      const { name: label, inputs, outputs, uniforms } = program;
      const layout = this.#layout(Object.keys(inputs).length, Object.keys(outputs).length);
      const gpu = this.#errors.guard(`the program ${label}`, ['validation', 'internal'], () =>
        this.#device.createComputePipeline({
          label,
          layout: layout.pipeline,
          compute: { module: this.#device.createShaderModule({ label, code: wgsl(program) }) },
        }),
      );
      const names = [...Object.keys(inputs), ...Object.keys(outputs)];
      pipeline = { gpu, layout, names, uniforms: Object.entries(uniforms) };
      this.#pipelines.set(program, pipeline);
    }
    return pipeline;
  }

  /** A bind group of the uniform buffer and `allocations`, remembered for the next dispatch on the same ones. */
  cachedBindGroup(layout: Layout, uniforms: GPUBuffer, allocations: readonly Allocation[]): GPUBindGroup {
    const key = `${layout.key}:${allocations.map(({ id }) => id).join()}`;
    return this.#bindGroups.get(key, () => this.bindGroup(layout, uniforms, allocations));
  }

  bindGroup(layout: Layout, uniforms: GPUBuffer, allocations: readonly Allocation[]): GPUBindGroup {
    return this.#errors.guard('a bind group', ['validation'], () =>
      this.#device.createBindGroup({
        layout: layout.group,
        entries: [
          { binding: 0, resource: { buffer: uniforms, size: uniformBytes } },
          ...allocations.map(({ gpu }, i) => ({ binding: i + 1, resource: { buffer: gpu } })),
        ],
      }),
    );
  }

  /** Forgets all bind groups, and so what holds on to destroyed buffers. */
  forgetBindGroups(): void {
    this.#bindGroups.clear();
  }

  dispose(): void {
    for (const cache of [this.#layouts, this.#pipelines, this.#bindGroups]) cache.clear();
  }

  /** Explicit, because the layout 'auto' drops buffers that a program doesn't use. */
  #layout(inputs: number, outputs: number): Layout {
    const key = `${inputs},${outputs}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const buffers: GPUBufferBindingLayout[] = [
        { type: 'uniform', hasDynamicOffset: true },
        ...new Array<GPUBufferBindingLayout>(inputs).fill({ type: 'read-only-storage' }),
        ...new Array<GPUBufferBindingLayout>(outputs).fill({ type: 'storage' }),
      ];
      layout = this.#errors.guard(`${inputs} inputs and ${outputs} outputs`, ['validation'], () => {
        const group = this.#device.createBindGroupLayout({
          entries: buffers.map((buffer, binding) => ({ binding, visibility: shaderStageCompute, buffer })),
        });
        const pipeline = this.#device.createPipelineLayout({ bindGroupLayouts: [group] });
        return { key, group, pipeline };
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}
