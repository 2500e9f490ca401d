/** Invocations of a workgroup that goes over a part of a channel. */
export const channelWorkgroup = 256;
/** Elements that make a workgroup worth its while, and the most workgroups of a channel. */
const smallestPart = 16 * channelWorkgroup;
const mostParts = 1024;

export const channelUniforms = {
  channels: 'u32',
  inner: 'u32',
  count: 'u32',
  part: 'u32',
  parts: 'u32',
} as const;

/**
 * The beginning of a program over the channels of x [o,c,i], each cut into `u.parts` parts, one workgroup a part: `channel`,
 * and this lane's elements of it, from `first` in steps of `groupSize` to `end`; `elementAt` says where they are.
 */
export const channelPart = /* wgsl */ `
  let channel = group / u.parts;
  if (channel >= u.channels) { return; }
  let first = group % u.parts * u.part + lane;
  let end = min(group % u.parts * u.part + u.part, u.count);
`;

export const elementAt = /* wgsl */ `
fn elementAt(channel: u32, element: u32) -> u32 {
  return (element / u.inner * u.channels + channel) * u.inner + element % u.inner;
}
`;

/** The uniforms for x [o,c,i]. There are `channels · parts` workgroups. */
export function channelParts([outer, channels, inner]: readonly number[]) {
  const count = outer * inner;
  const part = Math.max(smallestPart, Math.ceil(count / mostParts));
  return { channels, inner, count, part, parts: Math.ceil(count / part) };
}
