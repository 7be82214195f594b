// SPDX-License-Identifier: MIT

import CHakmemShim
import Glibc
import Synchronization
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// The entry points of the C family, by the letter of their manuals.
    @Suite struct FamilyTests {
        private func expectOutOfMemory(_ call: () -> UnsafeMutableRawPointer?) throws {
            errno = 0
            try require(call() == nil, "a block")
            try require(errno == ENOMEM, "errno \(errno)")
        }

        @Test func zeroSizesGiveDistinctBlocks() throws {
            try withCache { _ in
                let blocks = [
                    hakMalloc(0), hakMalloc(0), hakCalloc(0, 5), hakCalloc(5, 0),
                    hakAlignedAlloc(64, 0), hakMemalign(64, 0), hakValloc(0), hakPvalloc(0),
                ]
                try require(!blocks.contains(nil) && Set(blocks).count == blocks.count)
                for block in blocks {
                    try require(hakUsableSize(block) > 0)
                    hakFree(block)
                }
                hakFree(nil)
                hakFreeSized(nil, 0)
                hakFreeAlignedSized(nil, 16, 0)
            }
        }

        /// Bytes of a new block that are not zero stand for zeros that calloc must not write.
        @Test(arguments: [16, 48, 144, 512, 768, 1024] as [UInt])
        func newMemoryIsNotZeroedTwice(bytes: UInt) throws {
            try withCache { cache in
                let new = try Block.takeNew(cache, bytes)
                let last = pointer(new.ready + bytes - 8, to: UInt64.self)
                last.pointee = 7
                let block = hakCalloc(1, bytes)!
                try require(block.address == new.ready)
                try require(pointer(new.ready, to: UInt64.self).pointee == 0)
                try require(last.pointee == 7, "zeroed again")
                hakFree(block)
                try require(hakCalloc(bytes, 1) == block && block.isZero(bytes))
                hakFree(block)
                try require(hakMalloc(bytes) == block)
                hakFree(block)
                new.taken.forEach(Block.free)
            }
        }

        /// A program that writes over what it has freed gets zeros from calloc none the less.
        @Test(arguments: [0, 16, 24, 1 << 32] as [UInt64], [16, 48, 1024, 5000] as [UInt])
        func freedMemoryThatWasWrittenIsZeroed(word: UInt64, bytes: UInt) throws {
            try withCache { _ in
                for callsSlow in [false, true] {
                    let block = hakMalloc(bytes)!
                    block.fill(bytes, 0x5A5A_5A5A_5A5A_5A5A)
                    hakFree(block)
                    pointer(block.address, to: UInt64.self).pointee = word
                    let zeroed = callsSlow ? hakCallocSlow(bytes)! : hakCalloc(1, bytes)!
                    try require(zeroed == block && zeroed.isZero(bytes), "\(word): dirty")
                    hakFree(zeroed)
                }
            }
        }

        @Test func failuresSetErrnoAndSuccessesDoNot() throws {
            try withCache { _ in
                try expectOutOfMemory { hakMalloc(UInt.max) }
                try expectOutOfMemory { hakMalloc(requestMax + 1) }
                try expectOutOfMemory { hakMalloc(1 << 60) }
                try expectOutOfMemory { hakCalloc(1 << 33, 1 << 33) }
                try expectOutOfMemory { hakReallocarray(nil, 1 << 33, 1 << 33) }
                try expectOutOfMemory { hakPvalloc(UInt.max) }
                errno = 42
                let block = hakMalloc(100_000)
                hakFree(hakRealloc(block, 3 << 20))
                hakFree(hakCalloc(3, 70_000))
                try require(errno == 42)
            }
        }

        /// Also where a strategy or a site's rule asks for more: a sized free of what was asked for
        /// must not look wrong.
        @Test func headRoomLeavesSizedFreesRight() {
            for percent in [12, 25, 50, 60, 100, 300] as [UInt] {
                for bytes in stride(from: 128, to: 200_000, by: 7) as StrideTo<UInt> {
                    let wanted = bytes + ThreadCache.headRoom(bytes, from: bytes, percent: percent)
                    let block =
                        wanted <= mediumMax
                        ? SizeClass(bytes: wanted).blockBytes : alignUp(wanted, to: granuleBytes)
                    let least = alignUp(bytes, to: granuleBytes)
                    #expect(block / 2 <= bytes || bytes > mediumMax && block <= least)
                }
            }
        }

        /// What such a block has beyond what was asked for is its size class's.
        @Test(arguments: [1, 100, 1000] as [UInt])
        func whoGrowsByHalfHasNoHeadRoom(bytes: UInt) throws {
            try withCache { _ in
                var block: UnsafeMutableRawPointer?
                var wanted = bytes
                while wanted <= tinyMax {
                    block = hakRealloc(block, wanted)
                    let usable = hakUsableSize(block)
                    let most = SizeClass(bytes: wanted).blockBytes
                    try require(usable <= most, "\(usable) bytes for \(wanted)")
                    wanted += max(wanted / 2, 1)
                }
                hakFree(block)
            }
        }

        @Test func aFailedReallocLeavesTheBlock() throws {
            try withCache { _ in
                for bytes in [40, 4000, 100_000, 3 << 20, largeMax + 1] as [UInt] {
                    guard let block = hakMalloc(bytes) else { return }
                    block.fill(bytes, 5)
                    try expectOutOfMemory { hakRealloc(block, 1 << 60) }
                    try expectOutOfMemory { hakRealloc(block, UInt.max) }
                    try require(block.holds(bytes, 5))
                    hakFree(block)
                }
            }
        }

        @Test func posixMemalignLeavesErrnoAndItsOutput() throws {
            try withCache { _ in
                let untouched = UnsafeMutableRawPointer(bitPattern: 0x10)
                var result = untouched
                errno = 42
                for alignment in [0, 1, 4, 7, 24, 48] as [UInt] {
                    try require(hakPosixMemalign(&result, alignment, 8) == EINVAL, "\(alignment)")
                }
                try require(hakPosixMemalign(&result, 16, 1 << 60) == ENOMEM)
                try require(errno == 42 && result == untouched)
                try require(hakPosixMemalign(&result, 4096, 100) == 0)
                try require(result!.address % 4096 == 0)
                hakFree(result)
            }
        }

        @Test func alignmentsThatAreNone() throws {
            try withCache { _ in
                for alignment in [0, 3, 24] as [UInt] {
                    errno = 0
                    try require(hakAlignedAlloc(alignment, 8) == nil && errno == EINVAL)
                }
                for (given, meant) in [(0, 1), (3, 4), (24, 32), (5000, 8192)] as [(UInt, UInt)] {
                    let block = hakMemalign(given, 10)
                    try require(block!.address % meant == 0)
                    hakFree(block)
                }
                errno = 0
                try require(hakMemalign(UInt.max, 8) == nil && errno == EINVAL)
                let page = process.pageBytes
                let pages = hakPvalloc(page + 1)
                try require(pages!.address % page == 0 && hakUsableSize(pages) >= 2 * page)
                hakFree(pages)
            }
        }

        @Test func reallocsContentsStayOverRandomSizes() throws {
            let seed = Randomness.printedSeed()
            try withCache { cache in
                var random = Randomness(seed: seed)
                var block: UnsafeMutableRawPointer?
                var filled: UInt = 0
                for step in 0..<4000 {
                    let bytes = random.size(max: random.below(30) == 0 ? 9 << 20 : 300_000)
                    guard let moved = hakRealloc(block, bytes) else {
                        throw Violation(description: "out of memory")
                    }
                    let kept = min(filled, bytes) & ~7
                    try require(moved.holds(kept, UInt64(step)), "lost \(filled) -> \(bytes)")
                    try require(hakUsableSize(moved) >= bytes)
                    block = moved
                    filled = bytes
                    moved.fill(bytes, UInt64(step + 1))
                    if step % 400 == 0 { try requireIntact(cache) }
                }
                try require(hakRealloc(block, 0) == nil)
            }
        }

        /// Every class, and both ends of what leaves a block where it is.
        @Test func reallocLeavesABlockThatFitsWell() throws {
            try withCache { cache in
                for index in 1..<SizeClass.end {
                    let usable = SizeClass(index: index).blockBytes
                    let block = hakMalloc(usable)!
                    block.fill(usable, 1)
                    let least = usable > 64 ? usable / 2 : 1
                    for bytes in [least, usable - 1, usable] {
                        try require(hakRealloc(block, bytes) == block, "\(usable) to \(bytes)")
                    }
                    let shrunk = least > 1 ? hakRealloc(block, least - 1)! : block
                    try require((shrunk == block) == (least == 1), "\(usable) to \(least - 1)")
                    try require(shrunk.holds((least - 1) & ~7, 1))
                    // From the slow path, then from hit paths.
                    for _ in 0..<2 {
                        let grown = hakRealloc(hakMalloc(usable), usable + 1)!
                        try require(hakUsableSize(grown) > usable)
                        hakFree(grown)
                    }
                    hakFree(shrunk)
                }
                try requireIntact(cache)
            }
        }

        @Test func growthInPlaceKeepsTheAddressWhereItCan() throws {
            try withCache { cache in
                cache.releaseMemory()
                // Alone in the page heap, a large block has free room behind it.
                guard let block = hakMalloc(200_000) else { return }
                let span = BlockMap.span(block.address)!
                let next = BlockMap.span(span.end)
                if let next, next.state == .free, next.start == span.end, next.bytes > 200_000 {
                    try require(hakRealloc(block, 350_000) == block)
                    try require(hakRealloc(block, 190_000) == block)
                    hakFree(block)
                } else {
                    hakFree(block)
                }
            }
        }

        @Test func sizedFreesAcceptEverySizeThatMayHaveBeenAsked() throws {
            try withCache { _ in
                let before = Report.ignoredCount
                var bytes: UInt = 0
                while bytes < 6 << 20 {
                    hakFreeSized(hakMalloc(bytes), bytes)
                    hakFreeSized(hakCalloc(1, bytes), bytes)
                    hakFreeSized(hakRealloc(hakMalloc(bytes / 2), max(bytes, 1)), max(bytes, 1))
                    hakFreeAlignedSized(hakAlignedAlloc(64, bytes), 64, bytes)
                    for shift in UInt(3)...16 {
                        let alignment: UInt = 1 << shift
                        hakFreeAlignedSized(hakAlignedAlloc(alignment, bytes), alignment, bytes)
                    }
                    bytes += bytes / 7 + 1
                }
                try require(Report.ignoredCount == before)
                whaleCache.releaseAll()
            }
        }
    }
}

extension Report {
    static var ignoredCount: UInt { ignored.load(ordering: .relaxed) }
}
