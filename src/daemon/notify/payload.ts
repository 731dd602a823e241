import { createHmac } from 'node:crypto';
import type { Millis } from '../../core/model.ts';
import { isoOrNull, isoTime, seconds } from '../../core/view.ts';
import type { NoticeJson } from '../../core/wire-notify.ts';
import type { Notice } from './notice.ts';
import { adviceOf, linkOf, type Reader, sentenceOf } from './words.ts';

/** All of a notice, for programs. */
export function noticeToJson(notice: Notice, reader: Reader): NoticeJson {
  const { id, event, at, resources, lease, person, holder, by, note, want, waited, until } = notice;
  return {
    id,
    event,
    at: isoTime(at),
    text: sentenceOf(notice, reader),
    resources: [...resources],
    lease,
    person,
    holder,
    by,
    note,
    want,
    waited: waited === null ? null : seconds(waited),
    until: isoOrNull(until),
    url: linkOf(notice, reader),
  };
}

/** What Slack, Mattermost, Rocket.Chat and Discord (`…/slack`) take at an incoming webhook: a line for each notice. */
export function slackBody(notices: readonly Notice[], reader: Reader): string {
  const lines = notices.map((notice) => {
    const advice = adviceOf(notice);
    // Bare, as all of them make a link of that.
    const link = linkOf(notice, reader);
    const told = slackText(sentenceOf(notice, reader)) + (advice && ` (${slackText(advice)})`);
    return link === null ? told : `${told} – ${slackText(link)}`;
  });
  return JSON.stringify({ text: lines.join('\n'), mrkdwn: false, unfurl_links: false, unfurl_media: false });
}

/**
 * The three characters that mean something in Slack (https://docs.slack.dev/messaging/formatting-message-text), and the
 * words that call everybody in its relatives: a note is no reason to wake a whole company.
 */
export function slackText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/@(?=(?:all|channel|everyone|here)\b)/gi, '@\u200b');
}

/** Says who sent a body, and when: `sha256=` and the HMAC of `TIMESTAMP.BODY`, in hex. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** Seconds since 1970, as the signature counts them. */
export function timestampOf(now: Millis): string {
  return String(Math.floor(now / 1000));
}
