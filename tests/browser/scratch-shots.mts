import { serve } from '@octet/example-digits/serve';
import { chromium } from 'playwright-core';
const server = await serve('../../apps/digits/dist/page', { isolated: process.argv[2] !== 'no' });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
for (const colorScheme of ['light', 'dark'] as const) for (const width of [390, 1280]) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  page.on('console', (m) => console.log(m.type(), m.text()));
  page.on('pageerror', (e) => console.log('pageerror', e));
  await page.goto(server.url);
  const pad = page.getByRole('application');
  const box = (await pad.boundingBox())!;
  const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(0.33, 0.27)); await page.mouse.down();
  for (const [x, y] of [[0.4,0.2],[0.5,0.18],[0.6,0.22],[0.65,0.32],[0.6,0.42],[0.48,0.47],[0.6,0.5],[0.68,0.6],[0.66,0.73],[0.55,0.8],[0.42,0.8],[0.33,0.73]]) await page.mouse.move(...at(x,y), {steps: 3});
  await page.mouse.up();
  await page.waitForTimeout(1500);
  if (process.argv[3]) {
    await page.getByRole('combobox').selectOption('short');
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByText('Done.').waitFor({ timeout: 60000 });
    await page.waitForTimeout(300);
  }
  await page.screenshot({ path: `/tmp/digits/${colorScheme}-${width}.png`, fullPage: true });
  console.log(await page.locator('[role=status]').textContent(), (await page.locator('.backends').textContent()));
  await context.close();
}
await browser.close(); server.close();
