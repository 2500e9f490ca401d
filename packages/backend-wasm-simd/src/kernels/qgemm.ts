import type { RequantizeAttrs } from '@octet/backend';
import { offset } from '../address';
import type { WasmBuffer } from '../buffers';
import {
  formExact,
  formFlag,
  formSeven,
  formSigned,
  formUnsigned,
  groupRows,
  groupRowsDot,
  qpanel as panel,
  tileForms,
} from '../generated/constants';
import type { Calls } from '../generated/exports';
import type { KernelContext, WasmTensor } from '../kernel';
import { requantizeConstants, uploadSteps } from './qrequantize';

/** Bytes of a packed tile of activations: with a panel of weights and the outputs it stays in the first-level cache. */
const tileBytes = 16384;
/** Multiply-adds worth a thread. */
const grainMacs = 500_000;

/** The forms of the inner product. */
const forms = { exact: formExact, seven: formSeven, unsigned: formUnsigned, signed: formSigned } as const;

/** Weights less other zero points than 0 may leave bytes. */
function isPlain(weightZeroPoint: Int32Array): boolean {
  return weightZeroPoint.every((zero) => zero === 0);
}

/** The form of products that takes activations of 8 bits as bytes; exact where there is none, or not of these weights. */
export function bytesForm({ dot }: KernelContext, { weightZeroPoint }: RequantizeAttrs): number {
  return (dot === 'unsigned' || dot === 'signed') && isPlain(weightZeroPoint) ? forms[dot] : forms.exact;
}

export interface PackedGemm {
  /** What bytes are multiplied by: all of them, but those of 'seven' only below 128. */
  form: number;
  weights16: WasmBuffer | undefined;
  weights8: WasmBuffer | undefined;
  bias: WasmBuffer;
  multiplier: WasmBuffer;
  /** Zero points of bytes that are as they were; else they are taken off. */
  zeros: WasmBuffer | undefined;
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
  const plain = isPlain(weightZeroPoint);
  const dynamic = quantMax !== undefined;
  const whole = (plain || !dynamic) && (dot === 'unsigned' || dot === 'signed');
  const seven = dot !== 'exact' && (!dynamic || (quantMax < 128 && plain));
  const form = whole ? forms[dot] : seven ? forms.seven : forms.exact;
  const exact = !whole && !(seven && dynamic);
  const packed: PackedGemm = {
    form,
    weights16: exact ? cx.allocate('int8', outputs * Math.ceil(k / 2) * 4) : undefined,
    weights8: form ? cx.allocate('int8', outputs * Math.ceil(k / 4) * 4) : undefined,
    bias: cx.allocate('int32', outputs),
    multiplier: cx.allocate('float32', outputs),
    zeros: whole && !plain ? cx.allocate('int32', outputs) : undefined,
    constants: requantizeConstants(cx, attrs, form),
  };
  const [zeroPoint, zeroStep] = uploadSteps(cx, weightZeroPoint);
  const [multipliers, multiplierStep] = uploadSteps(cx, multiplier);
  const args = {
    ...{ weight: cx.address(weight), outputs: n, k, zeroPoint, zeroStep, bias: cx.addressIfAny(bias) },
    ...{ multiplier: multipliers, multiplierStep },
    xZeroPoint: form === forms.signed && !dynamic ? xZeroPoint - 128 : xZeroPoint,
    ...weightAddresses(cx, packed),
    ...{ bias8: cx.address(packed.bias), multiplier8: cx.address(packed.multiplier) },
    ...{
      zeros8: cx.addressIfAny(packed.zeros),
      inTurn: Number(!dynamic),
      constants: cx.address(packed.constants),
    },
  };
  cx.parallel('qpackGemm', args, groups, 1024);
  // Pairs of weights that 'signed' can't take.
  if (form === forms.signed && cx.view('int32', offset(cx.address(packed.constants), formFlag), 1)[0] === 0) {
    freeGemm(cx, packed);
    return packGemm(cx, weight, bias, attrs, groups, k, quantMax, 'seven');
  }
  return packed;
}

/** The packed weights as the wasm functions take them. */
export function weightAddresses(cx: KernelContext, { weights16, weights8 }: PackedGemm) {
  return { packed16: cx.addressIfAny(weights16), packed8: cx.addressIfAny(weights8) };
}

export function freeGemm(cx: KernelContext, packed: PackedGemm): void {
  for (const buffer of [
    packed.weights16,
    packed.weights8,
    packed.bias,
    packed.multiplier,
    packed.zeros,
    packed.constants,
  ]) {
    if (buffer) cx.free(buffer);
  }
}

// What else than products takes time, in rows or outputs whose products take as long. As measured.
/** Packing a row, as outputs. Of a range of panels each thread packs all rows, half of which another one wrote. */
const packOutputs = 8;
const packOutputsAgain = 12;
/** Reading the weights once more for another tile, as rows; and from beyond the caches of a core, which hold no whole network. */
const tileRows = 0.5;
const readRows = 4;

/**
 * How to cut [m,k] × [k,n] for qgemm and its like, by weights of `form`: rows of a tile, ranges of panels, units of work, and how
 * many pay. Units are all tiles of the first range of panels, then those of the second: a thread's share is tiles, or where that is
 * more even or reads less, a range of panels. There are two units for each thread, so that one which is late has some left for others.
 */
export function gemmPlan(cx: KernelContext, form: number, m: number, n: number, k: number, groups: number) {
  const { threads } = cx;
  const rows = form >= formUnsigned ? groupRowsDot : groupRows;
  const runs = Math.max(1, Math.ceil(m / rows));
  const most = Math.min(runs, Math.floor(256 / rows), Math.max(2, Math.floor(tileBytes / (k * 2 * rows))));
  const panels = Math.ceil(n / panel);
  const mostSplits = Math.max(1, Math.ceil(panels / 2));
  const tilesOf = (tile: number) => Math.ceil(m / tile) * groups;
  /** What the thread with the most work takes, in outputs. */
  const costOf = (tile: number, splits: number) => {
    const tiles = splits > 1 ? tilesOf(tile) : Math.ceil(tilesOf(tile) / threads);
    const share = Math.min(tiles * tile, m * groups);
    const outputs = Math.ceil(panels / splits) * panel;
    const pack = splits > 1 ? packOutputsAgain : packOutputs;
    return share * (outputs + pack) + (tiles * tileRows + readRows) * outputs;
  };
  let best = { tile: most * rows, splits: 1 };
  if (threads > 1) {
    let least = Number.POSITIVE_INFINITY;
    for (let tile = most * rows; tile > 0; tile -= rows) {
      for (const splits of [1, Math.min(threads, mostSplits)]) {
        // Not yet small enough for two units each.
        if (tilesOf(tile) * splits < 2 * threads && tile > rows) continue;
        const cost = costOf(tile, splits);
        if (cost < least) {
          least = cost;
          best = { tile, splits };
        }
      }
    }
  }
  const { tile } = best;
  let { splits } = best;
  while (threads > 1 && tilesOf(tile) * splits < 2 * threads && 2 * splits <= mostSplits) splits *= 2;
  const grain = Math.ceil((grainMacs * splits) / (tile * n * k));
  return { tile, splits, units: tilesOf(tile) * splits, grain };
}

/** Bytes of a packed tile, the forms of its groups first, the sums of its rows last. */
export function tileSize(tile: number, k: number): number {
  return tileForms + Math.ceil(k / 8) * 16 * Math.ceil(tile / 4) * 4 + Math.ceil(tile / 6) * 6 * 4 + 64;
}

type GemmArgs = Pick<
  Calls['qgemm'],
  'packed16' | 'packed8' | 'bias8' | 'multiplier8' | 'zeros8' | 'constants' | 'y' | 'scratch' | 'scratchStep'
>;

/** The arguments from the packed weights on; `scratch` in bytes for each thread. */
export function gemmArgs(cx: KernelContext, packed: PackedGemm, y: WasmTensor, scratch: number): GemmArgs {
  return {
    packed16: cx.addressIfAny(packed.weights16),
    packed8: cx.addressIfAny(packed.weights8),
    bias8: cx.address(packed.bias),
    multiplier8: cx.address(packed.multiplier),
    zeros8: cx.addressIfAny(packed.zeros),
    constants: cx.address(packed.constants),
    y: cx.address(y),
    ...cx.scratchEach(scratch),
  };
}
