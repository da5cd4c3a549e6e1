// Reads one file with tftp of npm: read.js ADDRESS PORT NAME PATH
// With its default window of 4 blocks the client never recovers from a lost packet. It ends at an OACK that
// comes twice, so it must repeat its acknowledgement before the server repeats the OACK, after a second.
const tftp = require("tftp");

const [address, port, name, path] = process.argv.slice(2);
const client = tftp.createClient({
  host: address,
  port: Number(port),
  windowSize: 1,
  timeout: 200, // ms
  retries: 150,
});
client.get(name, path, (error) => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
});
