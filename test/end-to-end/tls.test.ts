import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { Account, makeFolder, until } from '../support/cli.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
let account: Account;

beforeAll(async () => {
  account = await Account.make();
});

/** A certificate for this host that nobody but a test trusts. */
function certificate(name: string): { readonly cert: string; readonly key: string } {
  const folder = makeFolder();
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert],
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  return { cert, key };
}

/** Whose certificate new connections get. */
function nameAt(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe.skipIf(!hasOpenssl)('over https', () => {
  test('a command runs under a lock, where the certificate is trusted, and only there', async () => {
    const { cert, key } = certificate('one');
    const config = account.file('tls.yaml', '{ a: {} }');
    const args = ['serve', '-c', config, '--data', join(makeFolder(), 'data'), '--socket', 'none'];
    const daemon = account.start([...args, '--listen', '127.0.0.1:0', '--tls-cert', cert, '--tls-key', key]);
    await daemon.said('\n');
    const url = daemon.out.replace('listening on ', '').trim();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const strange = await account.run(['lock', '-n', 'a', '--', 'true'], { env: { RENTABOT_URL: url } });
    expect([strange.code, strange.err]).toEqual([69, expect.stringContaining('certificate')]);
    const env = { RENTABOT_URL: url, NODE_EXTRA_CA_CERTS: cert };
    const locked = await account.run(['lock', '-n', 'a', '-q', '--', 'echo', 'held'], { env });
    expect([locked.code, locked.out, locked.err]).toEqual([0, 'held\n', '']);

    const next = certificate('two');
    copyFileSync(next.cert, cert);
    copyFileSync(next.key, key);
    daemon.kill('SIGHUP');
    await daemon.said('read the certificate again', 'err');
    await until('the new certificate', async () => (await nameAt(url)) === 'two');
    writeFileSync(key, 'nothing');
    daemon.kill('SIGHUP');
    await daemon.said('the certificate stays as it was', 'err');
    expect(await nameAt(url)).toBe('two');
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });

  test('a browser gets a cookie that it sends over https alone', async () => {
    const { cert, key } = certificate('three');
    const yaml = `{ resources: { a: {} }, tls: { cert: '${cert}', key: '${key}' } }`;
    const served = await account.serve({ yaml, data: join(makeFolder(), 'data') });
    const env = { NODE_EXTRA_CA_CERTS: cert };
    const password = 'correct horse';
    await account.run(['user', 'add', 'alice', '--role', 'admin', '--url', served.url], {
      env,
      input: `${password}\n`,
    });
    const login = `fetch('${served.url}/api/v2/session', {method: 'POST', headers: {'content-type': 'application/json'},
      body: JSON.stringify({name: 'alice', password: '${password}'})}).then((answer) => console.log(answer.headers.get('set-cookie')))`;
    const asked = await account.spawn([process.execPath, '-e', login], { env }).ended;
    expect(asked.out).toMatch(/^rentabot-session=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure\n$/);
    served.run.kill('SIGTERM');
  });

  test('files that are no certificate and its key stop the daemon before it serves', async () => {
    const { cert } = certificate('four');
    const config = account.file('half.yaml', '{ a: {} }');
    const args = [
      'serve',
      '-c',
      config,
      '--data',
      join(makeFolder(), 'data'),
      '--socket',
      'none',
      '--listen',
      '127.0.0.1:0',
    ];
    const half = await account.run([...args, '--tls-cert', cert]);
    expect([half.code, half.err]).toEqual([78, expect.stringContaining('tls has a cert and no key')]);
    const missing = await account.run([...args, '--tls-cert', cert, '--tls-key', '/nonexistent.pem']);
    expect([missing.code, missing.err]).toEqual([78, expect.stringContaining('cannot read /nonexistent.pem')]);
    const wrong = await account.run([...args, '--tls-cert', cert, '--tls-key', certificate('five').key]);
    expect([wrong.code, wrong.err]).toEqual([78, expect.stringContaining('belong together')]);
  });
});
