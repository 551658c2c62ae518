set -eu
start node -p 'require("./addon.node").add(2, 40)'
start node -e 'try { require("./missing.node") } catch (error) { console.log(error.code) }'
