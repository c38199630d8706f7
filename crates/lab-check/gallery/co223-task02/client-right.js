// A right client in JavaScript (node).
// check: co223-task02 --client "node {file} {port}"
const net = require("node:net");

const pieces = [];
const server = net.connect(Number(process.argv[2]), "127.0.0.1");
server.on("data", (piece) => pieces.push(piece));
server.on("end", () => console.log(Buffer.concat(pieces).toString()));
server.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
