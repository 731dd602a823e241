/**
 * Some promises are about real time, which a machine that stalls can spoil: what should have run within a span had no
 * turn. So they are tried with spans that grow, in seconds, and the longest has to do; what is broken fails with each.
 */
export async function inSomeSpan(
  attempt: (seconds: number) => Promise<void>,
  [span = 0, ...longer]: readonly number[] = [1, 5, 25],
): Promise<void> {
  try {
    await attempt(span);
  } catch (error) {
    if (longer.length === 0) throw error;
    await inSomeSpan(attempt, longer);
  }
}
