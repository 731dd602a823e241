import { defineConfig } from 'vitest/config';

/** As the build bundles them. */
const shellScripts = {
  name: 'shell-scripts',
  transform: (code: string, id: string) => (id.endsWith('.sh') ? `export default ${JSON.stringify(code)};` : null),
};

export default defineConfig({
  plugins: [shellScripts],
  define: { RENTABOT_VERSION: JSON.stringify('0.0.0-test') },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
