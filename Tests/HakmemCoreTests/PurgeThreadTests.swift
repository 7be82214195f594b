// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// What the purge thread does at a look, and when it looks again.
    @Suite struct PurgeThreadTests {
        init() { StartedHeap.ensure() }

        private func pauses(_ purged: [Bool], delayMs: UInt32) -> [UInt32] {
            var last: UInt32 = 0
            return purged.map { hasPurged in
                last = PurgeThread.pause(after: last, hasPurged: hasPurged, delayMs: delayMs)
                return last
            }
        }

        @Test func pausesGrowWhileNothingGoesBack() {
            let idle = Array(repeating: false, count: 5)
            #expect(pauses(idle, delayMs: 100) == [100, 200, 400, 500, 500])
            let changes = [true, true, false, false, true]
            #expect(pauses(changes, delayMs: 100) == [50, 50, 100, 200, 50])
        }

        @Test(arguments: [(0, 10), (1, 10), (60_000, 500)])
        func pausesAreBounded(delayMs: UInt32, pauseMs: UInt32) {
            #expect(pauses([true], delayMs: delayMs) == [pauseMs])
        }

        @Test func whatIsDueGoesBack() throws {
            _ = Trim.all()
            let whaleBytes = largeMax + 1 << 20
            let delayMs: UInt = 60_000
            try withOption(\.whaleCacheBytesMax, whaleBytes) {
                try withOption(\.purgeDelayMs, delayMs) {
                    try withCache { _ in
                        let (large, whale) = (try Block.take(4 << 20), try Block.take(whaleBytes))
                        Block.free(whale)
                        Block.free(large)
                    }
                    cachePool.coolDown(Clock.nowMs(), all: true)
                    let young = PurgeThread.purge(Clock.nowMs(), since: PurgeThread.givenBack())
                    #expect(!young)
                    try #require(pageHeap.fields.pointee.dirtyBytes != 0)
                    let later = Clock.nowMs() &+ UInt32(delayMs) &+ 1000
                    let old = PurgeThread.purge(later, since: PurgeThread.givenBack())
                    #expect(old)
                    #expect(pageHeap.fields.pointee.dirtyBytes == 0)
                    #expect(whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed) == 0)
                }
            }
        }
    }
}
