/** How far the daemon's clock is ahead of this browser's. */
let ahead = 0;

/** The daemon's time: what is shown of spans is true also where this machine's clock is not. */
export function now(): number {
  return Date.now() + ahead;
}

export function setNow(daemons: number): void {
  ahead = daemons - Date.now();
}
