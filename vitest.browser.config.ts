/**
 * `npm run test:browser`: test/browser/ and the engines' own tests in a page of headless Chromium. Chromium is the system's (Debian's `chromium`, or what
 * CHROMIUM_PATH names); nothing downloads one.
 */
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/browser/**/*.test.ts',
      'test/vm/**/*.test.ts',
      'test/cfg/**/*.test.ts',
      'test/differential/**/*.test.ts',
    ],
    testTimeout: 30_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      instances: [{ browser: 'chromium' }],
      provider: playwright({
        launchOptions: {
          executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
          // Run as root in containers, without a network to call home on.
          args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
          ],
        },
      }),
    },
  },
});
