// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// When huge pages are asked for, by made-up times.
    @Suite struct HugePagesTests {
        private func withHugePages(_ body: (borrowing HugePages) -> Void) {
            StartedHeap.ensure()
            // Zeroed memory, as in the heap.
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
            body(memory.assumingMemoryBound(to: HugePages.self).pointee)
            memory.deallocate()
        }

        @Test func cheapOnesGoOn() {
            withHugePages { pages in
                let paused1 = pages.isPaused(5)
                #expect(!paused1)
                pages.note(true, tookNs: 130_000, 5)
                let paused2 = pages.isPaused(5)
                #expect(!paused2)
            }
        }

        /// After one that was dear for so many times what it took, after a refusal for a while;
        /// and never again for that, however often the clock wraps.
        @Test(arguments: [(true, 5_000_000, 80), (false, 2_000, 100), (true, 1 << 40, 10_000)])
        func thereIsAPause(isMade: Bool, tookNs: UInt, pauseMs: UInt32) {
            withHugePages { pages in
                let now: UInt32 = 1000
                pages.note(isMade, tookNs: tookNs, now)
                for (after, expected) in [(0, true), (pauseMs - 1, true), (pauseMs, false)] {
                    let isPaused = pages.isPaused(now + after)
                    #expect(isPaused == expected, "after \(after) ms")
                }
                for wrapped: UInt32 in [1 << 30, 1 << 31, 3 << 30, 0 &- 50_000] {
                    let isPaused = pages.isPaused(now &+ pauseMs &+ wrapped)
                    #expect(!isPaused)
                }
            }
        }

        @Test func onlyWholeOnesAreMade() throws {
            let bytes = 3 * HugePages.bytes
            let memory = try #require(SystemCall.map(bytes: bytes))
            let start = alignUp(memory, to: HugePages.bytes)
            withHugePages { pages in
                let none = pages.make(from: start + 4096, bytes: HugePages.bytes)
                #expect(none == start + 4096)
                let tooShort = pages.make(from: start, bytes: HugePages.bytes - 4096)
                #expect(tooShort == start)
                let end = pages.make(from: start, bytes: HugePages.bytes + 4096)
                // The kernel may have none.
                #expect(end == start + HugePages.bytes || end == start)
            }
            SystemCall.unmap(memory, bytes: bytes)
        }

        /// Where the kernel makes none unasked, they are asked for by advice that is gone
        /// afterwards, so that the mapping stays in one piece.
        @Test(.enabled(if: isOnDemand)) func adviceIsTakenBack() throws {
            try expectMade(2 * HugePages.bytes) { _ in }
        }

        /// Memory that was small pages keeps their table when it goes back in pieces.
        @Test(.enabled(if: isOnDemand)) func smallPagesBecomeHugeOnes() throws {
            try expectMade(HugePages.bytes) { start in
                for page in stride(from: start, to: start + HugePages.bytes, by: 4096) {
                    pointer(page, to: UInt.self).pointee = 1
                }
                for half in [start, start + HugePages.bytes / 2] {
                    #expect(SystemCall.purge(half, bytes: HugePages.bytes / 2))
                }
            }
        }

        /// Makes huge pages at the start of a mapping that `use` has had. A touch that was
        /// interrupted for long enough looks like one that has cleared 2 MiB: then once more.
        private func expectMade(_ bytes: UInt, _ use: (UInt) -> Void) throws {
            var isMade = false
            for _ in 0..<10 where !isMade {
                let memory = try #require(SystemCall.map(bytes: bytes + 2 * HugePages.bytes))
                let start = alignUp(memory, to: HugePages.bytes)
                SystemCall.preferSmallPages(memory, bytes: bytes + 2 * HugePages.bytes)
                use(start)
                let before = try #require(try Mapping.of(start))
                withOption(\.pausesHugePages, false) {
                    withHugePages { pages in _ = pages.make(from: start, bytes: bytes) }
                }
                pointer(start + bytes, to: UInt.self).pointee = 1
                let after = try #require(try Mapping.of(start))
                isMade = after.hugeBytes == before.hugeBytes + bytes
                if isMade {
                    #expect(after.range.contains(start + bytes + 4096), "one mapping still")
                    #expect(after.flags.contains("nh"), "no huge pages unasked")
                }
                SystemCall.unmap(memory, bytes: bytes + 2 * HugePages.bytes)
            }
            #expect(isMade)
        }
    }
}

/// Whether the kernel makes huge pages only where it is asked.
private let isOnDemand =
    Mapping.text(of: "/sys/kernel/mm/transparent_hugepage/enabled")?.contains("[madvise]") == true

/// What the kernel says about a mapping of this process.
private struct Mapping {
    var range: Range<UInt>
    var hugeBytes: UInt = 0
    var flags: [Substring] = []

    static func of(_ address: UInt) throws -> Mapping? {
        var found: Mapping?
        for line in try #require(text(of: "/proc/self/smaps")).split(separator: "\n") {
            let words = line.split(separator: " ")
            let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2 {
                if found != nil { return found }
                let range = ends[0]..<ends[1]
                if range.contains(address) { found = Mapping(range: range) }
            } else if words[0] == "AnonHugePages:", let kib = UInt(words[1]) {
                found?.hugeBytes = kib << 10
            } else if words[0] == "VmFlags:" {
                found?.flags = Array(words.dropFirst())
            }
        }
        return found
    }

    static func text(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
