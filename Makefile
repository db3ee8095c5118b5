# SPDX-License-Identifier: Apache-2.0
# Daily targets; the work is in scripts/ and CMakePresets.json.
.PHONY: build test format tidy bench demo clean

build:
	@./scripts/build dev
test:
	@./scripts/test
format:
	@./scripts/format
tidy:
	@./scripts/alone
	@./scripts/tidy
bench:
	@./scripts/build release
	@./scripts/build release benchmarks
	@build/release/bin/mig-bench-planner --out bench/results/planner.json
	@build/release/bin/mig-bench-simulator --out bench/results/simulator_calls.json
	@python3 bench/cli_latency.py build/release/bin/migctl
demo:
	@./scripts/demo
clean:
	rm -rf build/dev build/release build/asan build/tsan build/bin build/lib
