// A right answer in JavaScript (node): BigInt, since its numbers are exact to 53 bits only.
// check: dsd-sum --server "node {file} {port}"
const net = require("node:net");

function answer(request) {
  const words = request.split(/\s+/).filter((word) => word);
  try {
    return words.reduce((sum, word) => sum + BigInt(word), 0n).toString();
  } catch (error) {
    return `error: ${error.message}`;
  }
}

const server = net.createServer({ allowHalfOpen: true }, (connection) => {
  connection.on("data", (request) => connection.write(answer(request.toString())));
  connection.on("end", () => connection.end());
  connection.on("error", () => connection.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1");
