// SPDX-License-Identifier: MIT
//
// A command under the recorder, and the traces of what its images asked for.
//
// Every image of every process leaves a log in a folder of its own beside the trace, which goes
// when the traces are made. Many programs are started by scripts or start others to do the work,
// so the trace that is kept is that of the busiest image.

import CTraceFormat
import Glibc

/// Records commands.
struct TraceRecording {
    let recorder: String
    let environment: [String: String]
    /// Images whose traces are kept.
    var images = 1
    /// Most MiB that an image may log.
    var limitMib = limitMibUsual

    static let limitMibUsual = 4096
    /// Images listed though they are not kept.
    private static let imagesShown = 8

    /// Runs the command by `run`, which is given the environment to use and hands back the status
    /// of waitpid. The traces become `output`, `output.2` and so on; the table names them.
    func record(
        _ command: [String], to output: String, run: ([String: String]) throws -> Int32
    ) throws -> (status: Int32, images: TextTable) {
        let logs = try LogFolder(beside: output)
        defer { logs.remove() }
        var variables = environment
        variables["LD_PRELOAD"] = Library.preloadValue(
            library: recorder, existing: environment["LD_PRELOAD"])
        variables["HAKMEM_TRACE"] = logs.prefix
        variables["HAKMEM_TRACE_MIB"] = "\(limitMib)"
        let status = try run(variables)
        return (status, try keepTraces(of: logs, command, at: output))
    }

    /// Writes the traces of the busiest images; gives a line for each image.
    private func keepTraces(
        of logs: LogFolder, _ command: [String], at output: String
    ) throws -> TextTable {
        let files = try logs.files()
        guard !files.isEmpty else {
            throw Failure(
                """
                '\(command[0])' left no log: it ran without the recorder, or \
                '\(logs.path)' has no room
                """)
        }
        var traces: [(file: TraceFile, process: UInt32)] = []
        for path in files {
            let file = try MappedFile(path: path)
            guard let log = TraceLog(file.bytes) else { continue }
            let trace = TraceBuilder.trace(of: log)
            traces.append((trace, log.header.process))
            // Of images that are not kept only the header is wanted.
            traces.sort { $0.file.header.events > $1.file.header.events }
            if traces.count > images { traces[images].file = traces[images].file.withoutStreams() }
        }
        var table = Self.emptyTable
        for (index, trace) in traces.enumerated() {
            let path = index == 0 ? output : "\(output).\(index + 1)"
            let isKept = index < images
            if isKept { try FileContents.write(trace.file.encoded(), to: path) }
            if isKept || index < Self.imagesShown {
                table.append(row(trace.file.header, trace.process, file: isKept ? path : "–"))
            }
        }
        let rest = traces.count - table.rows.count
        if rest > 0 {
            table.append(["and \(rest) more"] + table.headings.dropFirst().map { _ in "" })
        }
        return table
    }

    private static var emptyTable: TextTable {
        TextTable(
            headings: [
                "trace", "process", "events", "threads", "live blocks max", "live KiB max",
                "strangers", "missed", "command",
            ], numericColumns: Set(1...7))
    }

    private func row(_ header: trace_header_t, _ process: UInt32, file: String) -> [String] {
        let command = TraceFile.command(of: header)
        return [
            file, "\(process)", "\(header.events)\(header.is_cut != 0 ? " (cut)" : "")",
            "\(header.streams)", "\(header.blocks_live_max)", "\(header.bytes_live_max / 1024)",
            "\(header.strangers)", "\(header.missed)", String(command.prefix(48)),
        ]
    }
}

/// Where the images of a program leave their logs.
struct LogFolder {
    let path: String

    /// What the recorder puts before the process id.
    var prefix: String { "\(path)/log" }

    /// Makes a folder beside the trace, where there has to be room for it too.
    init(beside output: String) throws {
        let parent = FileContents.realPath(FileContents.folder(of: output))
        guard let parent, access(parent, W_OK) == 0 else {
            throw Failure(
                "cannot write '\(output)': \(errorText(errno)); name a file in a writable folder")
        }
        path = "\(parent)/\(FileContents.name(of: output)).logs-\(getpid())"
        guard mkdir(path, 0o700) == 0 else {
            throw Failure("cannot make the folder '\(path)': \(errorText(errno))")
        }
    }

    /// The logs in the order of their names.
    func files() throws -> [String] {
        guard let folder = opendir(path) else {
            throw Failure("cannot read the folder '\(path)': \(errorText(errno))")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("log.") { names.append("\(path)/\(name)") }
        }
        return names.sorted()
    }

    /// Deletes the logs and the folder.
    func remove() {
        for file in (try? files()) ?? [] { unlink(file) }
        rmdir(path)
    }
}
