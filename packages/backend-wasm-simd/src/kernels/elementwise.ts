import type { WasmFunction } from '../generated/exports';
import { size, type WasmKernel } from '../kernel';

/** Elements of a unit, as in assembly/elementwise.ts. */
const block = 1024;
/** Units worth a thread. */
const grain = 32;

/** y[n] = a ∘ b, where an operand of one element stands for all. */
function binary(name: WasmFunction): WasmKernel<'add' | 'sub' | 'mul' | 'div'> {
  return (cx, { a, b, y }) => {
    const n = size(y);
    const step = (t: typeof a) => (size(t) === 1 ? 0 : 4);
    const args = [cx.address(a), step(a), cx.address(b), step(b), cx.address(y), n];
    cx.parallel(name, args, Math.ceil(n / block), grain);
  };
}

export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');

export const relu: WasmKernel<'relu'> = (cx, { x, y }) => {
  const n = size(y);
  cx.parallel('relu', [cx.address(x), cx.address(y), n], Math.ceil(n / block), grain);
};
