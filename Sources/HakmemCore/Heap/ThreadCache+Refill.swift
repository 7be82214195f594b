// SPDX-License-Identifier: MIT
//
// The miss of malloc for small sizes: blocks from a slab's map lines into the bin's stack.
//
// Blocks come in ascending addresses from where the last refill left off, whatever order they were
// freed in: that restores locality after a fragmented history. A slab in which the search finds no
// more goes off its list and gets the full mark, so that the next free into it takes free's slow
// path and puts it back at the end of the list: by its turn it has gathered more free blocks.

import Synchronization

extension ThreadCache {
    /// A block of a small class, after filling its bin; 0 when out of memory.
    @inline(never)
    func refill(_ sizeClass: SizeClass) -> UInt {
        ThreadCache.count(header.pointee.refills)
        tick()
        drainInbox()
        let bin = bin(sizeClass)
        let record = record(sizeClass)
        while true {
            guard let span = record.pointee.available.firstSpan ?? acquireSlab(sizeClass) else {
                return 0
            }
            var search = LineSearch(span)
            let block = search.fill(bin, limit: sizeClass.stackCapacity)
            if search.isExhausted { markFull(span, record) }
            if block != 0 {
                ThreadCache.count(record.pointee.taken, UInt(search.found))
                return block
            }
        }
    }

    /// Takes a slab without a free block off its class's list.
    func markFull(_ span: Span, _ record: UnsafeMutablePointer<ClassRecord>) {
        record.pointee.available.remove(span)
        span.header.pointee.isFull = true
        span.setOwner(address | Owner.fullMark)
    }

    /// A new slab of the class, at the end of its list.
    func acquireSlab(_ sizeClass: SizeClass) -> Span? {
        let record = record(sizeClass)
        let isGrown = record.pointee.slabs >= SizeClass.slabsBeforeGrown
        let granules = sizeClass.slabGranules(isGrown: isGrown)
        guard let span = pageHeap.pointee.acquire(granules) else { return nil }
        let isClean = !span.header.pointee.isDirty
        span.header.pointee.owner = address
        span.header.pointee.sizeClass = UInt8(sizeClass.index)
        span.header.pointee.isFull = false
        span.header.pointee.linesEmpty = span.lines
        span.header.pointee.cursor = 0
        span.header.pointee.virginFromOrStamp = isClean ? 0 : UInt32.max
        span.header.pointee.state = SpanState.slab.rawValue
        span.publish()
        span.setOwner(address)
        record.pointee.slabs += 1
        record.pointee.available.pushLast(span)
        return span
    }

    /// Gives an empty slab back to the page heap.
    func releaseSlab(_ span: Span) {
        let record = record(span.sizeClass)
        if !span.header.pointee.isFull { record.pointee.available.remove(span) }
        if !span.sizeClass.isSmall { dropHints(into: span, record) }
        record.pointee.slabs -= 1
        span.setOwner(0)
        pageHeap.pointee.release(span)
    }
}

/// A search of a small slab's lines for blocks that are free.
private struct LineSearch: ~Copyable {
    private let span: Span
    private let blockBytes: UInt
    /// Bits 0, s, 2s, … for blocks of s units: the starts in a line whose first unit is a start.
    private let stride: UInt64
    /// Offset in the span behind its last whole block.
    private let blocksEnd: UInt
    private(set) var found = 0
    /// Whether every line was seen and every free block in them was taken.
    private(set) var isExhausted = false

    init(_ span: Span) {
        self.span = span
        blockBytes = span.sizeClass.blockBytes
        blocksEnd = span.bytes / blockBytes * blockBytes
        var stride: UInt64 = 1
        let units = blockBytes >> unitShift
        var shift = units
        while shift < 64 {
            stride |= stride &<< UInt64(shift)
            shift += shift
        }
        self.stride = stride
    }

    /// Fills the stack of an empty bin, all but the first block, which is the answer; 0 if none.
    mutating func fill(_ bin: UnsafeMutablePointer<Bin>, limit: Int) -> UInt {
        let lines = span.lines
        var line = span.header.pointee.cursor
        var slot = bin.pointee.full
        var first: UInt = 0
        var seen: UInt32 = 0
        let step = lineBytes % blockBytes
        // Offset from the start of the line to the first block that starts in it.
        var phase = (blockBytes - (UInt(line) << lineShift) % blockBytes) % blockBytes
        while seen < lines {
            var free = freeStarts(line, phase)
            if free.bits != 0 {
                let base = span.start + UInt(line) << lineShift
                let before = free.bits
                while free.bits != 0, found < limit {
                    let block = base + UInt(free.bits.trailingZeroBitCount) << unitShift
                    free.bits &= free.bits &- 1
                    found += 1
                    if first == 0 {
                        first = block
                    } else {
                        pointer(slot, to: UInt.self).pointee = block
                        slot -= 8
                    }
                }
                take(line, before & ~free.bits, live: free.live)
                if free.bits != 0 { break }
            }
            seen += 1
            line += 1
            phase = phase >= step ? phase - step : phase + blockBytes - step
            if line == lines {
                line = 0
                phase = 0
            }
            if found == limit { break }
        }
        span.header.pointee.cursor = line
        isExhausted = seen == lines
        pointer(slot, to: UInt.self).pointee = 0
        if first != 0 { bin.pointee.top = bin.pointee.full }
        if found <= 1 { bin.pointee.top = slot }
        return first
    }

    private func freeStarts(_ line: UInt32, _ phase: UInt) -> (bits: UInt64, live: UInt64) {
        let offset = UInt(line) << lineShift
        guard phase < lineBytes, offset < blocksEnd else { return (0, 0) }
        var starts = stride &<< UInt64(phase >> unitShift)
        let left = (blocksEnd - offset) >> unitShift
        if left < 64 { starts &= (1 << UInt64(left)) &- 1 }
        let live = BlockMap.line(span.start + offset).pointee.live.load(ordering: .relaxed)
        return (starts & ~live, live)
    }

    private func take(_ line: UInt32, _ bits: UInt64, live: UInt64) {
        if live == 0 { span.header.pointee.linesEmpty -= 1 }
        let address = span.start + UInt(line) << lineShift
        BlockMap.line(address).pointee.live.store(live | bits, ordering: .relaxed)
    }
}
