import type { Sight } from '../engine.ts';
import { html } from '../routes/html.ts';
import { worldOf } from './front.ts';
import type { Visit } from './look.ts';
import type { Page } from './shell.ts';
import { readChoice } from './view/choice.ts';
import { wallHtml } from './view/tile.ts';

/** For a screen in the lab: nothing to press, and large. What is chosen stands in the address, as on the board. */
export function wallPage(sight: Sight, { viewer, face }: Visit, query: URLSearchParams): Page {
  const looker = { ...viewer, role: 'viewer' } as const;
  const scene = { now: sight.now, face, viewer: looker };
  return {
    title: 'Wall · rentabot',
    name: 'wall',
    main: html`<h1 class="vh">What is free and what is held</h1><div id="wall">${wallHtml(worldOf(sight), readChoice(query), scene)}</div>`,
  };
}
