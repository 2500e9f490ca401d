import { storeBytes8 } from './lanes';

/** Stores the first `count` bytes; all 16 if there are more. */
// @ts-ignore: decorator
@inline
export function storeBytes16(to: usize, v: v128, count: i32): void {
  if (count >= 16) {
    v128.store(to, v);
    return;
  }
  storeBytes8(to, v, count);
  if (count > 8) storeBytes8(to + 8, v128.shuffle<i64>(v, v, 1, 1), count - 8);
}
