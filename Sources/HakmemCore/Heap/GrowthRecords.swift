// SPDX-License-Identifier: MIT
//
// Where growing blocks end, by the place in the program that calls realloc: what grew there before
// says what the next one will come to. A large block that has to move goes to where it has room for
// all of that at once. It is copied once instead of at each step, and leaves no holes behind that
// its larger self does not fit into. What it never comes to write is untouched memory.
//
// Room that is never filled costs nothing where it is untouched memory; where it is not, nobody
// else has it. So all room that blocks have is bounded by a part of what is in use.
//
// A record for each of 127 call sites, chosen by hash; a newer site takes an older one's. A block's
// span names the record that it counts for (Span.growthRecord). The estimate follows shorter ends
// fast and longer ones slowly: two of three blocks come to it.
//
// All words are advice, read and written relaxed by any thread. (HAKMEM_GROWTH=0 asks for none.)

import Synchronization

struct GrowthRecord: ~Copyable {
    /// The return address of its calls of realloc.
    let site: Atomic<UInt>
    /// The estimate, in bytes, a multiple of 16; in its low bits how many ends it is from, up to
    /// 15.
    let estimate: Atomic<UInt>
}

/// Zeroed memory knows of no site.
struct GrowthRecordsFields: ~Copyable {
    let records: InlineArray<128, GrowthRecord>
    /// Bytes of resized blocks beyond what the program has asked for.
    let roomBytes: Atomic<UInt>
}

struct GrowthRecords {
    let fields: UnsafeMutablePointer<GrowthRecordsFields>

    private static let bits = 7
    private static let countMask: UInt = 15
    /// Ends of blocks that are enough for an estimate.
    private static let endsMin: UInt = 2
    /// Room is no more than so many times what is asked for now.
    private static let roomFactorMax: UInt = 16
    /// What all room may be, beside half of what is in use.
    private static let roomBytesMin: UInt = 8 << 20

    /// The number of a site's record, from 1; it may be another site's.
    private static func index(_ site: UInt) -> Int {
        max(SiteHash.set(site, bits: bits), 1)
    }

    /// The record of a site, which is its own from now on.
    private func record(of site: UInt) -> UInt8 {
        let index = GrowthRecords.index(site)
        if fields.pointee.records[index].site.load(ordering: .relaxed) != site {
            fields.pointee.records[index].estimate.store(0, ordering: .relaxed)
            fields.pointee.records[index].site.store(site, ordering: .relaxed)
        }
        return UInt8(index)
    }

    /// Bytes that a block which a site grows to `bytes` will likely come to; `bytes` if nobody
    /// knows.
    func expected(_ bytes: UInt, site: UInt) -> UInt {
        let index = GrowthRecords.index(site)
        guard process.options.learnsGrowth, bytes <= largeMax,
            fields.pointee.records[index].site.load(ordering: .relaxed) == site
        else { return bytes }
        let word = fields.pointee.records[index].estimate.load(ordering: .relaxed)
        guard word & GrowthRecords.countMask >= GrowthRecords.endsMin else { return bytes }
        let end = word & ~GrowthRecords.countMask
        let bound = min(bytes * GrowthRecords.roomFactorMax, largeMax)
        let expected = min(end + end / 8, bound)
        return expected > bytes && hasPlace(for: expected - bytes) ? expected : bytes
    }

    private func hasPlace(for room: UInt) -> Bool {
        pageHeap.acquireLock()
        let used = pageHeap.usedBytes
        pageHeap.releaseLock()
        let all = fields.pointee.roomBytes.load(ordering: .relaxed) &+ room
        return all <= GrowthRecords.roomBytesMin + used / 2
    }

    // MARK: A block's life

    /// The block of a large span has become one of `bytes`, by a realloc at `site` that has left
    /// room behind them, or not. `resize` is what makes the span's block as long as it now is.
    func noteGrown(
        _ span: Span, _ bytes: UInt, isRoomy: Bool, site: UInt, resize: () -> Void = {}
    ) {
        change(span) {
            resize()
            span.noteAsked(bytes)
            span.setGrown(span.isGrown || isRoomy, record: record(of: site))
        }
    }

    /// The program has asked for so many bytes again, and the block has stayed where it is.
    func noteKept(_ span: Span, _ bytes: UInt, resize: () -> Void = {}) {
        change(span) {
            resize()
            span.noteAsked(bytes)
        }
    }

    /// The block of a span lives on elsewhere; what it was is about to be freed.
    func noteMoved(_ span: Span) { change(span) { span.setGrown(span.isGrown) } }

    /// The span has no block any more.
    func noteGone(_ span: Span) { change(span) { span.setGrown(false) } }

    /// The program has freed the block of a span.
    @inline(__always)
    func noteFreed(_ span: Span) {
        if !span.isResized { return }
        if span.growthRecord != 0 { noteEnd(span.growthRecord, span.askedBytes) }
        noteGone(span)
    }

    @inline(__always)
    private func change(_ span: Span, _ body: () -> Void) {
        let before = room(span)
        body()
        let more = room(span) &- before
        if more != 0 { fields.pointee.roomBytes.wrappingAdd(more, ordering: .relaxed) }
    }

    private func room(_ span: Span) -> UInt {
        span.isResized ? span.blockBytes &- span.askedBytes : 0
    }

    /// The program has freed a block that it had last asked so many bytes for.
    private func noteEnd(_ record: UInt8, _ bytes: UInt) {
        let word = fields.pointee.records[Int(record)].estimate.load(ordering: .relaxed)
        let count = word & GrowthRecords.countMask
        let old = word & ~GrowthRecords.countMask
        var new = alignUp(bytes, to: GrowthRecords.countMask + 1)
        if count > 0 {
            new = new < old ? old - (old - new) / 2 : old + (new - old) / 8
        }
        new = new & ~GrowthRecords.countMask | min(count + 1, GrowthRecords.countMask)
        fields.pointee.records[Int(record)].estimate.store(new, ordering: .relaxed)
    }
}
