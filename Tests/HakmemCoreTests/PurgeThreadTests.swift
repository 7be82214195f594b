// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// What the purge thread does at a look, and when it looks again.
    @Suite struct PurgeThreadTests {
        init() { StartedHeap.ensure() }

        private func pauses(_ kept: [Bool], delayMs: UInt32) -> [UInt32] {
            var last: UInt32 = 0
            return kept.map { isAnythingKept in
                last = PurgeThread.pause(
                    after: last, isAnythingKept: isAnythingKept, delayMs: delayMs)
                return last
            }
        }

        @Test func pausesGrowWhileNothingIsKept() {
            let idle = Array(repeating: false, count: 6)
            #expect(pauses(idle, delayMs: 100) == [100, 200, 400, 800, 1000, 1000])
            let changes = [true, true, false, false, true]
            #expect(pauses(changes, delayMs: 100) == [50, 50, 100, 200, 50])
        }

        @Test(arguments: [(0, 10), (1, 10), (60_000, 1000)])
        func pausesAreBounded(delayMs: UInt32, pauseMs: UInt32) {
            #expect(pauses([true], delayMs: delayMs) == [pauseMs])
        }

        @Test func whatIsDueGoesBack() throws {
            _ = Trim.all()
            let whaleBytes = largeMax + 1 << 20
            try withOption(\.whaleCacheBytesMax, whaleBytes) {
                try withCache { _ in
                    let (large, whale) = (try Block.take(4 << 20), try Block.take(whaleBytes))
                    Block.free(whale)
                    Block.free(large)
                    try require(whaleCache.isAnythingDue)
                }
                cachePool.coolDown(Clock.nowMs(), all: true)
                #expect(pageHeap.isAnythingDue)
                let isKept = PurgeThread.purge(Clock.nowMs())
                #expect(isKept, "all of it is young")
                let later = Clock.nowMs() &+ UInt32(process.options.purgeDelayMs) &+ 1000
                let isStillKept = PurgeThread.purge(later)
                #expect(!isStillKept)
                #expect(pageHeap.fields.pointee.dirtyBytes == 0)
                #expect(whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed) == 0)
            }
        }
    }
}
