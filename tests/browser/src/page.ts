import type { Browser } from 'playwright-core';

/** What a page of the examples did and showed. */
export interface Visit {
  status: string;
  /** The numbers by their titles. */
  shown: Record<string, string>;
  /** Errors and warnings in the console, uncaught errors, requests that failed. */
  complaints: string[];
  /** The files that it asked for. */
  requests: string[];
  /** The most workers that were alive at once. */
  workers: number;
}

/** Opens a page in a fresh browser context, and waits until it is done. `before` runs in the page before its own scripts. */
export async function visit(browser: Browser, url: string, before?: () => void): Promise<Visit> {
  const context = await browser.newContext();
  try {
    if (before) await context.addInitScript(before);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    let workers = 0;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(`${error}`));
    page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
    page.on('response', (response) => {
      if (!response.ok()) complaints.push(`${response.url()}: HTTP status ${response.status()}`);
    });
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    page.on('worker', () => {
      workers = Math.max(workers, page.workers().length);
    });
    await page.goto(url);
    const status = page.getByRole('status').filter({ hasNotText: 'running' });
    await status.waitFor();
    return {
      status: (await status.textContent()) ?? '',
      shown: Object.fromEntries(
        await page
          .locator('dt')
          .evaluateAll((titles) =>
            titles.map((title) => [title.textContent, title.nextElementSibling?.textContent ?? '']),
          ),
      ),
      complaints,
      requests,
      workers,
    };
  } finally {
    await context.close();
  }
}
