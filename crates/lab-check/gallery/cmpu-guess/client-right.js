// A right client for node.
// check: cmpu-guess --client "node {file} {port}"
const dgram = require("node:dgram");
const readline = require("node:readline");

const port = Number(process.argv[2]);

// A fresh socket for each guess.
function ask(guess) {
  return new Promise((resolve, reject) => {
    const client = dgram.createSocket("udp4");
    let tries = 0;
    const send = () => {
      if (tries++ === 4) reject(new Error("the server does not answer"));
      else client.send(guess);
    };
    client.on("error", reject);
    client.on("message", (answer) => {
      clearInterval(timer);
      client.close();
      resolve(answer.toString());
    });
    const timer = setInterval(send, 500);
    client.connect(port, "127.0.0.1", send);
  });
}

async function play() {
  for await (const guess of readline.createInterface({ input: process.stdin })) {
    const answer = await ask(guess);
    console.log(answer);
    if (answer === "CORRECT") process.exit(0);
  }
  throw new Error("the input ended before the number was found");
}

play().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
