// SPDX-License-Identifier: MIT
//
// What a free that cannot be is: told from what the map knows around the address.

extension Misuse {
    /// Reports a free of an address inside a span that is not a block which is out. Of a block that
    /// was sent twice, the span may be another's by now, and lie elsewhere.
    static func reportFree(of address: UInt, in span: Span) {
        if span.state == .slab, span.contains(address) {
            let offset = address - span.start
            let blockBytes = span.sizeClass.blockBytes
            let isMultiple = BlockMap.place(address) % blockBytes == 0
            let isStart = isMultiple && offset + blockBytes <= span.bytes
            Report.misuse(isStart ? .doubleFree(blockBytes: blockBytes) : .notABlock, at: address)
        } else {
            Report.misuse(.notABlock, at: address)
        }
    }

    /// Reports a free of an address that no line's owner claims: foreign, the inside of a large
    /// block, or a large block that was freed before.
    static func reportUnowned(_ address: UInt) {
        if let span = Misuse.spanAround(address) {
            if span.state == .free {
                Report.misuse(.doubleFree(blockBytes: span.bytes), at: address)
            } else {
                reportFree(of: address, in: span)
            }
        } else {
            Report.misuse(.foreign, at: address)
        }
    }

    private static let granulesBackMax = 1 << 17

    /// The span around any address of the heap, by walking back to where its first granule is.
    private static func spanAround(_ address: UInt) -> Span? {
        var probe = address
        for _ in 0..<granulesBackMax {
            if let span = BlockMap.span(probe) {
                if span.contains(address) { return span }
                if span.state != .unused, span.start <= probe, probe < span.end { return nil }
            }
            if probe < granuleBytes { return nil }
            probe -= granuleBytes
        }
        return nil
    }
}
