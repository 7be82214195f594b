// SPDX-License-Identifier: MIT

import CTraceFormat
import Testing

@testable import hak

@Suite struct TraceBuilderTests {
    @Test func everyKindOfCallIsKept() throws {
        var log = LogWriter()
        log.add(0, at: 1, .malloc(0x1000, size: 24))
        log.add(0, at: 2, .calloc(0x2000, size: 4096))
        log.add(0, at: 3, .aligned(0x3000, log2: 12, size: 100))
        log.add(0, at: 4, .free(0x2000))
        log.add(0, at: 5, .free(0x1000))
        log.add(0, at: 6, .malloc(0x2000, size: 8))
        let trace = try log.trace()
        #expect(
            try trace.lines() == [
                [
                    "malloc 0 24", "calloc 1 4096", "aligned 2 12 100", "free 1", "free 0",
                    "malloc 0 8",
                ]
            ])
        #expect(trace.header.events == 6)
        #expect(trace.header.slots == 3)
        #expect(trace.header.blocks_live_max == 3)
        #expect(trace.header.bytes_live_max == 24 + 4096 + 100)
        #expect(trace.header.bytes_requested == 24 + 4096 + 100 + 8)
        #expect(TraceFile.command(of: trace.header) == "a b")
    }

    @Test func aBlockKeepsItsSlotThroughReallocs() throws {
        var log = LogWriter()
        log.add(0, at: 2, .realloc(0, to: 0x1000, size: 16, began: 1))
        log.add(0, at: 4, .realloc(0x1000, to: 0x1000, size: 24, began: 3))
        log.add(0, at: 6, .realloc(0x1000, to: 0x9000, size: 1 << 20, began: 5))
        log.add(0, at: 7, .malloc(0x1000, size: 1))
        log.add(0, at: 9, .realloc(0x9000, to: 0, size: 0, began: 8))
        let trace = try log.trace()
        #expect(
            try trace.lines() == [
                ["malloc 0 16", "realloc 0 24", "realloc 0 1048576", "malloc 1 1", "free 0"]
            ])
        #expect(trace.header.strangers == 0)
        #expect(trace.header.bytes_live_max == 1 << 20 | 1)
    }

    @Test func blocksFromBeforeAreStrangers() throws {
        var log = LogWriter()
        log.add(0, at: 1, .free(0x1000))
        log.add(0, at: 3, .realloc(0x2000, to: 0x3000, size: 40, began: 2))
        log.add(0, at: 5, .realloc(0x4000, to: 0, size: 0, began: 4))
        log.add(0, at: 6, .free(0x3000))
        log.add(0, at: 7, .free(0x3000))
        let trace = try log.trace()
        #expect(try trace.lines() == [["malloc 0 40", "free 0"]])
        #expect(trace.header.strangers == 4)
    }

    /// The free of the block at 0x1000 was missed, as its address comes again.
    @Test func anAddressGivenOutAgainEndsItsBlock() throws {
        var log = LogWriter()
        log.add(0, at: 1, .malloc(0x1000, size: 8))
        log.add(0, at: 2, .malloc(0x1000, size: 16))
        log.add(0, at: 3, .free(0x1000))
        let trace = try log.trace(missed: 5)
        #expect(try trace.lines() == [["malloc 0 8", "free 0", "malloc 0 16", "free 0"]])
        #expect(trace.header.missed == 6)
    }

    @Test func threadsAreSpawnedAndWaitForEachOther() throws {
        var log = LogWriter()
        log.add(0, at: 1, .malloc(0x1000, size: 8))
        log.add(1, at: 2, .free(0x1000))
        log.add(1, at: 3, .malloc(0x1000, size: 16))
        log.add(0, at: 5, .realloc(0x1000, to: 0x2000, size: 32, began: 4))
        log.add(2, at: 6, .free(0x2000))
        #expect(
            try log.trace().lines() == [
                ["malloc 0 8", "spawn 1", "realloc 0 (2) 32", "spawn 2"],
                ["free 0 (1)", "malloc 0 16"],
                ["free 0 (3)"],
            ])
    }

    /// While thread 0 moves its block away, thread 1 gets the old address.
    @Test func aReallocIsNotOneMoment() throws {
        var log = LogWriter()
        log.add(0, at: 1, .malloc(0x1000, size: 8))
        log.add(0, at: 4, .realloc(0x1000, to: 0x2000, size: 64, began: 2))
        log.add(1, at: 3, .malloc(0x1000, size: 8))
        log.add(1, at: 5, .free(0x1000))
        log.add(0, at: 6, .free(0x2000))
        let trace = try log.trace()
        #expect(
            try trace.lines() == [
                ["malloc 0 8", "spawn 1", "realloc 0 64", "free 0"], ["malloc 1 8", "free 1"],
            ])
        #expect(trace.header.missed == 0)
        #expect(trace.header.blocks_live_max == 2)
    }

    /// Streams are numbered by their first event, whatever the log's numbers.
    @Test func theOrderOfTheThreadsIsThatOfTheirCalls() throws {
        var log = LogWriter()
        log.add(0, at: 9, .malloc(0x9000, size: 9))
        log.add(1, at: 1, .malloc(0x1000, size: 1))
        log.add(2, at: 5, .malloc(0x5000, size: 5))
        #expect(
            try log.trace().lines() == [
                ["malloc 0 1", "spawn 1"], ["malloc 1 5", "spawn 2"], ["malloc 2 9"],
            ])
    }

    @Test func anEmptyLogIsAnEmptyTrace() throws {
        let trace = try LogWriter().trace()
        #expect(try trace.lines() == [[]])
        #expect(trace.header.events == 0)
    }

    @Test func whatIsNoLogIsRefused() {
        let bytes = [UInt8](repeating: 1, count: Int(TRACE_LOG_HEADER_BYTES))
        bytes.withUnsafeBytes { #expect(TraceLog($0) == nil) }
        [UInt8]().withUnsafeBytes { #expect(TraceLog($0) == nil) }
    }

    /// A process that was killed: its last chunk ends anywhere.
    @Test func aLogThatWasCutIsReadUpToThere() throws {
        var log = LogWriter()
        for step in 1...10 { log.add(0, at: UInt64(step), .malloc(UInt64(step) << 4, size: 200)) }
        let whole = log.bytes()
        let start = Int(TRACE_LOG_HEADER_BYTES) + MemoryLayout<trace_log_chunk_t>.size
        var known = 0
        for end in start..<(start + 60) {
            let count = Array(whole[..<end]).withUnsafeBytes { raw in
                TraceLog(raw).map { Int(TraceBuilder.trace(of: $0).header.events) }
            }
            let events = try #require(count)
            #expect(events >= known && events <= known + 1)
            known = events
        }
        #expect(known == 10)
    }
}
