/** Whether relaxed SIMD may be used: a constant of the build, so that `if (RELAXED)` leaves one branch in the binary. */
declare const RELAXED: i32;
/** 0, or for tests how the product of bytes with relaxed SIMD is made of plain SIMD: 1 takes activations as uint8, 2 as int8. */
declare const EMULATED: i32;
