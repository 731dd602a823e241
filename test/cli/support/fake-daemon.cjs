// Stands in for `rentabot serve --private`: listens where it should, or fails as told by RENTABOT_LOG_FAKE.
const { createServer } = require('node:http');
const { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const { XDG_RUNTIME_DIR, XDG_STATE_HOME, RENTABOT_LOG_FAKE: told } = process.env;
const data = join(XDG_STATE_HOME, 'rentabot/private');
appendFileSync(
  join(data, 'starts'),
  `${process.argv.slice(2).join(' ')} ${Object.keys(process.env).sort().join(',')}\n`,
);
const starts = readFileSync(join(data, 'starts'), 'utf8').trim().split('\n').length;
if (told === 'fail' || (told === 'fail-twice' && starts <= 2)) {
  console.error('no room on this disk');
  process.exit(78);
}
const runtime = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'rentabot') : join(tmpdir(), `rentabot-${process.getuid()}`);
const folder = told === 'elsewhere' ? join(XDG_STATE_HOME, 'elsewhere') : runtime;
mkdirSync(folder, { recursive: true });
const socket = join(folder, 'private.sock');
// As the real one finds the state owned: one is enough.
if (existsSync(socket)) process.exit(78);
const server = createServer((request, response) => {
  response.setHeader('rentabot-protocol', '2').setHeader('rentabot-version', '0.0.1');
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ resources: [], descriptor: request.headers['rentabot-descriptor'] ?? null }));
  if (request.url === '/api/v2/stop') server.close(() => process.exit(0));
});
server.on('error', () => process.exit(0));
writeFileSync(join(data, 'owner.json'), JSON.stringify({ pid: process.pid, socket }));
server.listen(socket);
// Should nobody end it.
setTimeout(() => process.exit(0), 180_000);
