# Two commands matter: `make run` opens the program, `make test` proves it. Both set everything up.
PYTHON := .venv/bin/python
.PHONY: run test release-proof check bench bench-quick bench-fleet screenshots bundle setup setup-tests notices clean

setup:
	@scripts/setup.sh

setup-tests:
	@scripts/setup.sh --with-tests

run: setup
	@$(PYTHON) -m energy_desktop run

# Files with the longest tests come first, so that no process is left alone with one at the end.
test: setup-tests
	@failed=0; \
	export QT_QPA_PLATFORM=offscreen; \
	$(PYTHON) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "not timed" \
	  tests/e2e tests/faults tests/integration tests/gui tests/unit || failed=1; \
	$(PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m timed \
	  tests/e2e tests/faults tests/gui/fleet || failed=1; \
	exit $$failed

# The long proofs of a release: kills, cuts and stories of counters by the hundred and thousand,
# and a fleet on a cluster of several processes.
release-proof: setup-tests
	@failed=0; \
	export QT_QPA_PLATFORM=offscreen ENERGY_DESKTOP_KILLS=100 ENERGY_DESKTOP_EXAMPLES=2000 \
	  ENERGY_DESKTOP_CLUSTER=1; \
	for proof in tests/faults/test_row_20_killed_while_sealing.py tests/e2e/test_kill_nine.py \
	  tests/integration/storage/test_faults.py tests/unit/storage/test_counter_truth.py \
	  tests/integration/storage/test_counter_stories.py \
	  tests/integration/fleet/test_spark_cluster.py; do \
	  $(PYTHON) -m pytest -q $$proof || failed=1; \
	done; \
	exit $$failed

check: setup-tests
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(PYTHON) scripts/check_licences.py
	@$(PYTHON) scripts/check_docs.py

bench: setup-tests
	@$(PYTHON) -m bench

bench-quick: setup-tests
	@$(PYTHON) -m bench --quick

bench-fleet: setup-tests
	@$(PYTHON) -m bench.fleet_bench --without-peers

screenshots: setup-tests
	@QT_QPA_PLATFORM=offscreen $(PYTHON) scripts/make_screenshots.py

bundle: setup-tests
	@$(PYTHON) -m PyInstaller --noconfirm --log-level WARN build.spec
	@QT_QPA_PLATFORM=offscreen dist/energy-desktop/energy-desktop --selftest

notices: setup-tests
	@$(PYTHON) scripts/check_licences.py --write

clean:
	rm -rf build dist out .mypy_cache .ruff_cache .pytest_cache
