// Adds with JavaScript's numbers, which are exact to 53 bits only.
// check: dsd-sum --server "node {file} {port}"
// fails: large-numbers wrong-sum
// fails: decimals sum-rounds
const net = require("node:net");

function answer(request) {
  const words = request.split(/\s+/).filter((word) => word);
  return words.reduce((sum, word) => sum + Number(word), 0).toString();
}

const server = net.createServer({ allowHalfOpen: true }, (connection) => {
  connection.on("data", (request) => connection.write(answer(request.toString())));
  connection.on("end", () => connection.end());
  connection.on("error", () => connection.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1");
