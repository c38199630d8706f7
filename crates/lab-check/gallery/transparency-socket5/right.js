// A right answer for node.
// check: transparency-socket5 --server "node {file} {port}"
const net = require("node:net");

const server = net.createServer((socket) => {
  socket.on("error", (error) => console.error(error.message));
  socket.end("Thank you for connecting");
});
server.listen(Number(process.argv[2]), "0.0.0.0");
