// SPDX-License-Identifier: MIT

import CHakmem
import CHakmemShim
import Foundation
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct StatisticsTests {
        private func stats() -> hak_stats_t {
            var stats = hak_stats_t()
            _ = hakStats(&stats, UInt(MemoryLayout<hak_stats_t>.size))
            return stats
        }

        /// Runs `body` in a thread with its own cache in which every call is counted.
        private func withExactCounts(_ body: @escaping (ThreadCache) throws -> Void) throws {
            try withOption(\.stats, 1) {
                try withCache { cache in
                    // Slabs from before or for afterwards have a hit path.
                    cache.releaseMemory()
                    try body(cache)
                    cache.releaseMemory()
                }
            }
        }

        /// Expects what `body` adds to the counters, in a thread with its own cache. `body` gives
        /// the blocks that it has left, which have `live` bytes, or what they may use.
        private func expect(
            malloc: UInt64 = 0, calloc: UInt64 = 0, realloc: UInt64 = 0, aligned: UInt64 = 0,
            free: UInt64 = 0, live: Int64? = 0, _ body: @escaping () throws -> [UInt]
        ) throws {
            try withExactCounts { _ in
                let before = stats()
                let left = try body()
                let after = stats()
                let usable = left.reduce(0) { $0 + Int64(ThreadCache.usableBytes($1)) }
                left.forEach(Block.free)
                func delta(_ path: KeyPath<hak_stats_t, UInt64>) -> Int64 {
                    Int64(bitPattern: after[keyPath: path] &- before[keyPath: path])
                }
                let calls = [
                    delta(\.calls_malloc), delta(\.calls_calloc), delta(\.calls_realloc),
                    delta(\.calls_aligned), delta(\.calls_free), delta(\.bytes_allocated),
                ]
                let wanted = [
                    Int64(malloc), Int64(calloc), Int64(realloc), Int64(aligned), Int64(free),
                    live ?? usable,
                ]
                try require(calls == wanted, "\(calls), not \(wanted)")
            }
        }

        @Test(arguments: [16, 64, 80, 1024, 1280, 32_768] as [UInt])
        func callsOfSlabBlocks(bytes: UInt) throws {
            try expect(malloc: 100, free: 60, live: Int64(40 * bytes)) {
                let blocks = try (0..<100).map { _ in try Block.take(bytes) }
                for block in blocks.prefix(60) { Block.free(block) }
                return Array(blocks.suffix(40))
            }
        }

        @Test(arguments: [65_536, 1 << 20, largeMax + 1 << 20] as [UInt])
        func callsOfWholeBlocks(bytes: UInt) throws {
            try expect(malloc: 10, free: 7, live: nil) {
                let blocks = try (0..<10).map { _ in try Block.take(bytes) }
                for block in blocks.prefix(7) { Block.free(block) }
                return Array(blocks.suffix(3))
            }
        }

        @Test func callsByKind() throws {
            try expect(malloc: 1, calloc: 2, aligned: 3, free: 6) {
                hakFree(hakMalloc(10))
                hakFree(hakCalloc(3, 100))
                hakFree(hakCalloc(1, 100_000))
                hakFree(hakAlignedAlloc(64, 100))
                hakFree(hakMemalign(8192, 5000))
                hakFree(hakValloc(1))
                return []
            }
        }

        @Test func reallocsCountOnceHoweverTheyMove() throws {
            try expect(malloc: 2, realloc: 6, free: 2) {
                var block = hakMalloc(100)
                for bytes in [5000, 300_000, 200] as [UInt] { block = hakRealloc(block, bytes) }
                hakFree(block)
                var whale = hakMalloc(3 << 20)
                for bytes in [9 << 20, 30 << 20, 80 << 20] as [UInt] {
                    whale = hakRealloc(whale, bytes)
                }
                hakFree(whale)
                whaleCache.releaseAll()
                return []
            }
        }

        @Test func classFiguresAreExact() throws {
            try withExactCounts { _ in
                let sizeClass = SizeClass(bytes: 144)
                let before = Statistics().classes[sizeClass.index]
                let blocks = try (0..<777).map { _ in try Block.take(144) }
                let middle = Statistics().classes[sizeClass.index]
                try require(middle.served - before.served == 777)
                try require(middle.live - before.live == 777)
                blocks.forEach(Block.free)
                let after = Statistics().classes[sizeClass.index]
                try require(after.served - before.served == 777)
                try require(after.live == before.live)
            }
        }

        @Test func remoteFreesAreCounted() throws {
            try withExactCounts { cache in
                let blocks = try (0..<300).map { _ in try Block.take(40) }
                let before = stats()
                try onThread { blocks.forEach(Block.free) }
                cache.drainInbox()
                let after = stats()
                try require(after.frees_remote - before.frees_remote == 300)
                try require(after.calls_free - before.calls_free == 300)
            }
        }

        @Test func olderCallersGetWhatTheyKnow() throws {
            StartedHeap.ensure()
            var stats = hak_stats_t()
            #expect(hakStats(&stats, 48) == 0)
            #expect(stats.version == UInt32(HAK_STATS_VERSION) && stats.struct_size == 48)
            #expect(stats.bytes_resident == 0)
            #expect(hakStats(&stats, 4) == -1)
            #expect(hakStats(nil, 4096) == -1)
            #expect(hakStats(&stats, 1 << 20) == 0)
            #expect(stats.struct_size == UInt32(MemoryLayout<hak_stats_t>.size))
            #expect(stats.bytes_resident > 0)
            #expect(stats.class_count == UInt64(SizeClass.end - 1))
        }

        @Test func theReportsAreWellFormed() throws {
            try withCache { _ in
                let block = try Block.take(100)
                let json = Pipe()
                var text = TextBuffer(sink: .descriptor(json.writing))
                StatisticsReport.writeJSON(Statistics(), to: &text)
                text.flush()
                let data = Data(json.collect().utf8)
                let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
                try require(object?["hakmem_stats"] as? Int == Int(HAK_STATS_VERSION))
                try require(((object?["classes"] as? [Any])?.count ?? 0) > 0)
                let summary = Pipe()
                text = TextBuffer(sink: .descriptor(summary.writing))
                StatisticsReport.writeSummary(Statistics(), to: &text)
                text.flush()
                let lines = summary.collect().split(separator: "\n")
                try require(lines.count > 5 && lines.allSatisfy { $0.hasPrefix("hakmem:") })
                let xml = Pipe()
                text = TextBuffer(sink: .descriptor(xml.writing))
                StatisticsReport.writeXML(Statistics(), to: &text)
                text.flush()
                let document = xml.collect()
                try require(document.hasPrefix("<malloc version=\"1\">"))
                try require(document.hasSuffix("</malloc>\n"))
                Block.free(block)
            }
        }

        @Test func mallocsOwnReports() throws {
            StartedHeap.ensure()
            let info = hakMallinfo2()
            #expect(info.arena > 0 && info.fordblks >= 0)
            #expect(hakMallinfo().arena == Int32(truncatingIfNeeded: info.arena))
            #expect(hakMallopt(-100, 0) == 0 && hakMallopt(0, 0) == 0)
            #expect(hakMallopt(-3, 4096) == 1)
            #expect(hakMallocTrim(0) == 0 || hakMallocTrim(0) == 0)
        }

        @Test func trimReturnsWhatIsFree() throws {
            try withCache { _ in
                _ = hakTrim()
                let blocks = try (0..<20).map { _ in try Block.take(300_000) }
                for block in blocks {
                    UnsafeMutableRawPointer(bitPattern: block)!.fill(300_000, 1)
                }
                blocks.forEach(Block.free)
                try require(hakTrim() >= 20 * 300_000)
                try require(pageHeap.fields.pointee.dirtyBytes == 0)
            }
        }
    }
}
