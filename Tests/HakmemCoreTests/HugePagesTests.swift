// SPDX-License-Identifier: MIT

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
    }
}
