// Two workers of cluster answer requests on one port; each is seen to answer.
const cluster = require('node:cluster')
const http = require('node:http')
if (cluster.isPrimary) {
  let listening = 0
  for (let i = 0; i < 2; i++) cluster.fork()
  cluster.on('listening', async () => {
    if (++listening < 2) return
    const answers = new Set()
    for (let i = 0; i < 20; i++) answers.add(await (await fetch('http://127.0.0.1:8080')).text())
    console.log('answers:', [...answers].sort().join(' '))
    cluster.disconnect(() => console.log('workers are gone'))
  })
} else {
  http.createServer((_, response) => {
    response.setHeader('connection', 'close')
    response.end(`worker-${cluster.worker.id}`)
  }).listen(8080, '127.0.0.1')
}
