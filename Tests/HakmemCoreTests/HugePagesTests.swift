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

        @Test func aDearOneIsPaidBack() {
            withHugePages { pages in
                pages.note(true, tookNs: 5_000_000, 1000)
                let paused3 = pages.isPaused(1079)
                #expect(paused3)
                let paused4 = pages.isPaused(1082)
                #expect(!paused4)
            }
        }

        @Test func afterARefusalThereIsAPause() {
            withHugePages { pages in
                pages.note(false, tookNs: 2_000, 1000)
                let paused5 = pages.isPaused(1099)
                #expect(paused5)
                let paused6 = pages.isPaused(1102)
                #expect(!paused6)
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
