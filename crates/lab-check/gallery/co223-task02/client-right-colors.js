// A right client that colors what it prints, whatever it prints to.
// check: co223-task02 --client "node {file} {host} {port}"
const net = require('net');

const server = net.connect(Number(process.argv[3]), process.argv[2]);
const pieces = [];
server.on('data', (piece) => pieces.push(piece));
server.on('end', () => console.log('\x1b[1m\x1b[32mServer>\x1b[0m ' + Buffer.concat(pieces)));
server.on('error', (error) => {
  console.error('\x1b[31m' + error.message + '\x1b[0m');
  process.exitCode = 1;
});
