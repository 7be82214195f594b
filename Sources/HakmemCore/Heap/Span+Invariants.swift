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
            let beyond = BlockMap.place(start) % blockBytes
            let origin = start + (beyond == 0 ? 0 : blockBytes - beyond)
            let blocks = (end - origin) / blockBytes
            let counts = process.options.countsEveryCall
            var liveCount: UInt = 0
            for line in 0..<UInt(lines) {
                let base = start + line << lineShift
                let live = BlockMap.live(base).pointee.load(ordering: .relaxed)
                if BlockMap.owner(base) != Owner.slab(cache, sizeClass) {
                    found.append("line \(line): not owned by its cache")
                }
                let fed = UInt(OwnMap.entry(base, cache.address).pointee)
                if fed != (counts ? 0 : sizeClass.binOffset) {
                    found.append("line \(line): own map feeds \(fed)")
                }
                for unit in 0..<UInt(64) where live >> UInt64(unit) & 1 == 1 {
                    liveCount += 1
                    let block = base + unit << unitShift
                    if block < origin || (block - origin) % blockBytes != 0
                        || (block - origin) / blockBytes >= blocks
                    {
                        found.append("live bit at \(block - start), where no block starts")
                    }
                }
                if BlockMap.span(base) != self { found.append("line \(line): not this span's") }
            }
            let blocksOut = header.pointee.blocksOut ^ (isFull ? Span.fullMark : 0)
            if liveCount != UInt(blocksOut) {
                found.append("\(liveCount) blocks out, not \(blocksOut)")
            }
            if blocks != UInt(self.blocks) { found.append("\(blocks) blocks, not \(self.blocks)") }
            if header.pointee.usedBlocksOrStamp != UInt32.max {
                for index in UInt(header.pointee.usedBlocksOrStamp)..<blocks {
                    let block = origin + index * blockBytes
                    // A misuse may have left a mark in its first word.
                    let second = pointer(block + 8, to: UInt.self).pointee
                    if ThreadCache.isOut(block) || second != 0 {
                        found.append("block \(index) is not new")
                    }
                }
            }
            if isFull, liveCount != blocks { found.append("full with free blocks") }
            return found.map { "class \(sizeClass.index) slab at \(start): \($0)" }
        }
    }
#endif
