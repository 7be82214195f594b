// SPDX-License-Identifier: MIT
//
// What must hold of a slab between two operations of its owner; unit tests ask for it.

#if HAKMEM_HOSTED
    import Synchronization

    extension Span {
        /// What is wrong with this slab of `cache`; nothing when all is well. The caller owns it.
        func slabViolations(of cache: ThreadCache) -> [String] {
            var found: [String] = []
            let blockBytes = sizeClass.blockBytes
            let isFull = header.pointee.isFull
            var expectedOwner = cache.address
            if sizeClass.isSmall {
                if header.pointee.feedsBin { expectedOwner |= blockBytes | Owner.binMark }
                if isFull, !header.pointee.feedsBin { found.append("full and does not feed") }
            } else if isFull {
                expectedOwner |= Owner.binMark
            }
            var linesEmpty: UInt32 = 0
            var liveCount: UInt = 0
            for line in 0..<UInt(lines) {
                let base = start + line << lineShift
                let entry = BlockMap.line(base)
                let live = entry.pointee.live.load(ordering: .relaxed)
                if live == 0 { linesEmpty += 1 }
                if entry.pointee.owner.load(ordering: .relaxed) != expectedOwner {
                    found.append("line \(line): owner word is not \(expectedOwner)")
                }
                for unit in 0..<UInt(64) where live >> UInt64(unit) & 1 == 1 {
                    liveCount += 1
                    let offset = base + unit << unitShift - start
                    if offset % blockBytes != 0 || offset + blockBytes > bytes {
                        found.append("live bit at offset \(offset), where no block starts")
                    }
                }
                if BlockMap.span(base) != self { found.append("line \(line): not this span's") }
            }
            if linesEmpty != header.pointee.linesEmpty {
                found.append("\(linesEmpty) empty lines, not \(header.pointee.linesEmpty)")
            }
            if isFull, liveCount != bytes / blockBytes { found.append("full with free blocks") }
            return found.map { "class \(sizeClass.index) slab at \(start): \($0)" }
        }
    }
#endif
