// A right answer in JavaScript (node) that prints all it has found in one line, in French, in the
// form of addresses.
// check: portscan --program "node {file} {host} {first} {last}"
const net = require("node:net");

const [host, first, last] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

function ouvert(port) {
  return new Promise((resolve) => {
    const probe = net.connect({ port, host, family: 4 });
    const end = (result) => {
      probe.destroy();
      resolve(result);
    };
    probe.setTimeout(300, () => end(false));
    probe.on("connect", () => end(true));
    probe.on("error", () => end(false));
  });
}

(async () => {
  const found = [];
  for (let port = first; port <= last; port++) {
    if (await ouvert(port)) found.push(`tcp://${host}:${port}`);
  }
  console.log(`Les ports qui ont répondu : ${found.join(" ")}`);
})();
