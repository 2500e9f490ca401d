import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expectNoComplaints } from './complaints';

/** Opens a page in a context of its own. When the test is over there must have been no complaints in the console. */
export async function openPage(
  browser: Browser,
  url: string,
  options?: BrowserContextOptions,
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  expectNoComplaints(page, {
    kinds: ['error', 'warning'],
    // Chromium says this by itself when a page asks for a GPU where there is none.
    expected: ['No available adapters.'],
    close: () => context.close(),
  });
  await page.goto(url);
  return page;
}

/** What keeps some people from using the page: axe's serious and critical findings, but for rules that are not looked at. */
export async function barriers(page: Page, { without = [] }: { without?: string[] } = {}): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).disableRules(without).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
