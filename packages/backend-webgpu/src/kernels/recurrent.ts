import type { Gpu } from '../gpu';
import type { GpuTensor } from '../kernel';
import { accurateTanh, limits } from '../wgsl/special';

/** For `include`: σ and tanh of gates, as WGSL's `sigmoid` and `tangent`. */
export const gateFunctions = [
  accurateTanh,
  limits,
  /* wgsl */ `
fn sigmoid(v: f32) -> f32 { return keepingNan(v, 1.0 / (1.0 + exp(-v))); }
fn tangent(v: f32) -> f32 { return keepingNan(v, accurateTanh(v)); }`,
];

/** Room for float32 [rows, columns], until the kernel returns. */
export const matrix = (gpu: Gpu, rows: number, columns: number): GpuTensor => ({
  buffer: gpu.scratch(4 * rows * columns),
  dtype: 'float32',
  shape: [rows, columns],
});

/** A matrix as a batch of one. */
export const one = (t: GpuTensor): GpuTensor => ({ ...t, shape: [1, ...t.shape] });
