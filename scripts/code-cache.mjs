// Fills V8's code cache with what a lock compiles, by running one against a daemon that says yes to everything.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';

/** Writes the cache. A build without one works too, only slower: a failure is told, and is none. */
export async function fillCodeCache(program, path) {
  const server = createServer(agree).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const env = { ...process.env, RENTABOT_URL: `http://127.0.0.1:${server.address().port}` };
  const keep = `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(path)}, script.createCachedData()));`;
  const code = await new Promise((resolve) => {
    const args = ['lock', '-n', 'warm-up', '--', process.execPath, '-e', '0'];
    const child = spawn(
      process.execPath,
      ['-e', `const script = require(${JSON.stringify(program)}); ${keep}`, '--', program, ...args],
      {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    child.once('error', resolve);
    child.once('exit', resolve);
  });
  server.closeAllConnections();
  server.close();
  if (code === 0) return;
  rmSync(path, { force: true });
  console.warn(`no code cache: the warm-up left with ${code}`);
}

function agree(request, response) {
  response.setHeader('rentabot-version', '0');
  response.setHeader('rentabot-protocol', '2');
  if (request.method !== 'PUT') return response.writeHead(204).end();
  const id = request.url.split('/').at(-1);
  const now = new Date().toISOString();
  const resource = { id: 1, name: 'warm-up', endpoint: '', properties: {}, env: {}, fence: 1, mode: 'exclusive' };
  const times = { ttl: 30, hold: null, since: now, waited: 0, expiresAt: now, until: null, ending: null };
  const lease = {
    id,
    fence: 1,
    resources: [resource],
    want: 'warm-up',
    holder: {},
    note: '',
    priority: 0,
    guarded: true,
    ...times,
  };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(`event: held\ndata: ${JSON.stringify({ state: 'held', lease })}\n\n`);
}
