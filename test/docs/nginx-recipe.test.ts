import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Account, until } from '../support/cli.ts';
import { ROOT } from './support/markdown.ts';

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
const OPENSSL = ['/usr/bin/openssl', '/usr/local/bin/openssl'].find(existsSync);

test('through nginx with TLS a real lock waits, is told so at once, and runs', async (context) => {
  if (NGINX === undefined || OPENSSL === undefined) return context.skip('nginx or openssl is not installed');
  const account = await Account.make();
  const served = await account.serve({ yaml: 'resources: {a: {}}\ntrusted_proxies: [127.0.0.1]\n' });
  const [cert, key] = [join(account.work, 'cert.pem'), join(account.work, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', ...subject];
  execFileSync(OPENSSL, [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });

  const port = await freePort();
  let site = readFileSync(join(ROOT, 'examples/recipes/nginx.conf'), 'utf8').replace(/^ *#.*$/gm, '');
  const places = {
    'listen 443': `listen 127.0.0.1:${port}`,
    'http://127.0.0.1:5000': served.url,
    '/etc/rentabot/tls/cert.pem': cert,
    '/etc/rentabot/tls/key.pem': key,
  };
  for (const [known, own] of Object.entries(places)) {
    expect(site.split(known)).toHaveLength(2);
    site = site.replace(known, own);
  }
  account.file('site.conf', site);
  account.folder('work/tmp');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path tmp/${kind};`,
  );
  // A worker of its own user may not come into the folder of root.
  const user = userInfo().uid === 0 ? 'user root;' : '';
  const http = `http { access_log off; ${temporary.join(' ')} include site.conf; }`;
  account.file('nginx.conf', `${user} daemon off; pid nginx.pid; error_log stderr notice; events {} ${http}\n`);
  const proxy = account.spawn([NGINX, '-p', account.work, '-c', 'nginx.conf', '-e', 'stderr']);
  await proxy.said(/start worker process \d/, 'err');

  const env = { RENTABOT_URL: `https://127.0.0.1:${port}`, NODE_EXTRA_CA_CERTS: cert };
  const holder = account.start(['lock', '-n', 'a', '--', 'sh', '-c', 'echo held; read line'], { env, input: null });
  await holder.said('held');
  const waiter = account.start(['lock', '-n', 'a', '--', 'echo', 'mine'], { env });
  await waiter.said('waiting for a', 'err');
  await until('it waits', async () => (await account.status(env)).resources[0]?.waiting === 1);
  holder.child.stdin?.end('\n');
  expect(await holder.ended).toMatchObject({ code: 0 });
  expect(await waiter.ended).toMatchObject({ code: 0, out: 'mine\n' });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
