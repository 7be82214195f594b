// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct PrefaultTests {
        private static let bytes: UInt = 300_000

        /// Takes fresh blocks one after the other and writes each with the body; gives how many of
        /// the last eight had all of their memory when they were handed out.
        private func prefaulted(_ write: (UnsafeMutableRawPointer) -> Void) throws -> Int {
            _ = pageHeap.purge(now: Clock.nowMs(), all: true)
            var blocks: [UInt] = []
            var count = 0
            for index in 0..<24 {
                let block = try Block.take(PrefaultTests.bytes)
                blocks.append(block)
                let pages = stride(from: block, to: block + PrefaultTests.bytes, by: 4096)
                let isThere = pages.allSatisfy { SystemCall.isResident($0 & ~4095) }
                if index >= 16, isThere { count += 1 }
                let memory = UnsafeMutableRawPointer(bitPattern: block)!
                // Reading what is not there would map pages of zeros.
                try require(!isThere || memory.isZero(PrefaultTests.bytes), "not fresh")
                write(memory)
            }
            blocks.forEach(Block.free)
            return count
        }

        @Test func onlyForWhomWritesAll() throws {
            try withCache { cache in
                let sparse = try prefaulted { $0.storeBytes(of: 1, as: UInt8.self) }
                try require(sparse == 0, "\(sparse) were populated in vain")
                cache.releaseMemory()
                let dense = try prefaulted { $0.fill(PrefaultTests.bytes, 7) }
                try require(dense >= 6 && dense < 8, "\(dense) populated of 8")
                cache.releaseMemory()
                let again = try prefaulted { $0.storeBytes(of: 1, as: UInt8.self) }
                try require(again == 0, "\(again) were populated in vain")
            }
        }

        @Test func populatedPagesAreZeroToo() throws {
            try withCache { cache in
                var blocks: [UnsafeMutableRawPointer] = []
                for _ in 0..<12 {
                    guard let block = hakCalloc(5 << 20, 1) else { throw Violation.outOfMemory }
                    try require(block.isZero(5 << 20))
                    block.fill(5 << 20, 3)
                    blocks.append(block)
                }
                for block in blocks { hakFree(block) }
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
            }
        }

        @Test func whatIsNotMappedIsNotResident() throws {
            let bytes: UInt = 8192
            let start = try #require(SystemCall.map(bytes: bytes))
            #expect(!SystemCall.isResident(start))
            pointer(start, to: UInt8.self).pointee = 1
            #expect(SystemCall.isResident(start) && !SystemCall.isResident(start + 4096))
            SystemCall.unmap(start, bytes: bytes)
            #expect(!SystemCall.isResident(start))
        }
    }
}
