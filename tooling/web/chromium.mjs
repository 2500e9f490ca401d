import { existsSync } from 'node:fs';

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser of this machine: CHROMIUM, if set, or where systems put it; undefined if there is none. */
export const chromiumPath = (process.env.CHROMIUM ? [process.env.CHROMIUM] : usual).find((file) =>
  existsSync(file),
);

/** How to get one. */
export const chromiumAdvice =
  'On Debian: apt-get update && apt-get install -y chromium. Elsewhere, set CHROMIUM to the path of a Chromium or Chrome.';

/** What it is started with: nothing that asks the network. */
export const chromiumArgs = [
  ...['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--no-first-run'],
];
