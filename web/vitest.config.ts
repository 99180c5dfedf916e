import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    environmentOptions: { jsdom: { url: 'http://localhost:5173/' } },
    include: ['test/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    // Prints the titles of the tests that passed, which docs/security-requirements.md names.
    reporters: 'verbose',
  },
});
