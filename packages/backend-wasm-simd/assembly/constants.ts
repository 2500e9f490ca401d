// Constants that both sides need: the build writes them to src/generated/constants.ts, in camelCase, for src/kernels to size
// memory and cut units by. Each is a literal number.

/** Float products: columns of a panel of the packed right operand. */
export const PANEL: i32 = 8;
/** Float products: rows of a unit of work, a multiple of a tile's rows in both variants. */
export const UNIT_ROWS: i32 = 48;
/** Float products: elements summed before going on to the next panel. 16 KB of a panel stay in the first-level cache. */
export const DEPTH: i32 = 512;
/** Float products: the most rows of a tile in either variant. */
export const MAX_TILE: i32 = 6;
/** Gradient of a convolution's weight: rows of patches gathered and summed at a time. */
export const PATCH_ROWS: i32 = 128;

/** Attention: keys of a block, a multiple of PANEL and of a tile's rows in both variants. */
export const KEY_BLOCK: i32 = 192;

/** Elements of a unit of the float elementwise functions. */
export const ELEMENTWISE_BLOCK: i32 = 1024;
/** Elements of a unit of the optimizers' steps. */
export const OPTIMIZER_BLOCK: i32 = 1024;
/** Elements of a unit of observers and fake quantization, of one channel. */
export const OBSERVER_BLOCK: i32 = 8192;
/** Elements that are summed before the sums are. */
export const SUM_BLOCK: i32 = 4096;
/** Elements of a unit of quantize and dequantize. */
export const QUANTIZE_BLOCK: i32 = 4096;
/** Elements of a unit of the int8 elementwise functions. */
export const QELEMENTWISE_BLOCK: i32 = 4096;
/** Bits of a fraction in qline. */
export const LINE_BITS: i32 = 20;

/** `kind` of quantize and dequantize: the dtype of the integers. */
export const KIND_UINT8: i32 = 0;
export const KIND_INT8: i32 = 1;
export const KIND_INT32: i32 = 2;

/** int8 products: outputs of a panel. */
export const QPANEL: i32 = 8;
/** int8 products: rows of a group; and by `dot`, where a group of six makes twelve sums, of which none waits for its product. */
export const GROUP_ROWS: i32 = 4;
export const GROUP_ROWS_DOT: i32 = 6;
/** int8 products: a packed tile begins with a byte for the form of each group, of at most 64. */
export const TILE_FORMS: i32 = 64;
/** int8 products: the forms of the inner product. See qgemm.ts. */
export const FORM_EXACT: i32 = 0;
export const FORM_SEVEN: i32 = 1;
export const FORM_UNSIGNED: i32 = 2;
export const FORM_SIGNED: i32 = 3;

/**
 * Where the flags begin, in bytes, after the constants that `requantize` wants beside the multipliers: MAGIC and the even part of the
 * zero point, as float32, four times; its odd part, 0 or 1, as int16, eight times; the bounds, each 16 times; and less the zero point,
 * as float32, four times. Constants in the code would be put together anew at each use. This flag: whether sums times multipliers are
 * all below SMALL.
 */
export const SMALL_FLAG: i32 = 96;
/** And at this one the form of products by bytes, 0 where bytes don't hold all weights. */
export const FORM_FLAG: i32 = 100;
/** And at this one whether the zero point has an odd part, or the bounds aren't those of a byte. */
export const BOUNDED_FLAG: i32 = 104;

/** Bytes of a table to spread 16 bytes of a plane's pixel: see spread.ts. */
export const SPREAD_ENTRY: i32 = 32;
