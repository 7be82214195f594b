// SPDX-License-Identifier: MIT
//
// A thread's own map: for each granule of address space, the offset of the bin that takes the
// blocks freed there, or 0.
//
//   place:  address & mask                           what the start check multiplies (StartCheck)
//   entry:  cache + 4096 + (place >> 14) * 2
//
// 0 is what all of the address space has that is not a slab of this thread: other threads' blocks,
// large blocks, NULL, foreign addresses. Bin 0 is always full, so free needs no test for any of
// them: they look like a full bin and take the slow path, which asks the block map.
//
// Nobody else reads it, and only visitors that empty a slab write to it (CachePool+Visits), so its
// cache lines stay with the processor that runs the thread: 64 bytes serve 512 KiB of heap. It is
// reserved readable and made writable as slabs come.

import CHakmemShim

/// The part of an own map that is writable, in bytes from its start. Zeroed memory is none.
struct OwnMapRange {
    var start: UInt
    var end: UInt
}

enum OwnMap {
    /// Bytes of an own map made writable at a time: each byte stands for 8 KiB of heap.
    fileprivate static let pieceBytes: UInt = 64 * 1024

    /// The bits of an address up to where the entries repeat; as in the block map.
    static var mask: UInt { BlockMap.coveredBytes - 1 }
    static var bytes: UInt { (BlockMap.coveredBytes >> granuleShift) * 2 }

    /// Where in its address space an address is for the thread that has the cache.
    @inline(__always)
    static func place(_ address: UInt, _ cache: UInt) -> UInt {
        address & pointer(cache &+ ThreadCache.ownMaskOffset, to: UInt.self).pointee
    }

    @inline(__always)
    static func entry(at place: UInt, _ cache: UInt) -> UnsafeMutablePointer<UInt16> {
        pointer(
            cache &+ UInt(HAK_OWN_MAP_OFFSET) &+ place &>> granuleShift &* 2, to: UInt16.self)
    }

    @inline(__always)
    static func entry(_ address: UInt, _ cache: UInt) -> UnsafeMutablePointer<UInt16> {
        entry(at: place(address, cache), cache)
    }
}

extension ThreadCache {
    /// Has free put blocks of `span` on the bin at `binOffset`, or, if that is 0, no longer.
    /// False when the kernel refuses the memory for the map.
    func setOwnMap(_ span: Span, binOffset: UInt) -> Bool {
        var address = span.start
        while address < span.end {
            let entry = OwnMap.entry(address, self.address)
            guard isOwnMapWritable(entry) else { return false }
            entry.pointee = UInt16(truncatingIfNeeded: binOffset)
            address += granuleBytes
        }
        return true
    }

    /// Writes to where a new cache's first slabs are likely to have their entries. A thread that
    /// frees blocks of others first would read there, and a page that is read before it is
    /// written costs another fault, and an interrupt of the other processors.
    func prepareOwnMap() {
        guard heapExtent.pointee.isCompact else { return }
        let lowest = heapExtent.pointee.lowest
        let entry = OwnMap.entry(lowest, address)
        if isOwnMapWritable(entry) { entry.pointee = 0 }
    }

    @inline(__always)
    private func isOwnMapWritable(_ entry: UnsafeMutablePointer<UInt16>) -> Bool {
        let offset = UInt(bitPattern: entry) &- address &- UInt(HAK_OWN_MAP_OFFSET)
        let range = header.pointee.ownMap
        if offset >= range.start, offset < range.end { return true }
        return widenOwnMap(around: offset)
    }

    /// One range of all that is writable and the piece around `offset`.
    private func ownMapRange(with offset: UInt) -> OwnMapRange {
        let range = header.pointee.ownMap
        let piece = max(OwnMap.pieceBytes, process.pageBytes)
        let start = offset & ~(piece - 1)
        let end = min(start + piece, alignUp(OwnMap.bytes, to: process.pageBytes))
        let isFirst = range.end == 0
        return OwnMapRange(
            start: isFirst ? start : min(start, range.start), end: max(end, range.end))
    }

    /// Finds the writable range again, of a cache that may have lost it: where an entry of a slab
    /// is not 0, the piece around it is writable. Entries that are 0 may stay as they are.
    func recallOwnMap(_ span: Span) {
        var address = span.start
        while address < span.end {
            let entry = OwnMap.entry(address, self.address)
            if entry.pointee != 0 {
                let offset = UInt(bitPattern: entry) &- self.address &- UInt(HAK_OWN_MAP_OFFSET)
                header.pointee.ownMap = ownMapRange(with: offset)
            }
            address += granuleBytes
        }
    }

    /// Makes the entry at `offset` writable, and at least as much as was so far: each call of the
    /// kernel holds up whoever of the program's threads has a page fault.
    @inline(never)
    private func widenOwnMap(around offset: UInt) -> Bool {
        let range = header.pointee.ownMap
        var wide = ownMapRange(with: offset)
        let more = range.end - range.start
        if wide.start < range.start {
            wide.start = min(wide.start, range.start - min(more, range.start))
        } else {
            let mapEnd = alignUp(OwnMap.bytes, to: process.pageBytes)
            wide.end = max(wide.end, min(range.end + more, mapEnd))
        }
        return commitOwnMap(wide) || commitOwnMap(ownMapRange(with: offset))
    }

    private func commitOwnMap(_ range: OwnMapRange) -> Bool {
        let start = address + UInt(HAK_OWN_MAP_OFFSET) + range.start
        guard SystemCall.commit(start, bytes: range.end - range.start) else { return false }
        header.pointee.ownMap = range
        return true
    }
}
