// SPDX-License-Identifier: MIT
//
// Free spans of both kinds that adjoin, taken as one. The page heap comes here when no span of one
// kind is large enough: before it maps more memory, it takes a dirty span together with the clean
// ones next to it. And when a span in use grows where it lies.

extension PageHeap {
    /// Dirty spans that are looked at, the youngest first.
    static let lookedAtMax = 64

    /// A free dirty span of at least `granules`, made of a dirty span and of as much as is missing
    /// from its clean neighbours; nil if none was found. It is in its bin.
    func joined(_ granules: UInt) -> Span? {
        var next = fields.pointee.youngestDirty
        for _ in 0..<PageHeap.lookedAtMax {
            guard let dirty = Span(atOrNil: next) else { return nil }
            next = dirty.header.pointee.bytesOrOlder
            // Its neighbours, where free, are clean: two of a kind would be one.
            let before = freeSpan(endingAt: dirty.start)
            let after = freeSpan(startingAt: dirty.end)
            let size = UInt(dirty.header.pointee.granules)
            let sizeAfter = after.map { UInt($0.header.pointee.granules) } ?? 0
            let sizeBefore = before.map { UInt($0.header.pointee.granules) } ?? 0
            if size + sizeAfter + sizeBefore < granules { continue }
            var whole = dirty
            var missing = granules - size
            if let after {
                whole = take(min(missing, sizeAfter), atStartOf: after)
                missing -= min(missing, sizeAfter)
            }
            if let before, missing > 0 { whole = take(missing, atEndOf: before) }
            return whole
        }
        return nil
    }

    private func take(_ granules: UInt, atStartOf span: Span) -> Span {
        unlink(span)
        if granules < UInt(span.header.pointee.granules) {
            link(split(span, keepingFirst: granules), stamp: 0)
        }
        return insertDirty(span)
    }

    private func take(_ granules: UInt, atEndOf span: Span) -> Span {
        unlink(span)
        let size = UInt(span.header.pointee.granules)
        if granules == size { return insertDirty(span) }
        let end = split(span, keepingFirst: size - granules)
        link(span, stamp: 0)
        return insertDirty(end)
    }

    /// What was taken counts as dirty, and becomes one with the dirty span that it adjoins.
    private func insertDirty(_ span: Span) -> Span {
        span.header.pointee.isDirty = true
        return insertJoined(span, stamp: Clock.nowMs())
    }

    /// Grows a span in use in place to `granules`, from the free spans behind it; false if those
    /// are too small.
    func extend(_ span: Span, toGranules granules: UInt) -> Bool {
        fields.pointee.lock.acquire()
        defer { fields.pointee.lock.release() }
        var missing = granules - UInt(span.header.pointee.granules)
        guard freeGranules(from: span.end) >= missing, reserveHeaders() else { return false }
        noteAcquired()
        while missing > 0, let next = freeSpan(startingAt: span.end) {
            unlink(next)
            let taken = min(missing, UInt(next.header.pointee.granules))
            if UInt(next.header.pointee.granules) > taken {
                let rest = split(next, keepingFirst: taken)
                link(rest, stamp: rest.header.pointee.usedBlocksOrStamp)
            }
            span.header.pointee.granules += UInt32(taken)
            if next.header.pointee.isDirty { span.header.pointee.isDirty = true }
            giveHeader(next)
            missing -= taken
        }
        span.publishEdges()
        return true
    }

    /// Granules that are free from an address on, of both kinds, as far as `joined` takes them.
    func freeGranules(from address: UInt) -> UInt {
        guard let first = freeSpan(startingAt: address) else { return 0 }
        let size = UInt(first.header.pointee.granules)
        guard let second = freeSpan(startingAt: first.end) else { return size }
        return size + UInt(second.header.pointee.granules)
    }

    // MARK: Neighbours

    func freeSpan(startingAt address: UInt) -> Span? {
        guard let span = known(address), span.start == address else { return nil }
        return span
    }

    func freeSpan(endingAt address: UInt) -> Span? {
        guard let span = known(address - 1), span.end == address else { return nil }
        return span
    }

    /// The free span of which an address is at the edge. Does not read the map beyond the heap: a
    /// page of it that is read first costs another fault when it is written, and an interrupt of
    /// the other processors.
    private func known(_ address: UInt) -> Span? {
        guard heapExtent.pointee.contains(address), let span = BlockMap.span(address),
            span.state == .free
        else { return nil }
        return span
    }
}
