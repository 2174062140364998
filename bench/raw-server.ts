// The yardstick: node:http on one thread with the bytes that the hello module answers (`/echo` answers the request's body).
// Prints its port.
import http from "node:http";

const server = http.createServer((request, response) => {
  if (request.url === "/hello") {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end("hello world\n");
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    response.end(Buffer.concat(chunks));
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : address);
});
