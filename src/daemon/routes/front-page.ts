const WHAT = 'Shares scarce things - boards, GPUs, licences, deploy targets - between CI jobs and people.';
const PLACES = [
  ['/api/v2/resources', 'what there is, and who holds it'],
  ['/api/v2/queue', 'who waits for what'],
  ['/docs', 'the HTTP interface, for people'],
  ['/openapi.json', 'the same, for programs'],
] as const;

/** What a program finds at the root; a browser finds the board. */
export function frontText(): string {
  const widest = Math.max(...PLACES.map(([path]) => path.length));
  const places = PLACES.map(([path, what]) => `  ${path.padEnd(widest)}  ${what}\n`);
  return `rentabot ${RENTABOT_VERSION}\n${WHAT}\n\n${places.join('')}\nOn the command line: rentabot status, rentabot help\n`;
}
