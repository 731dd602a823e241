/** One event of an event stream. */
export interface StreamEvent {
  readonly type: string;
  readonly text: string;
}

/** Longest event that is kept while it comes in; a daemon's largest is a lease with its resources. */
const LONGEST_EVENT = 4 * 1024 * 1024;

/** Reads `text/event-stream` piece by piece: give it text as it arrives, it gives back the events that are complete. */
export class EventReader {
  private rest = '';
  private type = '';
  private lines: string[] = [];

  push(text: string): StreamEvent[] {
    this.rest += text;
    if (this.rest.length > LONGEST_EVENT) throw new Error('an event of the stream is too long');
    const complete: StreamEvent[] = [];
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.take(line);
      if (event) complete.push(event);
    }
    return complete;
  }

  private take(line: string): StreamEvent | null {
    if (line !== '') {
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'event') this.type = value;
      if (field === 'data') this.lines.push(value);
      return null;
    }
    const event = this.lines.length > 0 ? { type: this.type || 'message', text: this.lines.join('\n') } : null;
    this.type = '';
    this.lines = [];
    return event;
  }
}
