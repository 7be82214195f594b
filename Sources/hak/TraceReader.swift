// SPDX-License-Identifier: MIT
//
// Reads traces, for `hak replay` to check them (docs/trace-format.md).

import CTraceFormat

/// Reads a trace, and checks it before the replayer believes it.
struct TraceReader {
    let header: trace_header_t
    private let bytes: UnsafeRawBufferPointer

    /// `bytes` must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        let headerBytes = MemoryLayout<trace_header_t>.size
        guard bytes.count >= headerBytes,
            bytes.loadUnaligned(as: UInt64.self) == TRACE_MAGIC
        else { throw Failure("it does not begin like a trace; make one with `hak trace`") }
        header = bytes.loadUnaligned(as: trace_header_t.self)
        let tableBytes = Int(header.streams) * MemoryLayout<trace_stream_t>.size
        guard header.streams > 0, bytes.count - headerBytes >= tableBytes,
            header.slots <= UInt64(bytes.count)
        else { throw Failure("its header does not fit its length; record it again") }
        self.bytes = bytes
    }

    /// Calls `body` with every event of a stream, and with the streams that it spawns.
    func readStream(
        _ stream: Int, event body: (TraceEvent) -> Void, spawn: (Int) -> Void
    ) throws {
        let place =
            MemoryLayout<trace_header_t>.size + stream * MemoryLayout<trace_stream_t>.size
        let entry = bytes.loadUnaligned(fromByteOffset: place, as: trace_stream_t.self)
        let broken = Failure("stream \(stream) is broken; record it again")
        guard entry.offset <= UInt64(bytes.count),
            entry.bytes <= UInt64(bytes.count) - entry.offset
        else { throw broken }
        let range = Int(entry.offset)..<Int(entry.offset + entry.bytes)
        var reader = VarintReader(UnsafeRawBufferPointer(rebasing: bytes[range]))
        var slot = 0
        while let byte = reader.byte() {
            let code = Int32(byte)
            if code == TRACE_END {
                guard reader.position == range.count else { throw broken }
                return
            }
            if code == TRACE_SPAWN {
                guard let spawned = reader.number(), spawned > 0, spawned < header.streams
                else { throw broken }
                spawn(Int(spawned))
                continue
            }
            guard let step = reader.difference(),
                let event = read(code, slot: slot &+ Int(step), &reader)
            else { throw broken }
            slot = event.use.slot
            body(event)
        }
        throw broken
    }

    private func read(_ code: Int32, slot: Int, _ reader: inout VarintReader) -> TraceEvent? {
        guard slot >= 0, slot < Int(header.slots) else { return nil }
        var generation: UInt16?
        if code & TRACE_WAITS != 0 {
            guard let number = reader.number(), let exact = UInt16(exactly: number) else {
                return nil
            }
            generation = exact
        }
        let use = SlotUse(slot: slot, waitsFor: generation)
        switch code & ~TRACE_WAITS {
        case TRACE_MALLOC:
            return reader.number().map { TraceEvent(kind: .malloc(size: $0), use: use) }
        case TRACE_CALLOC:
            return reader.number().map { TraceEvent(kind: .calloc(size: $0), use: use) }
        case TRACE_REALLOC:
            return reader.number().map { TraceEvent(kind: .realloc(size: $0), use: use) }
        case TRACE_ALIGNED:
            guard let alignment = reader.number(), alignment < 48, let size = reader.number()
            else { return nil }
            return TraceEvent(kind: .aligned(alignmentLog2: alignment, size: size), use: use)
        case TRACE_FREE:
            return TraceEvent(kind: .free, use: use)
        default:
            return nil
        }
    }

    /// Reads everything, so that a file that was cut or changed is named as such: every stream
    /// but the first is spawned once, and there are as many events as the header says.
    func check() throws {
        var spawned = Set<Int>()
        var spawns = 0
        var events: UInt64 = 0
        for stream in 0..<Int(header.streams) {
            let count = { (_: TraceEvent) in events += 1 }
            let note = { (begun: Int) in
                spawned.insert(begun)
                spawns += 1
            }
            try readStream(stream, event: count, spawn: note)
        }
        guard events == header.events, spawned.count == spawns,
            spawns == Int(header.streams) - 1
        else { throw Failure("its streams do not fit its header; record it again") }
    }
}

extension TraceReader {
    /// The header of a trace that is whole.
    static func checkedHeader(of file: String) throws -> trace_header_t {
        let trace = try MappedFile(path: file)
        do {
            let reader = try TraceReader(trace.bytes)
            try reader.check()
            return reader.header
        } catch let failure as Failure {
            throw Failure("'\(file)' is no trace that can be replayed: \(failure)")
        }
    }
}
