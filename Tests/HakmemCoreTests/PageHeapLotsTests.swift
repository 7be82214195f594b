// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// Memory set apart for spans that will be written whole.
    @Suite struct PageHeapLotsTests {
        init() { StartedHeap.ensure() }

        private func acquire(_ granules: UInt) throws -> Span {
            let acquired = pageHeap.acquire(granules)
            let span = try #require(acquired)
            span.publishEdges()
            return span
        }

        private func acquireDense(_ granules: UInt) throws -> Span {
            let acquired = pageHeap.acquireDense(granules)
            let span = try #require(acquired)
            span.publishEdges()
            return span
        }

        private func expectIntact(_ location: SourceLocation = #_sourceLocation) {
            let violations = pageHeap.violations()
            #expect(violations.isEmpty, "\(violations.prefix(5))", sourceLocation: location)
        }

        /// Runs a test in which huge pages are asked for, whatever they cost, if there are any.
        private func withoutPauses(_ body: () throws -> Void) throws {
            try withOption(\.purgeDelayMs, 30_000) {
                try withOption(\.pausesHugePages, false, body)
            }
        }

        private func purgeAll() { _ = pageHeap.purge(now: Clock.nowMs(), all: true) }

        @Test func denseSpansComeInLots() throws {
            try withoutPauses {
                purgeAll()
                let used = try acquire(4096)
                // Clean memory in which a whole huge page lies, wherever it starts.
                pageHeap.release(try acquire(512), isDirty: false)
                let first = try acquireDense(4)
                #expect(UnsafeMutableRawPointer(bitPattern: first.start)!.isZero(first.bytes))
                let lot = try #require(Span(atOrNil: pageHeap.fields.pointee.lot))
                #expect(lot.end == first.start)
                #expect(first.end - lot.start == HugePages.bytes)
                #expect(first.end % HugePages.bytes == 0)
                expectIntact()
                let other = try acquire(4)
                let isApart = !(lot.start..<lot.end).contains(other.start)
                #expect(isApart, "lots are for dense spans only")
                let next = try acquireDense(4)
                #expect(next.end == first.start)
                expectIntact()
                purgeAll()
                #expect(pageHeap.fields.pointee.lot == 0)
                for span in [used, first, other, next] { pageHeap.release(span) }
                expectIntact()
            }
        }

        /// Opens lots for spans of 1,000 granules until one has clean memory before it; gives the
        /// spans, that of the last lot last.
        private func openLotWithRoom() throws -> [Span] {
            var spans: [Span] = []
            while spans.count < 8 {
                spans.append(try acquireDense(1000))
                let lot = try #require(Span(atOrNil: pageHeap.fields.pointee.lot))
                if let before = pageHeap.freeSpan(endingAt: lot.start), !before.isDirty,
                    before.bytes >= 2 * HugePages.bytes
                {
                    return spans
                }
            }
            throw Violation(description: "no lot has room before it")
        }

        /// A lot that is too small goes on in the clean memory before it.
        @Test func lotsAreContinued() throws {
            try withoutPauses {
                purgeAll()
                let used = try acquire(16384)
                let spans = try openLotWithRoom()
                let second = try acquireDense(100)
                #expect(second.end == spans.last!.start)
                #expect(UnsafeMutableRawPointer(bitPattern: second.start)!.isZero(second.bytes))
                #expect(!second.isDirty)
                let lot = try #require(Span(atOrNil: pageHeap.fields.pointee.lot))
                #expect(lot.end == second.start)
                #expect(lot.start % HugePages.bytes == 0)
                expectIntact()
                purgeAll()
                for span in [used, second] + spans { pageHeap.release(span) }
                expectIntact()
            }
        }

        /// What is dirty and too small, too.
        @Test func dirtySpansAreContinued() throws {
            try withoutPauses {
                purgeAll()
                let used = try acquire(16384)
                var spans = try openLotWithRoom()
                let first = spans.removeLast()
                let start = first.start
                pageHeap.release(first)
                pageHeap.acquireLock()
                pageHeap.closeLot()
                pageHeap.releaseLock()
                let second = try acquireDense(1100)
                #expect(second.start < start && second.end > start, "the dirty span is part of it")
                #expect(second.isDirty)
                expectIntact()
                purgeAll()
                for span in [used, second] + spans { pageHeap.release(span) }
                expectIntact()
            }
        }

        @Test func aLotThatNobodyTakesFromIsPurged() throws {
            try withoutPauses {
                purgeAll()
                let used = try acquire(4096)
                let first = try acquireDense(4)
                #expect(pageHeap.fields.pointee.lot != 0)
                let later = Clock.nowMs() &+ UInt32(process.options.purgeDelayMs) + 100
                pageHeap.purgeIfDue(later)
                #expect(pageHeap.fields.pointee.lot == 0)
                #expect(pageHeap.fields.pointee.dirtyBytes == 0)
                for span in [used, first] { pageHeap.release(span) }
            }
        }
    }
}
