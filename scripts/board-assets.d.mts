import type { Plugin as EsbuildPlugin } from 'esbuild';
import type { Plugin as VitePlugin } from 'vite';

export const boardAssets: EsbuildPlugin;
export function boardAssetsForVite(): VitePlugin;
