// SPDX-License-Identifier: MIT
//
// Logs written by hand, in the format of the recorder: a call is a line of a test.

import CTraceFormat

@testable import hak

struct LogWriter {
    /// What a thread does, with its place in the order.
    enum Call {
        case malloc(UInt64, size: UInt64)
        case calloc(UInt64, size: UInt64)
        case aligned(UInt64, log2: UInt64, size: UInt64)
        case realloc(UInt64, to: UInt64, size: UInt64, began: UInt64)
        case free(UInt64)
    }

    private var threads: [[UInt8]] = []
    private var orders: [UInt64] = []
    private var addresses: [UInt64] = []

    /// Adds a call of a thread, counted from 0.
    mutating func add(_ thread: Int, at order: UInt64, _ call: Call) {
        while threads.count <= thread {
            threads.append([])
            orders.append(0)
            addresses.append(0)
        }
        func code(_ kind: Int32) {
            threads[thread].append(UInt8(kind))
            threads[thread].append(varint: order - orders[thread])
            orders[thread] = order
        }
        func put(_ number: UInt64) { threads[thread].append(varint: number) }
        func put(address: UInt64) {
            threads[thread].append(
                difference: Int64(bitPattern: address &- addresses[thread]))
            addresses[thread] = address
        }
        switch call {
        case .malloc(let address, let size):
            code(TRACE_MALLOC)
            put(size)
            put(address: address)
        case .calloc(let address, let size):
            code(TRACE_CALLOC)
            put(size)
            put(address: address)
        case .aligned(let address, let log2, let size):
            code(TRACE_ALIGNED)
            put(log2)
            put(size)
            put(address: address)
        case .realloc(let old, let new, let size, let began):
            code(TRACE_REALLOC)
            put(order - began)
            put(address: old)
            put(size)
            put(address: new)
        case .free(let address):
            code(TRACE_FREE)
            put(address: address)
        }
    }

    /// The log's file, a chunk for each thread.
    func bytes(missed: UInt64 = 0) -> [UInt8] {
        var header = trace_log_header_t()
        header.magic = UInt64(TRACE_LOG_MAGIC)
        header.process = 7
        header.missed = missed
        withUnsafeMutableBytes(of: &header.command) { $0.copyBytes(from: Array("a\0b\0".utf8)) }
        var file = withUnsafeBytes(of: header) { Array($0) }
        file += Array(repeating: 0, count: Int(TRACE_LOG_HEADER_BYTES) - file.count)
        for (thread, calls) in threads.enumerated() {
            var chunk = trace_log_chunk_t()
            chunk.thread = UInt32(thread + 1)
            var bytes = withUnsafeBytes(of: chunk) { Array($0) } + calls
            precondition(bytes.count <= Int(TRACE_LOG_CHUNK_BYTES))
            bytes += Array(repeating: 0, count: Int(TRACE_LOG_CHUNK_BYTES) - bytes.count)
            file += bytes
        }
        return file
    }

    /// The trace of the log.
    func trace(missed: UInt64 = 0) throws -> TraceFile {
        try bytes(missed: missed).withUnsafeBytes { raw in
            guard let log = TraceLog(raw) else { throw Failure("no log") }
            return TraceBuilder.trace(of: log)
        }
    }
}

extension TraceFile {
    /// The streams as text, read back from the file's bytes: `malloc 0 24`, `free 0`, `spawn 1`; a
    /// wait for a generation is `free 0 (1)`.
    func lines() throws -> [[String]] {
        try encoded().withUnsafeBytes { raw in
            let reader = try TraceReader(raw)
            try reader.check()
            return try (0..<Int(reader.header.streams)).map { stream in
                var lines: [String] = []
                let addEvent = { (event: TraceEvent) in lines.append(event.text) }
                let addSpawn = { (begun: Int) in lines.append("spawn \(begun)") }
                try reader.readStream(stream, event: addEvent, spawn: addSpawn)
                return lines
            }
        }
    }
}

extension TraceEvent {
    fileprivate var text: String {
        let place = "\(use.slot)" + (use.waitsFor.map { " (\($0))" } ?? "")
        return switch kind {
        case .malloc(let size): "malloc \(place) \(size)"
        case .calloc(let size): "calloc \(place) \(size)"
        case .aligned(let log2, let size): "aligned \(place) \(log2) \(size)"
        case .realloc(let size): "realloc \(place) \(size)"
        case .free: "free \(place)"
        }
    }
}
