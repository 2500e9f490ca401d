import { dataSync } from './reading';
import type { Tensor } from './tensor';
import { activeWatch, type DataCheck, unwatched } from './watch';

/** Applies a check to the elements of `tensor` now; a plan does so again at every run. Its backend must be readable at once. */
export function checkData(op: string, tensor: Tensor, check: DataCheck): void {
  const watch = activeWatch();
  if (!watch) {
    check(dataSync(tensor));
    return;
  }
  if (!watch.lacks?.(tensor.storage)) unwatched(() => check(dataSync(tensor)));
  watch.checked(op, tensor, check);
}
