// A right client for node.
// check: cmpu-udp-echo --client "node {file} {port} {message}"
const dgram = require("node:dgram");

const [port, message] = [Number(process.argv[2]), Buffer.from(process.argv[3])];
const client = dgram.createSocket("udp4");
let tries = 0;

function fail(reason) {
  console.error(reason);
  process.exit(1);
}

function send() {
  if (tries++ === 4) fail("no echo came");
  client.send(message);
  setTimeout(send, 500);
}

client.on("error", (error) => fail(error.message));
client.on("message", (answer) => {
  if (!answer.equals(message)) return;
  console.log(`received ${answer}`);
  process.exit(0);
});
// Only what comes from the server is let in.
client.connect(port, "127.0.0.1", () => {
  console.log(`Sending ${message}`);
  send();
});
