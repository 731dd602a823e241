import { expect, test } from 'vitest';
import { places } from '../../src/core/places.ts';

const host = { uid: 1000, home: '/home/ann', tmp: '/tmp' };

test('without XDG variables everything has a place under home and the temp folder', () => {
  expect(places({}, host)).toEqual({
    runtimeDir: '/tmp/rentabot-1000',
    runtimeDirIsTemporary: true,
    hostSockets: ['/run/rentabot/rentabot.sock', '/tmp/rentabot-1000/host.sock'],
    privateSocket: '/tmp/rentabot-1000/private.sock',
    stateDir: '/home/ann/.local/state/rentabot',
    privateData: '/home/ann/.local/state/rentabot/private',
    serveData: '/home/ann/.local/state/rentabot/serve',
    configDir: '/home/ann/.config/rentabot',
  });
});

test('XDG variables move runtime, state and configuration', () => {
  const env = { XDG_RUNTIME_DIR: '/run/user/1000/', XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c' };
  expect(places(env, host)).toMatchObject({
    runtimeDir: '/run/user/1000/rentabot',
    runtimeDirIsTemporary: false,
    privateSocket: '/run/user/1000/rentabot/private.sock',
    privateData: '/s/rentabot/private',
    configDir: '/c/rentabot',
  });
});

test.each(['', 'relative/path', '.'])('an XDG variable that holds %j counts as not set', (value) => {
  const env = { XDG_RUNTIME_DIR: value, XDG_STATE_HOME: value, XDG_CONFIG_HOME: value };
  expect(places(env, host)).toEqual(places({}, host));
});

test('serve keeps its state where systemd says, else in the system for root and at home for others', () => {
  expect(places({ STATE_DIRECTORY: '/var/lib/a:/var/lib/b' }, host).serveData).toBe('/var/lib/a');
  expect(places({}, { ...host, uid: 0 }).serveData).toBe('/var/lib/rentabot');
  expect(places({}, host).serveData).toBe('/home/ann/.local/state/rentabot/serve');
});

test('a host without user numbers still has a folder of its own', () => {
  expect(places({}, { uid: null, home: '/h', tmp: '/t/' }).runtimeDir).toBe('/t/rentabot-user');
});
