// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// Whether blocks are written in all their pages.
    @Suite struct WrittenDensityTests {
        private static let bytes: UInt = 1 << 20

        /// Blocks in untouched memory, of which `write` writes each; says what is known then.
        private func isDense(
            after count: Int, _ write: @escaping (UInt) -> Void
        ) throws -> Bool {
            try withCache { cache in
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                Self.forget()
                let blocks = try (0..<count).map { _ in
                    let block = try Block.take(Self.bytes)
                    write(block)
                    return block
                }
                let granules = BlockMap.span(blocks[0])!.bytes >> granuleShift
                let isDense = writtenDensity.isDense(granules: granules)
                blocks.forEach(Block.free)
                return isDense
            }
        }

        private static func forget() {
            for index in 0..<26 {
                writtenDensity.fields.pointee.scores[index].store(0, ordering: .relaxed)
            }
            writtenDensity.fields.pointee.denseOnly.store(0, ordering: .relaxed)
        }

        private static func write(_ block: UInt, _ bytes: UInt, every distance: UInt) {
            for offset in stride(from: 0, to: bytes, by: Int(distance)) {
                pointer(block + offset, to: UInt8.self).pointee = 1
            }
        }

        @Test func twoWrittenBlocksAreEvidence() throws {
            let few = try isDense(after: 1) { Self.write($0, Self.bytes, every: 4096) }
            #expect(!few)
            let enough = try isDense(after: 3) { Self.write($0, Self.bytes, every: 4096) }
            #expect(enough)
        }

        @Test func halfWrittenBlocksAreSparse() throws {
            let found = try isDense(after: 8) { Self.write($0, Self.bytes / 2, every: 4096) }
            #expect(!found)
        }

        @Test func zerosDoNotCount() throws {
            let found = try isDense(after: 8) { _ in }
            #expect(!found)
        }

        /// Sizes that nobody has seen are as the others, if they are no more than what is in use
        /// and nothing was ever sparse.
        @Test func otherSizesFollow() throws {
            _ = try isDense(after: 5) { Self.write($0, Self.bytes, every: 4096) }
            try withCache { _ in
                let used = pageHeap.acquire(2560)!
                #expect(writtenDensity.isDense(granules: 1000))
                #expect(!writtenDensity.isDense(granules: 1 << 20))
                #expect(!writtenDensity.hasDenseWhales)
                writtenDensity.add(false, 12)
                #expect(!writtenDensity.isDense(granules: 1000))
                #expect(writtenDensity.isDense(granules: 65))
                pageHeap.release(used, isDirty: false)
            }
            Self.forget()
        }

        /// Blocks of which little is written start where others have started.
        @Test func sparseBlocksHaveFewStarts() throws {
            _ = try isDense(after: 8) { Self.write($0, 4096, every: 4096) }
            try withCache { _ in
                for bytes in [140_000, 1 << 20, 3 << 20] as [UInt] {
                    let blocks = try (0..<8).map { _ in try Block.take(bytes) }
                    for block in blocks {
                        let granule = BlockMap.span(block)!.start >> granuleShift
                        try require(granule % LargeBlock.sparseStart == 0, "\(bytes) bytes")
                    }
                    blocks.forEach(Block.free)
                }
            }
            Self.forget()
            #expect(!writtenDensity.isSparse(granules: 64))
            writtenDensity.add(false, 5)
            #expect(writtenDensity.isSparse(granules: 64))
            for _ in 0..<4 { writtenDensity.add(true, 6) }
            #expect(!writtenDensity.isSparse(granules: 64))
            Self.forget()
        }

        /// Sparse blocks are looked at, too: a program may come to write them whole.
        @Test func sparseBlocksMayBecomeDense() throws {
            try withCache { cache in
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                Self.forget()
                let granules = Self.bytes >> granuleShift
                writtenDensity.add(false, 6)
                try require(writtenDensity.isSparse(granules: granules))
                let blocks = try (0..<8).map { _ in
                    let block = try Block.take(Self.bytes)
                    Self.write(block, Self.bytes, every: 4096)
                    return block
                }
                try require(!writtenDensity.isSparse(granules: granules), "nobody has looked")
                blocks.forEach(Block.free)
                Self.forget()
            }
        }

        /// Room that a growing block has is not expected to be written.
        @Test func roomIsNoEvidence() throws {
            try withCache { cache in
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                Self.forget()
                var blocks: [UInt] = []
                for _ in 0..<6 {
                    var block = try Block.take(900_000)
                    Self.write(block, 900_000, every: 4096)
                    // In the way of growth in place.
                    blocks.append(try Block.take(20_000))
                    let span = BlockMap.span(block)!
                    block = cache.reallocate(block, span, 1_000_000, site: 0x7000_0010)
                    Self.write(block, 1_000_000, every: 4096)
                    blocks.append(block)
                }
                let granules = UInt(1_000_000) >> granuleShift
                try require(writtenDensity.isDense(granules: granules), "room made it sparse")
                blocks.forEach(Block.free)
                Self.forget()
            }
        }

        /// A block that may not be read by now is no evidence, and no trap.
        @Test func forbiddenMemoryIsLeftAlone() throws {
            try withCache { cache in
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                Self.forget()
                let block = try Block.take(Self.bytes)
                Self.write(block, Self.bytes, every: 4096)
                let page = alignUp(block, to: process.pageBytes)
                let pages = UnsafeMutableRawPointer(bitPattern: page)
                #expect(mprotect(pages, Int(Self.bytes / 2), PROT_NONE) == 0)
                #expect(!writtenDensity.isDense(granules: 65))
                #expect(mprotect(pages, Int(Self.bytes / 2), PROT_READ | PROT_WRITE) == 0)
                Block.free(block)
            }
        }

        @Test func slabsOfMediumBlocksToo() throws {
            let sizeClass = SizeClass(bytes: 8192)
            try withCache { cache in
                cache.releaseMemory()
                _ = pageHeap.purge(now: Clock.nowMs(), all: true)
                Self.forget()
                let blocks = try (0..<200).map { _ in
                    let block = try Block.take(8192)
                    Self.write(block, 8192, every: 4096)
                    return block
                }
                #expect(writtenDensity.isDense(sizeClass))
                blocks.forEach(Block.free)
                Self.forget()
            }
        }
    }
}
