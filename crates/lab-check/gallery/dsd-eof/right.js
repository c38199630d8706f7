// A right answer in JavaScript (node): one thread, and every client has its own buffer.
// check: dsd-eof --server "node {file} {port}"
const net = require("node:net");

const TOKEN = Buffer.from("<EOF>");
const BEFORE = Buffer.from('I got "');
const AFTER = Buffer.from('" from you and I am sending it back.<EOF>');

// allowHalfOpen: a client that has ended its own direction still gets its answer.
const server = net.createServer({ allowHalfOpen: true }, (connection) => {
  console.log(`Connected by ${connection.remoteAddress}:${connection.remotePort}`);
  let pieces = [];
  let last = Buffer.alloc(0);
  connection.on("data", (piece) => {
    // The mark may have begun in the piece before.
    const joint = Buffer.concat([last, piece]);
    pieces.push(piece);
    last = joint.subarray(Math.max(0, joint.length - TOKEN.length + 1));
    if (!joint.includes(TOKEN)) return;
    let buffer = Buffer.concat(pieces);
    let at;
    while ((at = buffer.indexOf(TOKEN)) >= 0) {
      connection.write(Buffer.concat([BEFORE, buffer.subarray(0, at), AFTER]));
      buffer = buffer.subarray(at + TOKEN.length);
    }
    pieces = [buffer];
    last = buffer.subarray(Math.max(0, buffer.length - TOKEN.length + 1));
  });
  connection.on("end", () => connection.end());
  connection.on("error", () => connection.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1");
