import { hostname } from 'node:os';
import { isoTime } from '../../core/view.ts';
import { isLoopback } from '../listen.ts';
import type { Notice } from './notice.ts';
import { conditionOf, LONGEST_TRY_MS, type Outcome, type Sender, unreachable } from './sender.ts';
import { adviceOf, cut, linkOf, plain, type Reader, sentenceOf } from './words.ts';

/** What a mail client shows of a subject in one line, about. */
const LONGEST_SUBJECT = 150;
const LARGEST_ANSWER = 65_536;

/** Where mail is handed in. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`smtps:`); else it begins with STARTTLS where the server offers that. */
  readonly secure: boolean;
}

export interface MailOptions {
  readonly server: MailServer;
  readonly user: string | null;
  readonly password: string | null;
  readonly from: string;
  /** Addresses that hear of everything; `person` stands for whom a notice is about. */
  readonly to: readonly string[];
  /** Where somebody gets mail; null where nobody has said. */
  readonly addressOf: (person: string) => string | null;
  readonly reader: Reader;
}

/** Tells by mail. What somebody did themselves they need not be told. */
export function mail(options: MailOptions): Sender {
  const { server, from, reader } = options;
  return {
    kind: 'mail',
    host: `${server.host}:${server.port}`,
    most: 1,
    reaches: (notice) => recipientsOf(notice, options).length > 0,
    send: async ([notice], _now, signal) => {
      if (notice === undefined) return { type: 'delivered' };
      try {
        await handIn(
          { ...messageOf(notice, reader), from, to: recipientsOf(notice, options) },
          notice,
          options,
          signal,
        );
        return { type: 'delivered' };
      } catch (error) {
        return mailOutcome(error);
      }
    },
  };
}

/** One connection for one mail: there are few, and servers end idle ones. */
async function handIn(message: Message, notice: Notice, options: MailOptions, signal: AbortSignal): Promise<void> {
  // Loaded by the first mail: most daemons never send one.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport(transportOptions(options));
  const cut = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_TRY_MS)]);
  try {
    await transport.sendMail({ ...message, messageId: messageId(notice, message.from), signal: cut });
  } finally {
    transport.close();
  }
}

interface Message {
  readonly from: string;
  readonly to: string[];
  readonly subject: string;
  readonly text: string;
  readonly headers: Record<string, string>;
}

/** Each address once. */
export function recipientsOf(notice: Notice, { to, addressOf }: Pick<MailOptions, 'to' | 'addressOf'>): string[] {
  const { person, by } = notice;
  const own = person === '' || person === by ? null : addressOf(person);
  const all = to.map((one) => (one === 'person' ? own : one)).filter((address) => address !== null);
  return [...new Set(all)];
}

/** A password goes over a line that others might read only where it is encrypted. */
export function transportOptions({ server, user, password }: Pick<MailOptions, 'server' | 'user' | 'password'>) {
  const { host, port, secure } = server;
  return {
    host,
    port,
    secure,
    requireTLS: !secure && password !== null && !isLoopback(host),
    ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: LONGEST_TRY_MS,
    greetingTimeout: LONGEST_TRY_MS,
    socketTimeout: LONGEST_TRY_MS,
    dnsTimeout: LONGEST_TRY_MS,
    maxResponseSize: LARGEST_ANSWER,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Subject and text of a mail. */
export function messageOf(notice: Notice, reader: Reader): Pick<Message, 'subject' | 'text' | 'headers'> {
  const sentence = sentenceOf(notice, reader);
  const { lease, holder, at } = notice;
  const page = linkOf(notice, reader);
  const lines = [`${sentence}.`, adviceOf(notice)].filter((line) => line !== '');
  const facts = [
    page === null ? '' : `board: ${page}`,
    `when: ${isoTime(at)}`,
    holder === null ? '' : `holder: ${plain(holder.host === '' ? holder.name : `${holder.name} on ${holder.host}`)}`,
    holder?.link ? `link: ${plain(holder.link)}` : '',
    lease === null ? '' : `lease: ${lease}`,
  ].filter((line) => line !== '');
  return {
    subject: cut(`[rentabot] ${sentence}`, LONGEST_SUBJECT),
    text: `${[...lines, '', ...facts].join('\n')}\n`,
    // RFC 3834: nobody's absence is to be told to a program.
    headers: { 'auto-submitted': 'auto-generated', 'x-rentabot-event': notice.event },
  };
}

/** The same for the same notice, so that a mail that comes twice is shown once. */
function messageId({ id, at }: Notice, from: string): string {
  const domain = /@([A-Za-z0-9.-]+)>?$/.exec(from)?.[1] ?? 'rentabot';
  return `<${id}.${at}.${hostname().replace(/[^A-Za-z0-9-]/g, '-')}@${domain}>`;
}

/** RFC 5321: 5yz will be the same again, but a login that failed may be put right. */
function mailOutcome(error: unknown): Outcome {
  const { code, responseCode } = error as { code?: string; responseCode?: number };
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')
    return unreachable('the package nodemailer is missing');
  const answered = typeof responseCode === 'number' && responseCode > 0 ? ` (${responseCode})` : '';
  if (code === 'EAUTH' || code === 'ENOAUTH') return unreachable(`it refused the login${answered}`);
  if (code === 'ETLS' || code === 'EREQUIRETLS') return unreachable('it offers no encryption that can be trusted');
  if (code === 'EDNS') return unreachable('its host cannot be looked up');
  if (answered !== '' && (responseCode ?? 0) >= 500) return { type: 'refused', why: `it refused the mail${answered}` };
  if (answered !== '') return unreachable(`it cannot take the mail now${answered}`);
  if (code === 'EABORT') return unreachable('it was cut off');
  return unreachable(
    code === 'ESOCKET' || code === 'ECONNECTION' ? conditionOf(withoutCode(error)) : conditionOf(error),
  );
}

/** What the socket said lies below, or stands beside, what the library made of it. */
function withoutCode(error: unknown): unknown {
  const { cause, errno, message } = error as { cause?: unknown; errno?: unknown; message?: string };
  if (cause !== undefined) return cause;
  const named = /\b(E[A-Z]{4,}|[A-Z]+_[A-Z_]*CERT[A-Z_]*)\b/.exec(message ?? '')?.[1];
  return { code: named, errno };
}
