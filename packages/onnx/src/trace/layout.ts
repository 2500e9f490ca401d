/** Strided layouts: what a tensor says of where its elements lie. */
import { type Layout, numel } from '@octet/tensor';

/** The dims of more than one element, slowest in memory first. */
export function memoryDims({ shape, strides }: Layout): number[] {
  const dims = shape.map((_, i) => i).filter((i) => shape[i] !== 1);
  return dims.sort((a, b) => strides[b] - strides[a] || a - b);
}

/** Whether the elements fill a block of memory without gap or overlap. */
export function isDense(layout: Layout): boolean {
  let step = 1;
  for (const d of memoryDims(layout).reverse()) {
    if (layout.strides[d] !== step) return false;
    step *= layout.shape[d];
  }
  return true;
}

/** The index, along each dim of a dense layout, of the element `at` places after its first; undefined outside of it. */
export function indexOf(at: number, layout: Layout): number[] | undefined {
  const index = layout.shape.map(() => 0);
  for (const d of memoryDims(layout)) {
    index[d] = Math.floor(at / layout.strides[d]);
    at -= index[d] * layout.strides[d];
    if (index[d] < 0 || index[d] >= layout.shape[d]) return undefined;
  }
  return at === 0 ? index : undefined;
}

export function rowMajor(shape: readonly number[]): Layout {
  let step = numel(shape);
  const strides = shape.map((d) => {
    step /= d;
    return step;
  });
  return { shape, strides, offset: 0 };
}

export function describe({ shape, strides, offset }: Layout): string {
  return `${shape}|${strides}|${offset}`;
}
