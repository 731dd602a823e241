import { startBoard } from './board.ts';
import { setNow } from './clock.ts';
import { copyOnClick } from './copy.ts';
import { settle } from './page.ts';
import { tick } from './tick.ts';

setNow(Number(document.body.dataset.now));
settle();
tick();
copyOnClick();
if (document.body.dataset.page === 'board') startBoard();
