# The isolation checker: histories of real threads, checked for every anomaly (tests/isolation/check.c).
#
#   make isolation TXNS=n [SEED=s] [THREADS=t]   so many transactions; the seed gives the plan, the
#                                                interleaving is the scheduler's
ISOLATION_SRC   := $(filter-out tests/isolation/broken_% tests/isolation/test_%,$(sort $(wildcard tests/isolation/*.c)))
ISOLATION_FLAGS := -D_GNU_SOURCE -Itests/isolation
ISOLATION_CHECK := history index reads graph check
ISOLATION_ARGS   = --txns $(or $(TXNS),100000) $(if $(SEED),--seed $(SEED)) $(if $(THREADS),--threads $(THREADS))

TEST_SUITES += test-isolation

.PHONY: isolation test-isolation
isolation: $(BUILD)/isolation/isolation ## check histories of threads: TXNS=n [SEED=s] [THREADS=t]
	@$< $(ISOLATION_ARGS)

test-isolation: $(addprefix $(BUILD)/isolation/,test_check isolation isolation-tsan isolation-broken) ## check histories of threads, also under the thread sanitizer and with validation off
	@tests/isolation/run $^

$(BUILD)/isolation/isolation: $(ISOLATION_SRC:%.c=$(BUILD)/isolation/%.o) $(BUILD)/libstrata.a
	@echo "LD $@"
	@$(CC) $(RELEASE) -o $@ $^ $(LIBS)

$(BUILD)/isolation/isolation-broken: $(BUILD)/isolation/tests/isolation/broken_validate.o $(ISOLATION_SRC:%.c=$(BUILD)/isolation/%.o) $(BUILD)/libstrata.a
	@echo "LD $@"
	@$(CC) $(RELEASE) -Wl,--wrap=st_txn_validate -o $@ $^ $(LIBS)

$(BUILD)/isolation/isolation-tsan: $(ISOLATION_SRC:%.c=$(BUILD)/isolation-tsan/%.o) $(patsubst %.c,$(BUILD)/tsan/%.o,$(CORE_SRC) $(NATIVE_SRC))
	@echo "LD $@"
	@$(CC) $(TSAN_FLAGS) -o $@ $^ $(LIBS)

$(BUILD)/isolation/test_check: $(ISOLATION_CHECK:%=$(BUILD)/isolation-asan/tests/isolation/%.o) $(BUILD)/isolation-asan/tests/isolation/test_check.o
	@echo "LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ -lcmocka

$(BUILD)/isolation/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(COMMON) $(RELEASE) $(ISOLATION_FLAGS) -c -o $@ $<

$(BUILD)/isolation-asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $< (sanitized)"
	@$(CC) $(COMMON) $(SANITIZE) $(ISOLATION_FLAGS) -c -o $@ $<

$(BUILD)/isolation-tsan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $< (threads)"
	@$(CC) $(COMMON) $(TSAN_FLAGS) $(ISOLATION_FLAGS) -c -o $@ $<

.PRECIOUS: $(BUILD)/isolation/%.o $(BUILD)/isolation-tsan/%.o $(BUILD)/isolation-asan/%.o
-include $(ISOLATION_SRC:%.c=$(BUILD)/isolation/%.d) $(ISOLATION_SRC:%.c=$(BUILD)/isolation-tsan/%.d) $(wildcard $(BUILD)/isolation-asan/tests/isolation/*.d)
