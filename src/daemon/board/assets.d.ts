/** What the pages load, bundled and made small when the daemon is built: see scripts/board-assets.mjs. */
declare module 'rentabot:board-assets' {
  /** `board-3f9a….js`: the name has a hash of what is in it, so that a browser keeps it for ever. */
  export const SCRIPT_NAME: string;
  export const SCRIPT: string;
  export const STYLE_NAME: string;
  export const STYLE: string;
}
