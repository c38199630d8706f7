// A client that takes one "data" event for the whole echo.
// check: co223-task03 --client "node {file} {port} {message}"
// fails: pieces one-recv
const net = require("node:net");

const server = net.connect(Number(process.argv[2]), "127.0.0.1", () => server.write(process.argv[3]));
server.once("data", (echo) => {
  console.log(echo.toString());
  server.end();
});
server.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
