// A right client in JavaScript (node).
// check: co223-task03 --client "node {file} {port} {message}"
const net = require("node:net");

const message = Buffer.from(process.argv[3]);
let echo = Buffer.alloc(0);
const server = net.connect(Number(process.argv[2]), "127.0.0.1", () => server.write(message));
server.on("data", (piece) => {
  echo = Buffer.concat([echo, piece]);
  if (echo.length >= message.length) {
    console.log(echo.toString());
    server.end();
  }
});
server.on("end", () => {
  if (echo.length < message.length) process.exitCode = 1;
});
server.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
