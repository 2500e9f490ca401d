/**
 * The releases that have pages of their own beside those of `current`: of the tags v1.2.3 the last of each minor version, the newest first.
 *
 * @param {readonly string[]} tags @param {string} current
 */
export function releasesOf(tags, current) {
  const parts = (/** @type {string} */ version) => version.split('.').map(Number);
  const compare = (/** @type {string} */ a, /** @type {string} */ b) => {
    const [x, y] = [parts(a), parts(b)];
    return y[0] - x[0] || y[1] - x[1] || y[2] - x[2];
  };
  const minor = (/** @type {string} */ version) => parts(version).slice(0, 2).join('.');
  const versions = tags.flatMap((tag) => /^v(\d+\.\d+\.\d+)$/.exec(tag)?.[1] ?? []).sort(compare);
  return versions.filter((version, i) => {
    const isLast = versions.findIndex((other) => minor(other) === minor(version)) === i;
    return isLast && minor(version) !== minor(current);
  });
}
