// SPDX-License-Identifier: MIT

import CHakmemShim
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct ThreadCacheTests {
        /// What must hold of a block of `sizeClass` that `cache` has just given.
        private func check(_ block: UInt, _ sizeClass: SizeClass, _ cache: ThreadCache) throws {
            let span = BlockMap.span(block)
            try require(block % unitBytes == 0, "misaligned")
            guard let span, span.contains(block) else {
                throw Violation(description: "block \(block) is in no span")
            }
            try require(span.state == .slab && span.sizeClass == sizeClass, "another class's span")
            try require(span.header.pointee.owner == cache.address, "another cache's span")
            try require(BlockMap.place(block) % sizeClass.blockBytes == 0, "no block's start")
            try require(block >= span.start, "before its span")
            try require(block + sizeClass.blockBytes <= span.end, "beyond its span")
            try require(ThreadCache.isOut(block), "not live")
            try require(ThreadCache.usableBytes(block) == sizeClass.blockBytes, "usable size")
        }

        @Test func everyClassGivesDistinctBlocks() throws {
            let seed = Randomness.printedSeed()
            try withCache { cache in
                var random = Randomness(seed: seed)
                for index in 1..<SizeClass.end {
                    let sizeClass = SizeClass(index: index)
                    let slabBytes = sizeClass.slabGranules(isGrown: false) << granuleShift
                    let count = min(Int(slabBytes / sizeClass.blockBytes) * 5 / 2, 700)
                    var blocks: [UInt] = []
                    for _ in 0..<count {
                        guard let block = cache.allocate(sizeClass.blockBytes) else {
                            throw Violation(description: "out of memory")
                        }
                        try check(block.address, sizeClass, cache)
                        blocks.append(block.address)
                    }
                    blocks.sort()
                    for (one, next) in zip(blocks, blocks.dropFirst()) {
                        try require(next - one >= sizeClass.blockBytes, "class \(index) overlaps")
                    }
                    try requireIntact(cache)
                    while !blocks.isEmpty {
                        let chosen = random.below(blocks.count)
                        blocks.swapAt(chosen, blocks.count - 1)
                        cache.free(blocks.removeLast())
                    }
                    try requireIntact(cache)
                }
            }
        }

        @Test func anEmptiedCacheGivesItsSpansBack() throws {
            try withCache { cache in
                var blocks: [UInt] = []
                for index in 1..<SizeClass.end {
                    for _ in 0..<20 {
                        blocks.append(try Block.take(SizeClass(index: index).blockBytes))
                    }
                }
                blocks.forEach(Block.free)
                cache.releaseMemory()
                for index in 1..<SizeClass.end {
                    let slabs = cache.record(SizeClass(index: index)).pointee.slabs
                    try require(slabs == 0, "class \(index) keeps \(slabs)")
                }
            }
        }

        @Test func sharedStacksLieInTheOrderInWhichTheyAreTaken() throws {
            StartedHeap.ensure()
            let made = ThreadCache.make()
            let cache = try #require(made)
            let page = cache.address..<cache.address + UInt(HAK_OWN_MAP_OFFSET)
            let inPage = cache.header.pointee.sharedStacksFrom..<page.upperBound
            let records = UInt(bitPattern: cache.record(SizeClass(index: 0)))
            let below = cache.address - ThreadCache.sharedStacksBelow..<records
            var stacks: [Range<UInt>] = []
            func check(_ sizeClass: SizeClass) {
                let end = cache.startCheck(sizeClass).pointee.bottom + 8
                let stack = end - (UInt(cache.record(sizeClass).pointee.room) + 1) * 8..<end
                let index = sizeClass.index
                #expect(
                    [inPage, below].contains { $0.clamped(to: stack) == stack },
                    "class \(index) has its stack elsewhere")
                #expect(!stacks.contains { $0.overlaps(stack) }, "class \(index) shares its stack")
                stacks.append(stack)
            }
            let classes = (1..<SizeClass.end).map { SizeClass(index: $0) }
            for sizeClass in classes {
                cache.prepareBin(sizeClass)
                check(sizeClass)
            }
            for sizeClass in classes {
                let first = cache.record(sizeClass).pointee.room
                cache.deepen(sizeClass, to: UInt32(first) + 1)
                #expect(cache.record(sizeClass).pointee.room > first)
                check(sizeClass)
            }
            #expect(stacks.prefix(3).allSatisfy { inPage.overlaps($0) })
            let isNextToRecords = stacks.contains { $0.upperBound == below.upperBound }
            #expect(isNextToRecords)
        }

        @Test func randomOperationsKeepTheInvariants() throws {
            let seed = Randomness.printedSeed()
            try withCache { cache in
                var random = Randomness(seed: seed)
                var blocks: [UInt] = []
                for step in 0..<30_000 {
                    let wantsMore = step / 3000 % 2 == 0
                    if blocks.isEmpty || random.below(10) < (wantsMore ? 7 : 3) {
                        let bytes = random.size(max: mediumMax)
                        let zeroed = random.below(4) == 0
                        let block = zeroed ? hakCalloc(bytes, 1) : hakMalloc(bytes)
                        guard let block else { throw Violation(description: "out of memory") }
                        if zeroed { try require(block.isZero(bytes), "not zero: \(bytes)") }
                        block.fill(hakUsableSize(block), ~0)
                        blocks.append(block.address)
                    } else {
                        let chosen = random.below(blocks.count)
                        blocks.swapAt(chosen, blocks.count - 1)
                        Block.free(blocks.removeLast())
                    }
                    if step % 1500 == 0 { try requireIntact(cache) }
                }
                blocks.forEach(Block.free)
            }
        }

        @Test func alignedBlocksComeFromEveryPool() throws {
            try withCache { cache in
                for shift in UInt(0)...22 {
                    for bytes in [1, 17, 100, 1000, 1025, 5000, 33_000, 3 << 20, largeMax + 1]
                        as [UInt]
                    {
                        let alignment: UInt = 1 << shift
                        let block = cache.allocateAligned(bytes, alignment: alignment)
                        guard let block else { throw Violation(description: "out of memory") }
                        try require(block.address % alignment == 0, "\(bytes) at \(alignment)")
                        try require(ThreadCache.usableBytes(block.address) >= bytes)
                        cache.free(block.address)
                    }
                }
            }
        }

        @Test func absurdRequestsAreRefused() throws {
            try withCache { cache in
                try require(cache.allocate(requestMax) == nil)
                try require(cache.allocate(requestMax + 1) == nil)
                try require(cache.allocate(UInt.max) == nil)
                try require(cache.allocateAligned(UInt.max, alignment: 64) == nil)
                try require(cache.allocateAligned(1, alignment: 1 << 63) == nil)
                try require(cache.allocateAligned(requestMax, alignment: granuleBytes) == nil)
            }
        }
    }
}
