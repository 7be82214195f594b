// SPDX-License-Identifier: MIT
//
// A trace: what the threads of one process asked of its allocator, ready to be repeated
// (docs/trace-format.md).

import CTraceFormat
import Glibc

/// One event of a trace.
struct TraceEvent: Equatable {
    enum Kind: Equatable {
        case malloc(size: UInt64)
        case calloc(size: UInt64)
        case aligned(alignmentLog2: UInt64, size: UInt64)
        case realloc(size: UInt64)
        case free
    }

    let kind: Kind
    let use: SlotUse

    /// The number that stands for its kind in the file.
    var code: Int32 {
        switch kind {
        case .malloc: TRACE_MALLOC
        case .calloc: TRACE_CALLOC
        case .aligned: TRACE_ALIGNED
        case .realloc: TRACE_REALLOC
        case .free: TRACE_FREE
        }
    }
}

/// The events of one thread, being written.
struct TraceStream {
    private(set) var bytes: [UInt8] = []
    private var slot = 0

    mutating func append(_ event: TraceEvent) {
        let waits = event.use.waitsFor == nil ? 0 : TRACE_WAITS
        bytes.append(UInt8(event.code | waits))
        bytes.append(difference: Int64(event.use.slot - slot))
        slot = event.use.slot
        if let generation = event.use.waitsFor { bytes.append(varint: UInt64(generation)) }
        switch event.kind {
        case .malloc(let size), .calloc(let size), .realloc(let size):
            bytes.append(varint: size)
        case .aligned(let alignmentLog2, let size):
            bytes.append(varint: alignmentLog2)
            bytes.append(varint: size)
        case .free:
            break
        }
    }

    /// The thread of that stream begins.
    mutating func append(spawn stream: Int) {
        bytes.append(UInt8(TRACE_SPAWN))
        bytes.append(varint: UInt64(stream))
    }
}

/// A whole trace.
struct TraceFile {
    var header: trace_header_t
    let streams: [TraceStream]

    /// The command line, as far as it was kept.
    static func command(of header: trace_header_t) -> String {
        withUnsafeBytes(of: header.command) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The same with its figures only.
    func withoutStreams() -> TraceFile { TraceFile(header: header, streams: []) }

    /// The file: header, table, and the streams, each with the byte that ends it.
    func encoded() -> [UInt8] {
        var file = withUnsafeBytes(of: header) { Array($0) }
        var offset = file.count + streams.count * MemoryLayout<trace_stream_t>.size
        for stream in streams {
            let entry = trace_stream_t(
                offset: UInt64(offset), bytes: UInt64(stream.bytes.count + 1))
            withUnsafeBytes(of: entry) { file += $0 }
            offset += stream.bytes.count + 1
        }
        file.reserveCapacity(offset)
        for stream in streams { file += stream.bytes + [UInt8(TRACE_END)] }
        return file
    }
}

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
            try readStream(stream, event: { _ in events += 1 }) {
                spawned.insert($0)
                spawns += 1
            }
        }
        guard events == header.events, spawned.count == spawns,
            spawns == Int(header.streams) - 1
        else { throw Failure("its streams do not fit its header; record it again") }
    }
}
