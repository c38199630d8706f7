// A right answer for node.
// check: cmpu-udp-echo --server "node {file} {port}"
const dgram = require("node:dgram");

const server = dgram.createSocket("udp4");
server.on("message", (message, client) => {
  console.log(`received ${message.length} bytes from ${client.address}:${client.port}`);
  server.send(message, client.port, client.address, (error) => {
    if (error) console.error(error.message);
  });
});
server.bind(Number(process.argv[2]), "127.0.0.1");
