// A right answer for node, with 50 ports at a time.
// check: portscan --program "node {file} {host} {first} {last}"
const net = require("node:net");

const [host, first, last] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
let next = first;

function probe() {
  if (next > last) return;
  const port = next++;
  const socket = net.connect({ host, port, family: 4 });
  const done = () => {
    socket.destroy();
    probe();
  };
  socket.setTimeout(1000, done);
  socket.on("error", done);
  socket.on("connect", () => {
    console.log(`${port} open`);
    done();
  });
}

for (let count = 0; count < 50; count++) probe();
