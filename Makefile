# Sojourn: one non-recursive makefile. Modes are directories, never reconfigurations:
#   make [m=rel|dbg|asan|tsan|cov|fuzz] [CC=gcc|clang-14] [O=DIR]
# builds $(O)/$(m)/sojourn. Targets: all, unit, unit-FOLDER, lib_FOLDER, fuzzers, lint, install, clean.

m ?= rel
O ?= out
B := $(O)/$(m)
ifeq ($(origin CC),default)
CC := gcc
endif
HOSTCC ?= $(CC)
PREFIX ?= /usr/local

# Folders from the bottom up; each may use those that tools/layers.txt allows (make lint checks it).
FOLDERS := base state a64 mem ir x64 vm backend engine dev virtio board cmd
include src/files.mk

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
        -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough -Werror
MODE_rel  := -O2 -g -D_FORTIFY_SOURCE=2
MODE_dbg  := -O0 -g3 -DDEBUG_CHECKS=1
MODE_asan := -O1 -g -DDEBUG_CHECKS=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
             -fno-omit-frame-pointer
MODE_tsan := -O1 -g -DDEBUG_CHECKS=1 -fsanitize=thread
MODE_cov  := -O0 -g -DDEBUG_CHECKS=1 --coverage
MODE_fuzz := -O1 -g -DDEBUG_CHECKS=1 -fsanitize=fuzzer-no-link,address,undefined \
             -fno-sanitize-recover=undefined
ifeq ($(MODE_$(m)),)
$(error m=$(m) is not one of rel, dbg, asan, tsan, cov, fuzz)
endif
ifneq ($(filter fuzz tsan,$(m)),) # libFuzzer is clang's; gcc's sanitizer refuses fences
CC := clang-14
endif

CPPFLAGS += -D_GNU_SOURCE -Isrc -Iisa -I$(B)/gen
CFLAGS += -std=gnu11 -fno-strict-aliasing -fwrapv -fstack-protector-strong -pthread $(WARN) $(MODE_$(m))
LDFLAGS += -pthread $(filter -fsanitize=% --coverage,$(MODE_$(m)))
LDLIBS += -lfdt -lslirp -lz

# Quiet by default: one short line per step; V=1 shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n' $(1) $(2))

.PHONY: all unit fuzzers lint install clean nyi isa-stats
all: $(B)/sojourn
.SECONDARY:
.DELETE_ON_ERROR:

# ---- Generated from isa/ (never committed) ----
ISA := isa/a64.isa
GEN_H := $(B)/gen/a64_ops.h
$(B)/isagen: tools/isagen.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) -std=gnu11 -O1 -g -D_GNU_SOURCE $(WARN) -o $@ $<
$(GEN_H): $(B)/isagen $(ISA) isa/features.def
	@mkdir -p $(B)/gen
	$(B)/isagen $(B)/gen isa/features.def $(ISA)
	@touch $@
$(B)/gen/a64_ops.c $(B)/gen/interp_table.c: $(GEN_H) ;
# Encodings and words of each section and feature.
isa-stats: $(B)/isagen
	@$(B)/isagen --stats isa/features.def $(ISA)

# ---- Objects and one archive per folder ----
define FOLDER_RULES
OBJS_$(1) := $$(patsubst src/%.c,$(B)/obj/%.o,$$(SRCS_$(1))) $$(patsubst %.c,$(B)/gen/%.o,$$(GENSRCS_$(1)))
$(B)/lib_$(1).a: $$(OBJS_$(1))
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
.PHONY: lib_$(1) unit-$(1)
lib_$(1): $(B)/lib_$(1).a
endef
$(foreach f,$(FOLDERS),$(eval $(call FOLDER_RULES,$(f))))

# cov: the counts of the object before this one do not fit it.
$(B)/obj/%.o: src/%.c $(GEN_H)
	@mkdir -p $(@D)
	$(if $(filter cov,$(m)),@rm -f $(@:.o=.gcda))
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c $(GEN_H)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

LIBS_ALL := $(foreach f,$(FOLDERS),$(B)/lib_$(f).a)
$(B)/sojourn: $(OBJS_cmd) $(filter-out %/lib_cmd.a,$(LIBS_ALL))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(OBJS_cmd) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

# ---- Comparing engines in lock-step: doc/testing-lab.md ----
LOCKSTEP_OBJS := $(patsubst tools/lockstep/%.c,$(B)/tools/lockstep/%.o,$(wildcard tools/lockstep/*.c))
$(B)/tools/lockstep/%.o: tools/lockstep/%.c $(GEN_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/lockstep: $(LOCKSTEP_OBJS) $(B)/obj/cmd/options.o $(filter-out %/lib_cmd.a,$(LIBS_ALL))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)
all: $(B)/lockstep

# ---- Unit tests: tests/unit/FOLDER/test_*.c links FOLDER and the folders below it ----
# $(call upto,FOLDER) = the folders from the bottom up to FOLDER
upto = $(if $(filter $(1),$(FOLDERS)),$(call upto_walk,$(1),$(FOLDERS)))
upto_walk = $(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto_walk,$(1),$(wordlist 2,99,$(2))))
UNIT_LDLIBS_x64 := -lZydis # decodes what the assembler emits
TEST_SRCS := $(sort $(wildcard tests/unit/*/test_*.c))
define UNIT_RULES
UNIT_$(1) := $$(patsubst tests/unit/%.c,$(B)/unit/%,$$(filter tests/unit/$(1)/%,$$(TEST_SRCS)))
UNIT_EXTRA_$(1) := $$(filter-out tests/unit/$(1)/test_%,$$(wildcard tests/unit/$(1)/*.c))
$$(UNIT_$(1)): $(B)/unit/$(1)/%: tests/unit/$(1)/%.c $$(UNIT_EXTRA_$(1)) $(foreach f,$(call upto,$(1)),$(B)/lib_$(f).a)
	@mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(CPPFLAGS) -Itests/unit/$(1) $$(CFLAGS) $$(LDFLAGS) -MMD -MP -MF $$@.d -o $$@ $$< $$(UNIT_EXTRA_$(1)) \
	  -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LDLIBS) $$(UNIT_LDLIBS_$(1)) -lcmocka -lm
unit-$(1): $$(UNIT_$(1))
	@for t in $$(UNIT_$(1)); do echo "== $$$$t"; $$$$t || exit 1; done
endef
$(foreach f,$(FOLDERS),$(eval $(call UNIT_RULES,$(f))))
UNIT_ALL := $(foreach f,$(FOLDERS),$(UNIT_$(f)))
unit: $(UNIT_ALL)
units-build: $(UNIT_ALL)

# ---- Fuzz targets (m=fuzz): fuzz/fuzz_*.c, each with the other files of fuzz/ ----
FUZZERS := $(patsubst fuzz/%.c,$(B)/%,$(wildcard fuzz/fuzz_*.c))
FUZZ_OBJS := $(patsubst fuzz/%.c,$(B)/fuzz/%.o,$(filter-out fuzz/fuzz_%,$(wildcard fuzz/*.c)))
$(B)/fuzz/%.o: fuzz/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(FUZZERS): $(B)/%: $(B)/fuzz/%.o $(B)/fuzz/lib_fuzz.a $(B)/obj/cmd/options.o $(LIBS_ALL)
	$(call say,FUZZ,$@)
	$(Q)$(CC) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) \
	  -Wl,--start-group $(filter-out %/lib_cmd.a,$(filter %.a,$^)) -Wl,--end-group $(LDLIBS)
$(B)/fuzz/lib_fuzz.a: $(FUZZ_OBJS)
	@rm -f $@
	$(Q)ar rcs $@ $^
fuzzers: $(FUZZERS)

lint:
	tools/check_layers tools/layers.txt src
	tools/lint

# ---- Nightly comparison with outside oracles: N trials of single instructions, SEED; doc/oracles.md ----
.PHONY: lab
lab: $(B)/sojourn
	tools/lab.sh $(B)/sojourn

# ---- Speed against QEMU and native: ENGINE, ROUNDS, ONLY, SIZE, SYSTEMS, MEASURE; doc/bench.md ----
.PHONY: bench
bench: $(B)/sojourn
	tools/bench/bench --sojourn $(B)/sojourn --out $(O)/bench $(if $(ENGINE),--engine "$(ENGINE)") \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only "$(ONLY)") $(if $(SIZE),--size $(SIZE)) \
	  $(if $(SYSTEMS),--systems "$(SYSTEMS)") $(if $(MEASURE),--measure $(MEASURE)) $(BENCH_ARGS)

nyi:
	@grep -rnoE 'NYI\([^)]*\):?.*' src isa tools tests --include='*' || echo "no NYI rows"

# ---- Manual page and shell completion: made by the binary from its own option table ----
all: $(B)/sojourn.1 $(B)/sojourn.bash
$(B)/sojourn.1: $(B)/sojourn
	$(B)/sojourn help --man > $@
$(B)/sojourn.bash: $(B)/sojourn
	$(B)/sojourn help --completion bash > $@

install: $(B)/sojourn $(B)/sojourn.1 $(B)/sojourn.bash
	install -D -m 755 $(B)/sojourn $(DESTDIR)$(PREFIX)/bin/sojourn
	install -D -m 644 $(B)/sojourn.1 $(DESTDIR)$(PREFIX)/share/man/man1/sojourn.1
	install -D -m 644 $(B)/sojourn.bash \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sojourn

clean:
	rm -rf $(O)

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)
