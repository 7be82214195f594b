// SPDX-License-Identifier: MIT
//
// What free looks up: for any address, who owns the line around it and which of the line's units
// are the start of a block that is out.
//
//   address   … 0x7f31_2480  = line number · 1 KiB + unit · 16 B + …
//                    │
//        ((address >> 6) & mask) + base      mask keeps low bits and makes them a multiple of 16
//                    ▼
//   base ─► ┌──────────┬──────────┐
//           │ owner    │ live     │  line 0     owner: whom the line belongs to (Owner below)
//           ├──────────┼──────────┤             live:  bit u = the block at unit u is out, i.e.
//           │ owner    │ live     │  line 1              with the program or in a bin's stack
//           ├──────────┼──────────┤
//           │    …     │    …     │
//   spans ► ┌──────────┐
//           │ span     │  one word a granule: the span that covers it
//           └──────────┘
//
// The check is the free: clearing a live bit frees the block, and a bit that was clear is a double
// free or an address at which no block starts. Neither costs anything beyond the free itself.
//
// The map covers `1 << coveredShift` bytes of address space and is used modulo that; it is sized
// from the machine's memory and the process's limits, so that no two addresses of the heap fall on
// one entry (PageHeap asks before it takes a mapping). It is reserved readable, hence any pointer
// may be looked up, and made writable piece by piece as the heap grows.
//
// Writers: the thread that owns the span writes its lines (relaxed; nobody else writes them). Other
// threads read `owner` and `live` of blocks they hold: they got the pointer from the owner through
// some synchronisation of the program's, which orders the owner's writes before their reads. The
// low bits of `owner` may change under such a reader, which masks them out.

import CHakmemShim
import Synchronization

/// One entry of the block map: 1 KiB of the heap.
struct MapLine: ~Copyable {
    let owner = Atomic<UInt>(0)
    let live = Atomic<UInt64>(0)
}

/// The owner word of a line: an address whose low bits say what it is the address of.
///
///   0                 nobody's: not ours, or free, or the inside of a large block
///   cache             a slab of this thread cache: free's hit path compares with its own cache,
///                     and a block freed goes back to the slab
///   cache | bin | binMark   the same, but a block freed goes to the cache's bin at that offset
///   span | wholeMark  the first line of a block that has its span for itself
enum Owner {
    static let binMark: UInt = 1
    static let wholeMark: UInt = 2
    /// Thread caches are aligned so that this mask yields the cache.
    static let cacheMask: UInt = ~0xFFF
    /// Spans are aligned to 64 bytes.
    static let spanMask: UInt = ~0x3F
}

enum BlockMap {
    /// Bytes of map made writable at a time: it covers 64 times as much heap.
    private static let pieceBytes: UInt = 256 * 1024
    private static let lineEntryShift: UInt = 4
    private static let coveredShiftMin: UInt = 26
    private static let coveredShiftMax: UInt = 46

    @inline(__always)
    static func line(_ address: UInt) -> UnsafeMutablePointer<MapLine> {
        pointer(
            ((address &>> (lineShift &- lineEntryShift)) & hak_map_mask_get())
                &+ hak_map_base_get(),
            to: MapLine.self)
    }

    /// The span that covers an address of the heap; nil elsewhere. Where spans have come and gone
    /// the answer may be stale: callers that hold no block there check it with `contains`.
    @inline(__always)
    static func span(_ address: UInt) -> Span? {
        Span(atOrNil: spanEntry(address).pointee.load(ordering: .relaxed))
    }

    static func setSpan(_ address: UInt, _ span: Span) {
        spanEntry(address).pointee.store(span.address, ordering: .relaxed)
    }

    static func clearSpan(_ address: UInt) {
        spanEntry(address).pointee.store(0, ordering: .relaxed)
    }

    @inline(__always)
    private static func spanEntry(_ address: UInt) -> UnsafeMutablePointer<Atomic<UInt>> {
        let lineBytesOfMap = hak_map_mask_get() &+ 16
        let index = (address &>> granuleShift) & ((lineBytesOfMap &>> 8) &- 1)
        return pointer(
            hak_map_base_get() &+ lineBytesOfMap &+ index &* 8, to: Atomic<UInt>.self)
    }

    /// Bytes of address space after which the map's entries repeat.
    static var coveredBytes: UInt { (hak_map_mask_get() &+ 16) << (lineShift - lineEntryShift) }

    // MARK: Set-up and growth

    /// Reserves the map for a process that may hold `memoryBytes`; false when even the smallest
    /// map is refused.
    static func reserve(memoryBytes: UInt, addressSpaceBytes: UInt) -> Bool {
        var shift = UInt(UInt.bitWidth - memoryBytes.leadingZeroBitCount) + 3
        shift = min(max(shift, 38), coveredShiftMax)
        if addressSpaceBytes < UInt.max >> 1 {
            // At most a sixteenth of a limited address space.
            let limitShift = UInt(UInt.bitWidth - addressSpaceBytes.leadingZeroBitCount) + 1
            shift = min(shift, max(limitShift, coveredShiftMin))
        }
        while shift >= coveredShiftMin {
            let lineMapBytes: UInt = 1 << (shift - lineShift + lineEntryShift)
            let spanMapBytes: UInt = 8 << (shift - granuleShift)
            if let base = SystemCall.reserveReadable(bytes: lineMapBytes + spanMapBytes) {
                hak_map_set(base, lineMapBytes - 16)
                return true
            }
            shift -= 1
        }
        return false
    }

    /// Makes the entries of `bytes` of heap at `address` writable. False: out of memory, or a part
    /// of the range falls on entries of another part of the heap.
    static func commit(_ address: UInt, bytes: UInt) -> Bool {
        let lineMapBytes = hak_map_mask_get() &+ 16
        let base = hak_map_base_get()
        guard bytes <= lineMapBytes << 6 else { return false }
        let firstGranule = address >> granuleShift
        let granules = (bytes + granuleBytes - 1) >> granuleShift
        let granuleMask = (lineMapBytes >> 8) - 1
        var done: UInt = 0
        while done < granules {
            // The range may wrap round the end of the map.
            let start = (firstGranule &+ done) & granuleMask
            let count = min(granules - done, granuleMask + 1 - start)
            guard
                commitMap(base + start << 8, bytes: count << 8),
                commitMap(base + lineMapBytes + start << 3, bytes: count << 3)
            else { return false }
            done += count
        }
        return true
    }

    private static func commitMap(_ address: UInt, bytes: UInt) -> Bool {
        let pageBytes = process.pageBytes
        let mapEnd = hak_map_base_get() + (hak_map_mask_get() + 16) / 32 * 33
        let piece = min(pieceBytes, 1 << 30)
        var start = address & ~(piece - 1)
        start = max(start, hak_map_base_get()) & ~(pageBytes - 1)
        let end = min(alignUp(address + bytes, to: piece), alignUp(mapEnd, to: pageBytes))
        return SystemCall.commit(start, bytes: end - start)
    }
}
