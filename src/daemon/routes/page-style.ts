import { createHash } from 'node:crypto';

/** One sheet for the daemon's own pages: light or dark as the reader has it, and fit for a phone. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--shade:#f4f6f8;--rule:#d5dbe1;--link:#0957b8;
--get:#0b6a3a;--put:#8a4b00;--post:#0957b8;--delete:#a8201a}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9da7b1;--paper:#12161b;--shade:#1c222a;--rule:#333c46;--link:#7ab7ff;
--get:#5fd08f;--put:#f0b35a;--post:#7ab7ff;--delete:#ff8f85}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:var(--link)}
a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.3rem .6rem}
header,main,footer{max-width:56rem;margin:0 auto;padding:0 1rem}
nav{padding:1rem 1rem 0}
nav ul{list-style:none;padding:0;margin:0}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
nav>ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-weight:600}
nav ul ul{display:none}
h1{font-size:1.7rem;margin:1.5rem 0 .3rem}
h2{font-size:1.3rem;margin:2.5rem 0 .3rem;padding-top:.8rem;border-top:1px solid var(--rule)}
h3{font-size:1.05rem;margin:2.2rem 0 .2rem}
h4{font-size:.8rem;letter-spacing:.05em;text-transform:uppercase;color:var(--soft);margin:1rem 0 .2rem}
p{margin:.4rem 0}
code,pre{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--shade);border:1px solid var(--rule);border-radius:6px;padding:.6rem .8rem;margin:.4rem 0;white-space:pre-wrap}
small,.soft{color:var(--soft)}
small{font-size:.93em}
.verb{font-weight:700;text-transform:uppercase}
.get{color:var(--get)}.put{color:var(--put)}.post{color:var(--post)}.delete{color:var(--delete)}
dl{margin:.2rem 0}
dt{margin-top:.4rem}
dd{margin:0 0 0 1.2rem}
summary{cursor:pointer;padding:.15rem 0}
@media (min-width:64rem){.wide{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:78rem;margin:0 auto}
.wide nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.9rem 1rem 1rem;font-size:.92em}
nav>ul{display:block}nav>ul>li{margin-bottom:.5rem}nav ul ul{display:block;font-weight:400}nav li li{padding:.15rem 0 .15rem .9rem;line-height:1.35}.wide main{margin:0}}
`;

/** Nothing is loaded and nothing runs; the sheet above is known by its hash. With `forms`, they go to ourselves. */
export function pageHeaders({ forms = false } = {}): Readonly<Record<string, string>> {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action ${forms ? "'self'" : "'none'"}; frame-ancestors 'none'`,
    // A form of a page without a referrer comes with the origin `null`, as one of a stranger's page may.
    'referrer-policy': forms ? 'same-origin' : 'no-referrer',
  };
}
