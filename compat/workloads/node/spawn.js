// What a program can learn of itself, and starting itself by that.
const { execFileSync, spawnSync } = require('node:child_process')
const { readlinkSync } = require('node:fs')
console.log(process.execPath, process.argv0, process.title, readlinkSync('/proc/self/exe'))
console.log(execFileSync(process.execPath, ['-p', '6 * 7'], { encoding: 'utf8' }).trim())
const result = spawnSync(process.execPath, ['-e', 'process.kill(process.pid, "SIGTERM")'])
console.log('ended by', result.signal)
