// SPDX-License-Identifier: MIT
//
// The purger: returns the memory of dirty spans that nobody wanted for the purge delay, and of the
// oldest when there are more than may be kept. It runs in whatever thread comes by.
//
// A batch of spans is taken out under the lock, given to the kernel outside it, and put back clean.

import Synchronization

extension PageHeap {
    /// Spans purged between two looks at the clock and the lock.
    private static let purgeBatch = 16

    /// Returns memory that has been free for the purge delay. Any thread's slow path calls this.
    @inline(__always)
    func purgeIfDue(_ now: UInt32) {
        let due = fields.pointee.dueMs.load(ordering: .relaxed)
        if due != 0, Int32(bitPattern: now &- due) >= 0 { _ = purge(now: now, all: false) }
    }

    /// How much dirty memory may stay before its delay is over: part of what is in use, and what
    /// the program has shown that it takes back, within the user's bound.
    var retainedBytesMax: UInt {
        let share = min(max(usedBytes / 2, PageHeap.shareMin), PageHeap.shareMax)
        return min(share + fields.pointee.regret.bytes, policy.pointee.retainBytesMax)
    }

    /// Bytes of spans that are neither free nor set apart.
    var usedBytes: UInt {
        let lot = Span(atOrNil: fields.pointee.lot)?.bytes ?? 0
        return fields.pointee.mappedBytes - fields.pointee.freeBytes - lot
    }

    /// Whether there is too much dirty memory to wait for its delay. More than the share may stay
    /// while the program frees and takes in turn: it will take some of it again.
    var mustPurge: Bool {
        let dirty = fields.pointee.dirtyBytes
        if dirty > policy.pointee.retainBytesMax { return true }
        let max = retainedBytesMax
        return dirty > max && fields.pointee.droppedBytes > 2 * max
    }

    /// The program takes what it may have just let go of: it does not drop all that it has.
    func noteAcquired() {
        fields.pointee.droppedBytes = 0
        fields.pointee.lastReleasedBytes = 0
    }

    /// A growing block takes fresh memory elsewhere, which a dirty span could have been.
    func noteFresh(_ bytes: UInt) {
        fields.pointee.lock.acquire()
        fields.pointee.regret.noteFresh(bytes)
        fields.pointee.lock.release()
    }

    func noteReleased(_ bytes: UInt) {
        fields.pointee.droppedBytes += fields.pointee.lastReleasedBytes
        fields.pointee.lastReleasedBytes = bytes
    }

    private static let shareMin: UInt = 8 << 20
    private static let shareMax: UInt = 64 << 20

    /// Purges what is beyond the bound, whether or not anybody has taken a span meanwhile. Called
    /// when a thread has ended: the others may have enough, and nobody come by again.
    func purgeToBound(_ now: UInt32) {
        fields.pointee.lock.acquire()
        let max = retainedBytesMax
        let isBeyond = fields.pointee.dirtyBytes > max
        if isBeyond { fields.pointee.droppedBytes = 2 * max + 1 }
        fields.pointee.lock.release()
        if isBeyond { _ = purge(now: now, all: false, inFewCalls: true) }
    }

    /// Purges what is due, or everything; gives the bytes returned.
    @inline(never)
    func purge(now: UInt32, all: Bool, inFewCalls: Bool = false) -> UInt {
        var purged: UInt = 0
        var batch = InlineArray<16, UInt>(repeating: 0)
        while true {
            var count = 0
            fields.pointee.lock.acquire()
            if all || now &- fields.pointee.lotMs >= UInt32(policy.pointee.purgeDelayMs) {
                closeLot()
            }
            while count < PageHeap.purgeBatch,
                let span = inFewCalls
                    ? largestBeyondBound : Span(atOrNil: fields.pointee.oldestDirty),
                all || isDue(span, now)
            {
                unlink(span)
                span.setState(.unused)
                batch[count] = span.address
                count += 1
            }
            if count == 0 {
                updateDue()
                fields.pointee.lock.release()
                return purged
            }
            fields.pointee.lock.release()
            var early: UInt = 0
            for index in 0..<count {
                let span = Span(at: batch[index])
                let bytes = PageHeap.purgeMemory(of: span)
                purged += bytes
                let age = now &- span.header.pointee.usedBlocksOrStamp
                if !all, age < UInt32(policy.pointee.purgeDelayMs) { early += bytes }
            }
            var refused = 0
            fields.pointee.lock.acquire()
            fields.pointee.regret.notePurge(early, now)
            for index in 0..<count {
                let span = Span(at: batch[index])
                if span.header.pointee.isFull { refused += 1 }
                span.header.pointee.isDirty = span.header.pointee.isFull
                span.header.pointee.isFull = false
                insertJoined(span, stamp: now)
            }
            // Memory that the program has locked stays: another round would only meet it again.
            if refused == count {
                updateDue()
                fields.pointee.lock.release()
                return purged
            }
            fields.pointee.lock.release()
        }
    }

    /// Takes back a span whose site's rule says that its memory is not wanted: that goes back at
    /// once, unless rules have been wrong of late.
    func releasePurging(_ span: Span) {
        let now = Clock.nowMs()
        fields.pointee.lock.acquire()
        let mayPurge = fields.pointee.regret.rules.mayPurge(now)
        fields.pointee.lock.release()
        let isPurged =
            mayPurge && process.pageBytes <= granuleBytes
            && SystemCall.purge(span.start, bytes: span.bytes)
        if isPurged {
            fields.pointee.lock.acquire()
            fields.pointee.regret.rules.notePurge(span.bytes, now)
            fields.pointee.lock.release()
        }
        release(span, isDirty: !isPurged)
    }

    /// Gives the address space of every clean free span back, for when a mapping is refused: what
    /// they occupy may be what is missing. Their headers stay, to say that nothing is there.
    func unmapClean() {
        while true {
            fields.pointee.lock.acquire()
            guard let span = takeClean() else {
                fields.pointee.lock.release()
                return
            }
            fields.pointee.lock.release()
            let isUnmapped = SystemCall.unmap(span.start, bytes: span.bytes)
            fields.pointee.lock.acquire()
            if isUnmapped { noteUnmapped(span) } else { insertJoined(span, stamp: 0) }
            fields.pointee.lock.release()
            if !isUnmapped { return }
        }
    }

    /// Bytes that the page heap and the whales have resident, at most, and of these the ones that
    /// are not free. Takes the lock for three reads.
    var heldBytes: (resident: UInt, live: UInt) {
        fields.pointee.lock.acquire()
        let used = usedBytes
        let dirty =
            fields.pointee.mappedBytes - fields.pointee.freeBytes - used + fields.pointee.dirtyBytes
        fields.pointee.lock.release()
        let whales = whaleCache.fields.pointee.mappedBytes.load(ordering: .relaxed)
        let cached = whaleCache.fields.pointee.cachedBytes.load(ordering: .relaxed)
        let live = used &+ (whales >= cached ? whales - cached : 0)
        return (used &+ dirty &+ whales, live)
    }

    /// The dirty span that is just as much as is beyond the bound, or else the largest: what goes
    /// back at once should do so in few calls, each of which interrupts the other processors.
    private var largestBeyondBound: Span? {
        let dirty = fields.pointee.dirtyBytes
        let beyond = dirty - min(dirty, retainedBytesMax)
        return fields.pointee.dirty.find(max(beyond >> granuleShift, 1))
            ?? fields.pointee.dirty.findLargest()
    }

    private func isDue(_ span: Span, _ now: UInt32) -> Bool {
        let age = now &- span.header.pointee.usedBlocksOrStamp
        return age >= UInt32(policy.pointee.purgeDelayMs) || mustPurge
    }

    /// When the oldest dirty span, or the lot if there is none, is due.
    func updateDue() {
        let oldest = Span(atOrNil: fields.pointee.oldestDirty)
        if oldest == nil, fields.pointee.lot == 0 {
            fields.pointee.dueMs.store(0, ordering: .relaxed)
            return
        }
        let stamp = oldest?.header.pointee.usedBlocksOrStamp ?? fields.pointee.lotMs
        fields.pointee.dueMs.store(
            (stamp &+ UInt32(policy.pointee.purgeDelayMs)) | 1, ordering: .relaxed)
    }

    /// Returns a span's memory. On refusal, or with OS pages larger than a granule at its edges,
    /// the span stays dirty, which `isFull` says until it is back in its bin.
    private static func purgeMemory(of span: Span) -> UInt {
        let pageBytes = process.pageBytes
        let start = alignUp(span.start, to: pageBytes)
        let end = span.end & ~(pageBytes - 1)
        let done = end > start && SystemCall.purge(start, bytes: end - start)
        span.header.pointee.isFull = !(done && start == span.start && end == span.end)
        return done ? end - start : 0
    }

    /// Any clean span, taken out.
    func takeClean() -> Span? {
        guard let span = fields.pointee.clean.find(1) else { return nil }
        unlink(span)
        span.setState(.unused)
        return span
    }

    /// A span's address space is the kernel's again.
    func noteUnmapped(_ span: Span) {
        span.setState(.unmapped)
        span.publish(owner: 0)
        fields.pointee.mappedBytes -= span.bytes
    }
}
