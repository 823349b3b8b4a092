# Every target sets up what it needs; nothing is installed twice.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install demo test test-fast check serve image bench-finetune bench-export bench-serving bench-loop bench-drift clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[serve,train,monitor,dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/retune demo

test: $(INSTALLED)
	$(BIN)/pytest

test-fast: $(INSTALLED)
	$(BIN)/pytest -m 'not slow'

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	for part in finetune export serving loop drift; do \
		MYPYPATH=benchmarks/$$part:benchmarks/$$part/peers:benchmarks/serving $(BIN)/mypy benchmarks/$$part || exit 1; \
	done

serve: $(INSTALLED)
	$(BIN)/retune serve

image: $(INSTALLED)
	PATH="$(abspath $(BIN)):$$PATH" deploy/image.sh

bench-finetune: $(INSTALLED)
	$(BIN)/python benchmarks/finetune/accuracy.py
	$(BIN)/python benchmarks/finetune/label_noise.py
	$(BIN)/python benchmarks/finetune/throughput.py
	$(BIN)/python benchmarks/finetune/repetition.py
	$(BIN)/python benchmarks/finetune/table.py

bench-loop: $(INSTALLED)
	$(BIN)/python benchmarks/loop/gate.py
	$(BIN)/python benchmarks/loop/guard.py
	for mode in auto ask; do $(BIN)/python benchmarks/loop/unattended.py tickets --mode $$mode; done
	$(BIN)/python benchmarks/loop/control.py banking77
	$(BIN)/python benchmarks/loop/teaching.py
	$(BIN)/python benchmarks/loop/groups.py
	$(BIN)/python benchmarks/loop/head.py --data ../shared/data
	for ladder in head fresh; do $(BIN)/python benchmarks/loop/beside.py --data ../shared/data --ladder $$ladder; done
	$(BIN)/python benchmarks/loop/rounds.py --ladder head
	$(BIN)/python benchmarks/loop/rounds.py --ladder tuned

POOLS := .retune/bench-pools
# What 'make bench-export' leaves.
PACKAGED := .retune/bench-export/banking77/packaged
DRIFT_SETS := banking77 clinc150 crisislex_t6 sms_spam

bench-drift: export PYTHONPATH := $(CURDIR):$(CURDIR)/benchmarks/drift
bench-drift: $(INSTALLED)
	$(BIN)/python benchmarks/drift/accuracy.py
	$(BIN)/python benchmarks/drift/few_labels.py
	$(BIN)/python benchmarks/drift/small_references.py
	$(BIN)/python benchmarks/drift/pools.py --data ../shared/data --out $(POOLS)
	$(BIN)/python benchmarks/drift/null_checks.py --pools $(POOLS) --out $(POOLS)/null_checks.jsonl $(DRIFT_SETS)
	$(BIN)/python benchmarks/drift/false_alarms.py --pools $(POOLS) --out $(POOLS)/false_alarms.jsonl $(DRIFT_SETS)
	$(BIN)/python benchmarks/drift/delay.py --pool $(POOLS)/clinc150.npz --out $(POOLS)/delay.jsonl
	$(BIN)/python benchmarks/drift/kinds.py
	$(BIN)/python benchmarks/drift/kinds_table.py
	$(BIN)/python benchmarks/drift/ledger.py --folder .retune/bench-ledger
	$(BIN)/python benchmarks/drift/pages.py --package $(PACKAGED) --folder .retune/bench-pages

bench-export: $(INSTALLED)
	$(BIN)/python benchmarks/export/speed.py
	$(BIN)/python benchmarks/export/outlier.py
	$(BIN)/python benchmarks/export/score.py
	$(BIN)/python benchmarks/export/invariance.py
	$(BIN)/python benchmarks/export/table.py

PEERS := .retune/peers-venv

# Their pins are not ours; what they share with us (ONNX Runtime, torch, transformers) they find in our environment, last.
$(PEERS)/%/.installed: benchmarks/serving/peers/%.txt | $(INSTALLED)
	rm -rf $(PEERS)/$*
	python3 -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --requirement $<
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> $$($(PEERS)/$*/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth
	touch $@

bench-serving: $(INSTALLED) $(PEERS)/litserve/.installed $(PEERS)/mlserver/.installed
	$(BIN)/python benchmarks/serving/compare.py
	$(BIN)/python benchmarks/serving/compare.py --mixed
	$(BIN)/python benchmarks/serving/overload.py
	$(BIN)/python benchmarks/serving/swaps.py
	$(BIN)/python benchmarks/serving/equality.py
	$(BIN)/python benchmarks/serving/poison.py
	$(BIN)/python benchmarks/serving/stopping.py
	$(BIN)/python benchmarks/serving/random_paths.py
	$(BIN)/python benchmarks/serving/explain.py
	$(BIN)/python benchmarks/serving/live_pages.py
	$(BIN)/python benchmarks/serving/table.py

clean:
	rm -rf $(VENV) .retune build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
