import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    environmentOptions: { jsdom: { url: 'http://localhost:5173/' } },
    include: ['test/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    // With the titles of what passed, which docs/security-requirements.md names.
    reporters: 'verbose',
  },
});
