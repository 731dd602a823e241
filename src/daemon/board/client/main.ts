import { startAdmin } from './admin.ts';
import { startBoard } from './board.ts';
import { setNow } from './clock.ts';
import { copyOnClick } from './copy.ts';
import { startDay } from './day.ts';
import { settle } from './page.ts';
import { tick } from './tick.ts';
import { startWall } from './wall.ts';

setNow(Number(document.body.dataset.now));
settle();
tick();
copyOnClick();
switch (document.body.dataset.page) {
  case 'board':
  case 'resource':
    startBoard();
    break;
  case 'wall':
    startWall();
    break;
  case 'day':
    startDay();
    break;
  case 'admin':
    startAdmin();
}
