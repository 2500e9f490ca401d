import type { AnyModule } from '@octet/nn';
import { fuseModules, fuseModulesQat } from '@octet/quantization';

/**
 * Fuses the children of `module` named by `paths`, as its mode asks: in evaluation batch normalisation is folded into
 * the layer before it, in training it stays and goes on learning.
 */
export function fuseLayers(module: AnyModule, paths: readonly string[]): void {
  (module.training ? fuseModulesQat : fuseModules)(module, paths);
}
