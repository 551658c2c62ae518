set -eu
start node fork.js
start node cluster.js
start node workers.js
start node spawn.js
start node --test --test-reporter=tap self.test.mjs | grep -v duration_ms
