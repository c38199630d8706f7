// Sends its numbers with commas between them, which no server of the sheet takes apart.
// check: dsd-sum --client "node {file} {port}"
// fails: sends not-numbers
const net = require("node:net");

const numbers = process.argv.length > 3 ? process.argv.slice(3) : ["1", "2", "3", "4", "5"];
const server = net.connect(Number(process.argv[2]), "127.0.0.1");
server.write(numbers.join(","));
server.on("data", (sum) => {
  console.log(`Server says: ${sum}`);
  server.end();
});
server.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
