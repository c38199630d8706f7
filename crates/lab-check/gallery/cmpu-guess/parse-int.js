// Takes parseInt's word: NaN is neither greater nor less, and so a word is CORRECT.
// check: cmpu-guess --server "node {file} {port}"
// fails: not-a-number guess-no-number
const dgram = require("node:dgram");

const number = 1 + Math.floor(100 * Math.random());
const server = dgram.createSocket("udp4");

function judge(text) {
  const guess = parseInt(text, 10);
  if (number > guess) return "HIGHER";
  if (number < guess) return "LOWER";
  return "CORRECT";
}

server.on("message", (data, client) => {
  server.send(judge(data.toString().trim()), client.port, client.address);
});
server.bind(Number(process.argv[2]), "127.0.0.1");
