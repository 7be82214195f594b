// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import HakmemCoreHosted

@Suite struct OptionValuesTests {
    private func values(_ environment: String...) -> OptionValues { .parsed(environment) }

    /// Whether two sets of values agree in all but the path.
    private func areEqual(_ one: OptionValues, _ other: OptionValues) -> Bool {
        one.mode == other.mode && one.ignoresErrors == other.ignoresErrors
            && one.stats == other.stats && one.purgeDelayMs == other.purgeDelayMs
            && one.retainBytesMax == other.retainBytesMax
            && one.largeCacheBytesMax == other.largeCacheBytesMax
            && one.whaleCacheBytesMax == other.whaleCacheBytesMax
            && one.usesHugePages == other.usesHugePages
            && one.hasHugeLots == other.hasHugeLots
    }

    @Test func nothingGivenLeavesDefaults() {
        #expect(areEqual(OptionValues(environment: nil), OptionValues()))
        #expect(areEqual(values("PATH=/bin", "HAKMEM=1", "hakmem_mode=fast"), OptionValues()))
        #expect(values().purgeDelayMs == OptionName.purgeDelayMs.spec.defaultValue)
    }

    @Test func wordsAreIndices() {
        #expect(values("HAKMEM_MODE=fast").mode == OptionValues.fast)
        #expect(values("HAKMEM_MODE=minimal").mode == OptionValues.minimal)
        #expect(values("HAKMEM_MODE=balanced").mode == 2)
        #expect(values("HAKMEM_ON_ERROR=ignore").ignoresErrors)
        #expect(!values("HAKMEM_ON_ERROR=abort").ignoresErrors)
        #expect(values("HAKMEM_STATS=json").stats == 2)
        #expect(values("HAKMEM_STATS=1").stats == 1)
    }

    @Test(arguments: [("none", false, false), ("dense", true, false), ("all", true, true)])
    func hugePagesByDegrees(word: String, inLots: Bool, ofLargeBlocks: Bool) {
        let found = values("HAKMEM_HUGE_PAGES=" + word)
        #expect(found.hasHugeLots == inLots)
        #expect(found.usesHugePages == ofLargeBlocks)
        #expect(values().hasHugeLots && !values().usesHugePages)
    }

    @Test func numbersHaveUnits() {
        #expect(values("HAKMEM_PURGE_DELAY_MS=0").purgeDelayMs == 0)
        #expect(values("HAKMEM_PURGE_DELAY_MS=60000").purgeDelayMs == 60_000)
        #expect(values("HAKMEM_RETAIN_MB=3").retainBytesMax == 3 << 20)
        #expect(values("HAKMEM_LARGE_CACHE_KB=5").largeCacheBytesMax == 5 << 10)
        #expect(values("HAKMEM_WHALE_CACHE_MB=007").whaleCacheBytesMax == 7 << 20)
    }

    @Test func pathsAreKeptAsTheyAre() throws {
        let path = try #require(values("HAKMEM_STATS_FILE=/tmp/a=b").statsFile)
        #expect(String(cString: path) == "/tmp/a=b")
        #expect(values("HAKMEM_STATS_FILEX=/tmp/a").statsFile == nil)
    }

    @Test(arguments: [
        "HAKMEM_MODE=", "HAKMEM_MODE=fas", "HAKMEM_MODE=fastest", "HAKMEM_MODE=fast|balanced",
        "HAKMEM_MODE=1", "HAKMEM_ON_ERROR=ABORT", "HAKMEM_STATS=2", "HAKMEM_STATS=yes",
        "HAKMEM_PURGE_DELAY_MS=", "HAKMEM_PURGE_DELAY_MS=-1", "HAKMEM_PURGE_DELAY_MS=60001",
        "HAKMEM_PURGE_DELAY_MS=1 ", "HAKMEM_PURGE_DELAY_MS=0x10", "HAKMEM_RETAIN_MB=1048577",
        "HAKMEM_RETAIN_MB=99999999999999999999999", "HAKMEM_HUGE_PAGES=2", "HAKMEM_HUGE_PAGES=1",
    ])
    func badValuesLeaveDefaults(entry: String) {
        #expect(areEqual(values(entry), OptionValues()))
    }

    @Test func modesSetDefaultsAndOptionsWin() {
        let minimal = values("HAKMEM_RETAIN_MB=9", "HAKMEM_MODE=minimal")
        #expect(minimal.purgeDelayMs == 0)
        #expect(minimal.largeCacheBytesMax == 0)
        #expect(minimal.whaleCacheBytesMax == 0)
        #expect(minimal.retainBytesMax == 9 << 20)
        let fast = values("HAKMEM_MODE=fast", "HAKMEM_PURGE_DELAY_MS=5")
        #expect(fast.purgeDelayMs == 5)
        #expect(fast.retainBytesMax > OptionValues().retainBytesMax)
        #expect(values("HAKMEM_MODE=minimal", "HAKMEM_RETAIN_MB=x").retainBytesMax == 0)
    }

    @Test func learningFollowsTheModeAndItsOwnOption() {
        #expect(!values().learns && !values().measuresSections)
        #expect(!values("HAKMEM_MODE=fast").learns)
        let learning = values("HAKMEM_MODE=learning")
        #expect(learning.learns && !learning.isFrozen && learning.measuresSections)
        #expect(learning.timing == 0 && values("HAKMEM_MODE=research").timing == 1)
        #expect(!values("HAKMEM_MODE=learning", "HAKMEM_EVO=off").learns)
        #expect(values("HAKMEM_MODE=learning", "HAKMEM_EVO=frozen").isFrozen)
        let learnt = values("HAKMEM_EVO=learn")
        #expect(learnt.learns && !learnt.isFrozen)
    }

    @Test func weightsFollowTheWord() {
        let weighed = values("HAKMEM_EVO=learn:70,20,10")
        #expect(weighed.learns && !weighed.isFrozen && weighed.scoreWeights == (70, 20, 10))
        #expect(values("HAKMEM_EVO=auto:0,0,1").scoreWeights == (0, 0, 1))
        #expect(values().scoreWeights == (40, 30, 30))
        for wrong in [
            "learn:", "learn:1", "learn:1,2", "learn:1,2,3,4", "learn:1,2,", "learn:0,0,0",
            "learn:101,1,1", "learn:1,,1", "lear:1,1,1", ":1,1,1", "learn:1,1,x",
        ] {
            let values = values("HAKMEM_EVO=" + wrong)
            #expect(!values.learns && values.scoreWeights == (40, 30, 30), "\(wrong)")
        }
    }

    @Test func aProfileAloneIsKeptFrozen() throws {
        let values = values("HAKMEM_PROFILE=/tmp/p")
        #expect(values.learns && values.isFrozen)
        #expect(String(cString: try #require(values.profile)) == "/tmp/p")
        #expect(!self.values("HAKMEM_PROFILE=/tmp/p", "HAKMEM_MODE=learning").isFrozen)
        #expect(!self.values("HAKMEM_PROFILE=/tmp/p", "HAKMEM_EVO=off").learns)
    }

    @Test func timingMeasuresWithoutLearning() {
        let values = values("HAKMEM_TIMING=json")
        #expect(values.timing == 2 && values.measuresSections && !values.learns)
        #expect(self.values("HAKMEM_MODE=research", "HAKMEM_TIMING=0").timing == 0)
    }

    @Test func theTableIsConsistent() {
        var index = 0
        var variables: Set<String> = []
        while let name = OptionName(rawValue: index) {
            let spec = name.spec
            #expect(spec.variable.description.hasPrefix("HAKMEM_"))
            #expect(variables.insert(spec.variable.description).inserted)
            #expect(spec.min...spec.max ~= spec.defaultValue)
            #expect(!spec.summary.description.isEmpty)
            if case .word = spec.kind {
                let words = spec.words.description.split(separator: "|")
                #expect(UInt(words.count) == spec.max + 1)
            }
            index += 1
        }
        #expect(index <= 15)
    }
}
