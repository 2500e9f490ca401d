/** Whether relaxed SIMD may be used: a constant of the build, so that `if (RELAXED)` leaves one branch in the binary. */
declare const RELAXED: i32;
