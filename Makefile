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
	@./scripts/tidy
bench:
	@./scripts/build release
	@python3 bench/cli_latency.py build/release/bin/migctl
demo:
	@./scripts/demo
clean:
	rm -rf build/dev build/release build/asan build/tsan build/bin build/lib
