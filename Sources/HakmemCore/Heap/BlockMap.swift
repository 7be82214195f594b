// SPDX-License-Identifier: MIT
//
// What the process knows of any address: the span that covers its granule and who owns that, and
// which of its line's units are the start of a block that is out.
//
//   base ─► ┌──────────┬──────────┐
//           │ owner    │ span     │  granule 0      one entry of 16 B for each 16 KiB
//           │    …     │    …     │
//   lines ► ├──────────┼──────────┘
//           │ live     │  line 0    one word for each 1 KiB; bit u: the block at unit u is out,
//           │    …     │            i.e. with the program or in a bin's stack
//           └──────────┘
//
//   granule entry:  ((address >> 10) & mask) + base      mask makes it a multiple of 16
//
// The hit path of free does not come here: it looks into the thread's own map (OwnMap).
//
// The map covers `coveredBytes` of address space and is used modulo that; it is sized from the
// machine's memory and the process's limits, so that no two addresses of the heap fall on one entry
// (PageHeap asks before it takes a mapping). It is reserved readable, hence any pointer may be
// looked up, and made writable piece by piece as the heap grows.
//
// Writers: the thread that owns the span writes its entries, or, of a slab, who has its cache's
// slab lock (relaxed).
// Other threads read those of blocks they hold: they got the pointer from the owner through some
// synchronisation of the program's, which orders the owner's writes before their reads.

import CHakmemShim
import Synchronization

/// One entry of the block map: 16 KiB of the heap.
struct MapGranule: ~Copyable {
    let owner = Atomic<UInt>(0)
    let span = Atomic<UInt>(0)
}

/// The owner word of a granule: an address whose low bits say what it is the address of.
///
///   0                 nobody's: not ours, or free, or the inside of a large block
///   bin               a slab: the bin of its thread cache that its blocks belong into
///   span | wholeMark  the first granule of a block that has its span for itself
enum Owner {
    static let wholeMark: UInt = 2
    /// Spans are aligned to 64 bytes.
    static let spanMask: UInt = ~0x3F
    /// Bins lie in the first page of their cache.
    static let binMask: UInt = 0xFFF

    /// The owner word of a slab.
    @inline(__always)
    static func slab(_ cache: ThreadCache, _ sizeClass: SizeClass) -> UInt {
        cache.address | sizeClass.binOffset
    }

    /// The cache that an owner word of a slab names.
    @inline(__always)
    static func cache(_ owner: UInt) -> ThreadCache { ThreadCache(at: owner & ~binMask) }

    /// The class that it names.
    @inline(__always)
    static func sizeClass(_ owner: UInt) -> SizeClass { SizeClass(binOffset: owner & binMask) }
}

enum BlockMap {
    /// Bytes of map made writable at a time.
    private static let pieceBytes: UInt = 64 * 1024
    fileprivate static let granuleEntryBytes: UInt = 16
    fileprivate static let lineEntryBytes: UInt = 8
    private static let coveredShiftMin: UInt = 26
    /// The start check takes no more (StartCheck).
    private static let coveredShiftMax = StartCheck.placeBits

    /// Bytes of the granules' part of the map.
    @inline(__always)
    private static var granulesBytes: UInt { hak_map_mask_get() &+ granuleEntryBytes }

    @inline(__always)
    static func granule(_ address: UInt) -> UnsafeMutablePointer<MapGranule> {
        // One shift does it: an entry has 2^4 bytes, a granule 2^14.
        let offset = (address &>> lineShift) & hak_map_mask_get()
        return pointer(offset &+ hak_map_base_get(), to: MapGranule.self)
    }

    /// Who owns the granule around an address: see Owner.
    @inline(__always)
    static func owner(_ address: UInt) -> UInt {
        granule(address).pointee.owner.load(ordering: .relaxed)
    }

    static func setOwner(_ address: UInt, _ owner: UInt) {
        granule(address).pointee.owner.store(owner, ordering: .relaxed)
    }

    /// The live word of the line around an address.
    @inline(__always)
    static func live(_ address: UInt) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let line = (address &>> lineShift) & (granulesBytes &- 1)
        return pointer(
            hak_map_base_get() &+ granulesBytes &+ line &* lineEntryBytes, to: Atomic<UInt64>.self)
    }

    /// The bit of a block in its line's live word.
    @inline(__always)
    static func bit(_ address: UInt) -> UInt64 { 1 &<< UInt64(address &>> unitShift) }

    /// The span that covers an address of the heap; nil elsewhere. Where spans have come and gone
    /// the answer may be stale: callers that hold no block there check it with `contains`.
    @inline(__always)
    static func span(_ address: UInt) -> Span? {
        Span(atOrNil: granule(address).pointee.span.load(ordering: .relaxed))
    }

    static func setSpan(_ address: UInt, _ span: Span) {
        granule(address).pointee.span.store(span.address, ordering: .relaxed)
    }

    static func clearSpan(_ address: UInt) {
        granule(address).pointee.span.store(0, ordering: .relaxed)
    }

    /// Bytes of address space after which the map's entries repeat.
    static var coveredBytes: UInt { granulesBytes << lineShift }

    /// Where in these an address is.
    static func place(_ address: UInt) -> UInt { address & (coveredBytes - 1) }

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
            let entries: UInt = 1 << (shift - granuleShift)
            let bytes = entries * (granuleEntryBytes + linesPerGranule * lineEntryBytes)
            if let base = SystemCall.reserveReadable(bytes: bytes) {
                hak_map_set(base, entries * granuleEntryBytes - granuleEntryBytes)
                return true
            }
            shift -= 1
        }
        return false
    }

    /// Makes the entries of `bytes` of heap at `address` writable. False: out of memory, or a part
    /// of the range falls on entries of another part of the heap.
    static func commit(_ address: UInt, bytes: UInt) -> Bool {
        guard bytes <= coveredBytes else { return false }
        let granuleMask = coveredBytes >> granuleShift - 1
        let firstGranule = address >> granuleShift
        let granules = (bytes + granuleBytes - 1) >> granuleShift
        var done: UInt = 0
        while done < granules {
            // The range may wrap round the end of the map.
            let start = (firstGranule &+ done) & granuleMask
            let count = min(granules - done, granuleMask + 1 - start)
            let lineEntries = linesPerGranule * lineEntryBytes
            guard
                commitPieces(start * granuleEntryBytes, bytes: count * granuleEntryBytes),
                commitPieces(granulesBytes + start * lineEntries, bytes: count * lineEntries)
            else { return false }
            done += count
        }
        return true
    }

    /// Makes the pieces around `bytes` at an offset in the map writable.
    private static func commitPieces(_ offset: UInt, bytes: UInt) -> Bool {
        let mapBytes = granulesBytes + (coveredBytes >> lineShift) * lineEntryBytes
        let piece = max(pieceBytes, process.pageBytes)
        let start = offset & ~(piece - 1)
        let end = min(alignUp(offset + bytes, to: piece), alignUp(mapBytes, to: process.pageBytes))
        return SystemCall.commit(hak_map_base_get() + start, bytes: end - start)
    }
}

/// The block map for a loop: its base and mask are not read again after each store.
struct BlockMapView {
    private let base = hak_map_base_get()
    private let mask = hak_map_mask_get()

    /// As `BlockMap.live`.
    @inline(__always)
    func live(_ address: UInt) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let granulesBytes = mask &+ BlockMap.granuleEntryBytes
        let line = (address &>> lineShift) & (granulesBytes &- 1)
        return pointer(
            base &+ granulesBytes &+ line &* BlockMap.lineEntryBytes, to: Atomic<UInt64>.self)
    }

    /// The span of a block.
    @inline(__always)
    func span(_ block: UInt) -> Span {
        Span(at: granule(block).pointee.span.load(ordering: .relaxed))
    }

    /// As `BlockMap.owner`.
    @inline(__always)
    func owner(_ block: UInt) -> UInt { granule(block).pointee.owner.load(ordering: .relaxed) }

    @inline(__always)
    private func granule(_ address: UInt) -> UnsafeMutablePointer<MapGranule> {
        pointer((address &>> lineShift) & mask &+ base, to: MapGranule.self)
    }
}
