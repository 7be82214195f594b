// SPDX-License-Identifier: MIT
//
// The L2 Pool: blocks that share a slab but are too large for a stack of ready ones.
//
// A few freed blocks of each class are remembered as hints, the last one first, because their
// memory is likely still in the processor's caches. A hint is a free block like any other in the
// map: dropping it loses nothing.

import Synchronization

/// A block, and whether all its bytes are zero.
struct FreshBlock {
    let address: UInt
    let isZero: Bool
}

extension ThreadCache {
    /// A block of a medium class; nil when out of memory.
    func allocateMedium(_ sizeClass: SizeClass) -> FreshBlock? {
        if record(sizeClass).pointee.hintCount == 0 {
            // Both may free blocks, and so leave hints.
            tick()
            drainInbox()
        }
        let hinted = takeHint(sizeClass)
        if hinted != 0 { return FreshBlock(address: hinted, isZero: false) }
        // No hint is left, so the search cannot take a block that one names.
        let record = record(sizeClass)
        while true {
            guard let span = record.pointee.available.firstSpan ?? acquireSlab(sizeClass) else {
                return nil
            }
            if let block = searchBlocks(span) {
                ThreadCache.count(record.pointee.taken)
                return block
            }
            markFull(span, record)
        }
    }

    /// The block of a medium class that was freed last; 0 if none is remembered.
    @inline(__always)
    func takeHint(_ sizeClass: SizeClass) -> UInt {
        let record = record(sizeClass)
        let count = record.pointee.hintCount
        if count == 0 { return 0 }
        record.pointee.hintCount = count &- 1
        let block = hints(sizeClass)[Int(count) &- 1]
        setLive(block, BlockMap.span(block).unsafelyUnwrapped)
        ThreadCache.count(record.pointee.taken)
        return block
    }

    /// The next free block of a medium slab, taken; nil if there is none.
    private func searchBlocks(_ span: Span) -> FreshBlock? {
        let blockBytes = span.sizeClass.blockBytes
        let blocks = span.blocks
        var block = span.header.pointee.cursor
        for _ in 0..<blocks {
            if block >= blocks { block = 0 }
            let address = span.start + UInt(block) * blockBytes
            let live = BlockMap.live(address).pointee.load(ordering: .relaxed)
            if live == 0 {
                setLive(address, span)
                span.header.pointee.cursor = block + 1
                let isZero = block >= span.header.pointee.virginFromOrStamp
                if isZero { span.header.pointee.virginFromOrStamp = block + 1 }
                return FreshBlock(address: address, isZero: isZero)
            }
            block += 1
        }
        return nil
    }

    /// Marks a medium block as out. Its line holds no other start.
    @inline(__always)
    private func setLive(_ block: UInt, _ span: Span) {
        BlockMap.live(block).pointee.store(BlockMap.bit(block), ordering: .relaxed)
        span.header.pointee.blocksOut &+= 1
    }

    /// Remembers a freed medium block, unless there are enough.
    @inline(__always)
    func addHint(_ block: UInt, _ sizeClass: SizeClass) {
        let record = record(sizeClass)
        let count = record.pointee.hintCount
        if count == ThreadCache.hintsMax { return }
        hints(sizeClass)[Int(count)] = block
        record.pointee.hintCount = count + 1
    }

    /// Forgets the hints into a slab that is about to go.
    func dropHints(into span: Span, _ record: UnsafeMutablePointer<ClassRecord>) {
        let hints = hints(span.sizeClass)
        var kept: UInt16 = 0
        for index in 0..<Int(record.pointee.hintCount) where !span.contains(hints[index]) {
            hints[Int(kept)] = hints[index]
            kept += 1
        }
        record.pointee.hintCount = kept
    }
}
