// The board's own page: does as it is told by anybody. It prints its port.
import { createServer } from 'node:http';

const server = createServer((request, response) => response.end(`the board does ${request.method} ${request.url}\n`));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
