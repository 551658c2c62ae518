set -eu
export DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
start deno run --allow-all self.ts
start deno test --quiet sums.test.ts | sed 's/ ([0-9]*[mµ]*s)//'
start deno compile --allow-all --output compiled hello.ts >/dev/null 2>&1 || echo "compile: $?"
start deno fmt --check hello.ts 2>&1 | sed 's/[0-9.]*ms//'
