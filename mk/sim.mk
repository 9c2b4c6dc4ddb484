# The simulator: whole lives of a database, each made of one seed, against a model (tests/sim/life.c).
#
#   make sim SEEDS=n [FIRST=k] [JOBS=j]   seeds k to k+n-1, after those in tests/sim/regressions.txt
#   make sim SEEDS=n COUNTS=1             the same, telling how often each operation was asked for
#   make sim SEED=n [TRACE=1]             one of them again, telling every operation
SIM_SRC   := $(sort $(filter-out tests/sim/broken_%,$(wildcard tests/sim/*.c))) tests/unit/sim.c tests/unit/support.c
SIM_OBJ   := $(SIM_SRC:%.c=$(BUILD)/sim/%.o)
SIM_FLAGS := -D_GNU_SOURCE -Itests/unit -Itests/sim
SIM_SEEDS := --regressions tests/sim/regressions.txt
SIM_RUN    = $(if $(SEED),--seed $(SEED) $(if $(TRACE),--trace),$(SIM_SEEDS) --seeds $(or $(SEEDS),2000) $(if $(FIRST),--first $(FIRST)) $(if $(JOBS),--jobs $(JOBS)) $(if $(COUNTS),--counts))

# A function of the core is replaced by that of tests/sim/broken_NAME.c when this is linked.
SIM_WRAP_sync   := st_wal_sync
SIM_WRAP_torn   := st_wal_frame_holds
SIM_WRAP_lock   := st_mutex_lock st_mutex_unlock
SIM_WRAP_settle := st_manifest_settle
SIM_WRAP_validate := st_txn_validate
SIM_WRAP_pins     := st_fork_may_drop
SIM_BROKEN      := sync torn lock settle validate pins

TEST_SUITES += test-sim test-sim-broken

.PHONY: sim test-sim test-sim-broken
sim: $(BUILD)/sim/sim ## run the simulator: SEEDS=n [FIRST=k] [JOBS=j] [COUNTS=1], or SEED=n [TRACE=1]
	@$< $(SIM_RUN)

test-sim: $(BUILD)/sim/sim $(BUILD)/sim/sim-asan ## 2000 lives in the simulator, some twice, some sanitized
	@tests/sim/run $^

test-sim-broken: $(SIM_BROKEN:%=$(BUILD)/sim/sim-broken-%) ## show that the simulator catches broken builds
	@tests/sim/run_broken $^

$(BUILD)/sim/sim: $(SIM_OBJ) $(BUILD)/libstrata.a
	@echo "LD $@"
	@$(CC) $(RELEASE) -o $@ $^ $(LIBS)

$(BUILD)/sim/sim-asan: $(SIM_SRC:%.c=$(BUILD)/sim-asan/%.o) $(BUILD)/libstrata-asan.a
	@echo "LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ $(LIBS)

$(BUILD)/sim/sim-broken-%: $(BUILD)/sim/tests/sim/broken_%.o $(SIM_OBJ) $(BUILD)/libstrata.a
	@echo "LD $@"
	@$(CC) $(RELEASE) $(SIM_WRAP_$*:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

$(BUILD)/sim/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(COMMON) $(RELEASE) $(SIM_FLAGS) -c -o $@ $<

$(BUILD)/sim-asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "CC $< (sanitized)"
	@$(CC) $(COMMON) $(SANITIZE) $(SIM_FLAGS) -c -o $@ $<

.PRECIOUS: $(BUILD)/sim/%.o $(BUILD)/sim-asan/%.o
-include $(SIM_OBJ:.o=.d) $(SIM_SRC:%.c=$(BUILD)/sim-asan/%.d) $(wildcard $(BUILD)/sim/tests/sim/broken_*.d)
