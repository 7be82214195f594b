// SPDX-License-Identifier: MIT
//
// A span: a run of granules, and the 64 bytes that describe it, which lie apart from it.
//
// States:  free (in the page heap) · slab (cut into blocks of one class) · large (one block of the
//          page heap) · whale (one block with a mapping of its own) · unmapped (its addresses are
// the kernel's again) · unused (a spare header, or on its way between two states)
//
// Owner: a slab is its thread cache's alone. A free span is the page heap's, under its lock. A
// large block or whale belongs to whoever frees it. Headers are never unmapped, so a stale one may
// be read by anybody; it then describes some other span, which `contains` tells.
//
// Slab invariants:  blocksOut == number of its live bits, up to the events under way, and
//                                fullMark more while isFull
//                   isFull  ⇒  every block is out

import Synchronization

enum SpanState: UInt8 {
    case unused = 0
    case free, slab, large, whale, unmapped
}

struct SpanHeader: ~Copyable {
    /// Free: neighbours in its bin. Slab: neighbours in its class's list. Else: in a cache's list.
    var next: UInt = 0
    var previous: UInt = 0
    var start: UInt = 0
    /// Slab: its thread cache. Free and dirty: the next younger span.
    var owner: UInt = 0
    var granules: UInt32 = 0
    /// A SpanState. Read relaxed: who may set it is its owner, and neighbours only ask whether it
    /// is free, which changes under the page heap's lock alone. Written releasing: a slab's fields
    /// are written before it is one, which CachePool+Orphans counts on.
    let state = Atomic<UInt8>(0)
    /// Slab: the index of its class. Large: isGrown and growthRecord; 0 for a block that has not
    /// grown.
    var sizeClass: UInt8 = 0
    /// Free: whether its memory may be other than zero. Slab: whether it was when it was taken.
    var isDirty: Bool = false
    /// Slab: no block was free at the last search; it is on no list.
    var isFull: Bool = false
    /// Slab: blocks that are out, and `fullMark` while it is full: one comparison then tells
    /// whether a block that returns changes more. Large and whale: when it was handed out
    /// (SiteSamples).
    var blocksOut: UInt32 = 0
    /// Slab: the line (dense class) or byte (sparse class) where the search for free blocks goes
    /// on. Large and whale: low bits of the call site.
    var cursor: UInt32 = 0
    /// Slab: how many of its blocks were handed out ever; those behind them are zeros. UInt32.max
    /// once no such block is left (LineSearch). Free and dirty: since when, in ms. Large: bytes
    /// that the program has asked for last, by malloc or realloc.
    var usedBlocksOrStamp: UInt32 = 0
    /// Slab of a dense class: where in the line at `cursor` the search goes on. Large and whale:
    /// high bits of the call site.
    var phase: UInt16 = 0
    /// Where its first block starts, in bytes (LineSearch, LargeBlock).
    var blockOffset: UInt16 = 0
    /// Large and whale: bytes that the program may use. Slab: how many blocks it has. Free and
    /// dirty: the next older span.
    var bytesOrOlder: UInt = 0
}

/// A span, by the address of its header.
struct Span: Equatable {
    let address: UInt

    static let headerBytes: UInt = 64
    /// Its sign: what is at most 0 is full, or empty.
    static let fullMark: UInt32 = 1 << 31

    @inline(__always)
    init(at address: UInt) { self.address = address }

    @inline(__always)
    init?(atOrNil address: UInt) {
        if address == 0 { return nil }
        self.address = address
    }

    @inline(__always)
    var header: UnsafeMutablePointer<SpanHeader> { pointer(address, to: SpanHeader.self) }

    @inline(__always)
    var start: UInt { header.pointee.start }
    @inline(__always)
    var bytes: UInt { UInt(header.pointee.granules) << granuleShift }
    @inline(__always)
    var end: UInt { start + bytes }
    @inline(__always)
    var state: SpanState {
        SpanState(rawValue: header.pointee.state.load(ordering: .relaxed)).unsafelyUnwrapped
    }

    @inline(__always)
    func setState(_ state: SpanState) {
        header.pointee.state.store(state.rawValue, ordering: .releasing)
    }

    /// Whether it is a slab, for whoever reads its owner and class next without owning it.
    var isSlabSeen: Bool {
        header.pointee.state.load(ordering: .acquiring) == SpanState.slab.rawValue
    }

    @inline(__always)
    var lines: UInt32 { header.pointee.granules << UInt32(granuleShift - lineShift) }
    @inline(__always)
    var sizeClass: SizeClass { SizeClass(index: Int(header.pointee.sizeClass)) }

    func contains(_ address: UInt) -> Bool {
        state != .unused && state != .unmapped && address >= start && address < end
    }

    /// The start of the block of a large span or whale.
    @inline(__always)
    var block: UInt { start &+ UInt(header.pointee.blockOffset) }

    /// Whether the block of a large span has grown where it is, or to where it has room. The span
    /// then goes to the page heap when it is freed, where it makes room for others that grow.
    @inline(__always)
    var isGrown: Bool { header.pointee.sizeClass & Span.grownMark != 0 }

    /// The record that the block of a large span counts for (GrowthRecords); 0 if it has not grown.
    var growthRecord: UInt8 { header.pointee.sizeClass & ~Span.grownMark }

    /// Whether realloc has made the block of a large span what it is.
    @inline(__always)
    var isResized: Bool { header.pointee.sizeClass != 0 }

    @inline(__always)
    func setGrown(_ isGrown: Bool, record: UInt8 = 0) {
        header.pointee.sizeClass = isGrown ? record | Span.grownMark : record
    }

    private static let grownMark: UInt8 = 1 << 7

    /// Bytes that the program has asked for, as far as that is known: of a slab's block those that
    /// it has, and of a block that its thread had kept, those that somebody had asked for before.
    var askedBytes: UInt {
        state == .large ? UInt(header.pointee.usedBlocksOrStamp) : blockBytes
    }

    /// What the program has asked for, of a large span.
    @inline(__always)
    func noteAsked(_ bytes: UInt) {
        header.pointee.usedBlocksOrStamp = UInt32(truncatingIfNeeded: bytes)
    }

    /// Blocks of a slab.
    @inline(__always)
    var blocks: UInt32 { UInt32(truncatingIfNeeded: header.pointee.bytesOrOlder) }

    /// Bytes usable in the block at `address`, which is the start of one.
    @inline(__always)
    var blockBytes: UInt {
        state == .slab ? sizeClass.blockBytes : header.pointee.bytesOrOlder
    }

    /// The same, less the room that realloc has left behind what was asked for.
    var knownBytes: UInt { state == .large && isResized ? askedBytes : blockBytes }

    /// Points every granule's map entry at this span and `owner`.
    func publish(owner: UInt) {
        var address = start
        while address < end {
            BlockMap.setSpan(address, self)
            BlockMap.setOwner(address, owner)
            address += granuleBytes
        }
    }

    /// Points the first and last granule's entries at this span: all that neighbours look at.
    func publishEdges() {
        BlockMap.setSpan(start, self)
        BlockMap.setSpan(end - 1, self)
    }

    static func assertLayout() {
        layoutAssert(MemoryLayout<SpanHeader>.stride <= Int(headerBytes))
    }
}
