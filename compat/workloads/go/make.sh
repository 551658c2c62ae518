export GOCACHE=/srv/home/cache GOFLAGS=-mod=mod CGO_ENABLED=0
exec go build -o self self.go
