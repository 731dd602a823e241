import { defineConfig } from 'vitest/config';
import { boardAssetsForVite } from './scripts/board-assets.mjs';

/** As the build bundles them. */
const shellScripts = {
  name: 'shell-scripts',
  transform: (code: string, id: string) => (id.endsWith('.sh') ? `export default ${JSON.stringify(code)};` : null),
};

export default defineConfig({
  plugins: [shellScripts, boardAssetsForVite()],
  define: { RENTABOT_VERSION: JSON.stringify('0.0.0-test') },
  test: {
    include: ['test/**/*.test.ts'],
    // For a machine that is ten times slower and stalls: it takes what it takes, and only what hangs fails.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
