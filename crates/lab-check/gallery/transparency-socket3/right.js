// A right answer for node.
// check: transparency-socket3 --client "node {file} {host} {port}"
const dns = require("node:dns");
const net = require("node:net");

const [host, port] = [process.argv[2], Number(process.argv[3])];
dns.lookup(host, 4, (error, ip) => {
  if (error) {
    console.log("Hostname could not be resolved. Exiting");
    process.exit(1);
  }
  console.log(`Ip address of ${host} is ${ip}`);
  const socket = net.connect(port, ip, () => {
    console.log(`Socket Connected to ${host} on ip ${ip}`);
    socket.end();
  });
  socket.on("error", (failure) => {
    console.error(failure.message);
    process.exit(1);
  });
});
