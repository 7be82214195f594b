// SPDX-License-Identifier: MIT
//
// Large blocks of fresh memory that get their pages when they are handed out: one system call
// instead of a page fault for each page.
//
// Only for a thread whose last fresh blocks were found written all over; and one block in eight is
// left alone, to see whether that still holds. A program that writes its blocks in part, or later,
// keeps what it does not write.
//
// Owner: the thread cache it is part of. Zeroed memory is a program of which nothing is known.

import Synchronization

struct Prefault {
    /// The block that the next look is at; 0 for none.
    private var probe: UInt
    private var probeBytes: UInt
    /// How many probes in a row were written all over, at most `evidenceMin`.
    private var evidence: UInt32
    private var blocksSinceProbe: UInt32

    /// Smaller blocks cost less than finding out. Of larger ones the first pages would have left
    /// the processor's caches before the program comes to them.
    private static let bytesMin: UInt = 128 << 10
    private static let bytesMax: UInt = 16 << 20
    private static let evidenceMin: UInt32 = 3
    private static let blocksPerProbe: UInt32 = 8
    private static let samples: UInt = 8

    /// A block of fresh memory is about to be handed out.
    @inline(__always)
    mutating func noteFresh(_ block: UInt, bytes: UInt) {
        if bytes < Prefault.bytesMin || bytes > Prefault.bytesMax { return }
        if isWanted(block, bytes) { Prefault.populate(block, bytes) }
    }

    /// Whether the block is to be populated; else it is the next probe.
    private mutating func isWanted(_ block: UInt, _ bytes: UInt) -> Bool {
        if policy.pointee.retainBytesMax == 0 { return false }
        if probe != 0 {
            let isWritten = Prefault.isWritten(probe, probeBytes)
            evidence = isWritten ? min(evidence + 1, Prefault.evidenceMin) : 0
            probe = 0
        }
        if evidence == Prefault.evidenceMin, blocksSinceProbe < Prefault.blocksPerProbe - 1 {
            blocksSinceProbe += 1
            return true
        }
        blocksSinceProbe = 0
        probe = block
        probeBytes = bytes
        return false
    }

    /// Whether the pages of a block are there, by samples that no regular stride meets. A block
    /// that was freed counts by what has become of its memory.
    private static func isWritten(_ block: UInt, _ bytes: UInt) -> Bool {
        let pageBytes = process.pageBytes
        let first = block & ~(pageBytes - 1)
        let pages = (bytes - 1) / pageBytes
        var fraction: UInt = 0x9E37_79B9
        for _ in 0..<samples {
            let page = ((fraction & 0xFFFF_FFFF) * pages) >> 32
            if !SystemCall.isResident(first + page * pageBytes) { return false }
            fraction &+= 0x9E37_79B9
        }
        return true
    }

    private static func populate(_ block: UInt, _ bytes: UInt) {
        let start = block & ~(process.pageBytes - 1)
        _ = SystemCall.populate(start, bytes: alignUp(block + bytes, to: process.pageBytes) - start)
    }
}
