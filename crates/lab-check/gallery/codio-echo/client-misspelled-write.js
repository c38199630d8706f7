// A client that calls a method that does not exist, as soon as it is connected.
// check: codio-echo --client "node {file} {port}"
// fails: sends crashes
const net = require("node:net");

const server = net.connect(Number(process.argv[2]), "127.0.0.1", () => server.send("Hello, world"));
server.once("data", (data) => {
  console.log(`Received ${data}`);
  server.end();
});
