// A right answer in JavaScript (node).
// check: cmpu-tcp-echo --server "node {file} {port}"
const net = require("node:net");

const server = net.createServer((connection) => {
  connection.on("error", () => connection.destroy());
  connection.once("data", (data) => {
    console.log(`Data: ${data}`);
    connection.end(data);
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
