import { type Address, nowhere } from '../address';
import { spreadEntry } from '../generated/constants';
import type { KernelContext } from '../kernel';

/** How the channels of a convolution by groups meet: outputs `groupOut` by `groupOut` read `groupIn` inputs each. */
export interface Grouping {
  readonly groups: number;
  readonly groupIn: number;
  readonly groupOut: number;
}

/**
 * Whether a convolution of few channels is done channel by channel, as depthwise ones are: by planes (see
 * assembly/spread.ts), in place of a matrix product for each group, whose panels of 8 outputs stay empty and whose rows are
 * gathered one group at a time. `most`: products of a group's channels, input by output, up to which that is faster;
 * spreading costs as much as several taps, so that with one there must be fewer.
 */
export function byPlanes({ groups, groupIn, groupOut }: Grouping, taps: number, most: number): boolean {
  if (taps === 1) most = groups > 1 ? 8 : 0;
  return groupIn <= (groups > 1 ? 16 : 8) && groupIn * groupOut <= most;
}

/** The address of a table that spreads pixels to `channels` of 1 << shift bytes; 0 where they are as they should be. */
export function spreadTable(
  cx: KernelContext,
  channels: number,
  { groupIn, groupOut }: Grouping,
  shift: number,
): Address {
  if (groupIn === 1 && groupOut === 1) return nowhere;
  const table = cx.scratch(groupIn * Math.ceil((channels << shift) / 16) * spreadEntry);
  cx.parallel('spreadTable', { table, channels, groupIn, groupOut, shift }, groupIn, Infinity);
  return table;
}
