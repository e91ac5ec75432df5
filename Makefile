# lesionseg: what one runs here.
#
#   make demo [DATA=dir]    the whole job on a throw-away cluster, installing what is missing
#                           (LIMIT= images, 0 = all; EPOCHS=, SIZE=, MINUTES=: test/tools/demo)
#   make look               psql in the database that the demo left
#   make check              every test, the same way
#   make, make install      build and install the extension, as with any other
#   make installcheck       pg_regress against a running server
#   make unit [ROOM=image] [SAN=1]   unit tests, without a server; SAN=1: under ASan and UBSan
#   make unit VARIANT=portable ONEDNN=no   the same of a build without oneDNN
#   make valgrind [ROOM=image]       unit tests under memcheck
#   make fuzz [SECONDS=20]           each decoder under libFuzzer
#   make bench [PEERS=dir] [DATA=dir]   the table of docs/performance.md, in build/bench.md
#   make deb                         Debian packages, in build/deb
#   make dist                        the zip that PGXN takes, in build
#   make clean
#
# This file builds what needs no server: the rooms of src/ (core, image, ...)
# as archives build/<variant>/<room>.a, and the unit tests on them. The
# extension's own part, src/pg/, and its installation are PGXS's work and
# stand in src/pg/module.mk, because PGXS claims the target names that we
# want ourselves (check) and cannot be read before PostgreSQL is installed.

SHELL = /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

ROOMS = core image dicom measure enhance nn arch infer learn report

# What each room may use, itself first, in link order.
USES_core = core
USES_image = image core
USES_dicom = dicom image core
USES_enhance = enhance image core
USES_measure = measure image core
USES_nn = nn core
USES_report = report core
USES_arch = arch nn core
USES_infer = infer arch nn enhance measure image core
USES_learn = learn infer arch nn enhance measure image core

# The client program's, which is no part of the module.
USES_pacs = pacs core

# A variant is one way to compile everything: release, san, fuzz; portable
# beside ONEDNN=no, so that both builds can stand side by side.
VARIANT := $(if $(SAN),san,release)
BUILD = build/$(VARIANT)

CC = gcc

# CFLAGS, CPPFLAGS and LDFLAGS are the builder's (dpkg-buildflags sets them).
# Warnings are errors in `make check` alone (WERROR below): a compiler that is
# newer than this source must not stop anyone's `make`.
CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wdeclaration-after-statement -Wvla -Wstrict-prototypes -Wmissing-prototypes $(WERROR)
CFLAGS_san = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_fuzz = -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Wno-pass-failed
ALL_CFLAGS = $(CPPFLAGS) $(CFLAGS) -std=gnu11 -fno-omit-frame-pointer $(WARNINGS) $(CFLAGS_$(VARIANT)) \
	-fPIC -fvisibility=hidden -fopenmp -Isrc $(LIB_CPPFLAGS)

# Libraries. OpenBLAS must be its OpenMP variant, whatever Debian's
# alternatives point to: it shares our thread pool (docs/building.md). oneDNN
# is used on x86-64 where its headers are; ONEDNN=no leaves it out.
# Debian's folders are named after the machine without its vendor, which clang names too
# (and newer ones of clang know no -print-multiarch).
MULTIARCH := $(shell $(CC) -dumpmachine 2>/dev/null | sed -E 's/^([^-]+)-(pc|unknown)-/\1-/')
IS_X86 := $(filter x86_64%,$(MULTIARCH))
OPENBLAS_LIB = /usr/lib/$(MULTIARCH)/openblas-openmp
OPENBLAS_INCLUDE = /usr/include/$(MULTIARCH)/openblas-openmp
ONEDNN := $(if $(and $(IS_X86),$(wildcard /usr/include/dnnl.h)),yes,no)
ifeq ($(ONEDNN),yes)
ONEDNN_CPPFLAGS = -DHAVE_ONEDNN
ONEDNN_LIB = -ldnnl
endif
# The client program is built where libcurl's headers are; PACS=no leaves it out.
PACS := $(if $(wildcard /usr/include/curl/curl.h /usr/include/$(MULTIARCH)/curl/curl.h),yes,no)
OPENJPEG_CPPFLAGS := $(addprefix -isystem ,$(firstword $(wildcard /usr/include/openjpeg-2*)))
LIB_CPPFLAGS = -isystem $(OPENBLAS_INCLUDE) $(OPENJPEG_CPPFLAGS) $(ONEDNN_CPPFLAGS)
LIBS = -L$(OPENBLAS_LIB) -Wl,-rpath,$(OPENBLAS_LIB) -Wl,--as-needed \
	-lpng -lz -ljpeg -lopenjp2 -lcharls -ljansson $(ONEDNN_LIB) -lopenblas -lm

# By the last word of a file's name: vector loops, compiled for each instruction
# set; everything else is for any processor and picks among them.
VECTORISE = -O3 -fno-math-errno
FLAGS_baseline = $(VECTORISE)
FLAGS_avx2 = $(VECTORISE) -mavx2 -mfma -mf16c
FLAGS_avx512 = $(FLAGS_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl
FLAGS_avx512bf16 = $(FLAGS_avx512) -mavx512bf16
FLAGS_amx = $(filter-out $(VECTORISE),$(FLAGS_avx512bf16)) -mamx-tile -mamx-bf16

# Sums whose rounding must not depend on the side they are seen from.
UNFUSED = -ffp-contract=off

own_flags = $(FLAGS_$(lastword $(subst _, ,$(1)))) $(if $(filter learn/% infer/%,$(1)),$(UNFUSED)) \
	$(if $(filter pacs/%,$(1)),$(PACS_CPPFLAGS))

# Instruction sets of x86-64, by which files and folders are named. A build for
# another processor leaves them out; there the baseline is vector code too (NEON).
X86_SETS = avx2 avx512 avx512bf16 amx x86
OTHER_SETS := $(if $(IS_X86),,$(X86_SETS))
fitting = $(foreach file,$(1),$(if $(filter $(OTHER_SETS),$(subst _, ,$(subst /, ,$(basename $(file))))),,$(file)))

# A room's files, in its folder and the folders of that.
sources = $(call fitting,$(sort $(shell find src/$(1) -name '*.c')))
objects = $(patsubst src/%.c,$(BUILD)/%.o,$(call sources,$(1)))
archives = $(patsubst %,$(BUILD)/%.a,$(1))

OBJECTS = $(foreach room,$(ROOMS),$(call objects,$(room)))
ARCHIVES = $(call archives,$(ROOMS))

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call own_flags,$*) -MMD -MP -c -o $@ $<

# An archive is made anew when a file joins, changes or (by the list that
# stands beside it) leaves its room.
define room_rules
$$(BUILD)/$(1).a: $$(call objects,$(1)) $$(BUILD)/$(1).list
	rm -f $$@
	$$(AR) rcs $$@ $$(call objects,$(1))
$$(BUILD)/$(1).list: always
	@mkdir -p $$(@D)
	@echo '$$(call sources,$(1))' | cmp -s - $$@ || echo '$$(call sources,$(1))' > $$@
endef
$(foreach room,$(ROOMS) pacs,$(eval $(call room_rules,$(room))))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: always rooms
always:
rooms: $(ARCHIVES)

PG_CONFIG ?= $(shell test/tools/newest-server)
RELEASES := $(sort $(file <src/packaging/debian/pgversions))

# The client program lesionseg-pacs.
EXTENSION_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" lesionseg.control)
PACS_CPPFLAGS = -isystem $(or $(shell '$(PG_CONFIG)' --includedir 2>/dev/null),/usr/include/postgresql) \
	-DLESIONSEG_VERSION='"$(EXTENSION_VERSION)"'
PACS_LIBS = -lcurl -lpq -ljansson
PACS_PROGRAM = $(BUILD)/lesionseg-pacs

$(BUILD)/lesionseg-pacs: $(call archives,$(USES_pacs))
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ -Wl,--undefined=main $^ $(PACS_LIBS)

# The extension. Its own objects are those of the release variant; it links the rooms of VARIANT.

MODULE_MAKE = $(MAKE) -f src/pg/module.mk PG_CONFIG='$(PG_CONFIG)' ROOM_ARCHIVES='$(ARCHIVES)' \
	ROOM_LIBS='$(LIBS)' ROOM_CPPFLAGS='$(LIB_CPPFLAGS)' WARNINGS='$(WARNINGS)' \
	USER_CFLAGS='$(CPPFLAGS) $(CFLAGS)' PG_LDFLAGS='$(LDFLAGS)' PACS_PROGRAM='$(if $(filter yes,$(PACS)),$(PACS_PROGRAM))'

.PHONY: server-there all install uninstall installcheck clean
# PGXS itself would go on without a word, with no folders.
server-there:
	@[ -e "$$('$(PG_CONFIG)' --pgxs 2>/dev/null)" ] || { echo "$(or $(PG_CONFIG),pg_config) names no PostgreSQL to build for." \
		"Run test/tools/packages first, or name one with PG_CONFIG=." >&2; exit 1; }
	@'$(PG_CONFIG)' --version | grep -qE '^PostgreSQL ($(subst $() ,|,$(RELEASES)))[^0-9]' || { echo "lesionseg builds for" \
		"PostgreSQL $(RELEASES), not for $$('$(PG_CONFIG)' --version)." >&2; exit 1; }

install: all
	+$(MODULE_MAKE) $@

# Apart from install, or -j would let two makes write the module at once.
all: server-there rooms $(if $(filter yes,$(PACS)),$(PACS_PROGRAM))
	+$(MODULE_MAKE) $@

uninstall installcheck: server-there
	+$(MODULE_MAKE) $@

clean:
	rm -rf build lesionseg.so results regression.diffs regression.out

# Unit tests: test/unit/<room>_<topic>.c, one program each, linked with its
# room and the rooms below.

UNIT_SOURCES = $(filter-out $(if $(filter no,$(PACS)),test/unit/pacs_%),$(sort $(wildcard test/unit/$(if $(ROOM),$(ROOM)_*,*).c)))
UNIT_PROGRAMS = $(patsubst test/%.c,$(BUILD)/%,$(UNIT_SOURCES))
room_of = $(firstword $(subst _, ,$(notdir $(1))))

$(BUILD)/unit/%.o: test/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itest -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(BUILD)/unit/%: $(BUILD)/unit/%.o $$(call archives,$$(USES_$$(call room_of,$$*)))
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS) $(if $(filter pacs_%,$*),$(PACS_LIBS)) -lcmocka

.PHONY: unit unit-programs valgrind
unit-programs: $(UNIT_PROGRAMS)
unit: $(UNIT_PROGRAMS)
	test/tools/unit $(if $(SAN),--sanitized) $(UNIT_PROGRAMS)

valgrind: $(UNIT_PROGRAMS)
	test/tools/unit --valgrind $(UNIT_PROGRAMS)

# Benchmarks of the engine alone: test/bench/<name>.c.

BENCH_PROGRAMS = $(patsubst test/%.c,$(BUILD)/%,$(sort $(wildcard test/bench/*.c)))

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

# All of it, with the peers that PEERS and PEERS_ROOT hold (nothing is installed for them),
# as test/tools/bench describes; the table goes to build/bench.md.
PEERS ?= ../shared/peers

.PHONY: bench
bench: install-as-root bench-programs
	PEERS='$(PEERS)' PEERS_ROOT='$(PEERS_ROOT)' DATA='$(DATA)' test/tools/cluster test/tools/bench

$(BUILD)/bench/%: test/bench/%.c $(call archives,arch nn core)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)

$(BUILD)/bench/enhance $(BUILD)/bench/quality $(BUILD)/bench/hair $(BUILD)/bench/photograph: $(BUILD)/bench/%: test/bench/%.c $(call archives,enhance image core)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)

$(BUILD)/bench/measure: test/bench/measure.c $(call archives,enhance measure image core)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)

$(BUILD)/bench/large: test/bench/large.c $(call archives,infer arch nn enhance measure image core)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)

# Fuzz targets: test/fuzz/fuzz_<name>.c with seeds in test/fuzz/corpus/<name>/.

SECONDS ?= 20
FUZZ_SOURCES = $(filter-out $(if $(filter no,$(PACS)),test/fuzz/fuzz_pacs_%),$(sort $(wildcard test/fuzz/fuzz_*.c)))
FUZZ_PROGRAMS = $(patsubst test/fuzz/%.c,build/fuzz/%,$(FUZZ_SOURCES))

.PHONY: fuzz
fuzz:
	$(MAKE) VARIANT=fuzz CC=clang fuzz-programs
	test/tools/fuzz $(SECONDS) $(FUZZ_PROGRAMS)

ifeq ($(VARIANT),fuzz)
.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

# The rooms that read what others wrote.
$(BUILD)/fuzz_%: test/fuzz/fuzz_%.c $(call archives,$(if $(filter yes,$(PACS)),pacs) dicom $(USES_learn))
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer,address,undefined -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)
endif

# The two commands. Each may start on a machine with nothing but git and
# make, so packages come first and the rest runs in a make of its own, which
# then finds compilers and libraries.

.PHONY: packages check demo look
packages:
	test/tools/packages

check:
	test/tools/packages --tests
	$(MAKE) --no-print-directory run-check

# Quiet, but for what is shown, and on all cores.
demo: packages
	@echo 'Building lesionseg (a minute or two)'
	@$(MAKE) -s --no-print-directory -j"$$(nproc)" all
	@$(MAKE) -s --no-print-directory run-demo DATA='$(DATA)'

look:
	@test/tools/cluster --terminal test/tools/look

.PHONY: deb dist
deb:
	test/tools/packages --deb
	src/packaging/deb

dist:
	test/tools/packages --dist
	src/packaging/dist

.PHONY: run-check run-demo install-as-root
# sudo clears the environment: what was given to this make is named.
install-as-root: all
	$(if $(filter 0,$(shell id -u)),,sudo )$(MAKE) $(if $(findstring s,$(firstword -$(MAKEFLAGS))),-s) --no-print-directory \
		PG_CONFIG='$(PG_CONFIG)' $(MAKEOVERRIDES) install

run-check: export WERROR = -Werror
run-check: install-as-root
	test/tools/check

run-demo: install-as-root
	test/tools/cluster test/tools/demo '$(DATA)'
