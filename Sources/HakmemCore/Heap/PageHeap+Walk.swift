// SPDX-License-Identifier: MIT
//
// Walking all spans of the page heap, for statistics, invariants and orphans: chunk by chunk, from
// each span to the one behind it. Under the lock: then no span changes hands.

extension PageHeap {
    /// The span that starts at `address` inside a chunk's record, and where to look next. Parts of
    /// a chunk that were unmapped may hold other things since, or nothing.
    func span(startingAt address: UInt) -> (span: Span?, next: UInt) {
        guard let span = BlockMap.span(address), span.start == address, span.state != .unmapped,
            span.state != .whale
        else { return (nil, address + granuleBytes) }
        return (span, span.end)
    }

    /// The newest chunk's record; the rest follow it. Read under the lock: then no span changes
    /// hands, and every chunk is covered by spans without a gap.
    var firstChunk: ChunkRecord? { fields.pointee.chunks.firstRecord }

    /// Calls `body` with every slab, under the lock. One that is just made may be left out.
    func forEachSlab(_ body: (Span) -> Void) {
        acquireLock()
        defer { releaseLock() }
        var record = firstChunk
        while let chunk = record {
            var address = chunk.start
            while address < chunk.start + chunk.bytes {
                let found = span(startingAt: address)
                if let span = found.span, span.isSlabSeen { body(span) }
                address = found.next
            }
            record = chunk.next
        }
    }
}
