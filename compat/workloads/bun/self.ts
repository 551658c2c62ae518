// What a program can learn of itself, and starting itself by that.
import { fork } from 'node:child_process'
import { readlinkSync } from 'node:fs'
if (process.argv[2] === 'child') {
  process.send!('a forked child')
} else {
  console.log(process.execPath === readlinkSync('/proc/self/exe'), process.execPath.split('/').pop())
  const child = Bun.spawnSync([process.execPath, '--version'])
  console.log(child.success, child.stdout.toString().trim() === Bun.version)
  const forked = fork(import.meta.path, ['child'])
  console.log(await new Promise((resolve) => forked.on('message', resolve)))
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('an answer') })
  console.log(await (await fetch(server.url)).text())
  server.stop()
}
