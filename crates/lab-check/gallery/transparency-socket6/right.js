// A right answer for node.
// check: transparency-socket6 --client "node {file} {port}"
const net = require("node:net");

const socket = net.connect(Number(process.argv[2]), "127.0.0.1");
let thanks = "";
socket.on("data", (piece) => (thanks += piece));
socket.on("end", () => {
  console.log(thanks);
  process.exitCode = thanks ? 0 : 1;
});
socket.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
