# SPDX-License-Identifier: MIT
#
# The front door. "make help" lists what there is. Everything is built below
# build/; the layers' own Makefiles take their output folder as O=.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Steps are shown and counted in their order; inside, they use JOBS processes.
.NOTPARALLEL:

JOBS ?= $(shell nproc)
export JOBS

build := $(CURDIR)/build
guest := $(build)/guest
kernel_release = $(shell cat $(build)/kernel/release)
# Where the driver is built against; say KDIR=/lib/modules/.../build for another.
KDIR ?= $(build)/kernel/build
# More properties for the device, as in: make demo NPU=tiles=2,threads=1
NPU ?=
vm_device := $(if $(NPU),--device '$(NPU)')

# step(TEXT, LOG): run the command that follows as a counted step.
step = @$(eval step_number := $(shell expr $(step_number) + 1))scripts/step \
	'$(step_number)$(if $(STEPS),/$(STEPS))' '$(1)' '$(2)'
step_number := 0
# layer(FOLDER[, OUTPUT]): build that layer into build/FOLDER or build/OUTPUT.
layer = $(MAKE) --no-print-directory -j$(JOBS) -C $(1) O=$(build)/$(or $(2),$(1))
comma := ,
qemu_sanitized = $(call step,building QEMU with sanitizers$(comma) about 2 min on 2 CPUs the first time,qemu-asan) \
	scripts/qemu sanitized

##@ The commands
.PHONY: help
help: ## list all targets
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } \
		/^[a-z0-9_-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: STEPS := 9
demo: vm ## classify handwritten digits on the NPU, in a VM, and show the profile
	$(call step,digits on the NPU,-) tests/vm/run --name demo --script tests/vm/demo.sh $(vm_device)

.PHONY: demo-sim
demo-sim: STEPS := 4
demo-sim: runtime ## the same without QEMU and kernel: the device simulated in the program itself
	$(call step,digits on the simulated NPU,-) tests/demo-sim $(NPU)

.PHONY: test
test: STEPS := 17
test: vm vm-debug unit sanitized kselftest ## run all unit tests and, in a VM of each kernel, all kselftests
	$(call step,unit tests here and kselftests in the VM,-) tests/run-all $(vm_device)

.PHONY: stress
stress: STEPS := 15
stress: vm vm-debug kselftest ## 64 tenants for 5 minutes, 200 x each of reset, FLR, unbind, reload and surprise removal, 50 x sleep, on both kernels: hours [ROUNDS= SLEEPS=]
	$(call step,stress in the VMs,-) tests/vm/stress $(or $(ROUNDS),200)
	$(call step,sleep of the stock kernel,-) tests/vm/sleep $(or $(SLEEPS),50) stock
	$(call step,sleep of the debug kernel,-) tests/vm/sleep $(or $(SLEEPS),50) debug

.PHONY: shell
shell: STEPS := 8
shell: vm ## a prompt in the VM; leave with exit or Ctrl-A X
	@tests/vm/run --name shell --shell --cmd 'modprobe npu && npu-prof info' $(vm_device)

.PHONY: bench
bench: STEPS := 10
bench: vm ## measure; prints a table and writes build/bench.json
	$(call step,packages to compare with,bench-deps) scripts/deps --bench
	$(call step,benchmarks,-) tests/bench/run $(vm_device)

##@ The parts, each built with what it needs
.PHONY: deps
deps: ## install the Debian packages that are missing
	$(call step,packages that the build needs,-) scripts/deps

.PHONY: firmware
firmware: deps ## the firmware of the management core
	$(call step,firmware and boot ROM,firmware) $(call layer,firmware-stub,firmware)

.PHONY: qemu-source
qemu-source: deps
	$(call step,source of QEMU,qemu-source) scripts/qemu fetch

.PHONY: qemu
# The boot ROM is part of the device.
qemu: firmware qemu-source ## QEMU with the NPU in it
	$(call step,building QEMU$(comma) about 4 min on 2 CPUs the first time,qemu) scripts/qemu build

.PHONY: kernel
kernel: deps ## the stock kernel to run and its headers
	$(call step,stock kernel and its headers,kernel) scripts/kernel fetch

.PHONY: kernel-debug
kernel-debug: deps ## the newest kernel, with everything that finds bugs
	$(call step,building the debug kernel$(comma) about 9 min on 2 CPUs the first time,kernel-debug) scripts/kernel-debug

.PHONY: driver
driver: kernel ## the kernel module, npu.ko
	$(call step,driver npu.ko,driver) scripts/driver '$(KDIR)'

.PHONY: driver-debug
driver-debug: kernel-debug ## the same for the debug kernel
	$(call step,driver npu.ko for the debug kernel,driver-debug) \
		scripts/driver $(build)/kernel-debug/build $(build)/driver-debug

# DESTDIR: root to install into; without, it is this machine, as root.
.PHONY: modules_install
modules_install: driver firmware ## install driver and firmware, udev rule and modprobe options [KDIR= DESTDIR=]
	scripts/install-driver modules '$(KDIR)' '$(DESTDIR)'

.PHONY: dkms_install
dkms_install: firmware ## the same, with sources for dkms to build instead of the module [DESTDIR=]
	scripts/install-driver dkms '$(DESTDIR)'

.PHONY: runtime
runtime: firmware ## libnpurt with its simulated device, npu-prof, npucc and the examples
	$(call step,runtime$(comma) tools and examples,runtime) $(call layer,runtime) FIRMWARE=$(build)/firmware

.PHONY: vm
vm: qemu kernel driver runtime ## all that runs in the VM, packed as its root file system
	$(call step,root file system of the VM,vm) scripts/stage

.PHONY: vm-debug
vm-debug: vm driver-debug ## the same with the debug kernel: tests/vm/run --kernel debug
	$(call step,root file system of the VM with the debug kernel,vm-debug) scripts/stage debug

.PHONY: unit
unit: firmware ## the tests that run here
	$(call step,building the unit tests,unit) $(call layer,tests/unit)

.PHONY: sanitized
sanitized: firmware qemu-source ## the device and its core, with sanitizers: for qtests, unit tests, kept fuzz inputs
	$(call step,building the tests of the core with sanitizers,sanitized) $(call layer,tests/unit,tests/unit-asan) \
		SANITIZE=1 CFLAGS='-O1 -g' core
	$(call step,building what runs the kept fuzz inputs,replay) $(call layer,tests/fuzz) \
		FIRMWARE=$(build)/firmware replay
	$(qemu_sanitized)

.PHONY: kselftest
kselftest: kernel runtime ## the tests that run in the VM
	$(call step,building the kselftests,kselftest) $(call layer,tests/kselftest) \
		KSELFTEST_DIR=$(build)/kernel/source/tools/testing/selftests

.PHONY: fuzz
TIME ?= 60
fuzz: STEPS := 4
fuzz: firmware ## fuzz the device core, TIME seconds each target; kept inputs are in tests/fuzz/corpus
	$(call step,building the fuzzers,fuzz) $(call layer,tests/fuzz) FIRMWARE=$(build)/firmware
	$(call step,fuzzing,-) $(call layer,tests/fuzz) FIRMWARE=$(build)/firmware TIME=$(TIME) run

.PHONY: fuzz-qemu
fuzz-qemu: STEPS := 5
fuzz-qemu: firmware qemu-source ## fuzz the device inside QEMU, TIME seconds; kept inputs as above
	$(qemu_sanitized)
	$(call step,fuzzing the device in QEMU,-) tests/fuzz/qemu $(TIME)

.PHONY: isa
# SUITE: folder of bare-metal RISC-V programs; ISA: more options of npu-rv-run, as in ISA='--vlen 256'
isa: firmware ## run a public RISC-V test suite on the tiles' hart: SUITE=DIR
	$(call step,npu-rv-run,isa) $(call layer,tests/isa)
	@tests/isa/run-suite $(if $(SIGNATURES),--signatures '$(SIGNATURES)') $(build)/tests/isa/npu-rv-run \
		'$(or $(SUITE),$(error say SUITE=<folder of RISC-V programs>; see docs/hacking.md))' $(ISA)

.PHONY: check
check: ## look at the tree itself: licences, file sizes, script syntax
	@scripts/check

##@ The driver, as a kernel maintainer looks at it; each finding is an error
.PHONY: lint
lint: w1 clang sparse coccicheck checkpatch kernel-doc kconfig dkms ## all that follow

lint = @scripts/lint $(1) $(build)/$(2)

.PHONY: lint-deps
lint-deps: deps
	@scripts/deps --lint

.PHONY: w1
w1: kernel kernel-debug ## gcc and W=1, both kernels
	$(call lint,w1,kernel/build)
	$(call lint,w1,kernel-debug/build)

.PHONY: clang
clang: kernel kernel-debug ## clang and W=1, both kernels
	$(call lint,clang,kernel/build)
	$(call lint,clang,kernel-debug/build)

.PHONY: sparse
sparse: kernel kernel-debug lint-deps ## sparse, both kernels
	$(call lint,sparse,kernel/build)
	$(call lint,sparse,kernel-debug/build)

.PHONY: coccicheck
coccicheck: kernel-debug lint-deps ## the kernel's semantic patches
	$(call lint,coccicheck,kernel-debug/build)

.PHONY: checkpatch
checkpatch: kernel-debug lint-deps ## checkpatch --strict
	$(call lint,checkpatch,kernel-debug/build)

.PHONY: kernel-doc
kernel-doc: kernel-debug ## kernel-doc -Wall
	$(call lint,kernel-doc,kernel-debug/build)

.PHONY: kconfig
kconfig: kernel-debug ## driver/Kconfig asks for all that the driver needs
	$(call lint,kconfig,kernel-debug/build)

.PHONY: dkms
dkms: kernel kernel-debug firmware lint-deps ## dkms builds what make dkms_install leaves, both kernels
	$(call lint,dkms,kernel/build)
	$(call lint,dkms,kernel-debug/build)

##@ Away with it
.PHONY: clean
clean: ## remove what was built from this tree; keep QEMU and the kernel
	rm -rf $(addprefix build/,firmware driver driver-debug runtime tests guest guest-debug vm test bench.json)

.PHONY: distclean
distclean: ## remove everything that was fetched or built
	rm -rf build
