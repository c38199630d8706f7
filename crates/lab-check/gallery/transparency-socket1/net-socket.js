// Makes an object of node's class net.Socket, which asks for a socket only when it connects.
// check: transparency-socket1 --program "node {file}"
// fails: asks socket-none
const net = require("node:net");

const socket = new net.Socket();
socket.destroy();
