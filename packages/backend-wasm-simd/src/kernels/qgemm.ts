import type { RequantizeAttrs } from '@octet/backend';
import type { WasmBuffer } from '../buffers';
import type { KernelContext, WasmTensor } from '../kernel';
import { requantizeConstants, uploadSteps } from './qrequantize';

/** Outputs of a panel, as in assembly/qgemm.ts. */
const panel = 8;
/** Bytes of a packed tile of activations: with a panel of weights and the outputs it stays in the first-level cache. */
const tileBytes = 16384;
/** Multiply-adds worth a thread. */
const grainMacs = 500_000;

/** The forms of the inner product, as in assembly/qgemm.ts. */
const forms = { exact: 0, seven: 1, unsigned: 2, signed: 3 } as const;

export interface PackedGemm {
  /** What bytes are multiplied by: all of them, but those of 'seven' only below 128. */
  form: number;
  weights16: WasmBuffer | undefined;
  weights8: WasmBuffer | undefined;
  bias: WasmBuffer;
  multiplier: WasmBuffer;
  constants: WasmBuffer;
}

/**
 * weight [groups · n, k] for the wasm functions qgemm and qconv, in the forms that will be used. `quantMax`: the largest activation
 * of a dynamic product, whose bias is the sums of the weights; a static one finds out which are below 128 when they are there.
 */
export function packGemm(
  cx: KernelContext,
  weight: WasmTensor,
  bias: WasmTensor | undefined,
  attrs: RequantizeAttrs,
  groups: number,
  k: number,
  quantMax?: number,
  dot = cx.dot,
): PackedGemm {
  const { weightZeroPoint, multiplier, xZeroPoint } = attrs;
  const n = weight.shape[0] / groups;
  const outputs = groups * Math.ceil(n / panel) * panel;
  // Weights less zero points may leave bytes.
  const plain = weightZeroPoint.every((zero) => zero === 0);
  const whole = plain && (dot === 'unsigned' || dot === 'signed');
  const dynamic = quantMax !== undefined;
  const seven = dot !== 'exact' && (!dynamic || (quantMax < 128 && plain));
  const form = whole ? forms[dot] : seven ? forms.seven : forms.exact;
  const exact = !whole && !(seven && dynamic);
  const packed: PackedGemm = {
    form,
    weights16: exact ? cx.allocate('int8', outputs * Math.ceil(k / 2) * 4) : undefined,
    weights8: form ? cx.allocate('int8', outputs * Math.ceil(k / 4) * 4) : undefined,
    bias: cx.allocate('int32', outputs),
    multiplier: cx.allocate('float32', outputs),
    constants: requantizeConstants(cx, attrs, form),
  };
  const zeros = uploadSteps(cx, weightZeroPoint);
  const multipliers = uploadSteps(cx, multiplier);
  const zeroPoint = form === forms.signed && !dynamic ? xZeroPoint - 128 : xZeroPoint;
  const args = [cx.address(weight), n, k, ...zeros, bias ? cx.address(bias) : 0, ...multipliers, zeroPoint];
  args.push(...weightAddresses(cx, packed), cx.address(packed.bias), cx.address(packed.multiplier));
  args.push(cx.address(packed.constants));
  cx.parallel('qpackGemm', args, groups, 1024);
  // Pairs of weights that 'signed' can't take.
  if (form === forms.signed && cx.view('int32', cx.address(packed.constants), 26)[25] === 0) {
    freeGemm(cx, packed);
    return packGemm(cx, weight, bias, attrs, groups, k, quantMax, 'seven');
  }
  return packed;
}

/** packed16 and packed8 of the wasm functions: 0 for what isn't there. */
export function weightAddresses(cx: KernelContext, { weights16, weights8 }: PackedGemm): [number, number] {
  return [weights16 ? cx.address(weights16) : 0, weights8 ? cx.address(weights8) : 0];
}

export function freeGemm(cx: KernelContext, packed: PackedGemm): void {
  for (const buffer of [
    packed.weights16,
    packed.weights8,
    packed.bias,
    packed.multiplier,
    packed.constants,
  ]) {
    if (buffer) cx.free(buffer);
  }
}

/** How to cut [m,k] × [k,n] for qgemm and its like: rows of a tile, ranges of panels, units of work, and how many pay. */
export function gemmPlan(cx: KernelContext, m: number, n: number, k: number, groups: number) {
  const most = Math.min(256, Math.max(8, Math.floor(tileBytes / (k * 2)) & ~3));
  const tile = Math.min(most, Math.max(4, Math.ceil(m / 4) * 4));
  const tiles = Math.ceil(m / tile) * groups;
  // Few rows: the outputs are cut too, so that there is work enough for all threads.
  const wanted = cx.threads === 1 ? 1 : Math.ceil((4 * cx.threads) / tiles);
  const splits = Math.max(1, Math.min(wanted, Math.ceil(n / panel / 2)));
  const grain = Math.ceil((grainMacs * splits) / (tile * n * k));
  return { tile, splits, units: tiles * splits, grain };
}

/** Bytes of a packed tile, the forms of its groups first. */
export function tileSize(tile: number, k: number): number {
  return 64 + Math.ceil(k / 8) * 16 * Math.ceil(tile / 4) * 4 + 64;
}

/** The arguments from the packed weights on; `scratch` in bytes for each thread. */
export function gemmArgs(cx: KernelContext, packed: PackedGemm, y: WasmTensor, scratch: number): number[] {
  const { bias, multiplier, constants } = packed;
  const step = Math.ceil(scratch / 64) * 64;
  return [
    ...[...weightAddresses(cx, packed), cx.address(bias), cx.address(multiplier)],
    ...[cx.address(constants), cx.address(y), cx.scratch(cx.threads * step), step],
  ];
}
