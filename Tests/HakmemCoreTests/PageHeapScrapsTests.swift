// SPDX-License-Identifier: MIT
//
// Scraps: small dirty spans that slabs are made of before untouched memory is used.

import CHakmemShim
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct PageHeapScrapsTests {
        init() { StartedHeap.ensure() }

        /// Makes `count` dirty spans of a granule, each between two that are in use, where there
        /// were none; gives those in use.
        private func makeScraps(_ count: Int) throws -> [Span] {
            _ = pageHeap.purge(now: Clock.nowMs(), all: true)
            let spans = try (0..<2 * count).map { _ in
                let span = pageHeap.acquire(1)
                guard let span else { throw Violation.outOfMemory }
                span.publishEdges()
                return span
            }
            let inOrder = spans.sorted { $0.start < $1.start }
            for index in stride(from: 1, to: 2 * count, by: 2) { pageHeap.release(inOrder[index]) }
            return stride(from: 0, to: 2 * count, by: 2).map { inOrder[$0] }
        }

        @Test func smallDirtySpansAreCounted() throws {
            let kept = try makeScraps(20)
            #expect(pageHeap.fields.pointee.scraps.load(ordering: .relaxed) >= 20)
            #expect(pageHeap.violations() == [])
            for span in kept { pageHeap.release(span) }
            #expect(pageHeap.violations() == [])
        }

        @Test func onlySmallSpansAreTakenAndOnlyOfMany() throws {
            let few = try makeScraps(4)
            #expect(pageHeap.acquireScrap(1) == nil)
            for span in few { pageHeap.release(span) }
            let many = try makeScraps(20)
            #expect(pageHeap.acquireScrap(5) == nil)
            let scrap = try #require(pageHeap.acquireScrap(1))
            #expect(scrap.bytes == granuleBytes && scrap.header.pointee.isDirty)
            scrap.publishEdges()
            #expect(pageHeap.violations() == [])
            for span in many + [scrap] { pageHeap.release(span) }
        }

        /// What is beyond the bound when a thread has ended is a large span first.
        @Test func anExitPurgesInFewCalls() throws {
            let kept = try makeScraps(40)
            let granules = pageHeap.retainedBytesMax >> granuleShift + 64
            let large = try #require(pageHeap.acquire(granules))
            large.publishEdges()
            pageHeap.release(large)
            let scraps = pageHeap.fields.pointee.scraps.load(ordering: .relaxed)
            let calls = counters.purges.load(ordering: .relaxed)
            pageHeap.purgeToBound(Clock.nowMs())
            #expect(counters.purges.load(ordering: .relaxed) - calls <= 2)
            #expect(pageHeap.fields.pointee.dirtyBytes <= pageHeap.retainedBytesMax)
            #expect(pageHeap.fields.pointee.scraps.load(ordering: .relaxed) >= scraps)
            #expect(pageHeap.violations() == [])
            for span in kept { pageHeap.release(span) }
        }

        /// A slab that was begun leaves the rest of it untouched while there are scraps.
        @Test func scrapsAreUsedBeforeUntouchedMemory() throws {
            try withCache { cache in
                let bytes: UInt = 1024
                var kept: [Span] = []
                let (first, begun) = try Block.takeNew(cache, bytes)
                let slab = try #require(BlockMap.span(first))
                var taken = begun
                while taken.count < 9 { taken.append(try Block.take(bytes)) }
                cache.flushBins()
                let used = slab.header.pointee.usedBlocksOrStamp
                try require(used < slab.blocks, "the slab was used up: \(used)")
                kept = try makeScraps(20)
                while taken.count < 16 { taken.append(try Block.take(bytes)) }
                try require(slab.header.pointee.usedBlocksOrStamp == used, "it took new blocks")
                try requireIntact(cache)
                taken.forEach(Block.free)
                for span in kept { pageHeap.release(span) }
            }
        }
    }
}
