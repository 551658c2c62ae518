// Holds the text of its argument in its heap, and runs.
globalThis.secret = process.argv[2];
setInterval(() => {}, 1000);
console.log("ready");
