/** As small as an HTTP service in Node can be: parses JSON and answers it. What no daemon of ours can beat. */
export const ECHO = `require('node:http').createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    const text = JSON.stringify(JSON.parse(body));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
}).listen(0, '127.0.0.1', function () { this.keepAliveTimeout = 65_000; console.log('listening on http://127.0.0.1:' + this.address().port + ' '); });`;
