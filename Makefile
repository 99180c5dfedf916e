# Everything a person does here. Nothing is installed outside of this folder but Debian's packages, and those only by CI.

VENV := .venv
STAMP := $(VENV)/.installed
PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export AWS_DEFAULT_REGION ?= ap-northeast-2
export SAM_CLI_TELEMETRY := 0
# cargo-lambda would fetch a missing Rust target by itself. Building for another processor is for a person to decide.
NO_FETCH := RUSTUP_DIST_SERVER=http://127.0.0.1:9 RUSTUP_UPDATE_ROOT=http://127.0.0.1:9

.PHONY: run watch test lint front-door moto watch-test lint-template gates bench build venv clean

run: ## the whole stack in one process; PORT and DATA=file choose where
	cargo run -q -p local

watch: venv ## the same with the functions under cargo lambda watch
	cargo build -q -p local
	$(NO_FETCH) target/debug/local watch

test: lint front-door moto watch-test lint-template gates ## everything

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	python3 bench/cost.py --check
	! cargo tree --workspace --edges normal,build --prefix none | grep aws-lc

front-door: ## the everyday loop
	cargo test --workspace

moto: venv ## the store again, on a DynamoDB of another make
	local/with-moto.sh cargo test -p local --test api -- moto binary

watch-test: venv ## what a stranger can see, on the binaries under cargo lambda watch
	cargo build -q -p local
	$(NO_FETCH) local/with-watch.sh cargo test -p local --test api -- anywhere

lint-template: venv
	sam validate --lint
	cfn-lint template.yaml
	python local/check-template.py

RELEASE := cargo build --release -p kakao-login -p refresh -p logout -p profile

gates: ## instructions, sizes and requests are no worse than in bench/baseline.json
	$(RELEASE)
	cargo run -q -p bench -- gates

bench: ## all of BENCHMARKS.md; PEER names another server to stand beside
	$(RELEASE) -p local -p bench
	target/release/bench all $(PEER)

build: venv ## as it is deployed, for x86_64
	$(NO_FETCH) sam build --parameter-overrides Architecture=x86_64

venv: $(STAMP)

$(STAMP): requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

clean:
	rm -rf target .aws-sam .local $(VENV)
