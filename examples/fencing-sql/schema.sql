-- Beside what is kept, the fence of whoever wrote it last.
CREATE TABLE IF NOT EXISTS board (
  id TEXT PRIMARY KEY,
  image TEXT NOT NULL,
  fence INTEGER NOT NULL DEFAULT 0
);
INSERT OR IGNORE INTO board (id, image) VALUES ('board-1', 'none');
