// SPDX-License-Identifier: MIT
//
// The file of a log: PREFIX.PID.N, where N counts the images that the process has been.

import CRecorder
import Synchronization

/// The process's only log file.
let logFile = LogFile()

struct LogFile: ~Copyable {
    /// Images of one process that can be told apart: programs that exec themselves for ever.
    private static let imagesMax = 10_000
    /// The log's bound where HAKMEM_TRACE_MIB sets none.
    private static let mebibytesDefault = 4096
    /// More of a path than the kernel takes.
    private static let pathBytesMax = 4096
    /// Both numbers of a name, and the zero byte.
    private static let numberBytesMax = 48

    /// The prefix, in the environment that the process began with; 0 without one.
    private let prefix = Atomic<UInt>(0)
    private let mebibytesMax = Atomic<Int>(mebibytesDefault)
    /// The page with the file's path; 0 before the first.
    private let path = Atomic<UInt>(0)

    /// Chunks that fit into the bound.
    var chunksMax: Int {
        mebibytesMax.load(ordering: .relaxed) * (1024 * 1024 / Int(TRACE_LOG_CHUNK_BYTES))
    }

    /// Remembers where logs go. The prefix must stay where it is.
    func configure(path: UnsafePointer<CChar>, mebibytesMax text: UnsafePointer<CChar>?) {
        prefix.store(UInt(bitPattern: path), ordering: .relaxed)
        guard let text else { return }
        var number = 0
        var index = 0
        while text[index] >= 48, text[index] <= 57, number < 1 << 30 {
            number = number * 10 + Int(text[index]) - 48
            index += 1
        }
        if number > 0 { mebibytesMax.store(number, ordering: .relaxed) }
    }

    /// Makes the file of this image and maps its header; nil when it cannot be made.
    func create() -> UnsafeMutableRawPointer? {
        for image in 0..<LogFile.imagesMax {
            guard compose(image: image) else { return nil }
            let file = open(O_RDWR | O_CREAT | O_EXCL)
            if file >= 0 {
                defer { recorder_close(file) }
                return recorder_map(file, 0, Int(TRACE_LOG_HEADER_BYTES))
            }
            if recorder_errno() != EEXIST { return nil }
        }
        return nil
    }

    /// Maps a chunk; nil when the file is gone or there is no room.
    func mapChunk(_ index: Int) -> UnsafeMutableRawPointer? {
        let file = open(O_RDWR)
        guard file >= 0 else { return nil }
        defer { recorder_close(file) }
        let offset = Int(TRACE_LOG_HEADER_BYTES) + index * Int(TRACE_LOG_CHUNK_BYTES)
        return recorder_map(file, offset, Int(TRACE_LOG_CHUNK_BYTES))
    }

    /// The words of the command line, from the kernel.
    static func readCommand(into log: UnsafeMutablePointer<trace_log_header_t>) {
        let path: StaticString = "/proc/self/cmdline"
        let text = UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
        let file = recorder_open(text, O_RDONLY)
        guard file >= 0 else { return }
        // One byte stays zero, so that the last word always ends.
        recorder_read(file, &log.pointee.command, Int(TRACE_LOG_COMMAND_BYTES) - 1)
        recorder_close(file)
    }

    /// Opens the file of this image; its name is that which create has composed last.
    private func open(_ flags: Int32) -> Int32 {
        guard let path = UnsafePointer<CChar>(bitPattern: path.load(ordering: .relaxed)) else {
            return -1
        }
        return recorder_open(path, flags)
    }

    /// Writes PREFIX.PID.N to the page that holds the path; false without one.
    private func compose(image: Int) -> Bool {
        if path.load(ordering: .relaxed) == 0 {
            path.store(UInt(bitPattern: recorder_page(LogFile.pathBytesMax)), ordering: .relaxed)
        }
        guard
            let prefix = UnsafePointer<CChar>(bitPattern: prefix.load(ordering: .relaxed)),
            let text = UnsafeMutablePointer<CChar>(bitPattern: path.load(ordering: .relaxed))
        else { return false }
        var count = 0
        while prefix[count] != 0, count < LogFile.pathBytesMax - LogFile.numberBytesMax {
            text[count] = prefix[count]
            count += 1
        }
        LogFile.append(Int(getpid()), to: text, &count)
        LogFile.append(image, to: text, &count)
        text[count] = 0
        return true
    }

    /// A dot and the digits of a number.
    private static func append(
        _ number: Int, to text: UnsafeMutablePointer<CChar>, _ count: inout Int
    ) {
        text[count] = 46
        count += 1
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text[count] = CChar(48 + number / divisor % 10)
            count += 1
            divisor /= 10
        }
    }
}
