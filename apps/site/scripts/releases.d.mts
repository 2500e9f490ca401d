/** Of the tags v1.2.3 the last of each minor version but that of `current`, the newest first. */
export function releasesOf(tags: readonly string[], current: string): string[];
