// A right client that asks for its message with readline, and closes it afterwards.
// check: codio-echo --client "node {file} {port}"
const net = require('net');
const readline = require('readline').createInterface({ input: process.stdin, output: process.stdout });

readline.question('What do you want to say? ', (message) => {
  readline.close();
  const server = net.connect(Number(process.argv[2]), '127.0.0.1', () => server.write(message));
  let answered = false;
  server.on('data', (data) => {
    answered = true;
    console.log('Received: ' + data);
    server.end();
  });
  server.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  server.on('close', () => {
    if (!answered) process.exitCode = 1;
  });
});
