// A right answer in JavaScript (node): pipe stops reading while the client does not.
// check: codio-echo --server "node {file} {port}"
const net = require("node:net");

const server = net.createServer({ allowHalfOpen: true }, (connection) => {
  console.log(`Connected by ${connection.remoteAddress}:${connection.remotePort}`);
  server.close();
  connection.on("error", () => connection.destroy());
  connection.pipe(connection);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
