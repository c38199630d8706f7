// A right answer in JavaScript (node).
// check: co223-task02 --server "node {file} {port}"
const net = require("node:net");

const server = net.createServer((connection) => {
  console.log(`Connection from ${connection.remoteAddress}:${connection.remotePort} has been established.`);
  connection.on("error", () => connection.destroy());
  connection.end("Welcome to the server!");
});
server.listen(Number(process.argv[2]), "127.0.0.1");
