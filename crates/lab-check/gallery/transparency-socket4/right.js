// A right answer for node.
// check: transparency-socket4 --client "node {file} {host} {port}"
const net = require("node:net");

const [host, port] = [process.argv[2], Number(process.argv[3])];
const socket = net.connect(port, host, () => {
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`);
});
socket.once("data", (reply) => {
  console.log(reply.toString("latin1"));
  process.exit(0);
});
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
socket.on("end", () => process.exit(1));
