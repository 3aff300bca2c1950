# make help lists the targets. Only Go is needed, and a C compiler for race; what
# arm64, wine, rival and trained need besides they install from Debian and PyPI.
TOOL = go tool -modfile=.ci/tools.mod
LINT = go tool -modfile=.ci/lint.mod golangci-lint
FUZZTIME = 5s
VENV ?= .venv
VERSION = $(shell git describe --tags --always --dirty)
STAMP = -X main.commit=$(shell git rev-parse HEAD 2>/dev/null)

.PHONY: help build test check race race-all purego fused arm64 wine release lint vet bench bench-go bench-rivals bench-data rival recovery recovery-large trained lora-oracle torch-oracle diffusers-oracle optuna-oracle postgres fuzz demo golden browser pictures kill scale

help:                   ## this list
	@grep -E '^[a-z0-9-]+:.*##' Makefile

build:                  ## the program, into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "$(STAMP)" -o bin/ ./cmd/mixmatch

test:                   ## all tests
	go vet ./...
	go test ./... ./.ci/bench

check: test vet lint    ## what a change must pass

vet:                    ## that it builds for the other systems people have
	GOOS=windows GOARCH=amd64 go vet ./...
	GOOS=darwin GOARCH=arm64 go vet ./...
	go vet ./.ci/release ./.ci/bench
	GOOS=windows GOARCH=amd64 go vet ./.ci/bench
	GOOS=darwin GOARCH=arm64 go vet ./.ci/bench

purego:                 ## tests of what has fast paths, without them
	go test -tags purego ./merge/vec ./merge/calc ./similarity ./similarity/fingerprint ./similarity/residual ./similarity/torchrand

fused:                  ## that no processor rounds a product and a sum at once
	.ci/fused

arm64:                  ## that results on arm64 are those on x86-64, to the bit, with qemu; some twenty minutes
	.ci/arm64

wine:                   ## the program on Windows, with Wine
	.ci/wine

release:                ## [VERSION=v1.2.3]: archives for all systems and their checksums, into dist/
	go run ./.ci/release "$(VERSION)" dist

# What works side by side, and of studies those tests that run several searches at once.
RACED = ./merge ./merge/cache ./merge/checkpoint ./optimize ./similarity ./similarity/fingerprint ./similarity/library ./studies/live

race:                   ## what works side by side under the race detector
	go test -race -short $(RACED)
	go test -race -short ./studies -run 'Threads|Cached|Interrupted'
	go test -race -short ./cmd/mixmatch -run 'Scripts|Progress'

race-all:               ## all tests under the race detector, half an hour
	go test -race -short -timeout 60m ./...

lint:                   ## style; builds the pinned tools the first time
	$(TOOL) gofumpt -l . | (! grep .)
	$(TOOL) staticcheck ./... ./.ci/bench
	$(LINT) run -c .ci/golangci.yml ./...

bench: build            ## [DIR=folder] [ONLY=regexp]: speed, each figure beside its limit or rival in the same run; docs/performance.md explains the tables
	go build -o bin/bench ./.ci/bench
	bin/bench $(if $(DIR),-dir "$(DIR)") $(if $(ONLY),-only "$(ONLY)") $(if $(PYTHON),-python "$(PYTHON)") $(if $(SIMILAR),-similar "$(SIMILAR)") bin/mixmatch
	$(if $(ONLY),,$(MAKE) bench-go)

bench-go:               ## the benchmarks of Go's tests, for benchstat
	go test -run '^$$' -bench . -benchmem ./...

bench-rivals:           ## [DIR=folder] [SIMILAR=similar.py] [VENV=.venv]: bench with PyTorch, sd-mecha and mergekit, 6 GB of packages
	python3 -m venv $(VENV) && $(VENV)/bin/pip -q install torch numpy safetensors
	-$(VENV)/bin/pip -q install sd-mecha
	-$(VENV)/bin/pip -q install mergekit
	$(MAKE) bench PYTHON=$(VENV)/bin/python

bench-data: build       ## DIR=folder: full-size models to try it on, 25 GB
	bin/mixmatch demo --full --data "$(DIR)"

rival: build            ## A=file B=file [SIMILAR=similar.py]: attention similarity here and in PyTorch, in turns
	python3 -m venv .venv && .venv/bin/pip -q install torch numpy safetensors
	.venv/bin/python .ci/rival.py bin/mixmatch "$(A)" "$(B)" $(SIMILAR)

optuna-oracle: build    ## [VENV=.venv]: that Optuna opens exported trials (installs it from PyPI)
	python3 -m venv $(VENV) && $(VENV)/bin/pip -q install optuna
	if [ ! -d bin/optuna-demo ]; then bin/mixmatch demo --quiet --keep bin/optuna-demo >bin/optuna-demo.txt; fi
	$(VENV)/bin/python .ci/optuna_oracle.py bin/mixmatch bin/optuna-demo/study

recovery:               ## [TRAINED=folder]: how well planted recipes are found; docs/recovery.md explains the table
	go test ./studies/recovery -run '^TestTable$$' -count 1 -v -args -table -n 2 -width 32

recovery-large:         ## [N=50] [WIDTH=64] [TRAINED=folder]: the same with many mixes of larger models; an hour and more
	go test ./studies/recovery -run '^TestTable$$' -count 1 -v -timeout 0 -args -table -n $(or $(N),50) -width $(or $(WIDTH),64)

trained:                ## DIR=folder: really trained networks for recovery's table, some six minutes
	python3 -m venv .venv && .venv/bin/pip -q install torch numpy safetensors
	.venv/bin/python .ci/trained.py "$(DIR)"

lora-oracle:            ## what PEFT, diffusers, LyCORIS and PyTorch make of LoRAs, recorded anew for the tests
	python3 -m venv .venv && .venv/bin/pip -q install torch numpy peft==0.21.2 diffusers==0.42.1 transformers==5.24.0 lycoris-lora==4.1.3
	.venv/bin/python .ci/lora_oracle.py merge/difference/testdata/lora

torch-oracle:           ## files that PyTorch writes, read here and there, number for number
	python3 -m venv .venv && .venv/bin/pip -q install torch numpy
	dir=$$(mktemp -d) && .venv/bin/python .ci/torchfiles.py $$dir && .venv/bin/python .ci/hostile.py $$dir/hostile && \
	go test ./merge/checkpoint/torch -run '^TestTorch$$' -count 1 -v -args -oracle $$dir; code=$$?; rm -r $$dir; exit $$code

diffusers-oracle:       ## folders that PyPI's diffusers and transformers write, read and compared; some two minutes and 5 GB of packages
	python3 -m venv .venv && .venv/bin/pip -q install torch numpy safetensors diffusers==0.42.1 transformers==5.24.0
	go test ./merge/open -run '^TestDiffusersItself$$' -count 1 -v -args -python "$(CURDIR)/.venv/bin/python"

postgres:               ## libraries in a database, on a PostgreSQL server of the tests' own (installed from Debian)
	.ci/postgres
	MIXMATCH_POSTGRES_REQUIRED=1 go test ./similarity/library/postgres ./cmd/mixmatch -run Postgres -count 1 -v

fuzz:                   ## [FUZZTIME=5s]: each fuzz test, so long
	.ci/fuzz $(FUZZTIME)

demo: build             ## find a planted recipe
	bin/mixmatch demo

golden:                 ## rewrite expected outputs; read the diff before committing
	go test ./studies/report ./cmd/mixmatch -update

browser:                ## pages in a real browser (installs Debian's chromium, fetches axe-core from npm)
	.ci/browser

pictures: build         ## pictures of real runs for the documentation, by the same browser
	.ci/browser go test ./studies/report -run '^TestPictures$$' -count 1 -v -args -pictures "$(CURDIR)/docs/pictures"
	.ci/browser .ci/desk docs/pictures/desk.png

kill:                   ## kill a study at twenty random moments; what is resumed must not differ
	go test ./cmd/mixmatch -run TestKill -kills 20 -count 1 -v

scale:                  ## [RECORDS=10000,100000] [N=10]: identify in libraries of made-up fingerprints, and the table of docs/scale.md; some minutes
	go test ./similarity/identify -run '^TestScale$$' -count 1 -v -timeout 0 -args -scale -records $(or $(RECORDS),10000,100000) -n $(or $(N),10)
