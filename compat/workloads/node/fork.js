// A parent and a child that is the same file, through child_process.fork().
const { fork } = require('node:child_process')
if (process.argv[2] === 'child') {
  process.on('message', (n) => { process.send(n * n); if (n === 3) process.disconnect() })
} else {
  const child = fork(__filename, ['child'])
  child.on('error', (error) => console.log('fork failed:', error.code, error.path))
  child.on('message', (square) => console.log('square', square))
  child.on('exit', (code) => console.log('child exited with', code))
  for (const n of [1, 2, 3]) child.send(n)
}
