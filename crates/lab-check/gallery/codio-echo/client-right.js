// A right client in JavaScript (node).
// check: codio-echo --client "node {file} {port}"
const net = require("node:net");

const server = net.connect(Number(process.argv[2]), "127.0.0.1", () => server.write("Hello, world"));
server.once("data", (data) => {
  console.log(`Received ${data}`);
  server.end();
});
server.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
