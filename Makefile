# Each target prepares what it needs: `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
# The specification's telemetry path.
EVIDENCE = docs/SPEC-OPS-004-integrated-coder-hooks/evidence/commands/SYNC-002

.PHONY: demo test test-quick fuzz children launches frozen evidence bench demo-picture screenshots compat cross arches windows pythons kernels faults generated docs docs-check dist help lint clean

demo:  ## attack a plain and a hardened program and show what leaked
	$(PYTHON) tools/prepare.py demo
	.demo/bin/process-hardening verify --built-in

test:  ## build the wheel, install it into .venv, run every test against it
	$(PYTHON) tools/prepare.py test
	.venv/bin/python -m pytest tests -n 4 --dist worksteal

test-quick:  ## the pure tests and the C tests, in under a minute
	$(PYTHON) tools/prepare.py test
	.venv/bin/python -m pytest tests/unit tests/native

fuzz:  ## fuzz the parsers in C and Python, all side by side; SECONDS=60 ONLY=elf,script
	$(PYTHON) tools/prepare.py fuzz
	.venv/bin/python -m tools.fuzz --seconds $(or $(SECONDS),60) $(if $(ONLY),--only $(ONLY))

children:  ## compare check_child() with what the kernel says of hundreds of children
	$(PYTHON) tools/prepare.py test
	ALL_CHILDREN=1 .venv/bin/python -m pytest tests/integration/test_check_child.py

launches:  ## let an attacker try at 100 launches of each kind, and count what it got a hold on
	$(PYTHON) tools/prepare.py test
	PROCESS_HARDENING_LAUNCHES=100 .venv/bin/python -m pytest tests/launch/test_launch_window.py -rP -q

frozen:  ## build the example of docs/deploy.md with PyInstaller and Nuitka, and attack it
	$(PYTHON) tools/prepare.py frozen
	.venv/bin/python -m pytest tests/deploy/frozen.py

evidence:  ## run the specification's validation commands and every attack; keep the records
	$(PYTHON) tools/prepare.py test
	.venv/bin/python tools/evidence.py $(EVIDENCE)

bench:  ## measure costs as ratios against baselines of the same run
	$(PYTHON) tools/prepare.py bench
	.venv/bin/python bench/bench.py --json bench/results/latest.json
	.venv/bin/python bench/audit.py --json bench/results/audit.json
	.venv/bin/python bench/monitor.py --json bench/results/monitor.json

demo-picture:  ## draw the README's picture of what `make demo` shows
	$(PYTHON) tools/prepare.py test
	.venv/bin/python tools/demo_picture.py

screenshots:  ## draw the pictures in docs/images, from a made-up machine
	$(PYTHON) tools/prepare.py test
	PYTHONPATH=tests .venv/bin/python -m tui.scenes
	PYTHONPATH=tests .venv/bin/python -m pictures

compat:  ## run real programs plain, hardened, confined; writes docs/compat-results.json; ONLY=node,perl
	$(PYTHON) tools/prepare.py compat
	.compat/bin/python compat/compat.py $(if $(ONLY),--only $(ONLY))
	PATH=$(CURDIR)/.compat/node_modules/.bin:$$PATH .compat/bin/python -m pytest tests/verify/deno.py

cross:  ## build the C core for macOS, the BSDs, Windows and Android with zig
	$(PYTHON) tools/prepare.py cross
	.venv/bin/python -m tools.cross --record

arches:  ## run the C tests under qemu on every architecture
	$(PYTHON) tools/prepare.py arches
	.venv/bin/python -m tools.arches --record

windows:  ## run the Windows stub under wine
	$(PYTHON) tools/prepare.py windows
	.venv/bin/python -m tools.windows --record

pythons:  ## use the wheel with every supported Python, and attack with the newest
	$(PYTHON) tools/prepare.py pythons
	.venv/bin/python -m tools.pythons --record

kernels:  ## harden, confine, attack and audit under qemu on Debian's kernels at many settings
	$(PYTHON) tools/prepare.py kernels
	.venv/bin/python -m tools.kernels

faults:  ## let every system call of ours fail and lie, as root; writes docs/faults.md; PAIRS=1 for two at a time
	$(PYTHON) tools/prepare.py test
	PYTHONPATH=tests .venv/bin/python -m faults --record $(if $(PAIRS),--pairs)

generated:  ## generate the man page, the completions and the reference pages
	$(PYTHON) tools/prepare.py docs
	.venv/bin/python -m tools.generate

docs: generated  ## build the documentation site in build/site
	.venv/bin/python tools/site/build.py

docs-check:  ## run the pages of docs/ that are too slow for `make test` or change the machine, as root
	$(PYTHON) tools/prepare.py docs-check
	.venv/bin/python -m tools.pages

dist:  ## build and check a release in dist/: sdist, wheel, SBOM, checksums
	$(PYTHON) tools/prepare.py dist
	.venv/bin/python tools/dist.py $(TESTS)

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

lint:  ## style and types: ruff, mypy strict, pyright
	$(PYTHON) tools/prepare.py lint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pyright

clean:  ## remove everything the targets made
	rm -rf .venv .demo .compat .cache build dist bench/results
