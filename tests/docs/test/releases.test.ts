import { expect, test } from 'vitest';
import { releasesOf } from '../../../apps/site/scripts/releases.mjs';

test('the site has pages of the last release of each minor version but its own, the newest first', () => {
  const tags = [
    'v0.1.0',
    'v0.1.2',
    'v0.1.10',
    'v0.2.0',
    'v0.10.1',
    'v1.0.0',
    'v1.0.1',
    'v2.0.0-beta.1',
    'latest',
    '',
  ];
  expect(releasesOf(tags, '1.0.2')).toEqual(['0.10.1', '0.2.0', '0.1.10']);
  expect(releasesOf(tags, '1.1.0')).toEqual(['1.0.1', '0.10.1', '0.2.0', '0.1.10']);
  expect(releasesOf([''], '0.1.0')).toEqual([]);
});
