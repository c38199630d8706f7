// The host is written into the program; that it may not be resolved is not thought of.
// check: transparency-socket3 --client "node {file}"
// fails: unresolved resolver-not-caught
const net = require("net");

const host = "www.example.com";
const server = net.connect({ host, port: 80, family: 4 }, () => {
  console.log(`Socket Connected to ${host} on ip ${server.remoteAddress}`);
  server.end();
});
