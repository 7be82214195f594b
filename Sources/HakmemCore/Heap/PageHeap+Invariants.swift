// SPDX-License-Identifier: MIT
//
// What must hold of the page heap whenever its lock is free; unit tests ask for it.

#if HAKMEM_HOSTED
    extension PageHeap {
        /// Calls `body` with every span in address order of each chunk, under the lock.
        func forEachSpan(_ body: (Span) -> Void) {
            acquireLock()
            defer { releaseLock() }
            walk(body)
        }

        private func walk(_ body: (Span) -> Void) {
            var record = firstChunk
            while let chunk = record {
                var address = chunk.start
                while address < chunk.start + chunk.bytes {
                    let found = span(startingAt: address)
                    if let span = found.span { body(span) }
                    address = found.next
                }
                record = chunk.next
            }
        }

        /// What is wrong; nothing when all is well. No other thread may be acquiring spans.
        func violations() -> [String] {
            acquireLock()
            defer { releaseLock() }
            var found: [String] = []
            var free: UInt = 0
            var dirty: UInt = 0
            var scraps: UInt32 = 0
            var total: UInt = 0
            var before: Span?
            walk { span in
                total += span.bytes
                defer { before = span }
                guard span.state == .free else { return }
                free += span.bytes
                if span.header.pointee.isDirty {
                    dirty += span.bytes
                    if PageHeap.isScrap(span) { scraps += 1 }
                }
                if BlockMap.span(span.end - 1) != span {
                    found.append("free span at \(span.start): its last entry is another's")
                }
                if let before, before.state == .free, before.end == span.start,
                    before.header.pointee.isDirty == span.header.pointee.isDirty
                {
                    found.append("free span at \(span.start) is not joined with the one before")
                }
            }
            if free != fields.pointee.freeBytes {
                found.append("\(free) free bytes, not \(fields.pointee.freeBytes)")
            }
            if dirty != fields.pointee.dirtyBytes {
                found.append("\(dirty) dirty bytes, not \(fields.pointee.dirtyBytes)")
            }
            let counted = fields.pointee.scraps.load(ordering: .relaxed)
            if scraps != counted { found.append("\(scraps) scraps, not \(counted)") }
            if total != fields.pointee.mappedBytes {
                found.append("\(total) bytes in all, not \(fields.pointee.mappedBytes)")
            }
            return found.map { "page heap: \($0)" }
        }
    }
#endif
