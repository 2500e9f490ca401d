import { existsSync } from 'node:fs';
import { type Browser, launch, type Page } from 'puppeteer-core';
import { expectNoComplaints } from './complaints';

const usual = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];

/** The Firefox of this machine: FIREFOX, if set, or where systems put it; undefined if there is none. */
export const firefoxPath = (process.env.FIREFOX ? [process.env.FIREFOX] : usual).find((file) =>
  existsSync(file),
);

if (!firefoxPath) {
  const message =
    'There is no Firefox to run the pages in. On Debian: apt-get update && apt-get install -y firefox-esr. Elsewhere, set FIREFOX to its path.';
  if (process.env.CI) throw new Error(message);
  console.warn(`${message} These tests are skipped.`);
}

/** By WebDriver BiDi, which the Firefox of systems speaks: Playwright needs a Firefox of its own. */
export function launchFirefox(): Promise<Browser> {
  return launch({ browser: 'firefox', executablePath: firefoxPath, headless: true });
}

/** Opens a page in a context of its own. When the test is over there must have been no errors in the console. */
export async function openInFirefox(browser: Browser, url: string): Promise<Page> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  expectNoComplaints(page, { kinds: ['error'], close: () => context.close() });
  await page.goto(url);
  return page;
}

/** Waits until a part of the page says it. */
export async function saysInFirefox(page: Page, selector: string, text: RegExp): Promise<void> {
  await page.waitForFunction(
    (where, pattern) =>
      [...document.querySelectorAll(where)].some(({ textContent }) =>
        new RegExp(pattern).test(textContent ?? ''),
      ),
    {},
    selector,
    text.source,
  );
}
