import { checkOptions } from '@octet/backend';
import { type ConvertOptions, convert } from '../convert';
import { requireGraph } from './fuse-fx';
import type { AnyGraphModule } from './graph-editor';

export interface ConvertFxOptions extends Omit<ConvertOptions, 'inplace'> {}

/**
 * A copy of a prepared (and calibrated or trained) graph that runs in int8 where `quantizationReport` says so, and takes and
 * gives floats, under the names of before.
 *
 * @throws ArgumentError for what is no GraphModule, and what `convert` throws
 */
export async function convertFx<M extends AnyGraphModule>(
  prepared: M,
  options?: ConvertFxOptions,
): Promise<M> {
  const checked = checkOptions('convertFx', options, 'requireCalibration rules onProgress signal');
  requireGraph('convertFx', prepared);
  return convert(prepared, checked);
}
