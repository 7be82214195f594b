// SPDX-License-Identifier: MIT
//
// Memory for the allocator's own records: span headers, messages, chunk records.
//
// A bump pointer through mapped chunks; what it gives is zeroed and never comes back (each kind of
// record keeps its own spares). Only pages that are written become resident.
//
// Guarded by: its lock, of the highest rank. Two threads that find the chunk used up both map one;
// the later one wins, and what is left of the other stays untouched address space.

import Synchronization

/// What the metadata allocator is made of. Zeroed memory is its valid initial state.
/// The lock is not the first field: tools take an access to the first for one to the whole.
struct MetadataFields: ~Copyable {
    var unusedStart: UInt
    let lock: Lock
    var unusedEnd: UInt
    /// Bytes given out.
    let usedBytes: Atomic<UInt>
}

struct Metadata {
    /// Shared by all threads: no access to it as a whole, which would have to be exclusive.
    let fields: UnsafeMutablePointer<MetadataFields>

    private static let chunkBytes: UInt = 256 * 1024

    /// `bytes` zeroed bytes at a multiple of `alignment`, or nil when the kernel refuses.
    func allocate(_ bytes: UInt, alignment: UInt) -> UInt? {
        while true {
            fields.pointee.lock.acquire()
            let start = alignUp(fields.pointee.unusedStart, to: alignment)
            if fields.pointee.unusedStart != 0, start + bytes <= fields.pointee.unusedEnd {
                fields.pointee.unusedStart = start + bytes
                fields.pointee.lock.release()
                fields.pointee.usedBytes.wrappingAdd(bytes, ordering: .relaxed)
                return start
            }
            fields.pointee.lock.release()
            let wanted = max(Metadata.chunkBytes, bytes + alignment)
            guard let chunk = SystemCall.map(bytes: wanted) else { return nil }
            fields.pointee.lock.acquire()
            fields.pointee.unusedStart = chunk
            fields.pointee.unusedEnd = chunk + wanted
            fields.pointee.lock.release()
        }
    }

    /// Counts memory for records that was mapped elsewhere.
    func count(bytes: UInt) {
        fields.pointee.usedBytes.wrappingAdd(bytes, ordering: .relaxed)
    }

    func acquireLock() { fields.pointee.lock.acquire() }
    func releaseLock() { fields.pointee.lock.release() }
    func resetAfterFork() { fields.pointee.lock.resetAfterFork() }
}
