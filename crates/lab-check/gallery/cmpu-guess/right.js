// A right answer for node.
// check: cmpu-guess --server "node {file} {port}"
const dgram = require("node:dgram");

const number = 1 + Math.floor(100 * Math.random());
const server = dgram.createSocket("udp4");

function judge(text) {
  const guess = /^[+-]?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(guess)) return `ERROR: "${text.slice(0, 64)}" is not a whole number`;
  if (number > guess) return "HIGHER";
  if (number < guess) return "LOWER";
  return "CORRECT";
}

server.on("message", (data, client) => {
  server.send(judge(data.toString().trim()), client.port, client.address);
});
server.bind(Number(process.argv[2]), "127.0.0.1");
