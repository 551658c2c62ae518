set -eu
start bun self.ts
start bun test 2>&1 | grep -E '^ *[0-9]+ (pass|fail)'
start bun build self.ts --outfile built.js --target bun >/dev/null
start bun built.js
start bun run --silent greet
