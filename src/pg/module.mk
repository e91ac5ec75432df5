# The PGXS part of the build: src/pg/*.c and all rooms into lesionseg.so, and
# its installation. Called by the Makefile, from the project's root, with
# ROOM_ARCHIVES, ROOM_LIBS, ROOM_CPPFLAGS, WARNINGS, USER_CFLAGS and PG_LDFLAGS
# and PACS_PROGRAM set. DATA is overridden because `make demo DATA=dir` means something else by it.

EXTENSION = lesionseg
override DATA = $(wildcard sql/lesionseg--*.sql)
MODULE_big = lesionseg
PG_SOURCES = $(sort $(wildcard src/pg/*.c src/pg/*/*.c src/pg/*/*/*.c))
EXTENSION_VERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" lesionseg.control)

# Objects of src/pg belong to one server: to its headers, which .d files leave
# out. Another PG_CONFIG, or an update of the same server, has a folder of its own.
SERVER := $(shell '$(PG_CONFIG)' --version --configure --includedir-server | cksum | cut -d' ' -f1)
OBJECT_DIR = build/release/pg-$(SERVER)
OBJS = $(patsubst src/pg/%.c,$(OBJECT_DIR)/%.o,$(PG_SOURCES))
REGRESS = $(patsubst sql/%.sql,%,$(filter-out $(DATA),$(sort $(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --outputdir=.
MODELS ?= $(wildcard models/*.safetensors models/*.json)

# Everything in the archives belongs to the module (SQL functions reach it by
# pointer tables too), and none of it to the server's symbol table. Nor do the names of src/pg: another extension
# may have a function of the same name, and it would be called.
SHLIB_LINK = -Wl,--whole-archive $(ROOM_ARCHIVES) -Wl,--no-whole-archive \
	-Wl,--exclude-libs,ALL -Wl,--version-script=src/pg/exports.map -fopenmp $(ROOM_LIBS)

# Our constructor runs before that of libgomp (src/pg/module.c).
SHLIB_LINK += -Wl,-z,initfirst

# No bitcode: inlining our C into JIT-compiled expressions gains nothing.
override with_llvm := no

all:

# PGXS takes the folder of this file for the project's; it is the one we are in.
VPATH = .

PGXS := $(shell '$(PG_CONFIG)' --pgxs)
include $(PGXS)

# The server's own headers are not ours to warn about, and its callbacks have
# parameters that not everyone needs. clang 14 does not know the flag by which GCC
# on 32-bit x86 rounds as the server does.
EXCESS_PRECISION := $(shell $(CC) -Werror -fexcess-precision=standard -E -x c /dev/null >/dev/null 2>&1 && \
	echo -fexcess-precision=standard)
PG_INCLUDE := $(shell '$(PG_CONFIG)' --includedir-server)
MODULE_CFLAGS = $(USER_CFLAGS) -std=gnu11 -fno-omit-frame-pointer -fno-strict-aliasing -fwrapv \
	$(EXCESS_PRECISION) -fPIC -fopenmp $(WARNINGS) -Wno-unused-parameter -Wno-missing-field-initializers \
	-Isrc -isystem $(PG_INCLUDE) -D_GNU_SOURCE -DLESIONSEG_VERSION='"$(EXTENSION_VERSION)"' $(ROOM_CPPFLAGS)

$(OBJECT_DIR)/%.o: src/pg/%.c
	@mkdir -p $(@D)
	$(CC) $(MODULE_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(OBJECT_DIR)/*.d $(OBJECT_DIR)/*/*.d $(OBJECT_DIR)/*/*/*.d)

lesionseg.so: $(ROOM_ARCHIVES) build/release/pg.list src/pg/exports.map

# Link anew when a file leaves src/pg/, for another server, and for another variant of the rooms.
build/release/pg.list: always
	@mkdir -p $(@D)
	@echo '$(OBJS) $(SHLIB_LINK)' | cmp -s - $@ || echo '$(OBJS) $(SHLIB_LINK)' > $@
.PHONY: always
always:

# The client program that loads and saves files stands beside the server's own. Not as PGXS's SCRIPTS: its uninstall
# looks for it under the path that it has here.
install: install-files
uninstall: uninstall-files
.PHONY: install-files uninstall-files
install-files: installdirs
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_SCRIPT) src/files/lesionseg-files '$(DESTDIR)$(bindir)/lesionseg-files'
uninstall-files:
	rm -f '$(DESTDIR)$(bindir)/lesionseg-files'

# Bundled weights stand beside the extension script, in a folder of their own.
FILES_DIR = $(DESTDIR)$(datadir)/extension/lesionseg
ifneq ($(MODELS),)
install: install-models
uninstall: uninstall-models
.PHONY: install-models uninstall-models
install-models: installdirs
	$(MKDIR_P) '$(FILES_DIR)'
	rm -f '$(FILES_DIR)'/*.traits.json	# of former weights: these would be refused with them
	$(INSTALL_DATA) $(MODELS) '$(FILES_DIR)/'
uninstall-models:
	rm -f $(addprefix '$(FILES_DIR)'/,$(notdir $(MODELS)))
	[ ! -d '$(FILES_DIR)' ] || rmdir --ignore-fail-on-non-empty '$(FILES_DIR)'
endif

# So does the one that talks to a PACS; the script of its tables stands beside the weights.
ifneq ($(PACS_PROGRAM),)
install: install-pacs
uninstall: uninstall-pacs
.PHONY: install-pacs uninstall-pacs
install-pacs: installdirs
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(FILES_DIR)'
	$(INSTALL_PROGRAM) $(PACS_PROGRAM) '$(DESTDIR)$(bindir)/lesionseg-pacs'
	$(INSTALL_DATA) src/pacs/tables.sql '$(FILES_DIR)/pacs.sql'
uninstall-pacs:
	rm -f '$(DESTDIR)$(bindir)/lesionseg-pacs' '$(FILES_DIR)/pacs.sql'
	[ ! -d '$(FILES_DIR)' ] || rmdir --ignore-fail-on-non-empty '$(FILES_DIR)'
endif
