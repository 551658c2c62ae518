// As subject.c.
const fs = require("fs");
const mode = process.argv[2];
if (mode === "status") process.exit(Number(process.argv[3]));
if (mode === "kill") process.kill(process.pid, "SIGKILL");
if (mode === "wait") {
  process.on("SIGTERM", () => {
    fs.writeSync(1, "term\n");
    process.exit(3);
  });
  fs.writeSync(1, "ready\n");
}
process.stdin.on("data", (data) => fs.writeSync(1, data));
