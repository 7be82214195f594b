// SPDX-License-Identifier: MIT

import CHakmemShim
import Glibc
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct PageHeapTests {
        init() { StartedHeap.ensure() }

        private func acquire(_ granules: UInt, alignment: UInt = 1) throws -> Span {
            let acquired = pageHeap.acquire(granules, alignment: alignment)
            let span = try #require(acquired)
            span.publishEdges()
            return span
        }

        private func write(_ span: Span) {
            pointer(span.start, to: UInt8.self).update(repeating: 1, count: Int(span.bytes))
        }

        private func expectIntact(_ location: SourceLocation = #_sourceLocation) {
            let violations = pageHeap.violations()
            #expect(violations.isEmpty, "\(violations.prefix(5))", sourceLocation: location)
        }

        /// Returns all free memory, so that what is acquired next is clean.
        private func purgeAll() { _ = pageHeap.purge(now: Clock.nowMs(), all: true) }

        @Test(arguments: [1, 2, 4, 8, 64, 128] as [UInt])
        func alignmentsHold(alignment: UInt) throws {
            var spans: [Span] = []
            for granules in UInt(1)...20 {
                let span = try acquire(granules, alignment: alignment)
                #expect((span.start >> granuleShift) % alignment == 0)
                #expect(span.bytes == granules << granuleShift)
                spans.append(span)
            }
            expectIntact()
            for each in spans { pageHeap.release(each) }
            expectIntact()
        }

        /// Statistics walk the spans under the lock by the entries of their starts.
        @Test func aSpanIsPublishedBeforeTheLockGoes() throws {
            for _ in 0..<8 {
                let one = pageHeap.acquire(1)
                let aligned = pageHeap.acquire(1, alignment: 128)
                let (plain, span) = (try #require(one), try #require(aligned))
                #expect(BlockMap.span(plain.start) == plain)
                #expect(BlockMap.span(span.start) == span)
                expectIntact()
                for each in [plain, span] {
                    each.publishEdges()
                    pageHeap.release(each)
                }
            }
        }

        @Test func whatIsCleanReadsAsZero() throws {
            purgeAll()
            let dirty = try acquire(64)
            #expect(!dirty.isDirty)
            #expect(UnsafeMutableRawPointer(bitPattern: dirty.start)!.isZero(dirty.bytes))
            write(dirty)
            let start = dirty.start
            pageHeap.release(dirty)
            let again = try acquire(64)
            #expect(again.start == start, "dirty memory is taken first")
            #expect(again.isDirty)
            pageHeap.release(again)
            purgeAll()
            let clean = try acquire(64)
            #expect(!clean.isDirty)
            #expect(UnsafeMutableRawPointer(bitPattern: clean.start)!.isZero(clean.bytes))
            pageHeap.release(clean)
        }

        @Test func neighboursJoinInEveryOrder() throws {
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let parts = try (0..<3).map { _ in try acquire(2) }
                for part in order { pageHeap.release(parts[part]) }
                expectIntact()
            }
        }

        @Test func extendTakesFromTheFreeSpanBehind() throws {
            let span = try acquire(20)
            pageHeap.trim(span, toGranules: 4)
            #expect(span.bytes == 4 << granuleShift)
            expectIntact()
            #expect(pageHeap.extend(span, toGranules: 12) == true)
            #expect(span.bytes == 12 << granuleShift)
            #expect(span.isDirty, "the part behind was dirty")
            #expect(BlockMap.span(span.end - 1) == span)
            expectIntact()
            #expect(pageHeap.extend(span, toGranules: 20) == true)
            expectIntact()
            #expect(pageHeap.extend(span, toGranules: 1 << 20) == false)
            #expect(span.bytes == 20 << granuleShift)
            pageHeap.release(span)
            expectIntact()
        }

        @Test func extendTakesFreeSpansOfBothKinds() throws {
            let span = try acquire(40)
            pageHeap.trim(span, toGranules: 30)
            let middle = pageHeap.freeSpan(startingAt: span.end)!
            #expect(middle.header.pointee.isDirty == true)
            pageHeap.trim(span, toGranules: 20)
            purgeAll()
            pageHeap.trim(span, toGranules: 10)
            // 10 in use, 10 dirty, then at least 20 clean.
            #expect(pageHeap.extend(span, toGranules: 35) == true)
            #expect(span.bytes == 35 << granuleShift)
            #expect(BlockMap.span(span.end - 1) == span)
            expectIntact()
            pageHeap.release(span)
            expectIntact()
        }

        @Test func whatGrowsIsPlacedWhereItHasRoom() throws {
            purgeAll()
            #expect(pageHeap.acquireToGrow(4, orLess: true) == nil, "no dirty span is there")
            let large = try acquire(40)
            let start = large.start
            pageHeap.release(large)
            #expect(pageHeap.acquireToGrow(11, orLess: false) == nil, "not four times the size")
            #expect(pageHeap.acquireToGrow(33, orLess: true) == nil, "not a quarter more")
            let span = try #require(pageHeap.acquireToGrow(10, orLess: false))
            #expect(span.start == start && span.bytes == 10 << granuleShift)
            expectIntact()
            #expect(pageHeap.extend(span, toGranules: 40) == true)
            pageHeap.release(span)
            let larger = try #require(pageHeap.acquireToGrow(32, orLess: true))
            #expect(larger.start == start)
            pageHeap.release(larger)
            expectIntact()
        }

        /// One large block at a time is no program that drops what it has.
        @Test func theLastReleaseStaysForItsDelay() throws {
            purgeAll()
            for _ in 0..<3 {
                let span = try acquire(1024)
                pageHeap.release(span)
                #expect((pageHeap.fields.pointee.dirtyBytes >= 1024 << granuleShift) == true)
            }
            let spans = try (0..<3).map { _ in try acquire(64) }
            for span in spans { pageHeap.release(span) }
            #expect(pageHeap.fields.pointee.droppedBytes == 2 * 64 << granuleShift)
            expectIntact()
            purgeAll()
        }

        @Test func freeSpansOfBothKindsServeAsOne() throws {
            purgeAll()
            var most: UInt = 0
            pageHeap.forEachSpan { span in
                if span.state == .free { most = max(most, UInt(span.header.pointee.granules)) }
            }
            let least: UInt = 200
            if most < least { pageHeap.release(try acquire(least), isDirty: false) }
            most = max(most, least)
            let whole = try acquire(most)
            let start = whole.start
            pageHeap.trim(whole, toGranules: most - 100)
            pageHeap.release(whole, isDirty: false)
            expectIntact()
            let mixed = try acquire(most - 50)
            #expect(mixed.isDirty)
            #expect(mixed.start == start + 50 << granuleShift, "the dirty part is taken whole")
            expectIntact()
            pageHeap.release(mixed)
            expectIntact()
        }

        @Test func purgeReturnsTheBytes() throws {
            purgeAll()
            #expect(pageHeap.fields.pointee.dirtyBytes == 0)
            let span = try acquire(32)
            write(span)
            pageHeap.release(span)
            #expect(pageHeap.fields.pointee.dirtyBytes == 32 << granuleShift)
            #expect(pageHeap.purge(now: Clock.nowMs(), all: true) == 32 << granuleShift)
            #expect(pageHeap.fields.pointee.dirtyBytes == 0)
            expectIntact()
        }

        @Test func purgeWaitsForItsDelay() throws {
            purgeAll()
            let span = try acquire(32)
            pageHeap.release(span)
            let now = Clock.nowMs()
            pageHeap.purgeIfDue(now)
            #expect(pageHeap.fields.pointee.dirtyBytes == 32 << granuleShift)
            pageHeap.purgeIfDue(now &+ UInt32(process.options.purgeDelayMs) + 100)
            #expect(pageHeap.fields.pointee.dirtyBytes == 0)
        }

        @Test func whatStaysDirtyIsBounded() throws {
            try withOption(\.retainBytesMax, 1 << 20) {
                let spans = try (0..<16).map { _ in try acquire(16) }
                for span in spans {
                    pageHeap.release(span)
                    #expect(pageHeap.fields.pointee.dirtyBytes <= 1 << 20)
                }
            }
            expectIntact()
        }

        /// The kernel refuses to purge locked memory: it stays dirty, and the purge ends.
        @Test(.timeLimit(.minutes(1))) func refusedPurgesEnd() throws {
            purgeAll()
            let span = try acquire(4)
            write(span)
            let (start, bytes) = (span.start, span.bytes)
            // Not the wrapper, which sanitizers replace.
            guard hak_syscall6(Int(SYS_mlock), start, bytes, 0, 0, 0, 0) == 0 else { return }
            pageHeap.release(span)
            #expect(pageHeap.purge(now: Clock.nowMs(), all: true) == 0)
            #expect(pageHeap.fields.pointee.dirtyBytes == bytes)
            withOption(\.purgeDelayMs, 0) {
                pageHeap.purgeIfDue(Clock.nowMs() &+ 1000)
            }
            expectIntact()
            _ = hak_syscall6(Int(SYS_munlock), start, bytes, 0, 0, 0, 0)
            #expect(pageHeap.purge(now: Clock.nowMs(), all: true) == bytes)
            expectIntact()
        }

        @Test func randomOperationsNeverOverlap() throws {
            var random = Randomness(seed: Randomness.printedSeed())
            var held: [Span] = []
            let before = pageHeap.fields.pointee.mappedBytes - pageHeap.fields.pointee.freeBytes
            for step in 0..<4000 {
                switch random.below(10) {
                case 0..<5 where held.count < 200:
                    let alignment: UInt = random.below(4) == 0 ? 1 << UInt(random.below(6)) : 1
                    let granules = UInt(1 + random.below(random.below(8) == 0 ? 200 : 12))
                    let span = try acquire(granules, alignment: alignment)
                    #expect((span.start >> granuleShift) % alignment == 0)
                    for other in held where span.start < other.end && other.start < span.end {
                        Issue.record("overlap at step \(step)")
                    }
                    held.append(span)
                case 5..<8 where !held.isEmpty:
                    pageHeap.release(held.remove(at: random.below(held.count)))
                case 8 where !held.isEmpty:
                    let span = held[random.below(held.count)]
                    let granules = UInt(span.header.pointee.granules)
                    if random.below(2) == 0 {
                        let wanted = granules + UInt(1 + random.below(8))
                        let done = pageHeap.extend(span, toGranules: wanted)
                        #expect(UInt(span.header.pointee.granules) == (done ? wanted : granules))
                    } else if granules > 1 {
                        pageHeap.trim(span, toGranules: granules / 2)
                    }
                case 9 where random.below(20) == 0: purgeAll()
                default: break
                }
                if step % 50 == 0 { expectIntact() }
            }
            let heldBytes = held.reduce(0) { $0 + $1.bytes }
            let used = pageHeap.fields.pointee.mappedBytes - pageHeap.fields.pointee.freeBytes
            #expect(used - before == heldBytes)
            for each in held { pageHeap.release(each) }
            expectIntact()
        }
    }
}
