// What a program can learn of itself, and starting itself by that.
console.log(Deno.execPath() === Deno.readLinkSync("/proc/self/exe"));
console.log(Deno.execPath().split("/").pop());
const child = await new Deno.Command(Deno.execPath(), { args: ["eval", "console.log(6 * 7)"] }).output();
console.log(child.code, new TextDecoder().decode(child.stdout).trim());
const worker = new Worker("data:application/javascript,postMessage('a worker')", { type: "module" });
console.log((await new Promise<MessageEvent>((got) => worker.onmessage = got)).data);
worker.terminate();
