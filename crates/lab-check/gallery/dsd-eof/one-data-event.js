// Treats one "data" event as one message.
// check: dsd-eof --server "node {file} {port}"
// fails: byte-by-byte one-recv
// fails: cut-text one-recv
// fails: overlap one-recv
// fails: two-in-one one-recv
// fails: exact-buffer one-recv
const net = require("node:net");

const server = net.createServer({ allowHalfOpen: true }, (connection) => {
  console.log(`Connected by ${connection.remoteAddress}:${connection.remotePort}`);
  connection.on("data", (message) => {
    const text = message.toString().replace("<EOF>", "");
    connection.write(`I got "${text}" from you and I am sending it back.<EOF>`);
  });
  connection.on("end", () => connection.end());
  connection.on("error", () => connection.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1");
