// SPDX-License-Identifier: MIT
//
// The log of this process image: its file, and the chunks that threads take of it.
//
//   header │ chunk 0 │ chunk 1 │ …      each chunk belongs to one thread and is mapped by it
//
// Threads write to mappings of the file, so nothing has to be flushed: the log is whole, up to the
// last call, however the process ends. The file is opened by its path for each chunk, because
// programs close files that they do not know.
//
// Every atomic is relaxed but isOn. The order needs no more: if one call happens before another by
// the program's own synchronisation, that also orders their steps on the one counter.

import CRecorder
import Synchronization

/// The process's only recording.
let recording = Recording()

struct Recording: ~Copyable {
    /// Whether events are wanted. Released after the header is mapped; writers do not read it.
    let isOn = Atomic<Bool>(false)
    /// The last place given out in the order of events.
    let order = Atomic<UInt64>(0)
    /// Chunks taken.
    private let chunks = Atomic<Int>(0)
    /// Threads numbered.
    private let threads = Atomic<UInt32>(0)
    /// The mapped header; 0 without one.
    private let header = Atomic<UInt>(0)

    /// Another call that could not be recorded.
    func miss() {
        withHeader { recorder_count(&$0.pointee.missed) }
    }

    /// Maps the next chunk for the thread and gives it a number. False when recording has ended.
    @inline(never)
    func beginChunk(_ thread: UnsafeMutablePointer<recorder_thread_t>) -> Bool {
        let error = recorder_errno()
        defer { recorder_errno_set(error) }
        endChunk(thread)
        let index = chunks.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < logFile.chunksMax, let memory = logFile.mapChunk(index) else {
            isOn.store(false, ordering: .relaxed)
            withHeader { $0.pointee.is_cut = 1 }
            return false
        }
        if thread.pointee.number == 0 {
            thread.pointee.number = threads.wrappingAdd(1, ordering: .relaxed).newValue
        }
        let start = order.load(ordering: .relaxed)
        let chunk = memory.assumingMemoryBound(to: trace_log_chunk_t.self)
        chunk.pointee.order = start
        chunk.pointee.thread = thread.pointee.number
        let bytes = memory.assumingMemoryBound(to: UInt8.self)
        thread.pointee.next = bytes + MemoryLayout<trace_log_chunk_t>.size
        thread.pointee.end = bytes + Int(TRACE_LOG_CHUNK_BYTES)
        thread.pointee.order = start
        thread.pointee.address = 0
        exitKey.arm()
        return true
    }

    /// Lets go of the thread's chunk.
    func endChunk(_ thread: UnsafeMutablePointer<recorder_thread_t>) {
        guard let end = thread.pointee.end else { return }
        munmap(end - Int(TRACE_LOG_CHUNK_BYTES), Int(TRACE_LOG_CHUNK_BYTES))
        thread.pointee.next = nil
        thread.pointee.end = nil
    }

    /// Begins a log; at the start of a process image, and in the child of a fork.
    func begin(isForked: Bool) {
        isOn.store(false, ordering: .relaxed)
        order.store(0, ordering: .relaxed)
        chunks.store(0, ordering: .relaxed)
        threads.store(0, ordering: .relaxed)
        withHeader { _ = munmap($0, Int(TRACE_LOG_HEADER_BYTES)) }
        header.store(0, ordering: .relaxed)
        endChunk(recorder_thread())  // the parent's mapping is another one
        recorder_thread().pointee = recorder_thread_t()
        guard let memory = logFile.create() else { return }
        let log = memory.assumingMemoryBound(to: trace_log_header_t.self)
        log.pointee.magic = UInt64(TRACE_LOG_MAGIC)
        log.pointee.process = UInt32(getpid())
        log.pointee.parent = UInt32(getppid())
        log.pointee.is_forked = isForked ? 1 : 0
        LogFile.readCommand(into: log)
        header.store(UInt(bitPattern: memory), ordering: .relaxed)
        isOn.store(true, ordering: .releasing)
    }

    private func withHeader(_ body: (UnsafeMutablePointer<trace_log_header_t>) -> Void) {
        let address = header.load(ordering: .relaxed)
        guard let log = UnsafeMutablePointer<trace_log_header_t>(bitPattern: address) else {
            return
        }
        body(log)
    }
}
