import type { Page as PlaywrightPage } from 'playwright-core';
import type { Page as PuppeteerPage } from 'puppeteer-core';
import { expect, onTestFinished } from 'vitest';

/** What both have in common. */
interface Talking {
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): unknown;
  on(event: 'pageerror', listener: (error: unknown) => void): unknown;
}

/**
 * Errors of the page, and what its console says of one of the `kinds`. When the test is over `close` is called, and there must be none.
 *
 * @param expected what browsers say by themselves
 */
export function expectNoComplaints(
  page: PlaywrightPage | PuppeteerPage,
  { kinds, expected = [], close }: { kinds: string[]; expected?: string[]; close(): Promise<void> },
): void {
  const complaints: string[] = [];
  const talking = page as unknown as Talking;
  talking.on('console', (message) => {
    const text = message.text();
    if (kinds.includes(message.type()) && !expected.includes(text)) complaints.push(text);
  });
  talking.on('pageerror', (error) => complaints.push(`${error}`));
  onTestFinished(async () => {
    await close();
    expect(complaints).toEqual([]);
  });
}
