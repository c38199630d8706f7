// A right answer in JavaScript (node) with its own words: the client's address without its port.
// check: co223-task01 --server "node {file} {port}"
const net = require('net');

net.createServer((client) => {
  console.log('New client! It is at', client.remoteAddress);
  client.on('error', () => {});
  client.end();
}).listen(Number(process.argv[2]), () => console.log('Server ready'));
