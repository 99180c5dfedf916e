# Everything a person does here. Nothing is installed outside of this folder but Debian's packages, and those only as root.

VENV := .venv
STAMP := $(VENV)/.installed
PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export AWS_DEFAULT_REGION ?= ap-northeast-2
export SAM_CLI_TELEMETRY := 0
# cargo-lambda would fetch a missing Rust target by itself. Building for another processor is for a person to decide.
NO_FETCH := RUSTUP_DIST_SERVER=http://127.0.0.1:9 RUSTUP_UPDATE_ROOT=http://127.0.0.1:9
PACKAGES := web/node_modules/.package-lock.json
# The workspace as a whole, so that no library is built twice for other features.
BINARIES := cargo build -q --workspace --bins
# The binary of `local` that browsers meet. Without LOCAL_BIN it is the workspace's, which is built first.
LOCAL := $(if $(LOCAL_BIN),,binaries)
# A Django with dj-rest-auth, allauth and simplejwt.
DJANGO := target/django
DEMO := web/demo/dist/index.html
DEMO_SOURCES := web/package-lock.json $(wildcard web/src/*) $(shell find web/demo \( -name dist -o -name node_modules \) -prune -o -type f -print)

.PHONY: help run watch check test everything targets lint front-door schedules long-schedules faults soak previous api-test fuzz moto moving \
  drill-restore drill-rotate drill-rollback move-rehearsal verifiers django-service watch-test web engines edge front-ends package apps phones lint-template lint-edge deploy-check \
  gates bench bench-django measure build deploy smoke destroy venv packages binaries programs demo-page clean

help: ## what there is (this list)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the whole stack in one process; PORT and DATA=file choose where
	@scripts/setup.sh run
	@$(MAKE) --no-print-directory demo-page
	ACCESS_TTL=$${ACCESS_TTL:-20} cargo run -q -p local

demo-page: $(if $(shell command -v npm),$(DEMO))
	@:

# Without node, or when this fails, the plain page with curl lines answers instead.
$(DEMO): $(DEMO_SOURCES)
	-cd web && { test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund; } && npm run --silent demo

watch: venv ## the same with the functions under cargo lambda watch
	cargo build -q -p local
	$(NO_FETCH) target/debug/local watch

check: ## before every commit: format, clippy, unit and API tests
	@scripts/setup.sh check
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --lib --test api --test contract
	@echo "passed: $@"

test: ## everything but the long forms: fuzz and long-schedules
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory everything

# What measures time, or uses every core, has the machine for itself. Then two lanes run side by side, which share nothing but what is
# built before them: browsers wait most of the time, and have precedence.
ALONE := front-door schedules faults soak
RUST := lint previous api-test moto drill-restore drill-rotate moving verifiers django-service move-rehearsal watch-test lint-template lint-edge gates
NODE := web engines edge front-ends apps phones
# What searches for longer than a person waits.
LONG := fuzz long-schedules

# The workspace's binaries are built anew while browsers use `local`. Downloads wait, and compilers do not.
everything:
	scripts/lanes.sh "venv packages" "programs"
	mkdir -p target/lanes && cp target/debug/local target/lanes/local
	scripts/lanes.sh "$(ALONE)"; alone=$$?; \
	  LOCAL_BIN=$(CURDIR)/target/lanes/local scripts/lanes.sh "$(NODE)" "$(RUST)" && exit $$alone

# The GitHub workflow runs each of these as a job.
targets:
	@echo $(ALONE) $(RUST) $(NODE) $(LONG)

binaries:
	$(BINARIES)

# With the tests, which have the same libraries.
programs:
	$(BINARIES) --tests

lint: venv ## format, clippy, rustdoc, costs, licenses and sources of dependencies
	cargo fmt --check
	cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
	scripts/one-build.sh
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	python3 bench/cost.py --check
	python3 docs/check.py
	cargo deny check licenses bans sources
	cargo deny --manifest-path tests/fuzz/Cargo.toml --locked check licenses bans sources
	@echo "passed: $@"

front-door: ## all tests of the workspace
	cargo test --workspace -- --show-output
	@echo "passed: $@"

SCHEDULES := 1500
ACCOUNT_SCHEDULES := 300
schedules: ## random schedules against the real handlers: of sessions, and of accounts; SCHEDULES=… for more
	SCHEDULES=$(SCHEDULES) ACCOUNT_SCHEDULES=$(ACCOUNT_SCHEDULES) cargo test --workspace --test resilience -- --show-output schedules
	@echo "passed: $@"

long-schedules: ## 5,000 and 1,000 of them
	@$(MAKE) --no-print-directory schedules SCHEDULES=5000 ACCOUNT_SCHEDULES=1000

faults: ## every network and service fault, wrong clocks, processes killed and stopped
	$(BINARIES)
	target/debug/resilience faults
	target/debug/resilience processes
	@echo "passed: $@"

SOAK_SECONDS := 120
soak: ## browsers on the real binaries while something fails; SOAK_SECONDS=3600 for an hour
	$(BINARIES)
	target/debug/resilience soak $(SOAK_SECONDS)
	@echo "passed: $@"

previous: ## this release beside the binaries of older ones, which it builds from git
	$(BINARIES)
	tests/external/with-previous.sh cargo test --workspace --test previous
	@echo "passed: $@"

api-test: ## requests made up of openapi.yaml, right and wrong ones
	$(BINARIES)
	tests/external/api-test.sh
	@echo "passed: $@"

FUZZ_SECONDS := 20
fuzz: ## coverage-guided, each target for so long
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh
	@echo "passed: $@"

moto: venv ## the store again, on a DynamoDB of another make
	tests/external/with-moto.sh cargo test --workspace --test external
	$(BINARIES)
	tests/external/with-moto.sh admin/tests/carry-over.sh
	tests/external/with-moto.sh python admin/tests/doctor.py
	tests/external/with-moto.sh python admin/tests/deletions.py
	tests/external/with-moto.sh python admin/tests/operators.py
	tests/external/with-moto.sh python bench/tests/on_lambda.py
	python deploy/tests/end_to_end.py
	python deploy/tests/smoke_test.py
	@echo "passed: $@"

# On this machine, unless ENV is given.
ELSEWHERE = $(if $(filter file,$(origin ENV)),,$(ENV))

drill-restore: venv ## a table of users is lost and restored, with everybody whom that concerns
	$(if $(ELSEWHERE),,$(BINARIES))
	$(if $(ELSEWHERE),,tests/external/with-moto.sh) python drills/restore.py $(ELSEWHERE)

drill-rotate: venv ## all keys and the origin secret are rotated while twenty browsers refresh
	$(if $(ELSEWHERE),,$(BINARIES))
	$(if $(ELSEWHERE),,tests/external/with-moto.sh) python drills/rotate.py $(ELSEWHERE)

drill-rollback: venv ## the release before on a deployed stack, and this one again; ENV, TO=commit
	python drills/rollback.py $(ENV)

moving: venv $(DJANGO)/.installed ## users from a real Django to the table and back, with every failure on the way
	$(BINARIES)
	tests/external/with-moto.sh python admin/tests/import.py
	python admin/tests/way_back.py
	@echo "passed: $@"

verifiers: venv ## other people's libraries verify our tokens, and the command for a leaked key
	$(BINARIES)
	tests/external/with-verifiers.sh
	@echo "passed: $@"

django-service: $(DJANGO)/.installed ## a Django service with the files of docs/django, which gets our events
	$(BINARIES)
	tests/external/with-django-service.sh
	@echo "passed: $@"

watch-test: venv ## what a stranger can see, on the binaries under cargo lambda watch
	$(BINARIES)
	$(NO_FETCH) tests/external/with-watch.sh cargo test --workspace --test api -- remote
	@echo "passed: $@"

move-rehearsal: venv packages ## a Django with 1,000 users and 200 live sessions moves here, and back
	$(BINARIES)
	node tests/external/move/rehearse.mjs
	@echo "passed: $@"

packages: $(PACKAGES) $(DJANGO)/.installed

$(PACKAGES): web/package-lock.json
	cd web && npm ci --no-audit --no-fund

web: $(PACKAGES) $(LOCAL) ## the client: types, size, unit tests, and what only Chromium can try
	cd web && npm run check && npm test && npm run --silent demo && npm run e2e
	@echo "passed: $@"

engines: $(PACKAGES) $(LOCAL) ## the client in Chromium, Firefox and WebKitGTK, over http and https; ENGINES=firefox for one
	cd web && npm run --silent demo && npm run engines && npm run scenes
	@echo "passed: $@"

edge: venv $(PACKAGES) $(LOCAL) ## the edge stack on this machine, before the API: visitors, strangers, and the client in Chromium
	node --test --test-reporter=spec tests/edge/*.test.mjs
	cd web && EDGE=1 TLS=1 node --test --test-concurrency=2 --test-reporter=spec e2e/log-in.test.mjs e2e/tabs.test.mjs
	@echo "passed: $@"

# Of packages in folders of their own, and of browsers that `web` has.
EXTERNAL := node --test --test-concurrency=1 --test-reporter=spec

front-ends: $(PACKAGES) $(LOCAL) ## the requests of front ends that were written for Django, in Chromium
	$(EXTERNAL) tests/external/front-ends/front-ends.test.mjs
	@echo "passed: $@"

package: $(PACKAGES) ## the client as a file that npm installs, in target/apps
	mkdir -p target/apps && cd web && npm pack --pack-destination ../target/apps

apps: package $(LOCAL) ## the package in Next.js, React Router, Vue, Jest and plain pages, in Chromium
	node --test --test-concurrency=2 --test-reporter=spec tests/external/apps/*.test.mjs
	@echo "passed: $@"

phones: $(PACKAGES) $(LOCAL) ## the recipes for apps, with the globals of React Native only
	$(EXTERNAL) tests/external/phones/*.test.mjs
	@echo "passed: $@"

lint-template: venv deploy-check ## the template, with SAM and cfn-lint
	sam validate --lint
	cfn-lint template.yaml
	python tests/contract/check-template.py
	@echo "passed: $@"

lint-edge: venv ## the edge stack: cfn-lint, where each path leads, what the firewall counts, CloudFront's functions under Node
	python edge/inline.py --check
	python tests/contract/check-edge.py
	node --test --test-reporter=spec edge/*.test.mjs
	@echo "passed: $@"

deploy-check: venv ## the order of a deployment, and the documented commands as far as they go without AWS
	python deploy/tests/plan_search.py
	python tests/contract/check-deploy.py

RELEASE := cargo build --release -p kakao-login -p refresh -p logout -p profile

gates: ## instructions, sizes and requests are no worse than in bench/baseline.json
	$(RELEASE)
	$(BINARIES)
	target/debug/bench gates
	@echo "passed: $@"

# Apart from the functions, whose libraries would be built with more features otherwise.
RELEASE_BENCH := cargo build --release -p local -p bench

bench: ## what docs/performance.md says of the functions; DYNAMODB_MS and KAKAO_MS say how far away these are
	$(RELEASE)
	$(RELEASE_BENCH)
	target/release/bench counts
	target/release/bench starts
	target/release/bench load

bench-django: $(DJANGO)/.installed ## what docs/performance.md says of the Django stack
	$(RELEASE)
	$(RELEASE_BENCH)
	target/release/bench django $(DJANGO)

$(DJANGO)/.installed: bench/django/requirements.txt
	python3 -m venv $(DJANGO)
	$(DJANGO)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# A section of samconfig.toml, or pr-12 and so on.
ENV := prod

measure: venv ## a deployed stack on Lambda: cold and warm times, and what is billed; ENV=staging for another one
	python bench/on_lambda.py $(ENV)

# ARCH only if it was chosen: otherwise the settings may say it.
deploy: venv ## API and site, as samconfig.toml says; ENV=staging or pr-12, SITE=dist, ROTATE_ORIGIN=1, ARCH, PATH_PREFIX
	@python deploy/deploy.py $(ENV) $(if $(filter file undefined default,$(origin ARCH)),,--arch $(ARCH)) $(if $(SITE),--site $(SITE)) \
	  $(if $(PATH_PREFIX),--path-prefix $(PATH_PREFIX)) $(if $(filter 1 yes true,$(ROTATE_ORIGIN)),--rotate-origin)

smoke: venv ## what a stranger finds at the deployed address; ENV, URL=https://…, LOGIN=1 asks for a Kakao token and logs in too
	@python deploy/smoke.py $(ENV) $(if $(URL),--url $(URL)) $(if $(LOGIN),--login)

destroy: venv ## deletes the stacks of ENV, says what is kept, and asks before
	@python deploy/destroy.py $(ENV)

# What is built, and so what can be deployed.
ARCH ?= $(patsubst aarch64,arm64,$(patsubst amd64,x86_64,$(shell uname -m)))

build: venv ## as it is deployed; ARCH=arm64 or x86_64, or else this machine's; PATH_PREFIX=/api/auth instead of /dj-rest-auth
	$(NO_FETCH) sam build --parameter-overrides Architecture=$(ARCH)
	python local/check-build.py $(ARCH)
	$(if $(PATH_PREFIX),python local/path_prefix.py $(PATH_PREFIX))

venv: $(STAMP) ## the tools of requirements.txt, in .venv

$(STAMP): requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	touch $@

clean: ## removes all that was built or installed in this folder
	rm -rf target .aws-sam .local $(VENV) tests/external/verifiers/.venv tests/external/verifiers/node_modules tests/external/api-test/.venv tests/external/phones/.venv tests/external/phones/node_modules .schemathesis web/node_modules web/dist web/demo/dist web/demo/node_modules tests/external/apps/*/node_modules tests/external/apps/*/.next tests/external/apps/*/dist
