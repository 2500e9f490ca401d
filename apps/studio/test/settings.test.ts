import { expect, test } from 'vitest';
import { defaults, readSettings, writeSettings } from '../src/settings';

test('an address carries the settings that are not as by default', () => {
  expect(writeSettings(defaults)).toBe('');
  const chosen = {
    target: 25,
    budget: 300,
    pixels: 'imagenet',
    size: [48, 192],
    bgr: true,
    exclude: ['a.b', 'c'],
    model: 'text',
  } as const;
  expect(readSettings(writeSettings(chosen))).toEqual(chosen);
  expect(writeSettings({ ...defaults, size: [224, 224] })).toBe('#size=224');
});

test('what an address says wrongly is as by default', () => {
  expect(readSettings('#target=-3&budget=x&pixels=no&size=0&bgr=yes&other=1')).toEqual(defaults);
});
