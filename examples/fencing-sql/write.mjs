// Notes which image is on a board: write.mjs DATABASE BOARD IMAGE. Runs under `rentabot lock`, which sets RENTABOT_FENCE.
import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';

const [file, id, image] = process.argv.slice(2);
const fence = Number(process.env.RENTABOT_FENCE);
if (!Number.isSafeInteger(fence) || fence < 1)
  throw new Error('this runs under rentabot lock, which sets RENTABOT_FENCE');

const database = new Database(file);
database.exec(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'));

// One statement: nobody gets between the comparison and the write.
const write = 'UPDATE board SET image = :image, fence = :fence WHERE id = :id AND fence <= :fence';
const { changes } = database.prepare(write).run({ id, image, fence });

if (changes === 1) {
  console.log(`${image} is noted with fence ${fence}`);
} else {
  const row = database.prepare('SELECT image, fence FROM board WHERE id = ?').get(id);
  console.log(row ? `${image} is refused: fence ${row.fence} wrote ${row.image}, and ${fence} is older` : `no ${id}`);
  // As rentabot calls it: the lease was lost.
  process.exitCode = row ? 76 : 65;
}
