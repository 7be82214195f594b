// SPDX-License-Identifier: MIT
//
// What must hold of a thread cache between two operations of its owner; unit tests ask for it.

#if HAKMEM_HOSTED
    import CHakmemShim
    import Synchronization

    extension ThreadCache {
        /// What is wrong with this cache; nothing when all is well. The caller owns it.
        func violations() -> [String] {
            var found: [String] = []
            var slabs: [Int: Set<UInt>] = [:]
            pageHeap.forEachSpan { span in
                guard span.state == .slab, span.header.pointee.owner == address else { return }
                slabs[span.sizeClass.index, default: []].insert(span.address)
            }
            for index in 1..<SizeClass.end {
                let sizeClass = SizeClass(index: index)
                let own = slabs[index] ?? []
                for span in own { found += Span(at: span).slabViolations(of: self) }
                found += listViolations(sizeClass, own)
                found += binViolations(sizeClass, own)
            }
            return found
        }

        /// The list of available slabs holds exactly those that are not full.
        private func listViolations(_ sizeClass: SizeClass, _ own: Set<UInt>) -> [String] {
            var found: [String] = []
            let record = record(sizeClass)
            var listed: Set<UInt> = []
            var previous: UInt = 0
            var next = record.pointee.available.firstSpan
            while let span = next, listed.insert(span.address).inserted {
                if span.header.pointee.previous != previous { found.append("list links disagree") }
                previous = span.address
                next = Span(atOrNil: span.header.pointee.next)
            }
            if previous != record.pointee.available.last { found.append("list ends elsewhere") }
            if listed != own.filter({ !Span(at: $0).header.pointee.isFull }) {
                found.append("\(listed.count) slabs listed of \(own.count), not those with room")
            }
            if !record.pointee.keptEmpty,
                own.contains(where: { Span(at: $0).header.pointee.blocksOut == 0 })
            {
                found.append("an empty slab that no release would find")
            }
            let out = own.reduce(0) { $0 + Span(at: $1).header.pointee.blocksOut & ~Span.fullMark }
            if record.pointee.blocksOut != out {
                found.append("\(out) blocks out, not \(record.pointee.blocksOut)")
            }
            if Int(record.pointee.slabs) != own.count {
                found.append("\(own.count) slabs, not \(record.pointee.slabs)")
            }
            return found.map { "class \(sizeClass.index): \($0)" }
        }

        /// Ready blocks are live, marked and distinct blocks of this cache's slabs.
        private func binViolations(_ sizeClass: SizeClass, _ own: Set<UInt>) -> [String] {
            var found: [String] = []
            var seen: Set<UInt> = []
            let bin = bin(sizeClass).pointee
            let ready = readyCount(sizeClass)
            if record(sizeClass).pointee.limit == 0 {
                return ready == 0 ? [] : ["class \(sizeClass.index): blocks without a stack"]
            }
            let bottom = startCheck(sizeClass).pointee.bottom
            let below = UInt(record(sizeClass).pointee.below)
            let sentinelSlot = bottom - below * 8
            if UInt(record(sizeClass).pointee.leastBelow) > below {
                found.append("more unused than out of sight")
            }
            if bin.top < bin.full { found.append("bin above its bound") }
            if bin.top > sentinelSlot { found.append("bin below its sentinel") }
            if sentinelSlot - bin.full > UInt(sizeClass.stackSlotsMax) * 8 {
                found.append("window wider than the start check allows")
            }
            if ready > UInt(sizeClass.stackDepthMax) { return ["bin has no end"] }
            for index in 0...ready {
                let block = pointer(bottom - index * 8, to: UInt.self).pointee
                if index == below {
                    if block != sentinel { found.append("no sentinel") }
                    continue
                }
                if !seen.insert(block).inserted { found.append("\(block) is twice in the bin") }
                if !ThreadCache.isOut(block) { found.append("ready block \(block) is not live") }
                if !ReadyMark.isOn(block) { found.append("ready block \(block) has no mark") }
                if !own.contains(BlockMap.span(block)?.address ?? 0) {
                    found.append("ready block \(block) is of no own slab")
                }
            }
            return found.map { "class \(sizeClass.index): \($0)" }
        }
    }
#endif
