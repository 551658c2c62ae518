set -eu
export GOCACHE=/srv/home/cache GOFLAGS=-mod=mod GO111MODULE=off
start go build -o built self.go
start go vet self.go
start ./self || echo "exited with $?"
start ./built || echo "exited with $?"
start gofmt -l self.go
