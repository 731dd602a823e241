import bash from './completion/bash.sh';
import fish from './completion/fish.sh';
import zsh from './completion/zsh.sh';

/**
 * What a shell runs when the Tab key is pressed. They hand over the words of the line, without their quotes, and take back
 * candidates, one to a line; everything else is decided in complete.ts, so that a script from an older release goes on working.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = { bash, zsh, fish };
