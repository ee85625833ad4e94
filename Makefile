# Two commands do everything: `make demo` and `make test`. Both make what they need and can be repeated.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
ONLY ?=
JOBS ?= 3

.PHONY: demo test lint bench lock clean help
.DEFAULT_GOAL := help

help: ## list these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/run ## start a simulated operator, cut a fibre, watch one incident become a ticket and a credit
	@$(BIN)/assure demo $(ARGS)

test: $(VENV)/dev ## run the tests (those that want net-snmp, Kafka, PostgreSQL or Chromium skip with the install line); ARGS=--everything as CI does
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/dev ## ruff (all rules) and mypy (strict)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(VENV)/dev ## print the bars; ONLY=<name> for one
	@$(BIN)/python -m tests.bench $(ONLY) $(ARGS)

lock: ## resolve the dependencies again (wants uv); the locks name no index host
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --extra dev -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements-dev.lock pyproject.toml requirements-build.in -o requirements.lock

clean: ## remove what the targets made
	rm -rf $(VENV) var build dist

# Install a lock with progress on one line (plain lines where nobody watches), then the project itself.
PIP := $(BIN)/python -m pip --disable-pip-version-check
define install
	@test -t 1 && end='\r' || end='\n'; total=$$(grep -c '^[a-z].*==' $(1)); \
	echo "Installing $$total pinned packages into $(VENV) (the first time only)"; \
	{ $(PIP) install --no-compile --progress-bar off --require-hashes -r $(1) || echo FAILED; } | awk -v total="$$total" -v end="$$end" ' \
	  /^Collecting/ { n++; if (end != "\n" || n % 10 == 0) printf "  %3d of %d  %-40s" end, n, total, $$2; fflush() } \
	  /^Installing collected/ { printf "  %-54s" end, "unpacking"; fflush() } \
	  /^FAILED/ { failed = 1 } \
	  END { if (end != "\n") printf "%60s\r", ""; exit failed }'
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
endef

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Say which to use: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: requirements.lock pyproject.toml | $(VENV)/python
	$(call install,requirements.lock)
	@touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml | $(VENV)/python
	$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/run
