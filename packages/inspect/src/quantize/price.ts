import { tensorsIn } from '@octet/graph';
import type { ModelInput } from '../inputs';
import { outputsOf } from './outputs';
import { type AnyGraph, layersWithWeights, type Recipe, recurrentLayers } from './simulation';

/** Nanoseconds of a layer. */
interface Work {
  readonly int8: number;
  readonly dynamic: number;
  readonly float: number;
  /** To and from integers, where those beside it compute in int8. */
  readonly border: number;
}

/**
 * What it costs that layers don't compute in int8, by an estimate of their time from products and from bytes of activations: it is the same in every
 * run. Recurrent layers have no price: their time is that of reading weights.
 */
export class Price {
  private readonly work = new Map<string, Work>();
  private readonly all: number;
  /** The part of the float model's time that int8 gains. */
  private readonly gained: number;
  /** Of the float model's time, in milliseconds. */
  private readonly ms: number;

  /** @param model the float graph with fused layers */
  constructor(model: AnyGraph, input: ModelInput) {
    const recurrent = recurrentLayers(model);
    const paths = layersWithWeights(model).filter((path) => !recurrent.includes(path));
    const hooks = paths.map((path) => {
      const layer = model.getSubmodule(path);
      const weight = layer.parameters().find(({ dim }) => dim >= 2);
      return layer.registerForwardHook((_, args, output) => {
        const [x, y] = [args, output].map((value) => tensorsIn(value)[0]?.numel ?? 0);
        const macs = weight ? (weight.numel / weight.shape[0]) * y : 0;
        const before = this.work.get(path) ?? none;
        const products = macs / INT8_MACS;
        this.work.set(path, {
          int8: before.int8 + products + (x + y) / BYTES,
          // The range is found, and what follows computes in floats.
          dynamic: before.dynamic + products + (5 * x + 4 * y) / BYTES,
          float: before.float + macs / FLOAT_MACS + (4 * x + 4 * y) / BYTES,
          border: before.border + (5 * x + 5 * y) / BYTES,
        });
      });
    });
    try {
      outputsOf(model, input);
    } finally {
      for (const hook of hooks) hook.remove();
    }
    const sum = (of: (work: Work) => number) => [...this.work.values()].reduce((n, work) => n + of(work), 0);
    this.all = sum(({ float, int8 }) => float - int8);
    const time = sum(({ float }) => float);
    this.gained = this.all > 0 ? this.all / time : 0;
    this.ms = time / 1e6;
  }

  /** The part of the time that int8 gains which a layer in float takes back. */
  inFloat(path: string): number {
    const { float, int8 } = this.work.get(path) ?? none;
    return this.all > 0 ? (float - int8) / this.all : 0;
  }

  /** The part of the time that int8 gains which a recipe takes back. */
  part({ inFloat, weightOnly, dynamic }: Recipe): number {
    let time = 0;
    for (const path of new Set([...inFloat, ...weightOnly])) {
      const { float, int8, border } = this.work.get(path) ?? none;
      // Half of those in float have such a one before or behind them.
      time += float - int8 + border / 2;
    }
    for (const path of dynamic) {
      const work = this.work.get(path) ?? none;
      time += work.dynamic - work.int8;
    }
    return this.all > 0 ? Math.min(1, time / this.all) : 0;
  }

  /** In the units of `worthOf`; infinite where a slow model would lose most of what int8 gains. */
  of(recipe: Recipe): number {
    const part = this.part(recipe);
    if (this.ms > SLOW_MS && part > SLOW_PART) return Number.POSITIVE_INFINITY;
    return TIME_DB * this.gained * part * (1 + 3 * part ** 2);
  }
}

const none: Work = { int8: 0, dynamic: 0, float: 0, border: 0 };
/** Products, and bytes, of a nanosecond: what one thread in WebAssembly does. */
const INT8_MACS = 60;
const FLOAT_MACS = 20;
const BYTES = 4;
/** The price of the float model's time where little of it is taken; all costs four times as much. */
const TIME_DB = 3.6;
/** A model that takes more milliseconds than this in float gives away so much of the time that int8 gains at most. */
const SLOW_MS = 50;
const SLOW_PART = 0.65;
