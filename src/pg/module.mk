# The PGXS part of the build: src/pg/*.c and all rooms into lesionseg.so, and
# its installation. Called by the Makefile, from the project's root, with
# ROOM_ARCHIVES, ROOM_LIBS, ROOM_CPPFLAGS and WARNINGS set. DATA is overridden
# because `make demo DATA=dir` means something else by it.

EXTENSION = lesionseg
override DATA = $(wildcard sql/lesionseg--*.sql)
MODULE_big = lesionseg
PG_SOURCES = $(sort $(wildcard src/pg/*.c src/pg/*/*.c))
OBJS = $(patsubst src/%.c,build/release/%.o,$(PG_SOURCES))
REGRESS = $(patsubst sql/%.sql,%,$(filter-out $(DATA),$(sort $(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --outputdir=.
MODELS = $(wildcard models/*.safetensors)

# Everything in the archives belongs to the module (SQL functions reach it by
# pointer tables too), and none of it to the server's symbol table.
SHLIB_LINK = -Wl,--whole-archive $(ROOM_ARCHIVES) -Wl,--no-whole-archive \
	-Wl,--exclude-libs,ALL -fopenmp $(ROOM_LIBS)

# Our constructor runs before that of libgomp (src/pg/module.c).
SHLIB_LINK += -Wl,-z,initfirst

# No bitcode: inlining our C into JIT-compiled expressions gains nothing.
override with_llvm := no

all:

# PGXS takes the folder of this file for the project's; it is the one we are in.
VPATH = .

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The server's own headers are not ours to warn about, and its callbacks have
# parameters that not everyone needs.
PG_INCLUDE := $(shell $(PG_CONFIG) --includedir-server)
MODULE_CFLAGS = -std=gnu11 -O2 -g -fno-omit-frame-pointer -fno-strict-aliasing -fwrapv -fexcess-precision=standard \
	-fPIC -fopenmp $(WARNINGS) -Wno-unused-parameter -Wno-missing-field-initializers \
	-Isrc -isystem $(PG_INCLUDE) -D_GNU_SOURCE $(ROOM_CPPFLAGS)

build/release/pg/%.o: src/pg/%.c
	@mkdir -p $(@D)
	$(CC) $(MODULE_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard build/release/pg/*.d build/release/pg/*/*.d)

lesionseg.so: $(ROOM_ARCHIVES) build/release/pg.list

# Link anew when a file leaves src/pg/.
build/release/pg.list: always
	@echo '$(PG_SOURCES)' | cmp -s - $@ || echo '$(PG_SOURCES)' > $@
.PHONY: always
always:

# Bundled weights stand beside the extension script.
ifneq ($(MODELS),)
install: install-models
.PHONY: install-models
install-models: installdirs
	$(MKDIR_P) '$(DESTDIR)$(datadir)/extension/lesionseg'
	$(INSTALL_DATA) $(MODELS) '$(DESTDIR)$(datadir)/extension/lesionseg/'
endif
