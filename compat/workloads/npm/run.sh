set -eu
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
cd application
start npm install --offline --install-links=false --silent
start npm run --silent greet
start npm test --silent
start npx --offline --no greeter from npx
start npm pack --silent
