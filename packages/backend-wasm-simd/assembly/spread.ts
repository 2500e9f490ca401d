// Convolutions of few channels a group are depthwise ones of as many planes as a group has inputs: output channel c reads
// from plane p the input channel (c / groupOut) · groupIn + p. Spreading makes a plane of pixels: the channels that the
// outputs read, in their order.

// An entry of a table, for 16 bytes of a plane's pixel: the first byte's place in x, bytes to load, -, -, each byte's place.
import { SPREAD_ENTRY as ENTRY } from './constants';

/**
 * How to spread pixels to `channels` channels of 1 << shift bytes: table [groupIn][channels in 16 bytes][ENTRY]. What is
 * past the last channel is that one again. Units are planes.
 */
export function spreadTable(
  table: usize, channels: i32, groupIn: i32, groupOut: i32, shift: i32, begin: i32, end: i32, thread: i32,
): void {
  const vectors = ((channels << shift) + 15) >> 4;
  for (let plane = begin; plane < end; plane++) {
    for (let v: i32 = 0; v < vectors; v++) {
      const to = table + <usize>((plane * vectors + v) * ENTRY);
      let first: i32 = 0;
      let place: i32 = 0;
      for (let i: i32 = 0; i < 16; i++) {
        const byte = (v << 4) + i;
        const c = min(byte >> shift, channels - 1);
        place = ((c / groupOut * groupIn + plane) << shift) + (byte & ((1 << shift) - 1));
        if (i == 0) first = place;
        store<u8>(to + i, <u8>(place - first), 16);
      }
      store<i32>(to, first);
      store<i32>(to, place - first + 1, 4);
    }
  }
}

/** `count` pixels of `fromStep` bytes each → of `toStep`, and up to 15 more, by one plane's part of a table. */
export function spreadPixels(
  from: usize, fromStep: usize, count: i32, table: usize, to: usize, toStep: usize,
): void {
  for (; count > 0; count--, from += fromStep, to += toStep) {
    let entry = table;
    for (let at: usize = 0; at < toStep; at += 16, entry += ENTRY) {
      const source = from + load<i32>(entry);
      const bytes = load<i32>(entry, 4);
      let places = v128.load(entry, 16);
      let v = i8x16.swizzle(v128.load(source), places);
      for (let i: i32 = 16; i < bytes; i += 16) {
        places = i8x16.sub(places, i8x16.splat(16));
        v = v128.or(v, i8x16.swizzle(v128.load(source + i), places));
      }
      v128.store(to + at, v);
    }
  }
}

/** Bytes of the table for one plane. */
// @ts-ignore: decorator
@inline
export function planeTable(bytes: i32): usize {
  return <usize>((bytes + 15) >> 4) * ENTRY;
}
