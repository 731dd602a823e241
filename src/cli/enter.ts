/** Waits until Enter is pressed; false once the signal aborts, or where stdin ends. What was typed before counts for nothing. */
export function untilEnter(signal: AbortSignal): Promise<boolean> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const done = (pressed: boolean): void => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      signal.removeEventListener('abort', onEnd);
      stdin.pause();
      stdin.unref?.();
      resolve(pressed);
    };
    const onData = (): void => done(true);
    const onEnd = (): void => done(false);
    if (signal.aborted) return resolve(false);
    stdin.on('data', onData);
    stdin.once('end', onEnd);
    signal.addEventListener('abort', onEnd, { once: true });
  });
}
