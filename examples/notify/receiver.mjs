// Listens on a free port, which it prints, and prints what it is told, once, and only by the daemon that has the key.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const OLDEST_S = 300;
const key = process.env.ROBOT_KEY;
const known = new Set();

function isGenuine({ headers }, body) {
  const timestamp = headers['x-rentabot-timestamp'] ?? '';
  const expected = `sha256=${createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex')}`;
  const given = headers['x-rentabot-signature'] ?? '';
  const isSame = given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
  return isSame && Math.abs(Date.now() / 1000 - Number(timestamp)) < OLDEST_S;
}

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (!isGenuine(request, body)) return response.writeHead(401).end();
  const { id, event, text } = JSON.parse(body);
  if (!known.has(id)) console.log(`${event}: ${text}`);
  known.add(id);
  response.writeHead(204).end();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
