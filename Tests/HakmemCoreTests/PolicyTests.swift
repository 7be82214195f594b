// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// The strategies of a process, and which one is active.
    @Suite struct PolicyTests {
        @Test func rowZeroIsWhatTheOptionsSay() {
            for environment in [[], ["HAKMEM_MODE=minimal"], ["HAKMEM_MODE=fast"]] {
                let options = OptionValues.parsed(environment)
                let row = Strategy(Strategy.defaultIndex, options: options)
                #expect(row.purgeDelayMs == options.purgeDelayMs)
                #expect(row.retainBytesMax == options.retainBytesMax)
                #expect(row.largeCacheBytesMax == options.largeCacheBytesMax)
                #expect(row.whaleCacheBytesMax == options.whaleCacheBytesMax)
                #expect(row.usesHugePages == options.usesHugePages)
            }
            #expect(Strategy(0, options: OptionValues()) == Strategy.at(0))
        }

        @Test func whatTheUserGaveHoldsInEveryStrategy() {
            let options = OptionValues.parsed([
                "HAKMEM_MODE=learning", "HAKMEM_PURGE_DELAY_MS=7", "HAKMEM_RETAIN_MB=3",
                "HAKMEM_LARGE_CACHE_KB=5", "HAKMEM_WHALE_CACHE_MB=2", "HAKMEM_HUGE_PAGES=none",
            ])
            for index in 0..<Strategy.count {
                let row = Strategy(index, options: options)
                #expect(row.purgeDelayMs == 7)
                #expect(row.retainBytesMax == 3 << 20)
                #expect(row.largeCacheBytesMax == 5 << 10)
                #expect(row.whaleCacheBytesMax == 2 << 20)
                #expect(!row.usesHugePages)
            }
        }

        @Test func aModeBindsRowZeroAlone() {
            let options = OptionValues.parsed(["HAKMEM_MODE=minimal"])
            for index in 1..<Strategy.count {
                #expect(Strategy(index, options: options) == Strategy.at(index))
            }
        }

        @Test func theWordNamesTheActiveRow() {
            StartedHeap.ensure()
            defer { Policy.make() }
            for index in 0..<Strategy.count {
                Policy.activate(index)
                #expect(policy.pointee == strategyTable[index])
            }
            Policy.make()
            #expect(policy.pointee == strategyTable[Strategy.defaultIndex])
        }

        @Test func theHeapFollowsTheActiveStrategy() throws {
            try withCache { cache in
                defer { Policy.make() }
                Policy.activate(2)
                let block = try Block.take(100_000)
                cache.header.pointee.large.releaseAll()
                Block.free(block)
                try require(cache.header.pointee.large.bytes == 0, "prompt keeps nothing")
                Policy.activate(0)
                let kept = try Block.take(100_000)
                Block.free(kept)
                try require(cache.header.pointee.large.bytes > 0)
            }
        }
    }
}
