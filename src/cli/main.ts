import { run } from './program.ts';
import { processShell } from './shell.ts';

// Program → action → exit code. This is the only place that exits.
void run(process.argv.slice(2), processShell()).then((code) => process.exit(code));
