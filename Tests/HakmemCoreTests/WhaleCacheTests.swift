// SPDX-License-Identifier: MIT

import Glibc
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// Blocks with a mapping for themselves, the cache of freed ones, and how blocks move there.
    @Suite struct WhaleCacheTests {
        private static let bytes: UInt = largeMax + 1 << 20

        /// Runs the body with room for so many whales in the cache, and none that it learns.
        private func withRoom(_ whales: UInt, _ body: @escaping (ThreadCache) throws -> Void)
            throws
        {
            try withOption(\.whaleCacheBytesMax, whales * WhaleCacheTests.bytes) {
                try withOption(\.retainBytesMax, 0) { try withCache(body) }
            }
        }

        private func cached() -> UInt {
            whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed)
        }
        private func mapped() -> UInt {
            whaleCache.fields.pointee.mappedBytes.load(ordering: .relaxed)
        }

        @Test func whatWasFreedIsServedNext() throws {
            try withRoom(1) { _ in
                whaleCache.releaseAll()
                let first = try Block.take(WhaleCacheTests.bytes)
                try require(mapped() == WhaleCacheTests.bytes && cached() == 0)
                Block.free(first)
                try require(cached() == WhaleCacheTests.bytes)
                let hits = whaleCache.fields.pointee.hits.load(ordering: .relaxed)
                try require(try Block.take(WhaleCacheTests.bytes - 4096) == first)
                try require(whaleCache.fields.pointee.hits.load(ordering: .relaxed) == hits + 1)
                try require(cached() == 0)
                Block.free(first)
                whaleCache.releaseAll()
                try require(mapped() == 0 && BlockMap.span(first) == nil)
            }
        }

        @Test func aPoorFitIsNotTaken() throws {
            try withRoom(3) { _ in
                whaleCache.releaseAll()
                let large = try Block.take(3 * WhaleCacheTests.bytes)
                Block.free(large)
                let small = try Block.take(WhaleCacheTests.bytes)
                try require(small != large && cached() == 3 * WhaleCacheTests.bytes)
                Block.free(small)
                whaleCache.releaseAll()
            }
        }

        @Test func theCacheIsBoundedAndAged() throws {
            try withRoom(3) { _ in
                let blocks = try (0..<8).map { _ in try Block.take(WhaleCacheTests.bytes) }
                for block in blocks {
                    Block.free(block)
                    try require(cached() <= 3 * WhaleCacheTests.bytes, "\(cached())")
                }
                try require(cached() > 0)
                let delay = UInt32(process.options.purgeDelayMs)
                whaleCache.releaseAged(Clock.nowMs() &+ delay + 1000)
                try require(cached() == 0 && mapped() == 0)
                Block.free(try Block.take(4 * WhaleCacheTests.bytes))
                try require(cached() == 0, "kept beyond the bound")
            }
        }

        @Test func whatIsAskedForAgainSoonIsKeptNextTime() throws {
            try withOption(\.whaleCacheBytesMax, WhaleCacheTests.bytes) {
                try withCache { _ in
                    whaleCache.releaseAll()
                    let bytes = 2 * WhaleCacheTests.bytes
                    for _ in 0..<2 { Block.free(try Block.take(bytes)) }
                    let again = try Block.take(bytes)
                    Block.free(again)
                    try require(cached() == bytes, "unmapped again")
                    try require(try Block.take(bytes) == again)
                    Block.free(again)
                    whaleCache.releaseAll()
                }
            }
        }

        @Test func callocOfReusedMemoryIsZero() throws {
            try withCache { _ in
                for bytes in [3 << 20, largeMax + 5 << 20] as [UInt] {
                    for _ in 0..<3 {
                        guard let block = hakCalloc(bytes, 1) else { throw Violation.outOfMemory }
                        try require(block.isZero(bytes), "\(bytes)")
                        block.fill(bytes, 77)
                        hakFree(block)
                    }
                }
                whaleCache.releaseAll()
            }
        }

        @Test func whalesGrowAndShrink() throws {
            try withCache { _ in
                guard var block = hakMalloc(WhaleCacheTests.bytes) else { return }
                block.fill(WhaleCacheTests.bytes, 99)
                var filled = WhaleCacheTests.bytes
                let sizes: [UInt] = [85, 110, 190, 140, 70, 66, 30, 12, 80, 3]
                for bytes in sizes.map({ $0 << 20 }) {
                    guard let moved = hakRealloc(block, bytes) else { throw Violation.outOfMemory }
                    filled = min(filled, bytes)
                    try require(moved.holds(filled, 99), "contents lost at \(bytes)")
                    try require(hakUsableSize(moved) >= bytes)
                    // All of it is there to be written.
                    for page in stride(from: filled, to: hakUsableSize(moved), by: 4096) {
                        moved.storeBytes(of: 1, toByteOffset: Int(page), as: UInt8.self)
                    }
                    block = moved
                }
                hakFree(block)
                whaleCache.releaseAll()
                try require(mapped() == 0, "\(mapped()) bytes still mapped")
            }
        }

        /// Blocks that grow side by side, from the page heap into mappings of their own and back
        /// into the page heap.
        @Test func growingBlocksMoveWithTheirPages() throws {
            // Nothing gets too old while it looks.
            try withOption(\.purgeDelayMs, 30_000) {
                try withCache { cache in
                    var blocks = try (0..<2).map { _ in try Block.take(40_000) }
                    var bytes: UInt = 40_000
                    for (index, block) in blocks.enumerated() {
                        UnsafeMutableRawPointer(bitPattern: block)!.fill(bytes, UInt64(index))
                    }
                    let moves = cache.header.pointee.reallocMoves.load(ordering: .relaxed)
                    while bytes < 6 << 20 {
                        let larger = (bytes + bytes / 3) & ~7
                        for index in blocks.indices {
                            guard let moved = hakRealloc(.init(bitPattern: blocks[index]), larger)
                            else { throw Violation.outOfMemory }
                            try require(moved.holds(bytes, UInt64(index)), "lost at \(larger)")
                            moved.fill(larger, UInt64(index))
                            blocks[index] = moved.address
                        }
                        bytes = larger
                    }
                    try require(cache.header.pointee.reallocMoves.load(ordering: .relaxed) > moves)
                    try require(mapped() > 0, "none has a mapping of its own")
                    blocks.forEach(Block.free)
                    try require(mapped() == 0, "not the page heap's")
                    try requireIntact(cache)
                }
            }
        }

        /// The kernel may refuse to move what lies in two mappings: then the block is copied, and
        /// nothing of the target is left.
        @Test func growthFromTwoMappings() throws {
            try withCache { cache in
                for bytes in [2400 << 10, WhaleCacheTests.bytes] as [UInt] {
                    let before = mapped()
                    guard let block = hakMalloc(bytes) else { throw Violation.outOfMemory }
                    block.fill(bytes, 5)
                    let span = BlockMap.span(block.address)!
                    // Other flags for a page cut the mapping.
                    let page = UnsafeMutableRawPointer(bitPattern: span.start + 32 * 4096)
                    try require(madvise(page, 4096, MADV_DONTFORK) == 0)
                    guard let grown = hakRealloc(block, bytes + bytes / 2) else {
                        throw Violation.outOfMemory
                    }
                    try require(grown.holds(bytes, 5), "contents lost")
                    let end = hakUsableSize(grown)
                    for offset in stride(from: 0, to: end, by: 4096) {
                        grown.storeBytes(of: 1, toByteOffset: Int(offset), as: UInt8.self)
                    }
                    madvise(page, 4096, MADV_DOFORK)
                    hakFree(grown)
                    cache.releaseMemory()
                    whaleCache.releaseAll()
                    try require(mapped() == before, "\(mapped()) bytes still mapped")
                }
            }
        }

        /// What a growing block takes of the kernel could have been memory that was just purged.
        @Test func growthIsRegretted() throws {
            try withCache { _ in
                pageHeap.acquireLock()
                pageHeap.fields.pointee.regret.notePurge(1 << 20, Clock.nowMs())
                pageHeap.releaseLock()
                let before = pageHeap.fields.pointee.regret.bytes
                pageHeap.noteFresh(1 << 20)
                try require(pageHeap.fields.pointee.regret.bytes == before + 1 << 20)
            }
        }

        /// A refused move leaves a target that can be used, whatever the kernel had unmapped.
        @Test func aRefusedMoveLeavesTheTarget() throws {
            let bytes: UInt = 16 * 4096
            let target = try #require(SystemCall.map(bytes: bytes))
            let source = try #require(SystemCall.map(bytes: bytes))
            SystemCall.unmap(source, bytes: bytes)
            let moved = SystemCall.move(
                source, bytes: bytes, onto: target, keepsMapping: true)
            #expect(moved != .done)
            if moved == .refused {
                pointer(target + 8192, to: UInt8.self).pointee = 1
                SystemCall.unmap(target, bytes: bytes)
            }
        }

        @Test func alignmentsAboveAPage() throws {
            try withCache { _ in
                for shift in UInt(12)...24 {
                    guard let block = hakAlignedAlloc(1 << shift, WhaleCacheTests.bytes) else {
                        throw Violation(description: "out of memory")
                    }
                    try require(block.address % (1 << shift) == 0)
                    hakFree(block)
                }
                whaleCache.releaseAll()
                try require(mapped() == 0)
            }
        }
    }
}
